"""GGUF files by name: as the source of a candidate, here or on the hub, and their parts."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

SUFFIX = ".gguf"
IN_REPOSITORY = r"(:\w[\w.+-]*(/\w[\w.+-]*)*\.gguf)?"
"""What follows a hub id: `:FILE.gguf` or `:FOLDER/FILE.gguf`; no step out of the repository."""
_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
_MOST = 1000
"""Parts of one model; beyond them a name is no sign of a split."""


class RepositoryFile(NamedTuple):
    """A repository of the hub and the file in it; empty for a repository as a whole."""

    repo_id: str
    file: str


def is_gguf(source: str) -> bool:
    """Whether the source of a candidate, a path or one of the hub, is a GGUF file."""
    return source.endswith(SUFFIX) and not Path(source).is_dir()


def in_repository(source: str) -> RepositoryFile:
    """What the source of a candidate of the hub names.

    >>> in_repository("owner/name:q4/model.gguf")
    RepositoryFile(repo_id='owner/name', file='q4/model.gguf')
    """
    repo_id, _, file = source.partition(":")
    return RepositoryFile(repo_id, file)


def part_names(name: str) -> tuple[str, ...]:
    """The names of all parts of a split file, of which any is given; itself where it is whole.

    >>> part_names("a-00002-of-00002.gguf")
    ('a-00001-of-00002.gguf', 'a-00002-of-00002.gguf')
    """
    path = PurePosixPath(name)
    found = _PART.fullmatch(path.name)
    if found is None or not 1 <= int(found[3]) <= _MOST:
        return (name,)
    return tuple(
        str(path.with_name(f"{found[1]}-{part:05}-of-{found[3]}{SUFFIX}"))
        for part in range(1, int(found[3]) + 1)
    )


def parts_of(path: Path) -> tuple[Path, ...]:
    """`part_names` beside a file; they need not be there."""
    return tuple(path.with_name(name) for name in part_names(path.name))
