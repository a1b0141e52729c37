"""Tables of records (JSON Lines, JSON, CSV, data sets of the hub), and their columns as fields.

A row that cannot be read is a `RowError`, so that one bad line does not lose a bank.
"""

from __future__ import annotations

import csv
import json
import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from basegate.data.hub import load_table, resolve_commit
from basegate.data.text_files import format_of, read_utf8
from basegate.errors import DataError
from basegate.serialization import hash_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from basegate.config.settings import TableSource

AnswerKind = Literal["letter", "text", "number"]
LETTERS = string.ascii_uppercase
_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "tsv"}
_LONGEST_CELL = 2**27
"""Characters; a cell may hold a whole document."""


@dataclass(frozen=True)
class Row:
    """A record and its place, e.g. `questions.csv, line 12`."""

    place: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class RowError:
    """A record that cannot be used: its place, and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


def hub_identity(dataset: str, revision: str | None) -> str:
    """`NAME@COMMIT`: the content of a data set of the hub, without reading it.

    Raises:
        DataError: it cannot be found.
    """
    return f"{dataset}@{resolve_commit('dataset', dataset, revision)}"


def table_identity(source: TableSource) -> str:
    """What identifies a table's content, without reading a data set of the hub.

    Raises:
        DataError: it cannot be found.
    """
    if source.dataset is not None:
        return hub_identity(source.dataset, source.revision)
    path = _file(source)
    # The suffix may say how the bytes are read.
    return f"{format_of(path, source.format, _FORMATS)}:sha256:{hash_file(path)}"


def read_table(source: TableSource) -> Iterator[Row | RowError]:
    """The rows of a table in order.

    Raises:
        DataError: the whole cannot be read: no such file, not UTF-8, no list of records.
    """
    if source.dataset is not None:
        table = load_table(source.dataset, source.name, source.split, source.revision)
        for index, fields in enumerate(table):
            place = f"{source.dataset}, row {index}"
            yield Row(place, dict(fields))
        return
    path = _file(source)
    kind = format_of(path, source.format, _FORMATS)
    if kind in _DELIMITERS:
        yield from _separated(path, source.header, _DELIMITERS[kind])
    else:
        yield from _READERS[kind](path)


def _file(source: TableSource) -> Path:
    path = source.path
    assert path is not None
    if path.is_dir():
        raise DataError(f"{path} is a folder. Give a file of records in the thresholds file.")
    if not path.is_file():
        raise DataError(f"{path}: there is no such file. Check the thresholds file.")
    return path


def read_jsonl(path: Path) -> Iterator[Row | RowError]:
    """The record of every line that is not blank.

    Raises:
        DataError: the file cannot be read as text.
    """
    # Not splitlines(): a JSON string may hold U+2028.
    for number, line in enumerate(read_utf8(path).split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            record = json.loads(line)
        except ValueError as error:
            yield RowError(place, f"is not valid JSON ({error}).")
            continue
        if isinstance(record, dict):
            yield Row(place, record)
        else:
            yield RowError(place, "is not a JSON object in braces.")


def _read_json(path: Path) -> Iterator[Row | RowError]:
    try:
        records = json.loads(read_utf8(path))
    except ValueError as error:
        raise DataError(f"{path}: is not valid JSON ({error}).") from None
    if not isinstance(records, list):
        raise DataError(f"{path}: holds no list of records: it has to begin with '['.")
    for number, record in enumerate(records, start=1):
        place = f"{path}, record {number}"
        if isinstance(record, dict):
            yield Row(place, record)
        else:
            yield RowError(place, "is not an object in braces.")


_DELIMITERS = {"csv": ",", "tsv": "\t"}
_READERS: dict[str, Callable[[Path], Iterator[Row | RowError]]] = {
    "jsonl": read_jsonl,
    "json": _read_json,
}


def _separated(
    path: Path, header: Sequence[str] | None, delimiter: str
) -> Iterator[Row | RowError]:
    lines = read_utf8(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    names = list(header) if header else None
    for number, cells in _records(lines, delimiter, names):
        place = f"{path}, line {number}"
        if names is None:
            if isinstance(cells, str):
                raise DataError(f"{place}: the line with the names of the columns {cells}")
            names = [cell.strip() for cell in cells]
            _check_names(names, place)
        elif isinstance(cells, str):
            yield RowError(place, cells)
        elif number == 1 and [cell.strip() for cell in cells] == names:
            raise DataError(
                f"{place}: the file has a line with the names of its columns. Leave out header in "
                "the thresholds file."
            )
        elif not any(cell.strip() for cell in cells):
            continue  # as spreadsheets write them behind the last record
        elif len(cells) != len(names):
            yield RowError(place, f"has {len(cells)} cells, not {len(names)}: {', '.join(names)}.")
        else:
            yield Row(place, dict(zip(names, cells, strict=True)))


def _check_names(names: list[str], place: str) -> None:
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise DataError(f"{place}: two columns are called {doubled[0]!r}. Give each its own name.")


def _records(
    lines: list[str], delimiter: str, names: list[str] | None
) -> Iterator[tuple[int, list[str] | str]]:
    """Yield line number and cells of every record, or what is wrong with the line.

    A quoted cell may hold line breaks, so a record goes on as long as its quotes are odd in
    number. If they never become even, or if the lines between are records of their own, the fault
    is the first line's alone: reading goes on after it, instead of losing the rest in one cell.
    Those between have even quotes, each on its own, so no line is in more than two such attempts.
    """
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        end, quotes = at + 1, lines[at].count('"')
        while quotes % 2 and end < len(lines):
            quotes += lines[end].count('"')
            end += 1
        swallowed = names is not None and any(
            len(_cells(line, delimiter)) == len(names) for line in lines[at + 1 : end - 1]
        )
        if quotes % 2 or swallowed:
            yield at + 1, "a quotation mark is opened and never closed."
            at += 1
            continue
        cells = _cells("\n".join(lines[at:end]), delimiter)
        yield at + 1, cells or "its quotation marks are not those of a CSV file."
        names = names or cells
        at = end


def _cells(record: str, delimiter: str) -> list[str]:
    """The cells of one record; none where it is malformed."""
    # The limit is the whole process's: others find it as it was.
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = list(csv.reader([record], delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    finally:
        csv.field_size_limit(limit)
    return rows[0] if len(rows) == 1 else []


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
