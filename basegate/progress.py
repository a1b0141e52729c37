"""Progress of anything slow: a tqdm bar on a terminal, plain lines where there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Literal, Protocol, TextIO

from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.messages import Message

BAR_AFTER = 2.0
LINE_EVERY = 15.0

Unit = Literal["window", "prompt", "sample"]
_UNITS: dict[Unit, tuple[str, str]] = {
    "window": (Message("window"), Message("windows")),
    "prompt": (Message("prompt"), Message("prompts")),
    "sample": (Message("sample"), Message("samples")),
}
"""One of them, and many."""


class Step(Protocol):
    """Called with how much more is done; `kept`: by an earlier run, so that it took no time."""

    def __call__(self, amount: int = 1, kept: bool = False) -> None: ...


class Ahead(Protocol):
    """Told of all that is done; knows how much longer the whole run takes."""

    def begin(self, total: int) -> None:
        """Work of so many steps begins."""
        ...

    def step(self, amount: int, kept: bool) -> None: ...

    def left(self) -> str:
        """What to show of it; empty while nothing is known."""
        ...


class _Terminal:
    """A stream that may be gone, which must not decide about a measurement."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class Progress:
    """Opens one bar per task.

    Args:
        stream: where to write; `None` shows nothing.
        before: called when a bar or line is about to appear, to end a half-written line.

    Attributes:
        tr: into the reader's language, in which messages are shown.
        ahead: what else the run has to do, beyond the task at hand; `None` where nobody knows.
    """

    tr: Translator = ENGLISH
    ahead: Ahead | None = None

    def __init__(
        self, stream: TextIO | None = None, before: Callable[[], None] = lambda: None
    ) -> None:
        self._stream = None if stream is None else _Terminal(stream)
        self._before = before
        self._detail: Callable[[], str] = lambda: ""

    @contextmanager
    def task(self, description: str, total: int, unit: Unit) -> Iterator[Step]:
        """Yield a function to call as `total` pieces of work get done."""
        if self._stream is None:
            yield lambda amount=1, kept=False: None
        elif not self._stream.isatty():
            yield self._told(total, self._lines(description, total, unit))
        else:
            from tqdm import tqdm

            self._end_line()
            with tqdm(
                total=total,
                desc=self.tr.translate(description),
                unit=self.tr.translate(_UNITS[unit][0]),
                file=self._stream,
                leave=False,
                delay=BAR_AFTER,
            ) as bar:
                yield self._told(total, partial(self._update, bar, time.monotonic()))

    def _told(self, total: int, show: Step) -> Step:
        """A step that tells whoever knows of the whole run, too."""
        if (ahead := self.ahead) is None:
            return show
        ahead.begin(total)

        def step(amount: int = 1, kept: bool = False) -> None:
            ahead.step(amount, kept)
            show(amount)

        return step

    def _update(self, bar: Any, start: float, amount: int = 1, kept: bool = False) -> None:
        if self.ahead is not None and time.monotonic() - start > BAR_AFTER:
            bar.set_postfix_str(self.tr.translate(self.ahead.left()), refresh=False)
        bar.update(amount)

    def phase(self, name: str) -> None:
        """Hear what is being done now (`loading`, `measuring`); for who watches over it."""

    def status(self, text: str) -> None:
        """Write one line, where there is anything to write to."""
        if self._stream is not None:
            self._end_line()
            print(self.tr.translate(text), file=self._stream, flush=True)

    def _end_line(self) -> None:
        with suppress(OSError, ValueError):
            self._before()

    @contextmanager
    def waiting(self, description: str) -> Iterator[None]:
        """Say what is being waited for, and while it lasts that it still does."""
        self.status(description)
        if self._stream is None:
            yield
            return
        with watched(partial(self._watch, description)):
            yield

    @contextmanager
    def telling(self, detail: Callable[[], str]) -> Iterator[None]:
        """Let `waiting` show a detail such as `3.1 of 12.1 GiB fetched`.

        It is called from another thread, and may be empty.
        """
        before, self._detail = self._detail, detail
        try:
            yield
        finally:
            self._detail = before

    def tell(self, detail: str) -> None:
        """Let `waiting` show a detail that is known already."""
        self._detail = lambda: detail

    def _watch(self, description: str, done: threading.Event) -> None:
        """Write a line now and then. Runs in a thread, so it leaves pytest's capturing alone."""
        start = time.monotonic()
        while not done.wait(LINE_EVERY):
            told = {"what": description, "seconds": f"{time.monotonic() - start:.0f}"}
            text = Message("{what}: {seconds} s", **told)
            if now := self._detail():
                text = Message("{what}: {now}, {seconds} s", now=now, **told)
            print(self.tr.translate(text), file=self._stream, flush=True)

    def _lines(self, description: str, total: int, unit: Unit) -> Step:
        start = last = time.monotonic()
        done = 0

        def step(amount: int = 1, kept: bool = False) -> None:
            nonlocal done, last
            done += amount
            now = time.monotonic()
            if now - last >= LINE_EVERY:
                last = now
                text = Message(
                    "{what}: {done} of {total} {units}, {seconds} s",
                    what=description,
                    done=done,
                    total=total,
                    units=_UNITS[unit][1],
                    seconds=f"{now - start:.0f}",
                )
                left = self.ahead.left() if self.ahead is not None else ""
                self.status(Message("{what}; {left}", what=text, left=left) if left else text)

        return step


@contextmanager
def watched(watch: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let a thread run `watch` meanwhile, which ends when the event that it is given is set."""
    done = threading.Event()
    thread = threading.Thread(target=watch, args=(done,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


SILENT = Progress()
