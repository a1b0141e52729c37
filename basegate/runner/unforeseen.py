"""Errors that nobody foresaw: told as a fault of basegate, with the traceback in a file."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from basegate.config.declaration import origin_of
from basegate.config.settings import CheckConfig
from basegate.errors import BasegateError, UnforeseenError, summary
from basegate.i18n.messages import joined

FOLDER = "errors"
"""In the store: a traceback for each candidate and phase, the last one."""


@contextmanager
def unforeseen(candidate: str, phase: str, what: str, store: Path) -> Iterator[None]:
    """Tell of an error that is none for the user.

    Args:
        candidate: its name.
        phase: what was being done, such as `loading`.
        what: what was read or measured.
        store: the folder that keeps the traceback.

    Raises:
        UnforeseenError: in place of whatever else than a `BasegateError` is raised within.
    """
    try:
        yield
    except BasegateError:
        raise
    except Exception as error:
        whose = (
            "The system refused something that basegate needs"
            if isinstance(error, (OSError, MemoryError))
            else "That is a fault of basegate"
        )
        raise UnforeseenError(
            f"while {phase} {what} for {candidate}, an error came that nobody foresaw "
            f"({summary(error)}). {whose}; it says nothing about the model. "
            f"{_kept(error, store / FOLDER / _file_name(candidate, phase, what))}"
        ) from error


def watching(
    check: CheckConfig, candidate: str, phase: str, store: Path
) -> AbstractContextManager[None]:
    """`unforeseen`, for a check of basegate's own.

    What one of the project's raises is told as that check's fault, with its traceback.
    """
    if not origin_of(check.name).is_ours:
        return nullcontext()
    files = joined(map(str, check.files.values()))
    what = f"{check.name} {check.item}{f' ({files})' if files else ''}"
    return unforeseen(candidate, phase, what, store)


def _file_name(*parts: str) -> str:
    return ".".join(re.sub(r"[^\w-]+", "-", part)[:40].strip("-") for part in parts) + ".txt"


def _kept(error: Exception, path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as refused:
        return f"Its traceback could not be kept in {path} ({refused.strerror or refused})."
    return f"Its traceback is in {path}: please report it with that file."
