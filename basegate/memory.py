"""Memory: the highest in use while a candidate is loaded, and giving it back."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import re
import sys
import traceback
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


class PeakMemory:
    """Peak memory since `start`: of the GPUs on `cuda`, of the process on `cpu` (Linux only)."""

    def __init__(self, device: str) -> None:
        self.device = device

    def start(self) -> None:
        """Forget the peak so far."""
        if self.device == "cuda":
            import torch

            # Before CUDA is initialised there is no peak, and asking to forget it is an error.
            if torch.cuda.is_initialized():
                for index in range(torch.cuda.device_count()):
                    torch.cuda.reset_peak_memory_stats(index)
        else:
            with contextlib.suppress(OSError):
                _RESET.write_text("5")

    def read(self) -> int | None:
        """Return the peak in bytes, or `None` where the system does not tell."""
        if self.device == "cuda":
            import torch

            return sum(
                torch.cuda.max_memory_allocated(index) for index in range(torch.cuda.device_count())
            )
        with contextlib.suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
            return int(found[1]) * 1024 if found else None
        return None


def release_memory() -> None:
    """Give freed memory back: Python's garbage, torch's cache, the C library's heap."""
    for name in ("last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def let_go(error: BaseException) -> None:
    """Drop the local variables that an error's traceback keeps alive, of its causes too.

    A half-loaded model stays in memory as long as anyone keeps the error that ended its loading.
    """
    seen: BaseException | None = error
    while seen is not None:
        traceback.clear_frames(seen.__traceback__)
        seen = seen.__cause__ or seen.__context__
