"""A model's files from the hub into its cache: the small ones first, to be looked at."""

from __future__ import annotations

from fnmatch import fnmatchcase as fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.hub import translated, unreachable
from basegate.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = ("*.json", "*.model", "*.tiktoken", "*.txt", "*.jinja")
CODE = "*.py"
SAFE, PICKLED = "*.safetensors", "pytorch_model*.bin"
SECOND_COPIES = ("*/*", "consolidated*")
"""Checkpoints of the training, and the weights again in their original format."""
_GIB = 2**30


def download_model(
    repo_id: str,
    commit: str,
    look: Callable[[Path], None] = lambda folder: None,
    *,
    code: bool = False,
    progress: Progress = SILENT,
) -> Path:
    """Fetch config, tokenizer and weights of a commit; return their folder.

    Safetensors are preferred; `.bin` files are fetched only where there are none.

    Args:
        repo_id: of the model.
        commit: in full.
        look: called with the folder when all but the weights is there; what it raises spares
            fetching them.
        code: fetch Python files, too.
        progress: told how much is fetched.

    Raises:
        CandidateError: misspelt, gated or out of reach.
    """
    try:
        folder = _fetch(repo_id, commit, *SMALL, *([CODE] if code else []))
        look(folder)
        listed = _listing(repo_id, commit)
        pattern = SAFE if _are_safe(folder, listed) else PICKLED
        missing = {
            name: size
            for name, size in _matching(listed, pattern).items()
            if not (folder / name).exists()
        }
        if missing:
            progress.say(f"{repo_id}: fetching {sum(missing.values()) / _GIB:.1f} GiB of weights")
        with progress.telling(_counter(folder, sum(missing.values()))):
            return _fetch(repo_id, commit, pattern)
    except Exception as error:
        raise translated(error, "model", repo_id, commit) from error


def _fetch(repo_id: str, commit: str, *patterns: str) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            repo_id,
            revision=commit,
            allow_patterns=list(patterns),
            ignore_patterns=list(SECOND_COPIES),
        )
    )


def _listing(repo_id: str, commit: str) -> dict[str, int]:
    """Return the files of a commit and their sizes; nothing where the hub cannot be reached."""
    from huggingface_hub import HfApi

    try:
        entries = list(HfApi().list_repo_tree(repo_id, revision=commit))
    except Exception as error:
        if unreachable(error):
            return {}
        raise
    return {entry.path: entry.size for entry in entries if hasattr(entry, "size")}


def _matching(listed: dict[str, int], pattern: str) -> dict[str, int]:
    return {
        name: size
        for name, size in listed.items()
        if fnmatch(name, pattern) and not any(fnmatch(name, other) for other in SECOND_COPIES)
    }


def _are_safe(folder: Path, listed: dict[str, int]) -> bool:
    return any(folder.glob("*.safetensors*")) or bool(_matching(listed, SAFE))


def _counter(folder: Path, total: int) -> Callable[[], str]:
    """Return what tells how much has been fetched, by what grows in the hub's cache."""
    blobs = folder.parent.parent / "blobs"
    before = _held(blobs)

    def tell() -> str:
        return f"{(_held(blobs) - before) / _GIB:.1f} of {total / _GIB:.1f} GiB fetched"

    return tell


def _held(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # a file that is finished gets another name
            continue
    return total
