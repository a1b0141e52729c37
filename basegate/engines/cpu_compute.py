"""What a CPU computes fastest in, told by its instructions, without importing torch."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from basegate.config.registry import CandidateSpec

_PROCESSOR = Path("/proc/cpuinfo")
_INSTRUCTIONS = {
    "bfloat16": frozenset({"avx512_bf16", "amx_bf16", "bf16"}),
    "float16": frozenset({"avx512_fp16", "amx_fp16", "asimdhp"}),
}
"""By dtype, the flags of x86 and Arm processors that multiply matrices in it."""
FOUR_BITS = ("nf4", "fp4")


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
