"""Options as people's tables have them, to letters and texts."""

from __future__ import annotations

import ast
import re
import string
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

LETTERS = string.ascii_uppercase
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Soft hyphens, zero-width spaces, marks of direction. Joiners are part of emoji and of scripts."""
_LEFT_JOINER = re.compile(r"(?<=\w)[\u200c\u200d\ufe0e\ufe0f]+$")
"""At the end of a text, behind what is no emoji."""
_WIDE = r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
_BREAK_IN_CHINESE = re.compile(rf"(?<={_WIDE})[^\S\n]*\n\s*(?={_WIDE})")
_SPACE_IN_CHINESE = re.compile(rf"(?<={_WIDE}) (?={_WIDE})")
_BREAK = re.compile(r"[^\S\n]*\n\s*")
_LABEL = re.compile(
    r"[(（\[【]?(?:"
    r"(?P<letter>[A-Za-zＡ-Ｚａ-ｚ])"
    r"(?:[)）\]】．：]|、(?![A-Z]\b)|[.:](?=\s|[^\x00-\x7f])|(?<=[A-Z])\.(?![A-Za-z]\.))"
    r"|(?P<number>[0-9０-９]{1,2})(?:[)）\]】、．：](?![0-9０-９])|[.:](?=\s|[^\x00-\x7f]))"
    r")\s*(?=\S)(?!(?:and|or|&|[,、及和與或至])\s*[(（]?[A-Z0-9]{1,2}(?![A-Za-z0-9]))"
)
"""A. A.x (A) A、 A： 1. at the beginning of a text, but not that of A.D., 1.5, a:b, (1) and (2)."""
_OPEN = r"(?:\*\*|__|<b>|[Oo]ption\s+|選項\s*)*[(（\[【]?"
_CLOSE = r"(?:(?:[)）\]】．：、]|[.:](?=[\s*_<]|[^\x00-\x7f]))(?:\*\*|__|</b>)?|\s*[-–—](?=\s))\s*"
_AFTER_LETTER = rf"(?:{_CLOSE}|\s*[–—]\s*|(?:\*\*|__|</b>)?\s+)"
_JOINING = r"(?:and|or|&|[,、及和與或至()（）\s])"
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_SERIES = (
    (tuple(LETTERS), _AFTER_LETTER),
    (tuple(LETTERS.lower()), _AFTER_LETTER),
    (tuple(map(str, range(26))), _CLOSE),
    (tuple(map(str, range(1, 27))), _CLOSE),
    (_ROMAN, _CLOSE),
    (tuple(each.lower() for each in _ROMAN), _CLOSE),
    (tuple("甲乙丙丁戊己庚辛壬癸"), _CLOSE),
    (tuple("一二三四五六七八九十"), _CLOSE),
    *((tuple(map(chr, range(first, first + 20))), r"[.．:：、]?\s*") for first in (0x2460, 0x2474)),
    (tuple(map(chr, range(0x249C, 0x24B6))), r"[.．:：、]?\s*"),
)
"""Labels that are one only where all options have them in order, and what ends each: `A x`,
`a - x`, `**A.** x`, `Option A: x`, `0. x`, `ii) x`, `（甲）x`, `①x`, `⑴x`, `⒜x`."""


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: `None`, or the NaN that tables have for it."""
    return value is None or (isinstance(value, float) and value != value)


def as_text(value: Any) -> Any:
    """A number as text, e.g. of an option; anything else as it is."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def unpacked(value: Any) -> Any:
    """Options in layouts of the hub and of CSV files; anything else as it is.

    They are `{"text": […], "label": […]}`, and the text of a list. What numpy writes of an array
    has no commas: where an option ends cannot be told, and it stays a text.
    """
    if isinstance(value, str) and value.strip().startswith("["):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            found = ast.literal_eval(value.strip())
            return found if isinstance(found, list) and len(found) > 1 else value
    if isinstance(value, Mapping) and set(value) == {"text", "label"}:
        texts, labels = value["text"], value["label"]
        if isinstance(texts, list) and isinstance(labels, list) and len(texts) == len(labels):
            return dict(zip(labels, texts, strict=True))
    return value


def labels_of(options: Any) -> list[str]:
    """What a table of options calls them where that is not A, B, C: 0, 1, 2; 1, 2, 3; a, b, c."""
    if not isinstance(options, Mapping):
        return []
    labels, count = [str(key).strip() for key in options], len(options)
    orders = [[str(start + place) for place in range(count)] for start in (0, 1)]
    return labels if labels in (*orders, list(LETTERS.lower()[:count])) else []


def lettered(value: Any) -> Any:
    """Options, a list or a table of letters and texts, as the latter; anything else as it is.

    Missing ones at the end are none. Texts are on one line, without labels of their own.

    Raises:
        ValueError: too many, one is missing before others, or labels that are not in order.
    """
    if isinstance(value, list | tuple) or labels_of(value):
        texts = _present(value if isinstance(value, Mapping) else dict(enumerate(value)))
        if len(texts) > len(LETTERS):
            raise ValueError(f"there are {len(texts)} options, more than letters")
        found = dict(zip(LETTERS, map(as_text, texts.values()), strict=False))
    elif isinstance(value, Mapping):
        found = {str(key).strip(): as_text(text) for key, text in _present(value).items()}
    else:
        return value
    if not all(isinstance(text, str) for text in found.values()):
        return found
    return _without_labels({letter: _on_one_line(text) for letter, text in found.items()})


def without_label(text: str) -> str:
    return _LABEL.sub("", text, count=1)


def form(text: str) -> str:
    """What tells an option from others: not its width, white space or invisible characters.

    Between Chinese characters a space tells nothing at all.

    Case does: AA, Aa and aa are three options, as are mW and MW.

    >>> form("Ａ \u200bB") == form("A  B")
    True
    """
    plain = " ".join(unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).split())
    return _SPACE_IN_CHINESE.sub("", plain)


def trimmed(text: str) -> str:
    """A text without invisible characters, and without white space around it."""
    return _LEFT_JOINER.sub("", _INVISIBLE.sub("", text).strip())


def _present(options: Mapping[Any, Any]) -> dict[Any, Any]:
    """Options without those at the end that are missing."""
    there = [key for key, text in options.items() if not is_missing(text)]
    last = list(options).index(there[-1]) if there else -1
    found = dict(list(options.items())[: last + 1])
    if any(map(is_missing, found.values())):
        raise ValueError("an option before others is missing")
    return found


def _on_one_line(text: str) -> str:
    return _BREAK.sub(" ", _BREAK_IN_CHINESE.sub("", trimmed(text)))


def _without_labels(options: dict[str, str]) -> dict[str, str]:
    """Options without labels that all of them carry in order: listed, they would have two.

    Numbers are none if what follows them is alike: `1. Bundesliga`, `(1) only`.

    Raises:
        ValueError: some carry their own, or all carry them in another order.
    """
    labels = [_label(text) for text in options.values()]
    letters, numbers = list(options), [str(place) for place in range(1, len(options) + 1)]
    bare = {key: without_label(text) for key, text in options.items()}
    if labels in (letters, [letter.lower() for letter in letters]):
        return bare
    if labels == numbers:
        return bare if len(set(map(form, bare.values()))) == len(bare) else options
    if (rest := _without_series(list(options.values()))) is not None:
        return dict(zip(options, rest, strict=True))
    named = [label for label in labels if label is not None]
    # Others than these letters, or one of them twice, are no labels: E. coli, A、B and A、C.
    if len(set(named)) == len(named) and set(named) <= set(letters):
        own = sum(label == key for label, key in zip(labels, options, strict=True))
        if own > 1 or len(named) == len(letters):
            raise ValueError(
                "its options begin with labels (A. B. …) of which some are missing or out of "
                "order, so the letters that they are listed under would contradict them. Take the "
                "labels out"
            )
    return options


def _without_series(texts: list[str]) -> list[str] | None:
    """The texts without the labels of a series that they all carry; `None` where they do not."""
    for marks, end in _SERIES:
        found = [
            re.match(f"{_OPEN}{re.escape(mark)}{end}(?=\\S)", text)
            for mark, text in zip(marks, texts, strict=False)
        ]
        rest = [text[each.end() :] for each, text in zip(found, texts, strict=False) if each]
        others = f"(?:{_JOINING}|{'|'.join(map(re.escape, marks[: len(texts) + 1]))})+"
        # (A) and (B), (B) and (C): statements, not labels.
        if all(re.fullmatch(others, each) for each in rest):
            continue
        if len(rest) == len(texts) == len(set(map(form, rest))):
            return rest
    return None


def _label(text: str) -> str | None:
    found = _LABEL.match(text)
    return unicodedata.normalize("NFKC", found["letter"] or found["number"]) if found else None
