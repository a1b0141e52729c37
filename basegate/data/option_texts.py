"""Options as people's tables have them, to letters and texts."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from basegate.data.option_labels import LETTERS, labels_in, spaced_labels
from basegate.data.plain_text import on_one_line


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
        for read in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                found = read(value.strip())
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
    return _without_labels({letter: on_one_line(text) for letter, text in found.items()})


def as_given(options: Iterable[str], value: Any) -> dict[str, str]:
    """The texts of options, by their letters, with labels of their own."""
    given = value.values() if isinstance(value, Mapping) else value
    texts = [on_one_line(str(as_text(text))) for text in given if not is_missing(text)]
    return dict(zip(options, texts, strict=False))


def own_labels(given: Mapping[str, str]) -> tuple[str, ...]:
    """The labels that options carry in their texts, where these are no letters or numbers."""
    found = labels_in(given) or spaced_labels(given)
    if found is None or found.keys[0] in ("A", "a", "0", "1"):
        return ()
    return found.keys


def _present(options: Mapping[Any, Any]) -> dict[Any, Any]:
    """Options without those at the end that are missing."""
    there = [key for key, text in options.items() if not is_missing(text)]
    last = list(options).index(there[-1]) if there else -1
    found = dict(list(options.items())[: last + 1])
    if any(map(is_missing, found.values())):
        raise ValueError("an option before others is missing")
    return found


def _without_labels(options: dict[str, str]) -> dict[str, str]:
    """Options without labels that all of them carry in order: listed, they would have two."""
    found = labels_in(options)
    return options if found is None else dict(zip(options, found.texts, strict=True))
