"""Leases of GPUs: workers, and runs on one machine, that take them never share one."""

from __future__ import annotations

import getpass
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import takewhile
from pathlib import Path

from filelock import FileLock, Timeout

from basegate.engines import cuda_driver as driver
from basegate.engines.devices import gpu_count, gpu_uuids
from basegate.errors import CandidateError
from basegate.i18n.messages import joined

_VARIABLE = "CUDA_VISIBLE_DEVICES"
_UNSAFE = re.compile(r"[^\w.-]")
_GPU = re.compile(r"\d+|(GPU|MIG)-.+")
_held: list[ExitStack] = []
"""A lock that nobody refers to is given back, and a lease lasts as long as its process."""


def export(devices: Sequence[str]) -> None:
    """Let CUDA see these GPUs alone, in this process and those that it starts from now on.

    Raises:
        RuntimeError: torch, or another library, has initialised CUDA in this process.
    """
    library = driver.load()
    if library is not None and driver.is_initialised(library):
        raise RuntimeError(
            "CUDA is initialised already in this process and goes on using the GPUs that it found "
            f"then: {_VARIABLE} comes too late. Export a lease before anything asks for a GPU."
        )
    os.environ[_VARIABLE] = ",".join(devices)


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
) -> tuple[str, ...]:
    """Wait for `count` of the devices and lease them, until this process ends, however it ends.

    All or none: whoever held one while waiting for a second could wait for another who does the
    same. The locks are the system's own, so they are free again with the process.

    Args:
        count: how many.
        devices: which may be taken, by index or UUID. One that the driver shows has one lock by
            whatever name.
        folder: where the locks are; one of this user in the system's temporary folder by default.
        waiting: called once where there are too few.
        poll: seconds between two tries.

    Raises:
        CandidateError: there are not as many devices, or the folder cannot be used.
    """
    if count > len(devices):
        raise CandidateError(_too_few(count, devices))
    folder = folder or _of_this_user()
    names = _lock_names(devices)
    taken = _try(count, names, folder)
    if taken is None:
        waiting()
    while taken is None:
        time.sleep(poll)
        taken = _try(count, names, folder)
    return taken


def _lock_names(devices: Sequence[str]) -> dict[str, str]:
    """What the lock of each device is called: by its UUID, where the driver tells.

    An index and a UUID may be two names of one GPU.
    """
    uuids = dict(zip(visible_gpus(), gpu_uuids(), strict=False))
    return {device: uuids.get(device) or device for device in devices}


def _try(count: int, names: Mapping[str, str], folder: Path) -> tuple[str, ...] | None:
    taken: list[str] = []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One at a time: two who each need two of two could otherwise take one each, for ever.
        with FileLock(folder / "turn.lock"), ExitStack() as locks:
            for device, name in names.items():
                path = folder / f"gpu-{_UNSAFE.sub('_', name)}.lock"
                with suppress(Timeout):
                    # Not of one thread: a lease is the process's.
                    locks.enter_context(FileLock(path, blocking=False, thread_local=False))
                    taken.append(device)
                if len(taken) == count:
                    _held.append(locks.pop_all())
                    return tuple(taken)
    except OSError as error:
        raise CandidateError(
            f"no GPU can be leased: {folder} cannot be used ({error.strerror}). The locks in it "
            "keep two candidates off one GPU. Name a folder that is yours in TMPDIR, the same "
            "for all runs on this machine."
        ) from None
    return None


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
