"""Which device a candidate runs on, found out without importing torch."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from functools import lru_cache
from typing import Literal

from basegate.engines import cuda_driver as driver
from basegate.errors import UsageError


def resolve_device(requested: str) -> Literal["cuda", "cpu"]:
    """The device kind that `auto`, `cuda` or `cpu` means here.

    Raises:
        UsageError: `cuda` is asked for and there is no usable GPU.
    """
    if requested == "cpu":
        return "cpu"
    found = gpu_name() is not None and "+cpu" not in importlib.metadata.version("torch")
    if requested == "cuda" and not found:
        raise UsageError(
            "--device cuda: no NVIDIA GPU can be used here (no driver, no visible device, or a "
            "CPU build of torch). Leave the option out to run on the CPU."
        )
    return "cuda" if found else "cpu"


def gpu_name() -> str | None:
    """The first visible NVIDIA GPU's name as the driver gives it, or `None`."""
    return next(iter(_gpus(os.environ.get("CUDA_VISIBLE_DEVICES"))), None)


def gpu_count() -> int:
    """NVIDIA GPUs that the driver shows: those that CUDA_VISIBLE_DEVICES leaves."""
    return len(_gpus(os.environ.get("CUDA_VISIBLE_DEVICES")))


def gpu_uuids() -> tuple[str | None, ...]:
    return tuple(_ask_driver()[1])


@lru_cache
def _gpus(visible: str | None) -> tuple[str, ...]:
    """Names of the visible GPUs; asked again once other ones are `visible`."""
    return tuple(_ask_driver()[0])


def _ask_driver() -> tuple[list[str], list[str | None]]:
    """Names and UUIDs of the visible GPUs.

    Asks the driver, since importing torch for the question takes seconds, and in another process,
    see `basegate.engines.cuda_driver`.
    """
    if driver.load() is None:
        return [], []
    done = subprocess.run(
        [sys.executable, "-I", "-S", driver.__file__],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return [], []
    names, uuids = json.loads(done.stdout)
    return names, uuids
