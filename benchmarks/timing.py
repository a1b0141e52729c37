"""What the benchmarks share: a way in its own process, its clock and memory, the head line."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).parent.parent
PEER = "lm-evaluation-harness"
INSTALL = f'{PEER} is not installed: `make peer`, or pip install "basegate[bench]"'


def print_head(*further: str) -> None:
    """Print what the figures depend on: versions and hardware."""
    libraries = ["torch", "transformers", *(["lm_eval"] if has_peer() else [])]
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    print(f"Python {platform.python_version()}, {versions}; {_hardware()}")
    for line in further:
        print(line)


def has_peer() -> bool:
    """Tell whether lm-evaluation-harness is installed."""
    return find_spec("lm_eval") is not None


def ours_and_peers(ways: Iterable[str]) -> list[str]:
    """Return the ways that can be timed here; say how to install what the others need."""
    if has_peer():
        return list(ways)
    print(INSTALL)
    return [way for way in ways if PEER not in way]


def on_its_own(module: str, *arguments: str) -> dict[str, Any]:
    """Run a benchmark's module in a process of its own and return what it printed last, JSON.

    A process's peak memory cannot be told from that of what ran in it before.
    """
    done = subprocess.run(
        (sys.executable, "-m", module, *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{module} {' '.join(arguments)} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(call: Callable[[], Any], device: str) -> dict[str, Any]:
    """Return seconds of wall time, the process's peak memory in GiB, and what the call returned."""
    import torch

    from basegate.engines.devices import peak_memory, reset_peak_memory

    # A GPU works on after a call has returned.
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    wait()
    reset_peak_memory(device)
    start = time.perf_counter()
    result = call()
    wait()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "memory": (peak_memory(device) or 0) / 2**30, "result": result}


def _hardware() -> str:
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {os.cpu_count()} CPUs, {platform.machine()}"
    return f"{os.cpu_count()} CPUs, {platform.machine()}, no GPU"
