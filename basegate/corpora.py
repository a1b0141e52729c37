"""Text to measure perplexity on: a data set of the hub, or local text, JSONL or parquet."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from basegate.errors import DataError
from basegate.fingerprint import hash_file
from basegate.hub import resolve_commit
from basegate.records import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from basegate.settings import CorpusSource

_FORMATS = {".txt": "text", ".md": "text", ".jsonl": "jsonl", ".ndjson": "jsonl"} | {
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True)
class Corpus:
    """Documents in NFC, none of them empty.

    Attributes:
        documents: the texts.
        left_out: documents that held nothing but white space.
    """

    documents: tuple[str, ...]
    left_out: int


def corpus_identity(source: CorpusSource) -> str:
    """Return what identifies a corpus's content without reading a data set of the hub.

    Raises:
        DataError: it cannot be found.
    """
    if source.dataset is not None:
        commit = resolve_commit("dataset", source.dataset, source.revision)
        return f"{source.dataset}@{commit}"
    return f"sha256:{digest([[_format(path, source), hash_file(path)] for path in _files(source)])}"


def load_corpus(source: CorpusSource) -> Corpus:
    """Read a corpus, normalised to NFC.

    Raises:
        DataError: it cannot be found or read, is not UTF-8, has no such column, or is empty.
    """
    texts = list(_hub_texts(source) if source.dataset is not None else _local_texts(source))
    documents = tuple(
        normal for text in texts if (normal := unicodedata.normalize("NFC", text)).strip()
    )
    if not documents:
        place = source.dataset or source.path
        raise DataError(
            f"{place} holds no text: {len(texts)} documents, all of them empty. Check path, glob "
            f"and column in thresholds.toml."
        )
    return Corpus(documents, left_out=len(texts) - len(documents))


def _hub_texts(source: CorpusSource) -> Iterator[str]:
    import datasets

    assert source.dataset is not None
    commit = resolve_commit("dataset", source.dataset, source.revision)
    datasets.disable_progress_bars()
    try:
        table = datasets.load_dataset(
            source.dataset, source.name, split=source.split, revision=commit
        )
    except Exception as error:
        raise DataError(
            f"the data set {source.dataset}, split {source.split!r}, could not be read "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}). Check "
            f"dataset, name and split in thresholds.toml, and that it can be reached."
        ) from error
    if source.column not in table.column_names:
        raise _no_column(source.dataset, source.column, table.column_names)
    for index, value in enumerate(table[source.column]):
        yield _text(value, f"{source.dataset}, row {index}", source.column)


def _local_texts(source: CorpusSource) -> Iterator[str]:
    for path in _files(source):
        yield from _READERS[_format(path, source)](path, source)


def _files(source: CorpusSource) -> list[Path]:
    """Return the files of a local corpus in a stable order."""
    path = source.path
    assert path is not None
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: there is no such file or folder. Check path in thresholds.toml.")
    try:
        matches = sorted(path.glob(source.glob))
    except (ValueError, NotImplementedError):
        raise DataError(
            f"glob = {source.glob!r} is not a pattern for files below {path}. Write one such as "
            f"'**/*.txt' in thresholds.toml."
        ) from None
    files = [
        each
        for each in matches
        if each.is_file() and (source.format or each.suffix.lower() in _FORMATS)
    ]
    if not files:
        raise DataError(
            f"{path}: no file matches glob = {source.glob!r} with one of the suffixes "
            f"{', '.join(_FORMATS)}. Check path, glob and format in thresholds.toml."
        )
    return files


def _format(path: Path, source: CorpusSource) -> str:
    known = source.format or _FORMATS.get(path.suffix.lower())
    if known is None:
        raise DataError(
            f"{path}: what is in a {path.suffix or 'nameless'} file? Say format = "
            f'"text", "jsonl" or "parquet" in thresholds.toml.'
        )
    return known


def _read_text(path: Path, source: CorpusSource) -> Iterator[str]:
    yield read_utf8(path)


def _read_jsonl(path: Path, source: CorpusSource) -> Iterator[str]:
    for number, record in read_jsonl(path):
        if source.column not in record:
            raise _no_column(f"{path}, line {number}", source.column, list(record))
        yield _text(record[source.column], f"{path}, line {number}", source.column)


def _read_parquet(path: Path, source: CorpusSource) -> Iterator[str]:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: is not a readable parquet file ({error}).") from error
    if source.column not in file.schema_arrow.names:
        raise _no_column(str(path), source.column, file.schema_arrow.names)
    row = 0
    try:
        for batch in file.iter_batches(columns=[source.column]):
            for value in batch.column(0).to_pylist():
                yield _text(value, f"{path}, row {row}", source.column)
                row += 1
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: is not a readable parquet file ({error}).") from error


_READERS: dict[str, Callable[[Path, CorpusSource], Iterator[str]]] = {
    "text": _read_text,
    "jsonl": _read_jsonl,
    "parquet": _read_parquet,
}


def read_utf8(path: Path) -> str:
    """Return a file's text.

    Raises:
        DataError: it cannot be read, or is not UTF-8, with the likely encoding.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file. Check thresholds.toml.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not UTF-8 (byte {error.start} is 0x{data[error.start]:02X}){_advice(data)}"
        ) from None


def _advice(data: bytes) -> str:
    """Return the end of the sentence on a file in another encoding: which, and what to do."""
    noise = "Read wrongly it would measure noise"
    found = _likely_encoding(data)
    if found is None:
        return f". {noise}: save it as UTF-8 and run again."
    label, name = found
    return (
        f"; it may be {label}. {noise}: convert it with `iconv -f {name} -t UTF-8` and run again."
    )


def _likely_encoding(data: bytes) -> tuple[str, str] | None:
    """Return the first encoding that fits, as people and as iconv call it."""
    for encoding, label, name in (
        ("utf-16", "UTF-16", "UTF-16"),
        ("big5hkscs", "Big5", "BIG5-HKSCS"),
        ("gb18030", "GB 18030", "GB18030"),
    ):
        if encoding == "utf-16" and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return label, name
    return None


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line number and the record of every line that is not blank.

    Raises:
        DataError: a line is not a JSON object.
    """
    # Not splitlines(): a JSON string may hold U+2028.
    for number, line in enumerate(read_utf8(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: is not valid JSON ({error}).") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}, line {number}: is not a JSON object in braces.")
        yield number, record


def _text(value: object, place: str, column: str) -> str:
    if not isinstance(value, str):
        raise DataError(
            f"{place}: column {column!r} holds {type(value).__name__}, not text. Check column in "
            f"thresholds.toml."
        )
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise DataError(
            f"{place}: holds half of a surrogate pair (\\ud800 to \\udfff), which is no character. "
            f"The file was made by a faulty program: make it again."
        )
    return value


def _no_column(place: str, column: str, known: list[str]) -> DataError:
    return DataError(
        f"{place}: there is no column {column!r}; there are {', '.join(map(repr, known))}. Set "
        f"column in thresholds.toml."
    )
