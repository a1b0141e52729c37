"""The highest memory in use while a candidate is loaded."""

from __future__ import annotations

import contextlib
import re
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
