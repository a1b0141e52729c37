"""Columns of any table to the fields of a record: names, options, answers."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AnswerKind = Literal["letter", "text", "number"]
LETTERS = string.ascii_uppercase


def pick(
    row: Mapping[str, Any],
    fields: Sequence[str],
    columns: Mapping[str, str | tuple[str, ...]],
    first_answer: int = 0,
    answers: AnswerKind | None = None,
) -> dict[str, Any]:
    """The fields of a record from a row (column to cell).

    Options may be a table of letters and texts, a list of texts, or columns of their own; they
    get letters in their order. An answer may be a letter, an option's text, or its number.
    A field is taken from the column of its name where `columns` does not say otherwise; `options`
    may be a list of columns. The number `first_answer` stands for the first option.

    Raises:
        ValueError: a column that `columns` names is not there, or an answer could be two options.
    """
    found: dict[str, Any] = {}
    for field in fields:
        column = columns.get(field, field)
        if isinstance(column, tuple):
            found[field] = [_cell(row, name) for name in column]
        elif column in row or field in columns:
            found[field] = _cell(row, column)
    if "id" in found:
        found["id"] = _text(found["id"])
    if "options" in found:
        found["options"] = _options(found["options"])
        if isinstance(found["options"], dict) and "answer" in found:
            found["answer"] = _letter(found["answer"], found["options"], first_answer, answers)
    elif "answer" in found:
        found["answer"] = _number(found["answer"])
    return found


def _cell(row: Mapping[str, Any], column: str) -> Any:
    if column not in row:
        raise ValueError(f"has no {column!r}, it has {', '.join(map(repr, row))}")
    return row[column]


def _text(value: Any) -> Any:
    """A number as text, e.g. of an option; anything else as it is."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _options(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if len(value) > len(LETTERS):
            raise ValueError(f"there are {len(value)} options, more than letters")
        return dict(zip(LETTERS, map(_text, value), strict=False))
    if isinstance(value, dict):
        return {str(key).strip(): _text(text) for key, text in value.items()}
    return value


def _letter(
    answer: Any, options: Mapping[str, Any], first_answer: int, answers: AnswerKind | None
) -> Any:
    """The letter that an answer stands for; the answer itself where it is none.

    Raises:
        ValueError: it may stand for two: "A" among the options O, A, B and AB, "2" among numbers.
    """
    answer = _number(answer)
    if isinstance(answer, bool) or not isinstance(answer, int | str):
        return answer
    text, letters = str(answer).strip(), list(options)
    found = set()
    if answers in (None, "letter"):
        found |= {text.upper()} & set(letters)
    if answers in (None, "text"):
        found |= {letter for letter, option in options.items() if str(option).strip() == text}
    if answers in (None, "number") and isinstance(answer, int):
        found |= set(letters[answer - first_answer :][:1] if answer >= first_answer else ())
    if len(found) > 1:
        raise ValueError(
            f"answer {text!r} may be {' or '.join(sorted(found))}: it is a letter, a number "
            'and an option\'s text at once. Say answers = "letter", "text" or "number"'
        )
    return found.pop() if found else text


def _number(value: Any) -> Any:
    """A whole number written as text (a cell of a CSV file) or as 2.0 as a number."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]+", value.strip()):
        return int(value.strip())
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
