"""The device a candidate runs on, what it computes in there, and its memory; without torch."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from basegate.engines import cuda_driver as driver
from basegate.errors import UsageError
from basegate.i18n.messages import joined

if TYPE_CHECKING:
    from basegate.config.registry import CandidateSpec

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_MACHINE = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of `mallopt`: from how many bytes on freed memory goes back to the system, and what is
allocated gets pages of its own."""
_KEPT = 256 * 2**20
_PROCESSOR = Path("/proc/cpuinfo")
_INSTRUCTIONS = {
    "bfloat16": frozenset({"avx512_bf16", "amx_bf16", "bf16"}),
    "float16": frozenset({"avx512_fp16", "amx_fp16", "asimdhp"}),
}
"""By dtype, the flags of x86 and Arm processors that multiply matrices in it."""
FOUR_BITS = ("nf4", "fp4")


def resolve_device(requested: str) -> Literal["cuda", "cpu"]:
    """The device kind that `auto`, `cuda` or `cpu` means here.

    Raises:
        UsageError: `cuda` is asked for and there is no usable GPU.
    """
    if requested == "cpu":
        return "cpu"
    if gpu_name() is not None and "+cpu" not in importlib.metadata.version("torch"):
        return "cuda"
    if requested == "cuda":
        raise UsageError(
            "--device cuda: no NVIDIA GPU can be used here (no driver, no visible device, or a "
            "CPU build of torch). Leave the option out to run on the CPU."
        )
    return "cpu"


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


def memory_advice(quantization: str, device: str, *further: str) -> str:
    """A sentence on what to do where memory does not suffice.

    `further` helps in the case at hand, e.g. `a smaller [perplexity] window`.
    """
    larger = "more or larger GPUs" if device == "cuda" else "a machine with more memory"
    fewer_bits = {"none": "--quantization int8 or nf4", "int8": "--quantization nf4"}
    smallest = f"a smaller model ({quantization} is the smallest --quantization there is)"
    smaller = fewer_bits.get(quantization, smallest)
    *first, last = larger, smaller, *further
    return f"Use {joined(first)} or {last}."


def reset_peak_memory(device: str) -> None:
    """Let `peak_memory` begin anew: that of the GPUs on `cuda`, of the process on `cpu`."""
    if device == "cuda":
        import torch

        # Before CUDA is initialised there is no peak, and asking to forget it is an error.
        if torch.cuda.is_initialized():
            for index in range(torch.cuda.device_count()):
                torch.cuda.reset_peak_memory_stats(index)
    else:
        with contextlib.suppress(OSError):
            _RESET.write_text("5")


def peak_memory(device: str) -> int | None:
    """Peak memory in bytes; `None` where the system does not tell (it does on Linux)."""
    if device == "cuda":
        import torch

        return _of_gpus(torch.cuda.max_memory_allocated)
    return _kilobytes(_STATUS, "VmHWM")


def _of_gpus(count: Callable[[int], int]) -> int:
    import torch

    return sum(map(count, range(torch.cuda.device_count())))


def _kilobytes(path: Path, key: str) -> int | None:
    with contextlib.suppress(OSError):
        if found := re.search(rf"{key}:\s+(\d+) kB", path.read_text()):
            return int(found[1]) * 1024
    return None


def free_memory(device: str) -> int | None:
    """Bytes that can still be allocated: on all GPUs for `cuda`, on the machine for `cpu`.

    A limit that a container has counts as the machine's. `None` where the system does not tell.
    """
    if device == "cuda":
        return _of_gpus(free_of_gpu)
    free = (_kilobytes(_MACHINE, "MemAvailable"), _free_of_group())
    return min((each for each in free if each is not None), default=None)


def free_of_gpu(index: int) -> int:
    """Free bytes of a GPU, those that torch keeps unused included."""
    import torch

    unused = torch.cuda.memory_reserved(index) - torch.cuda.memory_allocated(index)
    return int(torch.cuda.mem_get_info(index)[0]) + unused


def _free_of_group() -> int | None:
    """Bytes that the process's cgroup leaves free; page cache of files can go."""
    try:
        limit = (_GROUP / "memory.max").read_text().strip()
        used = int((_GROUP / "memory.current").read_text())
        files = re.search(r"^inactive_file (\d+)", (_GROUP / "memory.stat").read_text(), re.M)
    except (OSError, ValueError):
        return None
    if limit == "max":
        return None
    return max(0, int(limit) - used + (int(files[1]) if files else 0))


def memory_in_use(device: str) -> int:
    """Bytes that the process holds on the device now; 0 where the system does not tell.

    On the CPU files that are only mapped do not count.
    """
    if device == "cuda":
        import torch

        return _of_gpus(torch.cuda.memory_allocated)
    return _kilobytes(_STATUS, "RssAnon") or 0


def memory_held(device: str) -> int:
    """Bytes held on the device now, as `peak_memory` counts them: with files that are mapped.

    0 where the system does not tell.
    """
    return memory_in_use(device) if device == "cuda" else _kilobytes(_STATUS, "VmRSS") or 0


def reuse_freed_memory() -> None:
    """Let the C library keep what is freed for what is allocated next, up to some size.

    It gives large blocks back to the system at once, and Linux then fills their pages with zeros
    for the next ones, which for the tensors of a pass takes a CPU up to half of the time.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # not every C library has it
            for parameter in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
                ctypes.CDLL(None).mallopt(parameter, _KEPT)


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
        with contextlib.suppress(AttributeError):  # not every C library has it
            ctypes.CDLL(None).malloc_trim(0)


def clear_frames(error: BaseException) -> None:
    """Drop the local variables that the tracebacks of an error and its causes keep alive.

    Else a half-loaded model would stay in memory as long as anyone keeps the error.
    """
    each: BaseException | None = error
    seen: set[int] = set()
    # An error may be among its own causes.
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        traceback.clear_frames(each.__traceback__)
        each = each.__cause__ or each.__context__


def compute_dtype(quantization: str, dtype: str, device: str) -> str:
    """The dtype that a candidate of `dtype` computes in.

    It is another one for weights of four bits on a CPU that has no instructions for matrices of
    `dtype`: bfloat16 runs there at a fifth of the speed of float32 or less. The weights stay what
    the four bits say in `dtype`, to the bit; only what is computed from them is rounded less. Free
    memory has no say in it, so that a candidate's numbers do not depend on what else is running.
    """
    if device != "cpu" or quantization not in FOUR_BITS or dtype == "float32":
        return dtype
    return dtype if _INSTRUCTIONS[dtype] & processor_flags() else "float32"


def another_dtype(spec: CandidateSpec, device: str) -> str | None:
    """The dtype that a candidate computes in there, where that is not its own."""
    found = compute_dtype(spec.quantization, spec.dtype, device)
    return found if found != spec.dtype and spec.engine == "transformers" else None


@lru_cache
def processor_flags() -> frozenset[str]:
    """The instruction sets that the system names; empty where it names none."""
    try:
        text = _PROCESSOR.read_text()
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()
