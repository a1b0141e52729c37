"""Leases of GPUs: workers, and runs on one machine, that take them never share one."""

from __future__ import annotations

import getpass
import os
import re
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from basegate.engines import cuda_driver as driver
from basegate.engines.devices import gpu_count, gpu_uuids
from basegate.errors import CandidateError
from basegate.i18n.messages import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_VARIABLE = "CUDA_VISIBLE_DEVICES"
_UNSAFE = re.compile(r"[^\w.-]")
_GPU = re.compile(r"\d+|(GPU|MIG)-.+")
_held: set[Lease] = set()
"""A lock that nobody refers to is given back, and a lease lasts as long as its process."""


class Lease:
    """GPUs that no other lease of this user on this machine holds; freed when the process ends.

    `devices` are their indices or UUIDs.
    """

    def __init__(self, devices: tuple[str, ...], locks: ExitStack) -> None:
        self.devices = devices
        self._locks = locks
        _held.add(self)

    def release(self) -> None:
        self._locks.close()
        _held.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def export(self) -> None:
        """Let CUDA see these GPUs alone, in this process and those that it starts from now on.

        Raises:
            RuntimeError: torch, or another library, has initialised CUDA in this process.
        """
        library = driver.load()
        if library is not None and driver.is_initialised(library):
            raise RuntimeError(
                f"CUDA is initialised already in this process and goes on using the GPUs that it "
                f"found then: {_VARIABLE} comes too late. Export a lease before anything asks for "
                f"a GPU."
            )
        os.environ[_VARIABLE] = ",".join(self.devices)


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that CUDA would show, as CUDA_VISIBLE_DEVICES names them."""
    given = os.environ.get(_VARIABLE)
    if given is None:
        return tuple(map(str, range(gpu_count())))
    named = tuple(takewhile(_GPU.fullmatch, map(str.strip, given.split(","))))
    if len(set(named)) < len(named):
        return ()  # like CUDA, which shows none where one is named twice
    # An index that the machine does not have ends the list, too, and the driver knows where.
    return named[: gpu_count() or None]


def take(
    count: int,
    devices: Sequence[str],
    *,
    folder: Path | None = None,
    waiting: Callable[[], object] = lambda: None,
    poll: float = 0.5,
) -> Lease:
    """Wait for `count` of the devices and lease them.

    All or none: whoever held one while waiting for a second could wait for another who does the
    same. The locks are the system's own, so they are free again however the process ends.

    Args:
        count: how many.
        devices: which may be taken. One that the driver shows has one lock by whatever name.
        folder: where the locks are; one of this user in the system's temporary folder by default.
        waiting: called once where there are too few.
        poll: seconds between two tries.

    Raises:
        CandidateError: there are not as many devices, or the folder cannot be used.
    """
    if count > len(devices):
        raise CandidateError(_too_few(count, devices))
    folder = folder or _of_this_user()
    locks = _locks_of(devices)
    lease = _try(count, locks, folder)
    if lease is None:
        waiting()
    while lease is None:
        time.sleep(poll)
        lease = _try(count, locks, folder)
    return lease


def _locks_of(devices: Sequence[str]) -> dict[str, str]:
    """What the lock of each device is called: by its UUID, where the driver tells.

    An index and a UUID may be two names of one GPU.
    """
    uuids = dict(zip(visible_gpus(), gpu_uuids(), strict=False))
    return {device: uuids.get(device) or device for device in devices}


def _try(count: int, devices: Mapping[str, str], folder: Path) -> Lease | None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One at a time: two who each need two of two could otherwise take one each, for ever.
        with FileLock(folder / "turn.lock"), ExitStack() as locks:
            taken: list[str] = []
            for device, name in devices.items():
                if len(taken) < count and _lock(name, folder, locks):
                    taken.append(device)
            return Lease(tuple(taken), locks.pop_all()) if len(taken) == count else None
    except OSError as error:
        raise CandidateError(
            f"no GPU can be leased: {folder} cannot be used ({error.strerror}). The locks in it "
            "keep two candidates off one GPU. Name a folder that is yours in TMPDIR, the same "
            "for all runs on this machine."
        ) from None


def _lock(name: str, folder: Path, locks: ExitStack) -> bool:
    # Not of one thread: a lease is the process's.
    lock = FileLock(folder / f"gpu-{_UNSAFE.sub('_', name)}.lock", thread_local=False)
    try:
        locks.enter_context(lock.acquire(blocking=False))
    except Timeout:
        return False
    return True


def _of_this_user() -> Path:
    owner = os.getuid() if sys.platform != "win32" else getpass.getuser()
    return Path(tempfile.gettempdir()) / f"basegate-gpus-{owner}"


def _too_few(count: int, devices: Sequence[str]) -> str:
    here = "there is none"
    if devices:
        here = f"{len(devices)} can be used here ({joined(devices)})"
    needed = f"{count} GPUs" if count > 1 else "1 GPU"
    return (
        f"it needs {needed} and {here}. A candidate that waited for more would wait for ever. Use "
        f"a machine with more, let {_VARIABLE} show more, or lower its gpus in models.toml."
    )
