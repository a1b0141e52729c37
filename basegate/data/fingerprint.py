"""Fingerprints of local files: by content, not by path."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from basegate.config.gguf_source import is_gguf, parts_of
from basegate.i18n.formatting import GIB
from basegate.i18n.messages import Message
from basegate.measurement import LoadedFile
from basegate.progress import SILENT, Progress
from basegate.serialization import digest, hash_file, write_atomically

CHECKPOINT_FILES = (
    "*.json",
    "*.safetensors",
    "*.bin",
    "*.model",
    "*.tiktoken",
    "*.txt",
    "*.py",
    "*.jinja",
)
FINGERPRINTS = "fingerprints.json"
"""In a store: the digests of large files."""
_REMEMBER_ABOVE = 16 * 2**20
_TELL_ABOVE = 2**28
"""Bytes that take about a second to read."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def checkpoint_fingerprint(
    folder: Path,
    memory: Path | None = None,
    file: str | None = None,
    *,
    name: str = "",
    progress: Progress = SILENT,
) -> str:
    """`sha256:` and 64 digits over the names and contents of a checkpoint's files.

    Of a GGUF file they are its own SHA-256; of a split one they are over its parts.

    `memory` is a JSON file that remembers the digests of large files by place, size and time of
    change, so that tens of gigabytes are read once. `file` is the one of weights that is loaded,
    where that was chosen.
    """
    files = _files(folder)
    with _remembered(memory) as known:
        size = sum(path.stat().st_size for path in files if _place(path) not in known)
        with _telling(name or str(folder), size, progress) as read:
            digests = {path.name: _file_digest(path, known, read) for path in files}
    alone = is_gguf(str(folder)) and len(digests) == 1
    chosen = {"file": file} if file else {}
    return f"sha256:{digests[folder.name] if alone else digest({**digests, **chosen})}"


def known_fingerprint(
    folder: Path, memory: Path | None = None, file: str | None = None
) -> str | None:
    """`checkpoint_fingerprint` where no large file has to be read for it, else `None`."""
    try:
        known = _recall(memory)
        sizes = {path: path.stat().st_size for path in _files(folder)}
        large = [path for path, size in sizes.items() if size >= _REMEMBER_ABOVE]
        if not sizes or any(_place(path) not in known for path in large):
            return None
        return checkpoint_fingerprint(folder, memory, file)
    except OSError:
        return None


def _files(folder: Path) -> list[Path]:
    """The files of a checkpoint's folder, or the parts of a GGUF file."""
    if is_gguf(str(folder)):
        return list(parts_of(folder))
    found = sorted({path for pattern in CHECKPOINT_FILES for path in folder.glob(pattern)})
    return [path for path in found if path.is_file()]


def describe_files(
    folder: Path, names: Iterable[str], memory: Path | None = None
) -> tuple[LoadedFile, ...]:
    """Sizes and hashes of files of a checkpoint, named within it."""
    with _remembered(memory) as known:
        return tuple(
            LoadedFile(
                name=name,
                bytes=(folder / name).stat().st_size,
                sha256=_blob_digest(folder / name) or _file_digest(folder / name, known),
            )
            for name in sorted(names)
        )


def _blob_digest(path: Path) -> str | None:
    """The hash that the hub's cache names a large file by, so that it is not read again."""
    blob = path.resolve()
    return blob.name if blob.parent.name == "blobs" and _SHA256.fullmatch(blob.name) else None


@contextmanager
def _telling(name: str, size: int, progress: Progress) -> Iterator[Callable[[int], None]]:
    done = 0

    def read(amount: int) -> None:
        nonlocal done
        done += amount

    if size < _TELL_ABOVE:
        yield read
        return
    whole = f"{size / GIB:.1f} GiB"
    with (
        progress.telling(
            lambda: Message("{done} of {whole} hashed", done=f"{done / GIB:.1f}", whole=whole)
        ),
        progress.waiting(
            Message("{name}: hashing {whole}, to know these files again", name=name, whole=whole)
        ),
    ):
        yield read


def _file_digest(
    path: Path, known: dict[str, str], read: Callable[[int], None] = lambda amount: None
) -> str:
    if path.stat().st_size < _REMEMBER_ABOVE:
        return hash_file(path, read)
    place = _place(path)
    if place not in known:
        known[place] = hash_file(path, read)
    return known[place]


def _place(path: Path) -> str:
    status = path.stat()
    return f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"


@contextmanager
def _remembered(memory: Path | None) -> Iterator[dict[str, str]]:
    """Digests of large files by place; what is added to them is written to `memory`."""
    known = _recall(memory)
    before = dict(known)
    yield known
    if memory is not None and known != before:
        write_atomically(memory, json.dumps(known, indent=1))


def _recall(memory: Path | None) -> dict[str, str]:
    if memory is None or not memory.is_file():
        return {}
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}
