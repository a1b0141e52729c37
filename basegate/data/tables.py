"""Local files of text, and tables of records: JSON Lines, JSON, CSV and data sets of the hub.

A row that cannot be read is a `RowError`, so that one bad line does not lose a bank.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal

from basegate.config.settings import TableSource
from basegate.data.hub import copy_identity, load_table, resolve_commit
from basegate.data.option_texts import as_text, form, is_missing, lettered, without_label
from basegate.errors import DataError
from basegate.serialization import hash_file

AnswerKind = Literal["letter", "text", "number"]
_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "tsv"}
_LONGEST_CELL = 2**27
"""Characters; a cell may hold a whole document."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\3\4")
"""First bytes of gzip, bzip2, xz, zstd and zip."""


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
    if source.format == "dataset" and source.path is not None:
        return copy_identity(source.path)
    path = _file(source)
    # The suffix may say how the bytes are read.
    return f"{format_of(path, source.format, _FORMATS)}:sha256:{hash_file(path)}"


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
    match format_of(path, source.format, _FORMATS):
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
        raise DataError(f"{path}: there is no such file. Check the thresholds file.")
    return path


def format_of(path: Path, given: str | None, suffixes: Mapping[str, str]) -> str:
    """The format given, or the one that the file's suffix (in small letters) stands for.

    Raises:
        DataError: none was given and the suffix is none of these.
    """
    found = given or suffixes.get(path.suffix.lower())
    if found is None:
        *others, last = (f'"{name}"' for name in dict.fromkeys(suffixes.values()))
        raise DataError(
            f"{path}: its suffix does not tell what it holds. Say format = {', '.join(others)} or "
            f"{last} in the thresholds file."
        )
    return found


def has_lone_surrogate(text: str) -> bool:
    """Whether a text has an unpaired surrogate: JSON can say it, UTF-8 cannot hold it."""
    return _SURROGATE.search(text) is not None


_QUOTES = (("「", "」"), ("『", "』"), ("“", "”"), ("《", "》"), ("〈", "〉"), ("（", "）"))


def check_quotes(text: str) -> None:
    """Refuse a text of which a quotation mark or bracket is not closed: it lost its end."""
    for opening, closing in _QUOTES:
        steps = ((char == opening) - (char == closing) for char in text)
        depths = list(accumulate(steps, initial=0))
        if depths[-1] or min(depths) < 0:
            raise ValueError(f"{opening} and {closing} are unbalanced in {text[:20]!r}")
    marks = text.count('"')
    inches = sum(before.isdigit() and char == '"' for before, char in pairwise(text))
    if marks % 2 and (marks - inches) % 2:
        raise ValueError(f"the quotation marks are unbalanced in {text[:20]!r}")


def read_utf8(path: Path) -> str:
    """A file's text, in UTF-8 with or without a byte order mark; its lines end with LF.

    Raises:
        DataError: it cannot be read, is not UTF-8, or no text; names the likely encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not UTF-8 (byte {error.start} is 0x{data[error.start]:02X}){_advice(data)}"
        ) from None
    if "\0" in text:
        raise DataError(f"{path}: is no text (byte {data.index(0)} is NUL){_advice(data)}")
    return with_lf(text)


def with_lf(text: str) -> str:
    """A text whose lines end with LF, as models have met it, however an editor has ended them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _advice(data: bytes) -> str:
    """The end of the sentence on a file in another encoding: the first that fits, what to do."""
    if data.startswith(_COMPRESSED):
        return "; it is compressed. Unpack it and run again."
    for encoding, label, name in (
        ("utf-16", "UTF-16", "UTF-16"),
        ("utf-16-le", "UTF-16", "UTF-16LE"),
        ("utf-16-be", "UTF-16", "UTF-16BE"),
        ("big5hkscs", "Big5", "BIG5-HKSCS"),
        ("gb18030", "GB 18030", "GB18030"),
    ):
        if (b"\0" in data or encoding.startswith("utf-16")) and encoding != _wide(data):
            continue
        with suppress(UnicodeDecodeError):
            data.decode(encoding)
            return (
                f"; it may be {label}. Read wrongly it would measure noise: convert it with `iconv "
                f"-f {name} -t UTF-8` and run again."
            )
    return ". Read wrongly it would measure noise: save it as UTF-8 and run again."


def _wide(data: bytes) -> str | None:
    """The form of UTF-16 that bytes seem to be in: by their mark, or zeros on one side alone."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    first, second = (b"\0" in data[side::2] for side in (0, 1))
    return {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get((first, second))


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
        yield _row(place, record)


def _read_json(path: Path) -> Iterator[Row | RowError]:
    try:
        records = json.loads(read_utf8(path))
    except ValueError as error:
        raise DataError(f"{path}: is not valid JSON ({error}).") from None
    if not isinstance(records, list):
        raise DataError(f"{path}: holds no list of records: it has to begin with '['.")
    for number, record in enumerate(records, start=1):
        yield _row(f"{path}, record {number}", record)


def _row(place: str, record: Any) -> Row | RowError:
    if isinstance(record, dict):
        return Row(place, record)
    return RowError(place, "is not a JSON object in braces.")


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
            if not _is_one(record, delimiter, width):
                raise csv.Error
            if any(line.strip() for line in record):
                found.append((start, cells))
                width = width or len(cells)
            start = reader.line_num + 1
    except csv.Error:
        raise DataError(
            f"{path}, line {start}: its quotation marks are not those of a CSV file: one is not "
            "closed, stands where none can, or holds a line that reads like a record, so that "
            "records could be taken for one. Close it, and write a mark that belongs to the text "
            "twice, in a cell between marks; or give the bank as JSON Lines."
        ) from None
    finally:
        csv.field_size_limit(limit)
    return found


def _is_one(lines: list[str], delimiter: str, width: int) -> bool:
    """Whether lines that were read as one record are not several, two of which lack a mark.

    Its marks are odd in number up to each line break and even in all, and no line between is a
    record of `width` cells by itself. On one line they cannot swallow another.
    """
    odd = [line.count('"') % 2 for line in lines]
    ends = [1, *[0] * (len(lines) - 2), 1] if len(lines) > 1 else odd
    return odd == ends and not any(0 < _width(line, delimiter) == width for line in lines[1:-1])


def _width(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter, strict=True)))
    except csv.Error:
        return 0


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
        found["options"] = lettered(found["options"])
        if isinstance(found["options"], dict) and "answer" in found:
            found["answer"] = _letter(found["answer"], found["options"], first_answer, answers)
    elif "answer" in found:
        found["answer"] = as_number(found["answer"])
    return found


def _cell(row: Mapping[str, Any], column: str) -> Any:
    if column not in row:
        raise ValueError(f"has no {column!r}, it has {', '.join(map(repr, row))}")
    return row[column]


def _letter(
    answer: Any, options: Mapping[str, Any], first_answer: int, answers: AnswerKind | None
) -> Any:
    """The letter that an answer stands for; the answer itself where it is none.

    Raises:
        ValueError: it may stand for two: "A" among the options O, A, B and AB, "2" among numbers.
    """
    answer = as_number(answer)
    if isinstance(answer, bool) or not isinstance(answer, int | str):
        return answer
    text, letters = str(answer).strip(), list(options)
    found = set()
    if answers in (None, "letter"):
        found |= {text.upper()} & set(letters)
    if answers in (None, "text"):
        forms = {form(text), form(without_label(text))}
        found |= {letter for letter, option in options.items() if form(str(option)) in forms}
    if answers in (None, "number") and isinstance(answer, int):
        found |= set(letters[answer - first_answer :][:1] if answer >= first_answer else ())
    if len(found) > 1:
        raise ValueError(
            f"answer {text!r} may be {' or '.join(sorted(found))}: it is a letter, a number "
            'and an option\'s text at once. Say answers = "letter", "text" or "number"'
        )
    return found.pop() if found else text


def as_number(value: Any) -> Any:
    """A whole number written as text (a cell of a CSV file) or as 2.0 as a number."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]+", value.strip()):
        return int(value.strip())
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
