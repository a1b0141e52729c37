"""Where a candidate is: a hub id, perhaps with a revision, or a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
COMMIT = re.compile(r"[0-9a-f]{40}")
_PAGES = ("https://huggingface.co/", "http://huggingface.co/", "huggingface.co/")


class HubSource(NamedTuple):
    """A repository of the hub; `revision` is a branch, tag or commit, `None` for the default."""

    repo_id: str
    revision: str | None


def looks_like_a_path(source: str) -> bool:
    return source.startswith(("./", "../", "/", "~")) or "\\" in source or source in (".", "..")


def folder_of(source: str, base: Path) -> Path:
    return (base / Path(source).expanduser()).resolve()


def hub_source(source: str) -> HubSource | None:
    """The repository that a source, an id or the address of its page, names; else `None`."""
    for page in _PAGES:
        source = source.removeprefix(page)
    repo_id, at, revision = source.rstrip("/").partition("@")
    if not HUB_ID.fullmatch(repo_id) or (at and not is_revision(revision)):
        return None
    return HubSource(repo_id, normalised(revision) if at else None)


def is_revision(text: str) -> bool:
    return bool(text) and not re.search(r"[\s~^:?*\[\\]", text)


def normalised(revision: str) -> str:
    """The hub writes a commit's digits in lower case."""
    return revision.lower() if COMMIT.fullmatch(revision.lower()) else revision


def asked_for(name: str, source: str, known: Collection[str]) -> str:
    """What to write after `--model`: a name alone only where it is known, or nothing is known."""
    return name if not known or name in known else f"{name}={source}"


def names_in(given: Iterable[str]) -> tuple[str, ...]:
    """The values of a repeatable option, split at commas, each once."""
    parts = (part.strip() for each in given for part in each.split(","))
    return tuple(dict.fromkeys(filter(None, parts)))
