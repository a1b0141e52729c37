"""Where a measurement is made: versions and device, found out without importing torch."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import os
import platform
from functools import lru_cache
from typing import Literal

from basegate.errors import UsageError

MEASURING_LIBRARIES = ("torch", "transformers", "tokenizers", "bitsandbytes", "numpy", "scipy")


def version(package: str) -> str | None:
    """Return the installed version of a package, or `None`."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def library_versions(*further: str) -> dict[str, str | None]:
    """Return the versions of the libraries that can change a number, and of `further` ones."""
    return {name: version(name) for name in (*MEASURING_LIBRARIES, *further)}


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
    driver = _driver()
    if driver is None:
        return None
    device, name = ctypes.c_int(), ctypes.create_string_buffer(128)
    if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0):
        return None
    if driver.cuDeviceGetName(name, len(name), device):
        return "unknown"
    return name.value.decode("utf-8", "replace")


def _driver() -> ctypes.CDLL | None:
    """Return NVIDIA's driver library, by its name on Linux or on Windows."""
    for name in ("libcuda.so.1", "nvcuda.dll"):
        with contextlib.suppress(OSError):
            return ctypes.CDLL(name)
    return None
