"""Measuring in the candidate's own process: the side that asks."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

import basegate.runner.candidate
from basegate.config.declaration import origin_of
from basegate.errors import CandidateError, InvalidMeasurement
from basegate.measurement import Measurement
from basegate.progress import Progress, Step
from basegate.runner.candidate import NOT_LOADED, NOT_TRIED, Candidate
from basegate.runner.measure import Job
from basegate.runner.worker import WorkerConfig, serve

LOOK_EVERY = 0.5
"""Seconds between two looks at the clock, and at Ctrl-C, while a process is silent."""
PATIENCE = 20.0
"""Seconds for a process to free its model."""
TRIES = 2
"""Processes of one candidate that may crash before it is given up."""
_CONTEXT = multiprocessing.get_context("spawn")


class Isolation:
    """Measures candidates one after another, each in a process of its own that loads it once.

    Args:
        memory: file that remembers fingerprints.
        window: tokens of the run's longest input.
        timeout: seconds that loading, and a measurement, may take; 0 for no limit.
        gpus: GPUs of a candidate whose entry does not say; `None` for all that are visible.
        budget: GiB of memory that a candidate may take; `None` for what is free.
    """

    def __init__(
        self,
        memory: Path,
        window: int | None,
        timeout: float,
        gpus: int | None = None,
        budget: float | None = None,
    ) -> None:
        self._memory = memory
        self._window = window
        self._timeout = timeout
        self._gpus = gpus
        self._budget = budget
        self._process: _Process | None = None
        self._ended: dict[str, int] = {}
        self._given_up: dict[str, str] = {}

    def __call__(self, candidate: Candidate, job: Job, progress: Progress) -> Measurement:
        """A measurement that the candidate's process makes.

        Raises:
            InvalidMeasurement: it could not be made, or the process crashed or took too long.
        """
        if (given_up := self._given_up.get(candidate.name)) is not None:
            raise CandidateError(given_up)
        process = self._process_of(candidate)
        try:
            answer = process.ask(job, progress, self._timeout)
        except BaseException as error:
            # What it would still answer must not be taken for the answer to another question.
            self.stop(at_once=True)
            if isinstance(error, ProcessEnded):
                self._count(candidate.name, error)
            raise
        return _measurement_of(answer, job)

    def _count(self, name: str, ended: ProcessEnded) -> None:
        """Give a candidate up that did not load, or whose processes ended too often."""
        self._ended[name] = self._ended.get(name, 0) + 1
        if ended.loading:
            self._given_up[name] = NOT_LOADED
        elif self._ended[name] >= TRIES:
            self._given_up[name] = (
                f"{NOT_TRIED}{TRIES} processes of the candidate have ended without a result "
                "(see its first errors). Another run tries again."
            )

    def stop(self, *, at_once: bool = False) -> None:
        """End the process, gracefully unless `at_once`; its finished batches are kept."""
        if self._process is not None:
            self._process.end(0.0 if at_once else PATIENCE)
            self._process = None

    def _process_of(self, candidate: Candidate) -> _Process:
        if self._process is not None and self._process.name != candidate.name:
            self.stop()
        if self._process is None:
            self._process = _Process(
                candidate.name,
                WorkerConfig(
                    spec=candidate.spec,
                    revision=candidate.revision,
                    device=candidate.device,
                    memory=self._memory,
                    window=self._window,
                    budget=self._budget,
                    gpus=candidate.spec.gpus or self._gpus,
                    load=basegate.runner.candidate.load_engine,
                ),
            )
        return self._process


class ProcessEnded(CandidateError):
    """A measuring process crashed, or was ended since it took too long, perhaps while `loading`."""

    def __init__(self, text: str, *, loading: bool) -> None:
        super().__init__(text)
        self.loading = loading


class _Process:
    """The process of one candidate."""

    def __init__(self, name: str, config: WorkerConfig) -> None:
        self.name = name
        ours, theirs = _CONTEXT.Pipe()
        self._pipe: Connection = ours
        self._process: BaseProcess = _CONTEXT.Process(
            target=serve, args=(theirs, config), name=f"basegate {name}", daemon=True
        )
        with _apart():
            self._process.start()
        # Else the pipe would stay open after the process has ended.
        theirs.close()
        self._loaded = False
        self._answer: tuple[Any, ...] = ()

    def ask(self, job: Job, progress: Progress, timeout: float) -> tuple[Any, ...]:
        """The answer of the process, a `result` or an `error`; see `worker.serve`.

        Raises:
            ProcessEnded: it crashed, or took too long.
        """
        show(self._messages(job, timeout), progress)
        return self._answer

    def end(self, patience: float) -> None:
        """Let the process free its model and end; kill it where it takes longer than `patience`.

        That is safe at any moment: every batch is kept as soon as it is done.
        """
        self._pipe.close()
        if patience:
            self._process.join(patience)
        self._process.kill()
        self._process.join()

    def _messages(self, job: Job, timeout: float) -> Iterator[tuple[Any, ...]]:
        phase, since = "preparing", time.monotonic()
        try:
            self._pipe.send((origin_of(job.check.name), pickle.dumps(job)))
        except OSError:
            raise self._crashed() from None
        while True:
            message = self._receive()
            word = message[0] if message else ""
            if word in ("result", "error"):
                self._answer = message
                return
            if word == "phase":
                phase, since = message[1], time.monotonic()
                self._loaded = self._loaded or phase == "measuring"
            elif message:
                yield message
            # What is fetched has time limits of its own, and may be tens of gigabytes.
            if phase != "preparing" and time.monotonic() - since > timeout > 0:
                raise ProcessEnded(_timeout_message(phase, timeout), loading=not self._loaded)

    def _receive(self) -> tuple[Any, ...]:
        """The next message; an empty one where none came for a while."""
        try:
            # A process that it started may hold the pipe open after it has died.
            gone = self._process.exitcode is not None
            if self._pipe.poll(0 if gone else LOOK_EVERY):
                message: tuple[Any, ...] = self._pipe.recv()
                return message
        except (EOFError, OSError):
            gone = True
        if gone:
            raise self._crashed()
        return ()

    def _crashed(self) -> ProcessEnded:
        self._process.join(LOOK_EVERY)
        return ProcessEnded(_crash_message(self._process.exitcode), loading=not self._loaded)


@contextmanager
def _apart() -> Iterator[None]:
    """Let a process start that neither hears Ctrl-C nor runs the script again that runs pytest."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    # Of another thread Python lets no signals be set.
    signals = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if signals else None
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if signals:
            signal.signal(signal.SIGINT, before)


def show(
    messages: Iterator[tuple[Any, ...]],
    progress: Progress,
    step: Step = lambda amount=1, kept=False: None,
) -> None:
    """Show what a `SentProgress` sends, until what it began last is done."""
    for word, *given in messages:
        if word == "done":
            return
        if word == "task":
            with progress.task(*given) as further:
                show(messages, progress, further)
        elif word == "waiting":
            with progress.telling(lambda: ""), progress.waiting(*given):
                show(messages, progress)
        elif word == "detail":
            progress.tell(*given)
        elif word == "step":
            step(*given)
        else:
            progress.status(*given)


def _measurement_of(answer: tuple[Any, ...], job: Job) -> Measurement:
    word, content, *further = answer
    for text, category in further[-1]:
        warnings.warn(text, category, stacklevel=2)
    if word == "error":
        if not isinstance(content, InvalidMeasurement):
            content.add_note(f"In the process that measures:\n{further[0]}")
        raise content
    measurement = Measurement.model_validate_json(content)
    if measurement.key != job.key:
        raise RuntimeError(f"asked for the measurement {job.key}, got {measurement.key}")
    return measurement


def _timeout_message(phase: str, timeout: float) -> str:
    return (
        f"{phase} took longer than the {timeout:g} seconds of --measure-timeout, so its process "
        "was ended. What the store took of it stays, and the next run goes on from there. If it "
        "hangs, try another --dtype or --quantization; if it is only slow, raise --measure-timeout "
        "(0 for no limit)."
    )


def _crash_message(status: int | None) -> str:
    how = f"exit status {status}"
    if status is not None and status < 0:
        with suppress(ValueError):
            how = f"killed by {signal.Signals(-status).name}"
        if -status == signal.SIGKILL:
            how += ", as the system does when memory runs out"
    return (
        f"the process that measured it crashed without an error ({how}). That says nothing about "
        "the model. What the store took of it stays, and the next run goes on from there. If it "
        "crashes again, look at the captured output, and try another --dtype, --quantization or "
        "version of torch."
    )
