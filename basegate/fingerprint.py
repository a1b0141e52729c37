"""The identity of local files: what they hold, not where they lie."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from basegate.files import write_atomically
from basegate.measurement import LoadedFile
from basegate.records import digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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
_REMEMBER_ABOVE = 16 * 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")


def checkpoint_fingerprint(folder: Path, memory: Path | None = None) -> str:
    """Return `sha256:` and 64 digits over the names and contents of a checkpoint's files.

    Args:
        folder: the checkpoint.
        memory: a JSON file that remembers the digests of large files by place, size and time of
            change, so that tens of gigabytes are read once.
    """
    files = sorted({path for pattern in CHECKPOINT_FILES for path in folder.glob(pattern)})
    known = _recall(memory)
    digests = {path.name: _file_digest(path, known) for path in files if path.is_file()}
    if memory is not None and known != _recall(memory):
        write_atomically(memory, json.dumps(known, indent=1))
    return f"sha256:{digest(digests)}"


def describe_files(
    folder: Path, names: Iterable[str], memory: Path | None = None
) -> tuple[LoadedFile, ...]:
    """Return sizes and hashes of files of a checkpoint.

    Args:
        folder: the checkpoint.
        names: of the files, within it.
        memory: see `checkpoint_fingerprint`.
    """
    known = _recall(memory)
    before = dict(known)
    found = tuple(
        LoadedFile(
            name=name,
            bytes=(folder / name).stat().st_size,
            sha256=_blob_digest(folder / name) or _file_digest(folder / name, known),
        )
        for name in sorted(names)
    )
    if memory is not None and known != before:
        write_atomically(memory, json.dumps(known, indent=1))
    return found


def _blob_digest(path: Path) -> str | None:
    """Return the hash that the hub's cache names a large file by, so that it is not read again."""
    blob = path.resolve()
    return blob.name if blob.parent.name == "blobs" and _SHA256.fullmatch(blob.name) else None


def _file_digest(path: Path, known: dict[str, str]) -> str:
    status = path.stat()
    if status.st_size < _REMEMBER_ABOVE:
        return hash_file(path)
    place = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    if place not in known:
        known[place] = hash_file(path)
    return known[place]


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recall(memory: Path | None) -> dict[str, str]:
    if memory is None or not memory.is_file():
        return {}
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}
