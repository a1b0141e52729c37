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
    """A repository of the hub.

    Attributes:
        repo_id: owner and name, or a name alone.
        revision: branch, tag or commit; `None` for the default branch.
    """

    repo_id: str
    revision: str | None


def looks_like_a_path(source: str) -> bool:
    """Whether a source is written as a folder is: `./`, `../`, `/`, `~`, or with a backslash."""
    return source.startswith(("./", "../", "/", "~")) or "\\" in source or source in (".", "..")


def folder_of(source: str, base: Path) -> Path:
    return (base / Path(source).expanduser()).resolve()


def hub_source(source: str) -> HubSource | None:
    """The repository that a source means; `None` where it is none's name.

    The address of a repository's page is taken for its id.
    """
    for page in _PAGES:
        source = source.removeprefix(page)
    repo_id, at, revision = source.rstrip("/").partition("@")
    if not HUB_ID.fullmatch(repo_id) or (at and not is_revision(revision)):
        return None
    return HubSource(repo_id, normalised(revision) if at else None)


def is_revision(text: str) -> bool:
    return bool(text) and not re.search(r"[\s~^:?*\[\\]", text)


def normalised(revision: str) -> str:
    """A revision as the hub knows it: a commit's digits are lower case there."""
    return revision.lower() if COMMIT.fullmatch(revision.lower()) else revision


def asked_for(name: str, source: str, known: Collection[str]) -> str:
    """What `--model` finds a candidate by: a name alone only where it is known.

    Args:
        name: of the candidate.
        source: that it comes from; see `CandidateFacts.located`.
        known: names that pytest knows; empty where that cannot be told.
    """
    return name if not known or name in known else f"{name}={source}"


def names_in(given: Iterable[str]) -> tuple[str, ...]:
    """The values of a repeatable option, each once; commas part several in one."""
    parts = (part.strip() for each in given for part in each.split(","))
    return tuple(dict.fromkeys(filter(None, parts)))
