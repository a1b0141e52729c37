"""Tables of records: JSON Lines, JSON, CSV and data sets of the hub."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from basegate.config.settings import TableSource
from basegate.data.hub import copy_identity, hub_identity, load_table
from basegate.data.option_labels import LETTERS, without_label
from basegate.data.option_texts import (
    as_given,
    as_text,
    is_missing,
    labels_of,
    lettered,
    own_labels,
    unpacked,
)
from basegate.data.plain_text import form
from basegate.data.text_files import (
    Row,
    RowError,
    as_row,
    format_of,
    hub_hint,
    parsed,
    read_jsonl,
    read_utf8,
)
from basegate.errors import DataError
from basegate.serialization import hash_file

AnswerKind = Literal["letter", "text", "number"]
_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "tsv"}
_ESCAPED_CR = re.compile(rb"(?<!\\)(?:\\\\)*\\r")
_LONGEST_CELL = 2**27
"""Characters; a cell may hold a whole document."""


def table_identity(source: TableSource) -> str:
    """What identifies a table's content, without reading a data set of the hub.

    Raises:
        DataError: it cannot be found.
    """
    if source.dataset is not None:
        return hub_identity(source.dataset, source.revision)
    if source.format == "dataset" and source.path is not None:
        return copy_identity(source.path)
    path = _file(source)
    # The suffix may say how the bytes are read.
    name = _format(path, source)
    # Such line ends had been asked as they were, and measurements of them are others.
    escaped = name in ("json", "jsonl") and _ESCAPED_CR.search(path.read_bytes())
    return f"{name}{':lf' if escaped else ''}:sha256:{hash_file(path)}"


def read_table(source: TableSource) -> Iterator[Row | RowError]:
    """The rows of a table in order.

    Raises:
        DataError: the whole cannot be read: no such file, not UTF-8, no list of records.
    """
    if source.dataset is not None or source.format == "dataset":
        for index, fields in enumerate(load_table(source, source.path)):
            yield Row(f"{source.place}, row {index}", dict(fields))
        return
    path = _file(source)
    match _format(path, source):
        case "jsonl":
            yield from read_jsonl(path)
        case "json":
            yield from _read_json(path)
        case "tsv":
            yield from _read_csv(path, source.header, "\t")
        case _:
            yield from _read_csv(path, source.header, ",")


def _file(source: TableSource) -> Path:
    path = source.path
    assert path is not None
    if path.is_dir():
        raise DataError(
            f"{path} is a folder. Give a file of records in the thresholds file; if it is a copy "
            'of a data set of the hub, say format = "dataset".'
        )
    if not path.is_file():
        raise DataError(
            f"{path}: there is no such file. Check the thresholds file.{hub_hint(path)}"
        )
    return path


def _format(path: Path, source: TableSource) -> str:
    if source.format is None and path.suffix.lower() in (".parquet", ".pq", ".arrow"):
        raise DataError(
            f"{path}: is read as a data set. Put it into a folder of its own, and give that folder "
            'in its place, with format = "dataset" and split = "train" (or the split that its name '
            'begins with, such as "test").'
        )
    return format_of(path, source.format, _FORMATS)


def _read_json(path: Path) -> Iterator[Row | RowError]:
    try:
        records = parsed(read_utf8(path))
    except ValueError as error:
        raise DataError(
            f"{path}: is not valid JSON ({error}). If every line is a record, say format = "
            '"jsonl" in the thresholds file.'
        ) from None
    if not isinstance(records, list):
        raise DataError(
            f"{path}: holds no list of records: it has to begin with '['. Write its records as a "
            "list, or each on a line of a .jsonl file."
        )
    for number, record in enumerate(records, start=1):
        yield as_row(f"{path}, record {number}", record)


def _read_csv(path: Path, header: Sequence[str] | None, delimiter: str) -> Iterator[Row | RowError]:
    names = list(header) if header else None
    for number, cells in _records(path, delimiter, names):
        place = f"{path}, line {number}"
        if names is None:
            names = [cell.strip() for cell in cells]
            if doubled := [name for name in names if names.count(name) > 1]:
                raise DataError(
                    f"{place}: two columns are called {doubled[0]!r}. Give each its own name."
                )
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


def _records(
    path: Path, delimiter: str, header: Sequence[str] | None
) -> list[tuple[int, list[str]]]:
    """Line number and cells of every record that is not blank.

    Raises:
        DataError: a quotation mark is not closed, or stands where none can.
    """
    lines = read_utf8(path).split("\n")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    found: list[tuple[int, list[str]]] = []
    start, width = 1, len(header or ())
    # The limit is the whole process's: others find it as it was.
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        for cells in reader:
            record = lines[start - 1 : reader.line_num]
            _check_marks(record)
            _check_between(f"{path}, line {start}", record, delimiter, width)
            if any(line.strip() for line in record):
                found.append((start, cells))
                width = width or len(cells)
            start = reader.line_num + 1
    except csv.Error:
        raise DataError(
            f"{path}, line {start}: its quotation marks are not those of a CSV file: one is not "
            "closed, or stands where none can, so that records could be taken for one. Close it, "
            "and write a mark that belongs to the text twice, in a cell between marks; or give the "
            "bank as JSON Lines."
        ) from None
    finally:
        csv.field_size_limit(limit)
    return found


def _check_marks(lines: Sequence[str]) -> None:
    """Refuse lines read as one record whose marks are not odd at both ends and even between."""
    odd = [line.count('"') % 2 for line in lines]
    if len(lines) > 1 and odd != [1, *[0] * (len(lines) - 2), 1]:
        raise csv.Error


def _check_between(place: str, lines: Sequence[str], delimiter: str, width: int) -> None:
    """Refuse lines read as one record that, without their outer marks, are a record each."""
    if len(lines) < 3 or width < 2:
        return
    first, last = "".join(lines[0].rsplit('"', 1)), lines[-1].replace('"', "", 1)
    alone = csv.reader([first, *lines[1:-1], last], delimiter=delimiter)
    if all(len(cells) == width for cells in alone):
        raise DataError(
            f"{place}: two quotation marks join {len(lines)} lines into a record, and each of them "
            f"has {width} cells like a record of its own. If the marks are signs of the text, "
            "write each twice, in a cell between marks; if the cell is meant so, give the bank as "
            "JSON Lines."
        )


def pick(
    row: Mapping[str, Any],
    fields: Sequence[str],
    columns: Mapping[str, str | tuple[str, ...]],
    first_answer: int = 0,
    answers: AnswerKind | None = None,
) -> dict[str, Any]:
    """The fields of a record from a row (column to cell).

    Options may be a table of letters and texts, a list of texts, or columns of their own; they
    get letters in their order (`option_texts`). An answer may be a letter, an option's text, or its
    number. A field is taken from the column of its name where `columns` does not say otherwise;
    `options` may be a list of columns. The number `first_answer` stands for the first option. A
    cell that holds nothing (`None`, NaN) is no field.

    Raises:
        ValueError: a column that `columns` names is not there, or an answer could be two options.
    """
    found: dict[str, Any] = {}
    for field in fields:
        column = columns.get(field, field)
        if isinstance(column, tuple):
            # A table has an empty cell where a question has fewer options than others.
            cells = [_cell(row, name) for name in column]
            found[field] = [None if cell == "" else cell for cell in cells]
        elif (column in row or field in columns) and not is_missing(cell := _cell(row, column)):
            found[field] = cell
    if "id" in found:
        found["id"] = as_text(found["id"])
    if "options" in found:
        given = unpacked(found["options"])
        found["options"] = lettered(given)
        if isinstance(found["options"], dict) and "answer" in found:
            found["answer"] = _answer(
                found["answer"], given, found["options"], first_answer, answers
            )
    elif "answer" in found:
        found["answer"] = as_number(found["answer"])
    return found


def _cell(row: Mapping[str, Any], column: str) -> Any:
    if column not in row:
        raise ValueError(f"has no {column!r}, it has {', '.join(map(repr, row))}")
    return row[column]


def _answer(
    answer: Any,
    given: Any,
    options: Mapping[str, Any],
    first_answer: int,
    answers: AnswerKind | None,
) -> Any:
    """The letter that an answer stands for, `given` the options before labels were taken off."""
    labels, label = labels_of(given), str(as_number(answer)).strip()
    if label in labels and answers in (None, "letter"):
        texts = _by_text(str(answer).strip(), options) if answers is None else set[str]()
        return _only({LETTERS[labels.index(label)]} | texts, answer)
    # ①, 甲, ii; letters and numbers are read as such.
    whole = as_given(options, given)
    own, label = own_labels(whole), re.sub(r"[()（）\s.、]", "", label)
    if label in own and answers is None:
        return list(options)[own.index(label)]
    found = _letter(answer, options, first_answer, answers)
    if found not in options and answers in (None, "text") and isinstance(answer, str):
        # With its label, as it stands among the options.
        return next(iter(_by_text(answer, whole)), found)
    return found


def _letter(
    answer: Any, options: Mapping[str, Any], first_answer: int, answers: AnswerKind | None
) -> Any:
    """The letter that an answer stands for; the answer itself where it is none.

    Raises:
        ValueError: it may stand for two: "A" among the options O, A, B and AB, "2" among numbers.
    """
    number = as_number(answer)
    if isinstance(answer, bool) or not isinstance(number, int | str):
        return answer
    text, letters = str(answer).strip(), list(options)
    found = set()
    if answers in (None, "letter"):
        found |= {form(text).strip("()[].:、 ").upper()} & set(letters)
    if answers in (None, "text"):
        found |= _by_text(text, options) or _by_text(str(number), options)
    # 1.0 is a number's text only where it is not an option's.
    if answers in (None, "number") and isinstance(number, int) and not (found and "." in text):
        found |= set(letters[number - first_answer :][:1] if number >= first_answer else ())
    return _only(found, answer) if found else text


def _only(found: set[str], answer: Any) -> str:
    if len(found) > 1:
        raise ValueError(
            f"answer {str(answer).strip()!r} may be {' or '.join(sorted(found))}: it is a letter, "
            "a number and an option's text at once, or two of them. Say answers = "
            '"letter", "text" or "number"'
        )
    return found.pop()


def _by_text(text: str, options: Mapping[str, Any]) -> set[str]:
    """The letters of the options that a text is; of any case only where none is in its own."""
    forms = {form(text), form(without_label(text))}
    own = {letter: form(str(option)) for letter, option in options.items()}
    return {letter for letter, each in own.items() if each in forms} or {
        letter
        for letter, each in own.items()
        if each.casefold() in {other.casefold() for other in forms}
    }


def as_number(value: Any) -> Any:
    """A whole number written as text (a cell of a CSV file; 2.0 by pandas), or as 2.0."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*([+-]?[0-9]+)(?:\.0+)?\s*", value)):
        return int(found[1])
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
