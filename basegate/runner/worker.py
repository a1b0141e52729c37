"""The process that loads one candidate and measures it: what runs in it.

A process of its own, because a model can take its process down (a fault in a kernel, the system
out of memory) or hang for ever, and must not take the other candidates with it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import basegate.checks  # noqa: F401  declares what a job may ask for
from basegate.config.declaration import Origin, import_origin
from basegate.config.registry import CandidateSpec
from basegate.engines.devices import clear_frames
from basegate.errors import BasegateError, StoreWarning
from basegate.i18n.messages import Message
from basegate.progress import Progress, Step, Unit, watched
from basegate.runner.candidate import Candidate
from basegate.runner.gpu_leases import export, take, visible_gpus
from basegate.runner.measure import measure

DETAIL_EVERY = 5.0
"""Seconds between two words on how far loading is."""
SPINS = "10000"
"""Looks of a thread of GNU OpenMP before it sleeps: some 50 microseconds, so that it is awake for
the next operation of a model on idle cores."""


@dataclass(frozen=True)
class WorkerConfig:
    """Which candidate a process is for."""

    spec: CandidateSpec
    revision: str  # its commit or fingerprint
    device: str  # `cuda` or `cpu`
    memory: Path  # file that remembers fingerprints
    window: int | None  # tokens of the run's longest input
    budget: float | None  # GiB of memory that it may take; `None` for what is free
    gpus: int | None  # how many it leases; `None` leaves it all that are visible
    load: Callable[..., Any]  # see `candidate.load_engine`


def serve(pipe: Connection, config: WorkerConfig) -> None:
    """Measure what is asked for over a pipe until it is closed.

    Takes the module that declares a check, and a pickled `Job`. Answers with messages of progress,
    then `("result", JSON, warnings)` or `("error", exception, traceback, warnings)`.
    """
    # Ctrl-C reaches every process of a terminal: the one that reports ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    _wait_asleep()
    turn = threading.Lock()

    def send(*message: Any) -> None:
        with turn:
            pipe.send(message)

    progress = SentProgress(send)
    candidate = Candidate(
        config.spec,
        device=config.device,
        memory=config.memory,
        progress=progress,
        revision=config.revision,
        load=partial(config.load, window=config.window, budget=config.budget, progress=progress),
    )
    lease = cache(partial(_lease, config, progress))
    while True:
        try:
            origin, job = pipe.recv()
        except EOFError:
            candidate.close()
            return
        send(*_answer(candidate, origin, job, progress, lease))


def _lease(config: WorkerConfig, progress: Progress) -> None:
    """Take GPUs, which are held until the process ends, however it ends.

    Before the lock of any measurement: whoever held one while waiting for a GPU could wait for
    the process that has the GPU and waits for the lock.
    """
    if config.device == "cuda" and config.gpus is not None:
        waiting = Message("{name}: waiting for a free GPU", name=config.spec.name)
        export(take(config.gpus, visible_gpus(), waiting=partial(progress.status, waiting)))


def _answer(
    candidate: Candidate, origin: Origin, job: bytes, progress: Progress, lease: Callable[[], None]
) -> tuple[Any, ...]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            import_origin(origin)
            lease()
            measurement = measure(candidate, pickle.loads(job), progress)
        # A mistake in the program is told, too.
        except Exception as error:  # noqa: BLE001
            # Text before the frames are emptied: the half-loaded model lives in them.
            told = traceback.format_exc()
            clear_frames(error)
            return ("error", _sendable(error), told, _texts(caught))
    return ("result", measurement.model_dump_json(), _texts(caught))


def _sendable(error: Exception) -> Exception:
    """An error as the other process can take it, which has not imported torch."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    if isinstance(error, BasegateError) or type(error).__module__ == "builtins":
        with suppress(Exception):  # pickling calls the error's own code, which may do anything
            pickle.loads(pickle.dumps(error))
            return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _texts(caught: list[warnings.WarningMessage]) -> list[tuple[str, type[Warning]]]:
    """Warnings as the other process can take them, which has not imported torch."""
    known = ("builtins", StoreWarning.__module__)
    return [
        (str(each.message), each.category if each.category.__module__ in known else UserWarning)
        for each in caught
    ]


def _wait_asleep() -> None:
    """Let torch's threads sleep where another of them is late; before torch is imported.

    They look 300,000 times else, and where other programs keep the cores busy that takes several
    times the work itself.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def _end_with_parent() -> None:
    """End this process when the one that started it ends, in whatever way."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class SentProgress(Progress):
    """Sends messages about work, from any thread, instead of showing it."""

    def __init__(self, send: Callable[..., None]) -> None:
        super().__init__()
        self._send = send

    def phase(self, name: str) -> None:
        self._send("phase", name)

    def status(self, text: str) -> None:
        self._send("status", text)

    @contextmanager
    def task(self, description: str, total: int, unit: Unit) -> Iterator[Step]:
        with self._begun("task", description, total, unit):
            yield lambda amount=1, kept=False: self._send("step", amount, kept)

    @contextmanager
    def waiting(self, description: str) -> Iterator[None]:
        with self._begun("waiting", description), watched(self._follow):
            yield

    @contextmanager
    def _begun(self, *message: Any) -> Iterator[None]:
        self._send(*message)
        try:
            yield
        finally:
            self._send("done")

    def _follow(self, done: threading.Event) -> None:
        while not done.wait(DETAIL_EVERY):
            self._send("detail", self._detail())
