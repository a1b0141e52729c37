"""Text to measure perplexity on: a data set of the hub, or local text, JSONL or parquet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from basegate.config.settings import CorpusSource
from basegate.data.hub import copy_identity, hub_identity, is_copy, load_table
from basegate.data.text_files import (
    OF_LFS,
    RowError,
    format_of,
    has_lone_surrogate,
    hub_hint,
    is_pointer_file,
    read_jsonl,
    read_utf8,
    with_lf,
)
from basegate.errors import DataError
from basegate.i18n.messages import some
from basegate.serialization import digest, hash_file

_FORMATS = {
    **dict.fromkeys((".txt", ".md"), "text"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
}
_BLANK = r"[ \t]*(?:#.*)?\n"
_WORD = r"[ \t]*(?:\{|[\"']?[\w.:-]+[\"']?:(?=\s))"
_PHRASE = r"[\"']?\w[^\n]*?:(?=\s).*\n"
_FRONT_MATTER = re.compile(
    rf"---[ \t]*\n(?:{_BLANK})*(?:{_WORD}.*\n(?:.*\n)*?"
    rf"|[ \t]*{_PHRASE}(?:{_BLANK}|[ \t].*\n|-[ \t].*\n|{_PHRASE})*?)?"
    r"(?:---|\.\.\.)[ \t]*(?:\n|$)"
)
"""Between lines of dashes: nothing; what begins with a word as a key, or with a brace of JSON; or
nothing but keys of several words (`Chapter 1: …`) with their values.

Anything else is text between the marks that end scenes.
"""
_SYSTEM = (
    *("__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN", "System Volume Information"),
    *("@eaDir", "lost+found", "__pycache__", "node_modules"),
)
_EDITORS = re.compile(r".*~|#.*#")
"""Copies that editors leave."""
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
}
"""Splits of a data set, as `datasets` knows them by the words in names of files and folders."""
_TABLES = (".csv", ".tsv", ".json", ".arrow")
"""What a data set may be kept in beside the formats of a corpus."""
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")


_EVERY = CorpusSource.model_fields["glob"].default


COLUMN_OF_TEXT = (
    "column has no effect on text files, which are read whole. Leave it out, or say format = "
    '"jsonl" or "parquet" if that is what they hold.'
)


@dataclass(frozen=True)
class Corpus:
    """Documents in NFC, their lines ended with LF, the last one not; none of them empty.

    Attributes:
        documents: the texts.
        left_out: documents that held nothing but white space.
        parallel: for documents that have one, by their place among `documents`: the same content
            in Standard Written Chinese.
        not_read: files that are no documents: hidden ones, the system's, editors' copies, packed
            ones, and links to folders or to nothing.
        mostly_skipped: files of which more was skipped as front matter than is left.
    """

    documents: tuple[str, ...]
    left_out: int
    parallel: dict[int, str] = field(default_factory=dict)
    not_read: tuple[str, ...] = ()
    mostly_skipped: tuple[str, ...] = ()


class _Side(NamedTuple):
    """The files of a corpus below a folder, by their names there, in a stable order."""

    files: dict[str, Path]
    aside: tuple[str, ...]  # what is not read


def corpus_identity(source: CorpusSource) -> str:
    """What identifies a corpus's content without reading a data set of the hub.

    Raises:
        DataError: it cannot be found.
    """
    if source.dataset is not None:
        return hub_identity(source.dataset, source.revision)
    if source.format == "dataset" and source.path is not None:
        return copy_identity(source.path)
    sides = _sides(source)
    hashes = [
        [[_format(path, source), hash_file(path)] for path in side.files.values()] for side in sides
    ]
    if source.parallel is None:
        return f"sha256:{digest(hashes[0])}"
    # Names matter here: they say which documents belong together.
    named = [[list(side.files), each] for side, each in zip(sides, hashes, strict=True)]
    return f"sha256:{digest(named)}"


def _refuse_idle_column(sides: list[_Side], source: CorpusSource) -> None:
    files = [file for side in sides for file in side.files.values()]
    given = source.column != CorpusSource.model_fields["column"].default
    if files and given and all(_format(file, source) == "text" for file in files):
        raise DataError(f"{source.path}: {COLUMN_OF_TEXT}")


def load_corpus(source: CorpusSource) -> Corpus:
    """Read a corpus.

    Raises:
        DataError: it cannot be found or read, is not UTF-8, has no such column, or is empty.
    """
    of_hub = source.dataset is not None or source.format == "dataset"
    sides = [] if of_hub else _sides(source)
    _refuse_idle_column(sides, source)
    skipped: list[str] = []
    found = _local_texts(sides[0], source, skipped) if sides else _hub_texts(source)
    texts = [_normalised(text) for text in found]
    kept = [index for index, text in enumerate(texts) if text.strip()]
    if not kept:
        raise DataError(
            f"{source.dataset or source.path} holds no text: all documents (there are "
            f"{len(texts)}) are empty. Check path, glob and column in the thresholds file."
        )
    return Corpus(
        documents=tuple(texts[index] for index in kept),
        left_out=len(texts) - len(kept),
        parallel=(
            _parallel_texts(sides, kept, source, skipped) if source.parallel is not None else {}
        ),
        not_read=tuple(dict.fromkeys(name for side in sides for name in side.aside)),
        mostly_skipped=tuple(dict.fromkeys(skipped)),
    )


def _normalised(text: str) -> str:
    """The same text however it was saved: in NFC, with LF, without line breaks at its end.

    Nor with a byte order mark, which records hold where they were made of files.
    """
    return unicodedata.normalize("NFC", with_lf(text.removeprefix("\ufeff"))).rstrip("\n")


def _parallel_texts(
    sides: list[_Side], kept: list[int], source: CorpusSource, skipped: list[str]
) -> dict[int, str]:
    """The written-Chinese versions by the place of their document among those kept."""
    names = list(sides[0].files)
    places = {names[index]: place for place, index in enumerate(kept)}
    found = {}
    for name, path in sides[1].files.items():
        if name not in places:
            what = "is empty" if name in names else "is not there"
            raise DataError(
                f"{path}: the document {name} in {source.path}, of which it is a version, {what}. "
                "The two folders of a parallel corpus have files of the same names."
            )
        text = _normalised(_read_whole(name, path, skipped))
        if not text.strip():
            raise DataError(f"{path}: is empty, so there is nothing to compare its document with.")
        found[places[name]] = text
    return found


def _sides(source: CorpusSource) -> list[_Side]:
    """The files of a local corpus; where it has versions, theirs as second."""
    assert source.path is not None
    if source.parallel is None:
        return [_files(source.path, source)]
    path, parallel = source.path, source.parallel
    if parallel.is_relative_to(path) or path.is_relative_to(parallel):
        raise DataError(
            f"{parallel} and {path} lie in each other, so documents would be taken for their own "
            "versions. Put the two sides side by side."
        )
    sides = [_files(root, source) for root in (path, parallel)]
    for file in (*sides[0].files.values(), *sides[1].files.values()):
        if _format(file, source) != "text":
            raise DataError(f"{file}: a corpus with parallel = is made of text files.")
    return sides


def _hub_texts(source: CorpusSource) -> Iterator[str]:
    table, what = load_table(source, source.path), str(source.dataset or source.path)
    _check_column(what, source.column, table.column_names)
    yield from _texts(table[source.column], what, source.column)


def _local_texts(side: _Side, source: CorpusSource, skipped: list[str]) -> Iterator[str]:
    for name, path in side.files.items():
        match _format(path, source):
            case "text":
                yield _read_whole(name, path, skipped)
            case "jsonl":
                yield from _read_jsonl(path, source.column)
            case _:
                yield from _read_parquet(path, source.column)


def _files(path: Path, source: CorpusSource) -> _Side:
    if path.is_file() and path.suffix.lower() in _PACKED:
        raise DataError(f"{path}: is packed. Unpack it, and give what comes out as path.")
    if path.is_file() and source.glob != _EVERY:
        raise DataError(
            f"{path}: is a file, on which glob = {source.glob!r} has no effect. Leave glob out, or "
            "give the folder as path."
        )
    if path.is_file():
        return _Side({path.name: path}, ())
    if not path.is_dir():
        raise DataError(
            f"{path}: there is no such file or folder. Check the thresholds file.{hub_hint(path)}"
        )
    try:
        matches = sorted(path.glob(source.glob))
    except (ValueError, NotImplementedError):
        raise DataError(
            f"glob = {source.glob!r} is not a pattern for files below {path}. Write one such as "
            "'**/*.txt' in the thresholds file."
        ) from None
    every = {
        each.relative_to(path).as_posix(): each
        for each in matches
        if (each.is_file() and (source.format or each.suffix.lower() in (*_FORMATS, *_PACKED)))
        or (each.is_symlink() and not each.is_file())
    }
    aside = [
        name for name, each in every.items() if not each.is_file() or _is_aside(name, source.glob)
    ]
    files = {name: each for name, each in every.items() if name not in aside}
    if aside and not files and all(name.lower().endswith(_PACKED) for name in aside):
        raise DataError(f"{path}: holds packed files only ({some(aside)}). Unpack them.")
    if not files:
        raise DataError(
            f"{path}: no file matches glob = {source.glob!r} with one of the suffixes "
            f"{', '.join(_FORMATS)}. Check path, glob and format in the thresholds file."
        )
    if (is_copy(path) and source.glob == _EVERY) or _is_data_set(path, files, source):
        raise DataError(
            f"{path}: holds a data set, as the hub has them. As a folder of texts, its card and "
            "all its splits would be read together. Say "
            'format = "dataset", with its name and split; or glob = "test-*.parquet", say, for one '
            "split; or take out README.md and .cache."
        )
    return _Side(files, tuple(aside))


def _is_data_set(folder: Path, files: Mapping[str, Path], source: CorpusSource) -> bool:
    """Whether files are those of several splits, or tables beside their card."""
    tables = [name for name, path in files.items() if _format(path, source) != "text"]
    # Texts that a pattern of one's own takes together are meant so.
    named = files if source.glob == _EVERY else tables
    splits = {
        _SPLITS[word]
        for name in named
        for part in Path(name.lower()).with_suffix("").parts
        for word in (re.split(r"[-_. ]", part) if name in tables else [part])
        if word in _SPLITS
    }
    cards = [name for name in files if Path(name).name == "README.md"]
    if len(cards) == len(files) and source.glob == _EVERY:
        return any(each.suffix.lower() in _TABLES for each in folder.rglob("*"))
    return len(splits) > 1 or bool(tables and cards)


def _is_aside(name: str, glob: str) -> bool:
    """Whether a file is hidden, the system's, an editor's copy or packed.

    Hidden ones are read if the pattern asks for them.
    """
    parts = name.split("/")
    hidden = any(part.startswith((".", "~$")) or part in _SYSTEM for part in parts)
    wanted = {*glob.split("/")} - {".", ".."}
    asked = any(part.startswith(".") or part in _SYSTEM for part in wanted)
    copied = _EDITORS.fullmatch(parts[-1]) is not None or name.lower().endswith(_PACKED)
    return (hidden and not asked) or copied


def _format(path: Path, source: CorpusSource) -> str:
    return format_of(path, source.format, _FORMATS)


def _read_whole(name: str, path: Path, skipped: list[str]) -> str:
    """A file's text without front matter (lines between `---` at its beginning).

    Its name is added to `skipped` where more is front matter than is left: it may be text.
    """
    text = unicodedata.normalize("NFC", read_utf8(path))
    front = _FRONT_MATTER.match(text)
    if front is None:
        return text
    if front.end() > len(text) / 2:
        skipped.append(name)
    return text[front.end() :].lstrip("\n")


def _read_jsonl(path: Path, column: str) -> Iterator[str]:
    for row in read_jsonl(path):
        if isinstance(row, RowError):
            raise DataError(str(row))
        _check_column(row.place, column, row.fields)
        yield _text(row.fields[column], row.place, column)


def _read_parquet(path: Path, column: str) -> Iterator[str]:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        _check_column(str(path), column, file.schema_arrow.names)
        batches = file.iter_batches(columns=[column])
        values = (value for batch in batches for value in batch.column(0).to_pylist())
        yield from _texts(values, str(path), column)
    except (pyarrow.ArrowInvalid, OSError) as error:
        what = OF_LFS if is_pointer_file(path) else f"is not a readable parquet file ({error})."
        raise DataError(f"{path}: {what}") from error


def _check_column(place: str, column: str, known: Iterable[str]) -> None:
    if column not in known:
        raise DataError(
            f"{place}: there is no column {column!r}; there are {', '.join(map(repr, known))}. Set "
            "column in the thresholds file."
        )


def _texts(values: Iterable[object], place: str, column: str) -> Iterator[str]:
    for number, value in enumerate(values):
        yield _text(value, f"{place}, row {number}", column)


def _text(value: object, place: str, column: str) -> str:
    if not isinstance(value, str):
        raise DataError(
            f"{place}: column {column!r} holds {type(value).__name__}, not text. Check column in "
            "the thresholds file."
        )
    if has_lone_surrogate(value):
        raise DataError(
            f"{place}: holds an unpaired surrogate (\\ud800 to \\udfff), which is no character. "
            "The file was made by a faulty program: make it again."
        )
    if "\0" in value:
        raise DataError(
            f"{place}: column {column!r} holds a NUL character: it is no text. Check column, and "
            "what the data were converted from."
        )
    return value
