"""Hub ids to commits and tables; the hub's errors as messages that a user can act on."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from basegate.config.registry import COMMIT
from basegate.config.settings import DatasetKeys
from basegate.data.text_files import hub_hint, is_pointer, is_pointer_file
from basegate.errors import CandidateError, DataError, InvalidMeasurement
from basegate.serialization import digest, hash_file

Kind = Literal["model", "dataset"]
_OF_A_CARD = re.compile(r"\A---\s*\n(?:(?!---).*\n)*?(?:dataset_info|configs|task_categories):")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the hub's library says of its tries off the terminal; we say how they end."""
    from huggingface_hub import constants

    # Importing this sets the level: it must not come later.
    from huggingface_hub.utils.logging import get_verbosity, set_verbosity
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    level = get_verbosity()
    # Whoever has set the variable has decided, and would be told that we cannot.
    bars = constants.HF_HUB_DISABLE_PROGRESS_BARS is None and not are_progress_bars_disabled()
    set_verbosity(logging.ERROR)
    if bars:
        disable_progress_bars()
    try:
        yield
    finally:
        set_verbosity(level)
        if bars:
            enable_progress_bars()


@lru_cache
def resolve_commit(kind: Kind, repo_id: str, revision: str | None) -> str:
    """The commit that a revision stands for now; a full commit as it is.

    The hub is asked once in a run: what is read is then what the measurement's identity names.
    Where it cannot be reached, the local cache's last answer is used.

    Raises:
        CandidateError: (of a model) misspelt, gated or out of reach.
        DataError: (of a data set) likewise.
    """
    if revision and COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import HfApi

    ask = HfApi().model_info if kind == "model" else HfApi().dataset_info
    try:
        with quiet():
            return str(ask(repo_id, revision=revision, timeout=20).sha)
    # Errors of HTTP, of files and of the library itself have no base of their own in common.
    except Exception as error:
        if unreachable(error) and (cached := _cached_commit(kind, repo_id, revision)):
            return cached
        raise translated(error, kind, repo_id, revision) from error


def hub_identity(dataset: str, revision: str | None) -> str:
    """`NAME@COMMIT`: the content of a data set of the hub, without reading it.

    Raises:
        DataError: it cannot be found.
    """
    return f"{dataset}@{resolve_commit('dataset', dataset, revision)}"


def load_table(source: DatasetKeys, copy: Path | None = None) -> Any:
    """A split of a data set of the hub, as `datasets` loads it; from a local copy if one is given.

    Raises:
        DataError: misspelt, gated, out of reach, or without such a split.
    """
    import datasets

    what, keys = str(copy or source.dataset), {}
    if source.dataset is not None:
        keys["revision"] = resolve_commit("dataset", source.dataset, source.revision)
    else:
        # The library's cache knows local files by place and time alone: not these of another time.
        content = copy_identity(Path(what)).rpartition(":")[2]
        keys["cache_dir"] = str(Path(datasets.config.HF_DATASETS_CACHE) / content)
    datasets.disable_progress_bars()
    try:
        with quiet():
            table = datasets.load_dataset(what, source.name, split=source.split, **keys)
    # Each format's reader has errors of its own, pyarrow's and pandas' among them.
    except Exception as error:
        raise DataError(_unreadable(source, copy, error)) from error
    if copy is not None and _holds_pointer(table):
        raise DataError(_unfetched(copy))
    return table


def _unreadable(source: DatasetKeys, copy: Path | None, error: Exception) -> str:
    what, text = copy or source.dataset, str(error)
    if found := re.search(
        r"Config name is missing\..*available configs: \[(.*?)\]", text, re.DOTALL
    ):
        return (
            f"the data set {what} has several configurations: {found[1]}. Say with name in the "
            "thresholds file which of them is meant."
        )
    chosen = not text.startswith(("Unknown split", "BuilderConfig"))
    if copy is not None and chosen and any(map(is_pointer_file, copy.rglob("*"))):
        return _unfetched(copy)
    return (
        f"the data set {what}, split {source.split!r}, could not be read ({_first_line(error)}). "
        "Check dataset, name and split in the thresholds file, and that it can be reached."
    )


def _unfetched(copy: Path) -> str:
    return (
        f"{copy}: holds pointers of Git LFS in place of files. Fetch the files with `git lfs pull` "
        "in that folder."
    )


def _holds_pointer(table: Any) -> bool:
    """Whether a table was made of a pointer that was read as CSV, or as lines of text."""
    # Other columns may hold sounds and pictures, which would be decoded.
    texts = [
        name for name, each in table.features.items() if getattr(each, "dtype", "") == "string"
    ]
    first = table.select_columns(texts)[0].values() if texts and len(table) else ()
    return any(is_pointer(str(each)) for each in (*table.column_names, *first))


def copy_identity(folder: Path) -> str:
    """What identifies the content of a local copy of a data set, wherever it lies.

    Raises:
        DataError: there is no such folder, or nothing in it.
    """
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    )
    if not files:
        raise DataError(
            f'{folder}: is no folder with the files of a data set, as format = "dataset" says. '
            f"Check the thresholds file.{hub_hint(folder)}"
        )
    return (
        f"copy:{digest([[path.relative_to(folder).as_posix(), hash_file(path)] for path in files])}"
    )


def is_copy(folder: Path) -> bool:
    """Whether a folder is a copy of a data set of the hub, by what its card or download left."""
    card, attributes = folder / "README.md", folder / ".gitattributes"
    told = card.is_file() and _OF_A_CARD.search(card.read_text("utf-8", errors="replace"))
    cloned = attributes.is_file() and "*.parquet filter=lfs" in attributes.read_text(
        "utf-8", errors="replace"
    )
    return bool(told) or cloned or (folder / ".cache" / "huggingface").is_dir()


def _cached_commit(kind: Kind, repo_id: str, revision: str | None) -> str | None:
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"{kind}s--{repo_id.replace('/', '--')}"
    reference = folder / "refs" / (revision or "main")
    return reference.read_text(encoding="utf-8").strip() if reference.is_file() else None


def unreachable(error: Exception) -> bool:
    """Whether the hub gave no answer at all, as against a refusal."""
    from huggingface_hub import errors

    if isinstance(error, errors.HfHubHTTPError):
        return error.response is None or error.response.status_code >= 500
    return isinstance(
        error,
        ConnectionError | TimeoutError | errors.LocalEntryNotFoundError | errors.HTTPError,  # type: ignore[attr-defined]
    )


def translated(
    error: Exception, kind: Kind, repo_id: str, revision: str | None
) -> InvalidMeasurement:
    failure = CandidateError if kind == "model" else DataError
    return failure(_explanation(error, kind, repo_id, revision))


def _explanation(error: Exception, kind: Kind, repo_id: str, revision: str | None) -> str:
    from huggingface_hub import constants, errors

    thing = "model" if kind == "model" else "data set"
    what = f"the {thing} {repo_id}"
    page = f"{constants.ENDPOINT}/{'' if kind == 'model' else 'datasets/'}{repo_id}"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{what} is gated: the hub does not give it to this account. Ask for access on {page}, "
            "then log in with `hf auth login` or set HF_TOKEN, and run again."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return (
            f"{what} has no revision {revision!r}. Branches, tags and commits are listed on "
            f"{page}/commits."
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return (
            f"the hub has no {thing} {repo_id!r}: the id is misspelt, or it is private. Check it "
            f"on {page}; for a private one log in with `hf auth login` or set HF_TOKEN."
            f"{_no_folder(kind, repo_id)}"
        )
    if unreachable(error):
        kinds = "" if kind == "model" else " --repo-type dataset"
        pinned = f" --revision {revision}" if revision else ""
        then = "pass --model NAME=DIR"
        if kind == "dataset":
            then = 'write path = "DIR" (of a bank: in place of its file) and format = "dataset"'
        return (
            f"the hub could not be reached for {what} ({_first_line(error)}). Check network and "
            "proxy (HF_ENDPOINT, HTTPS_PROXY, HF_HUB_OFFLINE); or fetch it where there is a "
            f"network with `hf download {repo_id}{kinds}{pinned} --local-dir DIR` and {then}."
            f"{_no_folder(kind, repo_id)}"
        )
    if isinstance(error, OSError):
        return (
            f"{what} could not be written to the hub's cache ({_first_line(error)}). Free some "
            f"space in {constants.HF_HUB_CACHE}, or set HF_HOME to another folder."
        )
    return f"{what} could not be fetched: {_first_line(error)}"


def _no_folder(kind: Kind, repo_id: str) -> str:
    if kind != "model":
        return ""
    if Path(repo_id).is_dir():
        return f" There is a folder of that name; to mean it, write ./{repo_id}."
    return f" There is no folder ./{repo_id} either."


def _first_line(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    text = str(cause).strip() or str(error).strip()
    return f"{type(cause).__name__}: {text.splitlines()[0]}" if text else type(cause).__name__
