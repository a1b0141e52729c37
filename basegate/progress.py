"""Progress of anything slow: a tqdm bar on a terminal, plain lines where there is none."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAR_AFTER = 2.0
LINE_EVERY = 15.0


class Step(Protocol):
    """Told how much more is done."""

    def __call__(self, amount: int = 1) -> None:
        """Add `amount` to what is done."""
        ...


class Progress:
    """Opens one bar per task.

    Args:
        stream: where to write; `None` shows nothing.
        before: called when a bar or line is about to appear, to end a half-written line.
    """

    def __init__(
        self, stream: TextIO | None = None, before: Callable[[], None] = lambda: None
    ) -> None:
        self.stream = stream
        self.before = before

    @contextmanager
    def task(self, description: str, total: int, unit: str) -> Iterator[Step]:
        """Yield a function to call as `total` pieces of work get done."""
        if self.stream is None:
            yield lambda amount=1: None
        elif self.stream.isatty():
            with self._bar(description, total, unit) as step:
                yield step
        else:
            yield self._lines(description, total, unit)

    def say(self, text: str) -> None:
        """Write one line, where there is anything to write to."""
        if self.stream is not None:
            self.before()
            print(text, file=self.stream, flush=True)

    @contextmanager
    def _bar(self, description: str, total: int, unit: str) -> Iterator[Step]:
        from tqdm import tqdm

        self.before()
        with tqdm(
            total=total, desc=description, unit=unit, file=self.stream, leave=False, delay=BAR_AFTER
        ) as bar:

            def step(amount: int = 1) -> None:
                bar.update(amount)

            yield step

    def _lines(self, description: str, total: int, unit: str) -> Step:
        start = last = time.monotonic()
        done = 0

        def step(amount: int = 1) -> None:
            nonlocal done, last
            done += amount
            now = time.monotonic()
            if now - last >= LINE_EVERY:
                last = now
                self.say(f"{description}: {done} of {total} {unit}s, {now - start:.0f} s")

        return step


SILENT = Progress()
