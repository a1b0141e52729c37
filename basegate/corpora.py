"""Text to measure perplexity on: a data set of the hub, or local text, JSONL or parquet."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from basegate.errors import DataError
from basegate.fingerprint import hash_file
from basegate.hub import load_table, resolve_commit
from basegate.records import digest
from basegate.tables import Complaint, read_jsonl
from basegate.text_files import read_utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from basegate.settings import CorpusSource

_FORMATS = {".txt": "text", ".md": "text", ".jsonl": "jsonl", ".ndjson": "jsonl"} | {
    ".parquet": "parquet",
    ".pq": "parquet",
}


_FRONT_MATTER = re.compile(r"---\n(?:[\w-]+:.*\n)+---\n")


@dataclass(frozen=True)
class Corpus:
    """Documents in NFC, none of them empty.

    Attributes:
        documents: the texts.
        left_out: documents that held nothing but white space.
        parallel: for documents that have one, by their place among `documents`: the same content
            in Standard Written Chinese.
    """

    documents: tuple[str, ...]
    left_out: int
    parallel: dict[int, str] = field(default_factory=dict)


def corpus_identity(source: CorpusSource) -> str:
    """Return what identifies a corpus's content without reading a data set of the hub.

    Raises:
        DataError: it cannot be found.
    """
    if source.dataset is not None:
        commit = resolve_commit("dataset", source.dataset, source.revision)
        return f"{source.dataset}@{commit}"
    assert source.path is not None
    if source.parallel is None:
        return f"sha256:{digest(_hashes(source.path, source))}"
    _check_parallel(source.path, source.parallel, source)
    # Names matter here: they say which documents belong together.
    sides = [
        [_names(root, source), _hashes(root, source)] for root in (source.path, source.parallel)
    ]
    return f"sha256:{digest(sides)}"


def load_corpus(source: CorpusSource) -> Corpus:
    """Read a corpus, normalised to NFC.

    Raises:
        DataError: it cannot be found or read, is not UTF-8, has no such column, or is empty.
    """
    texts = list(_hub_texts(source) if source.dataset is not None else _local_texts(source))
    normal = [unicodedata.normalize("NFC", text) for text in texts]
    kept = [index for index, text in enumerate(normal) if text.strip()]
    if not kept:
        place = source.dataset or source.path
        raise DataError(
            f"{place} holds no text: all documents (there are {len(texts)}) are empty. Check path, "
            f"glob and column in thresholds.toml."
        )
    return Corpus(
        documents=tuple(normal[index] for index in kept),
        left_out=len(texts) - len(kept),
        parallel=_parallel_texts(source, kept),
    )


def _parallel_texts(source: CorpusSource, kept: list[int]) -> dict[int, str]:
    """Return the written-Chinese versions by the place of their document among those kept."""
    if source.parallel is None:
        return {}
    assert source.path is not None
    _check_parallel(source.path, source.parallel, source)
    names = _names(source.path, source)
    places = {names[index]: place for place, index in enumerate(kept)}
    found = {}
    for path, name in zip(
        _files(source.parallel, source), _names(source.parallel, source), strict=True
    ):
        if name not in places:
            what = "is empty" if name in names else "is not there"
            raise DataError(
                f"{path}: the document {name} in {source.path}, of which it is a version, {what}. "
                f"The two folders of a parallel corpus have files of the same names."
            )
        text = unicodedata.normalize("NFC", _read_whole(path))
        if not text.strip():
            raise DataError(f"{path}: is empty, so there is nothing to compare its document with.")
        found[places[name]] = text
    return found


def _check_parallel(path: Path, parallel: Path, source: CorpusSource) -> None:
    """Refuse folders of which one lies in the other, and files that are no plain text."""
    if not parallel.is_dir() or not path.is_dir():
        missing = parallel if path.is_dir() else path
        raise DataError(
            f"{missing}: is not a folder. A corpus with parallel = has a folder of text files on "
            f"both sides. Check path and parallel in thresholds.toml."
        )
    if parallel.is_relative_to(path) or path.is_relative_to(parallel):
        raise DataError(
            f"{parallel} and {path} lie in each other, so documents would be taken for their own "
            f"versions. Put the two sides side by side."
        )
    for each in (*_files(path, source), *_files(parallel, source)):
        if _format(each, source) != "text":
            raise DataError(f"{each}: a corpus with parallel = is made of text files.")


def _names(root: Path, source: CorpusSource) -> list[str]:
    return [path.relative_to(root).as_posix() for path in _files(root, source)]


def _hashes(root: Path, source: CorpusSource) -> list[list[str]]:
    return [[_format(path, source), hash_file(path)] for path in _files(root, source)]


def _hub_texts(source: CorpusSource) -> Iterator[str]:
    assert source.dataset is not None
    table = load_table(source.dataset, source.name, source.split, source.revision)
    if source.column not in table.column_names:
        raise _no_column(source.dataset, source.column, table.column_names)
    for index, value in enumerate(table[source.column]):
        yield _text(value, f"{source.dataset}, row {index}", source.column)


def _local_texts(source: CorpusSource) -> Iterator[str]:
    assert source.path is not None
    for path in _files(source.path, source):
        yield from _READERS[_format(path, source)](path, source)


def _files(path: Path, source: CorpusSource) -> list[Path]:
    """Return the files of a local corpus in a stable order."""
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
            f"{path}: its suffix does not tell what it holds. Say format = "
            f'"text", "jsonl" or "parquet" in thresholds.toml.'
        )
    return known


def _read_text(path: Path, source: CorpusSource) -> Iterator[str]:
    yield _read_whole(path)


def _read_whole(path: Path) -> str:
    """Return a file's text without front matter (lines between `---` at its beginning)."""
    text = read_utf8(path)
    front = _FRONT_MATTER.match(text)
    return text[front.end() :].strip() if front else text


def _read_jsonl(path: Path, source: CorpusSource) -> Iterator[str]:
    for row in read_jsonl(path):
        if isinstance(row, Complaint):
            raise DataError(str(row))
        if source.column not in row.fields:
            raise _no_column(row.place, source.column, list(row.fields))
        yield _text(row.fields[source.column], row.place, source.column)


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
