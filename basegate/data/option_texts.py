"""Options as people's tables have them, to letters and texts."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping
from typing import Any

LETTERS = string.ascii_uppercase
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
"""Zero-width spaces and soft hyphens. Joiners are part of emoji and of some scripts."""
_BREAK = re.compile(r"[^\S\n]*\n\s*")
_LABEL = re.compile(
    r"[(（\[【]?([A-Za-zＡ-Ｚａ-ｚ]|[0-9０-９]{1,2})"
    r"(?:[)）\]】、．：](?![0-9０-９])|[.:](?=\s|[^\x00-\x7f]))\s*(?=\S)"
)
"""A. A) (A) A、 A： 1. at the beginning of a text, but not that of 1.5 or a:b."""


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: `None`, or the NaN that tables have for it."""
    return value is None or (isinstance(value, float) and value != value)


def as_text(value: Any) -> Any:
    """A number as text, e.g. of an option; anything else as it is."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def lettered(value: Any) -> Any:
    """Options, a list or a table of letters and texts, as the latter; anything else as it is.

    Missing ones at the end are none. Texts are on one line, without labels of their own.

    Raises:
        ValueError: too many, one is missing before others, or labels that are not in order.
    """
    if isinstance(value, list | tuple):
        texts = _present(dict(enumerate(value)))
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
    """What tells an option from others: not its width, case, white space or invisible characters.

    >>> form("Ａ \u200bB") == form("a  b")
    True
    """
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return " ".join(plain.split())


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

    Raises:
        ValueError: some carry their own, or all carry them in another order.
    """
    labels = [_label(text) for text in options.values()]
    letters, numbers = list(options), [str(place) for place in range(1, len(options) + 1)]
    if labels in ([*letters], [letter.lower() for letter in letters], [*numbers]):
        return {key: without_label(text) for key, text in options.items()}
    own = [label == key for label, key in zip(labels, options, strict=True)]
    if sum(own) > 1 or sorted(map(str, labels)) == sorted(options):
        raise ValueError(
            "its options begin with labels (A. B. …) of which some are missing or out of order, so "
            "the letters that they are listed under would contradict them. Take the labels out"
        )
    return options


def _label(text: str) -> str | None:
    found = _LABEL.match(text)
    return unicodedata.normalize("NFKC", found[1]) if found else None
