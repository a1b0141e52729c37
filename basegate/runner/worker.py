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
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

import basegate.checks  # noqa: F401  declares what a job may ask for
from basegate.config.declaration import import_origin
from basegate.engines.devices import clear_frames
from basegate.errors import BasegateError, StoreWarning
from basegate.i18n.messages import Message
from basegate.runner.candidate import Candidate
from basegate.runner.gpu_leases import take, visible_gpus
from basegate.runner.measure import measure
from basegate.runner.progress_relay import ProgressSender

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

    from basegate.config.declaration import Origin
    from basegate.config.registry import CandidateSpec


@dataclass(frozen=True)
class WorkerConfig:
    """Which candidate a process is for."""

    spec: CandidateSpec
    revision: str  # its commit or fingerprint
    device: str  # `cuda` or `cpu`
    memory: Path  # file that remembers fingerprints
    window: int | None  # tokens of the run's longest input
    gpus: int | None  # how many it leases; `None` leaves it all that are visible
    load: Callable[..., Any]  # see `candidate.load_engine`
    declared_in: tuple[Origin, ...] = ()  # modules that declare the project's own checks


def serve(pipe: Connection, config: WorkerConfig) -> None:
    """Measure what is asked for over a pipe until it is closed.

    Answers each `Job` with messages of progress, then `("result", JSON, warnings)` or `("error",
    exception, traceback, warnings)`.
    """
    # Ctrl-C reaches every process of a terminal: the one that reports ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    turn = threading.Lock()

    def send(message: tuple[Any, ...]) -> None:
        with turn:
            pipe.send(message)

    progress = ProgressSender(send)
    candidate = Candidate(
        config.spec,
        device=config.device,
        memory=config.memory,
        progress=progress,
        revision=config.revision,
        load=partial(config.load, window=config.window, progress=progress),
    )
    begin = cache(partial(_begin, config, progress))
    while True:
        try:
            job = pipe.recv_bytes()
        except EOFError:
            candidate.close()
            return
        send(_answer(candidate, job, progress, begin))


def _begin(config: WorkerConfig, progress: ProgressSender) -> None:
    """Import the project's own checks, which a `Job` may speak of, and take GPUs."""
    for origin in config.declared_in:
        import_origin(origin)
    _lease(config, progress)


def _lease(config: WorkerConfig, progress: ProgressSender) -> None:
    """Take GPUs, which are held until the process ends, however it ends.

    Before the lock of any measurement: whoever held one while waiting for a GPU could wait for the
    process that has the GPU and waits for the lock.
    """
    if config.device == "cuda" and config.gpus is not None:
        take(
            config.gpus,
            visible_gpus(),
            waiting=lambda: progress.status(
                Message("{name}: waiting for a free GPU", name=config.spec.name)
            ),
        ).export()


def _answer(
    candidate: Candidate, job: bytes, progress: ProgressSender, begin: Callable[[], None]
) -> tuple[Any, ...]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            begin()
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


def _end_with_parent() -> None:
    """End this process when the one that started it ends, in whatever way."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
