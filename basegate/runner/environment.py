"""Where a measurement is made, as the ledger describes it; no torch is imported."""

from __future__ import annotations

import os
import platform

from basegate.checks.identity import installed_version, library_versions
from basegate.engines.devices import gpu_name


def environment(device: str) -> dict[str, str | None]:
    return {
        "basegate": installed_version("basegate"),
        "python": platform.python_version(),
        **library_versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": device,
        "gpu": gpu_name() if device == "cuda" else None,
        "cpus": str(os.cpu_count()),
    }
