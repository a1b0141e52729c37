"""Labels that options carry in their own texts: `A. x`, `(b) x`, `① x`, `甲、x`, `Option A: x`."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from basegate.data.plain_text import form

LETTERS = string.ascii_uppercase
_LABEL = re.compile(
    r"[(（\[【]?(?:"
    r"(?P<letter>[A-Za-zＡ-Ｚａ-ｚ])"
    r"(?:[)）\]】．：]|、(?![A-Z]\b)|[.:](?=\s|[^\x00-\x7f])|(?<=[A-Z])\.(?![A-Za-z]\.))"
    r"|(?P<number>[0-9０-９]{1,2})(?:[)）\]】、．：](?![0-9０-９])|[.:](?=\s|[^\x00-\x7f]))"
    r")\s*(?=\S)(?!(?:and|or|&|[,、及和與或至])\s*[(（]?[A-Z0-9]{1,2}(?![A-Za-z0-9]))"
)
"""A. A.x (A) A、 A： 1. at the beginning of a text, but not that of A.D., 1.5, a:b, (1) and (2)."""
_STEMS = tuple("甲乙丙丁戊己庚辛壬癸")
_NUMERALS = tuple("一二三四五六七八九十")
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_RINGED = tuple(
    tuple(chr(ord(first) + place) for place in range(size))
    for first, size in (
        *(("\u2460", 20), ("\u2474", 20), ("\u2488", 20), ("\u249c", 26), ("\u24b6", 26)),
        *(("\u24d0", 26), ("\u24f5", 10), ("\u2776", 10), ("\u2780", 10), ("\u278a", 10)),
        *(("\u3220", 10), ("\u3280", 10), ("\U0001f110", 26), ("\U0001f130", 26)),
    )
)
"""From ① ⑴ ⒈ ⒜ Ⓐ ⓐ ⓵ ❶ ➀ ➊ ㈠ ㊀ 🄐 🄰 on."""
_SPACED = (tuple(LETTERS), tuple(LETTERS.lower()), _STEMS)
"""Orders whose labels white space alone may part from a text: `1 km` is no label."""
_RATIO = re.compile(r"[0-9０-９]+\s*[:：]\s*[0-9０-９]")
_MARKED = (
    *_SPACED,
    tuple(map(str, range(1, 27))),
    tuple(map(str, range(26))),
    _ROMAN,
    tuple(map(str.upper, _ROMAN)),
    _NUMERALS,
)

_WORD = r"(?:(?i:option|choice|answer|選項|选项|答案)\s*)?"
_KEY = (
    r"(?P<key>[A-Za-zＡ-Ｚａ-ｚⅠ-Ⅻⅰ-ⅻ]{1,5}|[0-9０-９]{1,2}|"
    rf"[{''.join((*_STEMS, *_NUMERALS))}])"
)
_POINT = r"[.．。:：、)）\]】]"
_DASH = r"(?:\s+-{1,2}\s+|\s*[–—―－]{1,2}\s*)"
_WORDY = r"""[^\x00-\x7f]|\w\w|["'(\[$]"""
_FORMS = (
    rf"[(（\[【〔]\s*{_WORD}{_KEY}\s*[)）\]】〕]\s*{_POINT}?",
    rf"(?P<mark>\*\*?|__?){_WORD}{_KEY}\s*(?:{_POINT}\s*(?P=mark)|(?P=mark)\s*{_POINT}?)",
    rf"{_WORD}{_KEY}\s*(?:[)）\]】、\t]|[.．。:：](?=\s))",
    rf"{_WORD}{_KEY}{_POINT}(?!\w\.)(?:(?<![0-9０-９]{_POINT})|(?![0-9０-９]))",
    rf"{_WORD}{_KEY}(?:(?<=[A-ZＡ-Ｚ]){_DASH}(?={_WORDY}|\d)|{_DASH}(?!\d)(?={_WORDY}))",
)
"""Between brackets, between marks of Markdown, before a point, before a dash."""
_VERB = r"(?:is|are|was|will|has|had|can|does)\b|[係是比]\S"


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:[-*•]\s+)?{pattern}\s*(?P<text>\S.*)", re.DOTALL)


_SPACE = _whole(rf"{_KEY}\s+(?!{_VERB})")
_RING = _whole(rf"(?P<key>[{''.join(map(''.join, _RINGED))}]){_POINT}?")
_WAYS = (
    *((each, _MARKED) for each in map(_whole, _FORMS)),
    (_RING, _RINGED),
)
"""How labels are written, and the orders that are written so."""
_SURE = (_whole(_FORMS[0]), _whole(_FORMS[2]), _RING)
_AND = r"(?:and\b|or\b|nor\b|to\b|[&+/,，、及和與与或至到跟同-])"


class Labels(NamedTuple):
    """The labels of options, all of one order, and their texts without these."""

    keys: tuple[str, ...]
    texts: tuple[str, ...]


def without_label(text: str) -> str:
    return _LABEL.sub("", text, count=1)


def labels_in(options: Mapping[str, str]) -> Labels | None:
    """Labels that all options, by their letters, carry in order; `None` where there are none.

    They are none if what follows them is alike (`1. Bundesliga`, `(1) only`) or speaks of others
    (`A、B`, `① 和 ②`): listed without them, the options would say less.

    Raises:
        ValueError: some carry their own, or all carry them in another order.
    """
    return _labels_in(tuple(options.items()))


@lru_cache(maxsize=8)
def _labels_in(options: tuple[tuple[str, str], ...]) -> Labels | None:
    """Kept for a record's answer, which is read after its options."""
    letters, texts = [key for key, _ in options], [text for _, text in options]
    if all(map(_RATIO.match, texts)):
        return None
    numbers = [str(place) for place in range(1, len(texts) + 1)]
    labels = [_label(text) for text in texts]
    bare = tuple(map(without_label, texts))
    if labels in (letters, [letter.lower() for letter in letters]):
        return Labels(tuple(letters), bare)
    if labels == numbers and _all_differ(bare):
        return Labels(tuple(numbers), bare)
    if found := next(filter(None, (_written(texts, *way) for way in _WAYS)), None):
        return found
    _refuse_disorder(labels, letters)
    sure = [_sure(text) for text in texts]
    for order in (_STEMS, *_RINGED) if any(sure) else ():
        wanted = order[: len(texts)]
        if len(wanted) == len(texts):
            _refuse_disorder([_own(each, order, len(texts)) for each in sure], wanted)
    return None


def spaced_labels(options: Mapping[str, str]) -> Labels | None:
    """What would be labels parted by white space alone: `A x`, `甲 x`; `None` without any.

    `A flat major` has none, which only the other questions of a bank tell.
    """
    return _written([*options.values()], _SPACE, _SPACED)


def _written(
    texts: Sequence[str], pattern: re.Pattern[str], orders: Sequence[tuple[str, ...]]
) -> Labels | None:
    """Labels of one of the orders that all texts carry, written in one way."""
    matches = [found for found in map(pattern.match, texts) if found]
    keys = [_key(found["key"]) for found in matches]
    for order in orders if len(matches) == len(texts) else ():
        if keys == list(order[: len(keys)]) and _are_labels(matches, order, pattern):
            return Labels(tuple(keys), tuple(found["text"] for found in matches))
    return None


def _are_labels(
    matches: Sequence[re.Match[str]], order: tuple[str, ...], pattern: re.Pattern[str]
) -> bool:
    texts = [found["text"] for found in matches]
    if not _all_differ(texts) or any(
        _names_another(found, order, len(matches)) for found in matches
    ):
        return False
    if pattern is not _SPACE or order[0] == "a":
        return True
    # A is larger than B, 甲打乙: sentences on A and B.
    other = "|".join(order[: len(texts)])
    return not any(re.search(rf"(?<![A-Za-z])(?:{other})(?![A-Za-z])", text) for text in texts)


def _names_another(found: re.Match[str], order: tuple[str, ...], count: int) -> bool:
    """Whether what follows a label is others: A、B; (1) and (2); ①②."""
    text = found["text"]
    if order in _RINGED:
        return any(label in text for label in order)
    if re.match(rf"{_AND}\s*[(（]?(?:{'|'.join(order)})(?![A-Za-z0-9])", text):
        return True
    # 1) 2 is a label and a number.
    if order[0].isdecimal() and found.string[found.start("text") - 1] not in "、:：":
        return False
    near = "|".join(order[: count + 1])
    return re.match(rf"[(（]?(?:{near})[)）]?\s*(?:$|{_AND})", text) is not None


def _all_differ(texts: Sequence[str]) -> bool:
    return len(set(map(form, texts))) == len(texts)


def _sure(text: str) -> re.Match[str] | None:
    """What a text begins with that is written as only labels are."""
    return next((found for each in _SURE if (found := each.match(text))), None)


def _own(found: re.Match[str] | None, order: tuple[str, ...], count: int) -> str | None:
    """The label if it is of an order."""
    if found is None or found["key"] not in order or _names_another(found, order, count):
        return None
    return found["key"]


def _refuse_disorder(labels: Sequence[str | None], wanted: Sequence[str]) -> None:
    named = [label for label in labels if label is not None]
    # Others than these, or one of them twice, are no labels: E. coli, A、B and A、C.
    if named == list(wanted) or len(set(named)) < len(named) or not set(named) <= set(wanted):
        return
    own = sum(label == key for label, key in zip(labels, wanted, strict=True))
    if own > 1 or len(named) == len(wanted):
        raise ValueError(
            f"its options begin with labels ({wanted[0]} {wanted[1]} …) of which some are missing "
            "or out of order, so the letters that they are listed under would contradict them. "
            "Take the labels out"
        )


def _label(text: str) -> str | None:
    found = _LABEL.match(text)
    return unicodedata.normalize("NFKC", found["letter"] or found["number"]) if found else None


def _key(written: str) -> str:
    """A label without its width and zeros before it; what is ringed stays so."""
    if any(written in order for order in _RINGED):
        return written
    plain = unicodedata.normalize("NFKC", written)
    return str(int(plain)) if plain.isdecimal() else plain
