"""A model's files from the hub into its cache: the small ones first, to be checked."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from basegate.data.hub import quiet, translated, unreachable
from basegate.engines.checkpoints.config_files import INDEX, WEIGHTS, read_index
from basegate.engines.checkpoints.weight_files import no_weights
from basegate.errors import CandidateError, InvalidMeasurement
from basegate.i18n.formatting import GIB
from basegate.i18n.messages import Message
from basegate.progress import SILENT, Progress

SMALL = ("*.json", "*.model", "*.tiktoken", "*.txt", "*.jinja")
CODE = "*.py"
SECOND_COPIES = ("*/*", "consolidated*")
"""Checkpoints of the training, and the weights again in their original format."""


def download_small_files(repo_id: str, commit: str, *, code: bool = False) -> Path:
    """Fetch all but the weights of a commit into the hub's cache; return their folder.

    With `code`, Python files are fetched, too.

    Raises:
        CandidateError: misspelt, gated or out of reach.
    """
    with _translating(repo_id, commit):
        return _fetch(repo_id, commit, *SMALL, *([CODE] if code else []))


def download_weights(repo_id: str, commit: str, folder: Path, progress: Progress = SILENT) -> Path:
    """Fetch what is missing of the weights; `folder` holds the small files.

    Safetensors are preferred; `.bin` files are fetched only where there are none.

    Raises:
        CandidateError: there are none, they do not fit on the disk, or the hub is out of reach.
    """
    with _translating(repo_id, commit):
        listed = _listing(repo_id, commit)
        wanted = _weights(folder, listed)
        if not wanted:
            raise no_weights(repo_id, listed)
        missing = {name: listed.get(name, 0) for name in wanted if not (folder / name).exists()}
        size = sum(missing.values())
        _check_room(repo_id, folder, size)
        if missing:
            gib = f"{size / GIB:.1f}"
            progress.status(
                Message("{repo_id}: fetching {size} GiB of weights", repo_id=repo_id, size=gib)
            )
        with progress.telling(_counter(folder, size)):
            return _fetch(repo_id, commit, *map(glob.escape, wanted))


@contextmanager
def _translating(repo_id: str, commit: str) -> Iterator[None]:
    """Turn the hub's errors into sentences, and let its library say nothing else."""
    try:
        with quiet():
            yield
    except InvalidMeasurement:
        raise
    # Errors of HTTP, of files and of the library itself have no base of their own in common.
    except Exception as error:
        raise translated(error, "model", repo_id, commit) from error


def _check_room(repo_id: str, folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise CandidateError(
            f"{repo_id}: its weights are {needed / GIB:.1f} GiB, and where the hub's cache is "
            f"there are {free / GIB:.1f} GiB of disk free. Nothing of them was fetched. Free some "
            "space, or set HF_HOME to a folder on a larger disk."
        )


def _fetch(repo_id: str, commit: str, *patterns: str) -> Path:
    from huggingface_hub import snapshot_download

    allow, ignore = list(patterns), list(SECOND_COPIES)
    return Path(
        snapshot_download(repo_id, revision=commit, allow_patterns=allow, ignore_patterns=ignore)
    )


def _listing(repo_id: str, commit: str) -> dict[str, int]:
    """Files of a commit and their sizes; nothing where the hub cannot be reached."""
    from huggingface_hub import HfApi

    try:
        entries = list(HfApi().list_repo_tree(repo_id, revision=commit))
    except Exception as error:  # which of them mean that nobody answered, `unreachable` knows
        if unreachable(error):
            return {}
        raise
    return {entry.path: entry.size for entry in entries if hasattr(entry, "size")}


def _weights(folder: Path, listed: Mapping[str, int]) -> list[str]:
    """The files that will be loaded: by the names that are loaded, and by no other.

    Where nobody could tell what the commit has, either format may be there.
    """
    for name in WEIGHTS:
        if name in listed or (folder / name).exists():
            return [name]
        if (folder / f"{name}{INDEX}").is_file():
            return sorted(set(read_index(folder / f"{name}{INDEX}").values()))
    return [] if listed else list(WEIGHTS)


def _counter(folder: Path, total: int) -> Callable[[], str]:
    """How much has been fetched, by what grows in the hub's cache."""
    blobs = folder.parent.parent / "blobs"
    before = _held(blobs)

    def tell() -> str:
        return Message(
            "{done} of {total} GiB fetched",
            done=f"{(_held(blobs) - before) / GIB:.1f}",
            total=f"{total / GIB:.1f}",
        )

    return tell


def _held(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        with suppress(OSError):  # a file that is finished gets another name
            total += path.stat().st_size
    return total
