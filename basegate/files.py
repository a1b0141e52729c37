"""Writing files so that a reader sees the old content or the new, never half of it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from basegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text to a temporary file beside `path`, then put it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files are readable by their owner alone, and stores are shared.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _flush_folder(folder: Path) -> None:
    """Let a new name outlive a loss of power, where folders can be flushed at all."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def check_file(option: str, path: Path) -> None:
    """Refuse a folder as the place of a file, before any work is done for it.

    Args:
        option: its name.
        path: that it gives.

    Raises:
        UsageError: it is one.
    """
    if path.is_dir():
        raise UsageError(f"--{option} {path}: is a folder; give a file, which may be new.")


def check_files(places: Mapping[str, Path | None]) -> None:
    """Refuse places that are folders, and two results for one file; see `check_apart`.

    Raises:
        UsageError: there are such.
    """
    for option, path in places.items():
        if path is not None:
            check_file(option, path)
    check_apart(places)


def check_apart(places: Mapping[str, Path | None]) -> None:
    """Refuse two results for one file, of which the later would replace the earlier.

    Args:
        places: by the option's name, where each goes; `None` where it is not asked for.

    Raises:
        UsageError: there are two such.
    """
    seen: dict[Path, str] = {}
    for option, path in places.items():
        if path is None:
            continue
        other = seen.setdefault(path.resolve(), option)
        if other != option:
            raise UsageError(
                f"--{other} and --{option} both name {path}: one would replace the other. Give "
                f"each a file of its own."
            )
