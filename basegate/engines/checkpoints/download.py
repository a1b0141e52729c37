"""A model's files from the hub into its cache: the small ones first, to be checked."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from basegate.config.gguf_source import in_repository, is_gguf, part_names
from basegate.data.hub import quiet, translated, unreachable
from basegate.engines.checkpoints.config_files import INDEX, WEIGHTS, read_index
from basegate.engines.checkpoints.weight_files import no_weights
from basegate.errors import CandidateError, InvalidMeasurement
from basegate.i18n.formatting import GIB
from basegate.i18n.messages import Message, joined
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
        return _fetch_missing(repo_id, commit, folder, wanted, listed, progress)


def _fetch_missing(
    repo_id: str,
    commit: str,
    folder: Path,
    wanted: Sequence[str],
    listed: Mapping[str, int],
    progress: Progress,
    ignore: Sequence[str] = SECOND_COPIES,
) -> Path:
    """Fetch files of known sizes into the folder of a commit, if there is room for them."""
    missing = {name: listed.get(name, 0) for name in wanted if not (folder / name).exists()}
    size = sum(missing.values())
    _check_room(repo_id, folder, size)
    if missing:
        gib = f"{size / GIB:.1f}"
        progress.status(
            Message("{repo_id}: fetching {size} GiB of weights", repo_id=repo_id, size=gib)
        )
    with progress.telling(_counter(folder, size)):
        return _fetch(repo_id, commit, *map(glob.escape, wanted), ignore=ignore)


def download_gguf(source: str, commit: str, progress: Progress = SILENT) -> Path:
    """Fetch a GGUF file of the hub, or all parts of a split one; return where it is.

    Raises:
        CandidateError: it is not there, does not fit on the disk, or the hub is out of reach.
    """
    repo_id, file = in_repository(source)
    with _translating(repo_id, commit):
        listed = _listing(repo_id, commit, recursive=True)
        wanted = list(part_names(file))
        if listed and (lacking := [name for name in wanted if name not in listed]):
            others = sorted(filter(is_gguf, listed))
            raise CandidateError(
                f"{repo_id} has no {joined(lacking)} at {commit[:12]}. Its GGUF files: "
                f"{joined(others) or 'none'}."
            )
        folder = cached_folder(repo_id, commit)
        _fetch_missing(repo_id, commit, folder, wanted, listed, progress, ignore=())
        return folder / file


def cached_folder(repo_id: str, commit: str) -> Path:
    """Where the hub's cache holds the files of a commit, if it does."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    held = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=repo_id, repo_type="model"))
    return held / "snapshots" / commit


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
    there = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise CandidateError(
            f"{repo_id}: its weights are {needed / GIB:.1f} GiB, and where the hub's cache is "
            f"there are {free / GIB:.1f} GiB of disk free. Nothing of them was fetched. Free some "
            "space, or set HF_HOME to a folder on a larger disk."
        )


def _fetch(
    repo_id: str, commit: str, *patterns: str, ignore: Sequence[str] = SECOND_COPIES
) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            repo_id,
            revision=commit,
            allow_patterns=list(patterns),
            ignore_patterns=list(ignore),
        )
    )


def _listing(repo_id: str, commit: str, *, recursive: bool = False) -> dict[str, int]:
    """Files of a commit and their sizes; nothing where the hub cannot be reached."""
    from huggingface_hub import HfApi

    try:
        entries = list(HfApi().list_repo_tree(repo_id, revision=commit, recursive=recursive))
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
