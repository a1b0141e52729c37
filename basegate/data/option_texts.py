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
_BREAK = re.compile(r"[^\S\n]*\n\s*")
_LABEL = re.compile(
    r"[(（\[【]?(?:"
    r"(?P<letter>[A-Za-zＡ-Ｚａ-ｚ])"
    r"(?:[)）\]】．：]|、(?![A-Z]\b)|[.:](?=\s|[^\x00-\x7f])|(?<=[A-Z])\.(?![A-Za-z]\.))"
    r"|(?P<number>[0-9０-９]{1,2})(?:[)）\]】、．：](?![0-9０-９])|[.:](?=\s|[^\x00-\x7f]))"
    r")\s*(?=\S)(?!(?:and|or|&|[,、及和與或至])\s*[(（]?[A-Z0-9]{1,2}(?![A-Za-z0-9]))"
)
"""A. A.x (A) A、 A： 1. at the beginning of a text, but not that of A.D., 1.5, a:b, (1) and (2)."""


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

    Case does: AA, Aa and aa are three options, as are mW and MW.

    >>> form("Ａ \u200bB") == form("A  B")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).split())


def _present(options: Mapping[Any, Any]) -> dict[Any, Any]:
    """Options without those at the end that are missing."""
    there = [key for key, text in options.items() if not is_missing(text)]
    last = list(options).index(there[-1]) if there else -1
    found = dict(list(options.items())[: last + 1])
    if any(map(is_missing, found.values())):
        raise ValueError("an option before others is missing")
    return found


def _on_one_line(text: str) -> str:
    return _BREAK.sub(" ", _INVISIBLE.sub("", text).strip())


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


def _label(text: str) -> str | None:
    found = _LABEL.match(text)
    return unicodedata.normalize("NFKC", found["letter"] or found["number"]) if found else None
