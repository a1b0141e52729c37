"""Progress of a measuring process, sent over a pipe and shown by the process that reports."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from basegate.progress import Progress, watched

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from basegate.progress import Step, Unit

DETAIL_EVERY = 5.0
"""Seconds between two words on how far loading is."""


class ProgressSender(Progress):
    """Sends messages about work, from any thread, instead of showing it."""

    def __init__(self, send: Callable[[tuple[Any, ...]], None]) -> None:
        super().__init__()
        self._send = send

    @contextmanager
    def task(self, description: str, total: int, unit: Unit) -> Iterator[Step]:
        self._send(("task", description, total, unit))
        try:
            yield lambda amount=1: self._send(("step", amount))
        finally:
            self._send(("done",))

    def phase(self, name: str) -> None:
        self._send(("phase", name))

    def status(self, text: str) -> None:
        self._send(("status", text))

    @contextmanager
    def waiting(self, description: str) -> Iterator[None]:
        self._send(("waiting", description))
        try:
            with watched(self._follow):
                yield
        finally:
            self._send(("done",))

    def _follow(self, done: threading.Event) -> None:
        while not done.wait(DETAIL_EVERY):
            self._send(("detail", self._now()))


class ProgressReceiver:
    """Shows what a `ProgressSender` sends."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._open: list[tuple[ExitStack, Step]] = []
        self._detail = ""

    def show(self, message: tuple[Any, ...]) -> None:
        word, *given = message
        if word == "status":
            self._progress.status(*given)
        elif word == "task":
            stack = ExitStack()
            self._open.append((stack, stack.enter_context(self._progress.task(*given))))
        elif word == "step":
            self._open[-1][1](*given)
        elif word == "waiting":
            stack, self._detail = ExitStack(), ""
            self._open.append((stack, lambda amount=1: None))
            stack.enter_context(self._progress.telling(lambda: self._detail))
            stack.enter_context(self._progress.waiting(*given))
        elif word == "detail":
            self._detail = given[0]
        elif word == "done" and self._open:
            self._open.pop()[0].close()

    def close(self) -> None:
        """End what was left open by a process that is no more."""
        while self._open:
            self._open.pop()[0].close()
