"""Ask NVIDIA's driver for the GPUs: a script, since that has to happen in another process.

The driver reads CUDA_VISIBLE_DEVICES once in a process's life, when it is first asked. Asked by the
process that is to use a GPU, it would go on showing all of them, whichever is leased later.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
from typing import Any

_NOT_INITIALISED = 3
_LONGEST_NAME = 128
_UUID_BYTES = 16


def load() -> Any | None:
    """NVIDIA's driver library, by its name on Linux or on Windows; loading asks nothing."""
    for name in ("libcuda.so.1", "nvcuda.dll"):
        with contextlib.suppress(OSError):
            return ctypes.CDLL(name)
    return None


def is_initialised(driver: Any) -> bool:
    """Whether this process, or a library in it, has asked the driver before."""
    return bool(driver.cuDeviceGetCount(ctypes.byref(ctypes.c_int())) != _NOT_INITIALISED)


def names(driver: Any) -> list[str]:
    return [_name(driver, index) for index in range(_count(driver))]


def uuids(driver: Any) -> list[str | None]:
    """UUIDs of the visible GPUs, or parts of GPUs, in CUDA's order.

    A GPU has one, by whatever it is called in CUDA_VISIBLE_DEVICES. `None` where the driver is too
    old to tell parts of one GPU from each other.
    """
    return [_uuid(driver, index) for index in range(_count(driver))]


def _count(driver: Any) -> int:
    count = ctypes.c_int()
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return 0 if failed else count.value


def _name(driver: Any, index: int) -> str:
    device, name = ctypes.c_int(), ctypes.create_string_buffer(_LONGEST_NAME)
    if driver.cuDeviceGet(ctypes.byref(device), index) or driver.cuDeviceGetName(
        name, len(name), device
    ):
        return "unknown"
    return name.value.decode("utf-8", "replace")


def _uuid(driver: Any, index: int) -> str | None:
    ask = getattr(driver, "cuDeviceGetUuid_v2", None)
    device, found = ctypes.c_int(), (ctypes.c_ubyte * _UUID_BYTES)()
    if ask is None or driver.cuDeviceGet(ctypes.byref(device), index):
        return None
    return None if ask(ctypes.byref(found), device) else bytes(found).hex()


if __name__ == "__main__":
    found = load()
    print(json.dumps([names(found), uuids(found)] if found is not None else [[], []]))
