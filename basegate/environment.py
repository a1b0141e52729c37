"""Where a measurement is made: versions and device, found out without importing torch."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
from functools import lru_cache
from typing import Literal

from basegate.errors import UsageError

MEASURING_LIBRARIES = ("torch", "transformers", "bitsandbytes")


def version(package: str) -> str | None:
    """Return the installed version of a package, or `None`."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def library_versions() -> dict[str, str | None]:
    """Return the versions of the libraries that can change a number."""
    return {name: version(name) for name in MEASURING_LIBRARIES}


def environment(device: str) -> dict[str, str | None]:
    """Return the ledger's description of this machine."""
    return {
        "basegate": version("basegate"),
        "python": platform.python_version(),
        **library_versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": device,
        "gpu": gpu_name() if device == "cuda" else None,
        "cpus": str(os.cpu_count()),
    }


def resolve_device(requested: str) -> Literal["cuda", "cpu"]:
    """Return the device kind that `auto`, `cuda` or `cpu` means here.

    Raises:
        UsageError: `cuda` is asked for and there is no usable GPU.
    """
    if requested == "cpu":
        return "cpu"
    found = gpu_name() is not None and "+cpu" not in (version("torch") or "")
    if requested == "cuda" and not found:
        raise UsageError(
            "--device cuda: no NVIDIA GPU can be used here (no driver, no visible device, or a "
            "CPU build of torch). Leave the option out to run on the CPU."
        )
    return "cuda" if found else "cpu"


@lru_cache(maxsize=1)
def gpu_name() -> str | None:
    """Return the first visible NVIDIA GPU's name as the driver gives it, or `None`.

    Asks the driver, since importing torch for the question takes seconds.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    device, name = ctypes.c_int(), ctypes.create_string_buffer(128)
    if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0):
        return None
    if driver.cuDeviceGetName(name, len(name), device):
        return "unknown"
    return name.value.decode("utf-8", "replace")
