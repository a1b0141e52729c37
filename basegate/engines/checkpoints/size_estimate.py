"""Parameters and memory of a candidate, estimated from its config before anything large is read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

from basegate.engines.checkpoints.model_config import LoadOptions, empty_model, quantization_config
from basegate.engines.devices import memory_advice, memory_held
from basegate.engines.kv_cache import bytes_of
from basegate.engines.memory_budget import MemoryBudget, work_of_a_row
from basegate.errors import CandidateError
from basegate.i18n.formatting import GIB
from basegate.i18n.messages import Message


class Size(NamedTuple):
    """What a candidate will take; sizes in bytes."""

    parameters: int
    quantised: int  # how many of them are in 4 or 8 bits: those of linear layers
    weights: int
    cache: int | None  # KV cache and states of one window; `None` if only a real pass could tell
    window: int  # in tokens
    work: int = 0  # what a pass over one window computes with, logits included

    @property
    def working(self) -> int:
        """What it takes beside its weights for a single sequence."""
        return (self.cache or 0) + self.work

    @property
    def needed(self) -> int:
        return self.weights + self.working


def measure(folder: Path, native: Any, options: LoadOptions, window: int) -> Size:
    """Size of a candidate by its config, for inputs of `window` tokens; no weights are looked at.

    Raises:
        CandidateError: no model can be built from the config.
    """
    model = empty_model(folder, native, options.compute)
    cache = _cache_bytes(model, window)
    work = work_of_a_row(model, window)
    # Before bitsandbytes' layers are put in: their biases are float32 until they are loaded.
    parameters = dict(model.named_parameters())
    quantised = _quantised(model, options)
    weights = sum(each.nbytes for name, each in parameters.items() if name not in quantised)
    weights += sum(_quantised_bytes(each, options.quantization) for each in quantised.values())
    count, few_bits = (
        sum(each.numel() for each in group.values()) for group in (parameters, quantised)
    )
    return Size(count, few_bits, weights, cache, window, work)


def _cache_bytes(model: Any, window: int) -> int | None:
    """Bytes that one row of a window leaves in the KV cache, by a pass that computes nothing.

    `None` for families whose code asks numbers on its way, or calls its cache by another name.
    """
    import torch
    from transformers import DynamicCache

    ids = torch.zeros((1, window), dtype=torch.long, device="meta")
    try:
        # The other ways of computing experts need numbers, or one dtype.
        model.set_experts_implementation("batched_mm")
        with torch.inference_mode():
            # A cache that is given, if empty, keeps some from asking how rows are packed.
            cache = DynamicCache(config=model.config)
            done = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            return sum(bytes_of(done.past_key_values))
    # Whatever it is, it says nothing about the real pass: see `loading` for that.
    except Exception:  # noqa: BLE001
        return None


def _quantised(model: Any, options: LoadOptions) -> dict[str, Any]:
    """The parameters that loading will quantise, by transformers' own choice of layers."""
    from transformers.quantizers.auto import AutoHfQuantizer

    if (config := quantization_config(options, model)) is None:
        return {}
    quantizer = AutoHfQuantizer.from_config(config, pre_quantized=False)
    quantizer.preprocess_model(model=model, device_map={"": "cpu"})
    return {
        name: each
        for name, each in model.named_parameters()
        if quantizer.param_needs_quantization(model, name)
    }


def _quantised_bytes(weight: Any, quantization: str) -> int:
    """Bytes of a weight with its scales.

    In eight bits there is a scale of four bytes a row; in four bits one of one byte for every 64
    numbers, and four bytes for every 256 of those (double quantisation).
    """
    count = int(weight.numel())
    if quantization == "int8":
        return count + 4 * int(weight.shape[0])
    blocks = -(-count // 64)
    return -(-count // 2) + blocks + 4 * -(-blocks // 256)


def describe(size: Size, options: LoadOptions) -> str:
    precision = Message("all in {dtype}", dtype=options.dtype)
    if options.quantization != "none":
        precision = Message(
            "{count} of them in {quantization}, the rest in {dtype}",
            count=_billions(size.quantised),
            quantization=options.quantization,
            dtype=options.dtype,
        )
    return Message(
        "{count} parameters, {precision}: {weights}; KV cache of a window of {window} tokens: "
        "{cache}",
        count=_billions(size.parameters),
        precision=precision,
        weights=_gib(size.weights),
        window=size.window,
        cache=Message("not known before") if size.cache is None else _gib(size.cache),
    )


def check_fits(
    name: str, size: Size, free: int | None, options: LoadOptions, budget: MemoryBudget
) -> None:
    """Refuse a candidate of which not even one sequence fits into `free` bytes; with the numbers.

    `free` is what is left of the budget, `None` where nobody knows.
    """
    if free is None or size.needed <= free:
        return
    # A smaller window makes the KV cache and the work smaller, and nothing else.
    window = ("a smaller [perplexity] window",) if size.weights <= free else ()
    work = f"work on one sequence, logits included: {_gib(size.work)}"
    others = "" if budget.asked else "End what else uses the memory. "
    raise CandidateError(
        f"{name} does not fit. It needs {_gib(size.needed)} ({describe(size, options)}; {work}), "
        f"and {_left(size, free, options, budget)}. Nothing was loaded. {others}"
        f"{memory_advice(options.quantization, options.device, *window)}"
    )


def _left(size: Size, free: int, options: LoadOptions, budget: MemoryBudget) -> str:
    if budget.asked and budget.limit is not None:
        needed = memory_held(options.device) + size.needed
        there_is = budget.most is None or needed <= budget.most
        would_do = f": --memory={math.ceil(needed / GIB * 10) / 10} would do" if there_is else ""
        return (
            f"{_gib(free)} are left of the {_gib(budget.limit)} of --memory (libraries take the "
            f"rest){would_do}"
        )
    if options.device == "cuda":
        return f"the GPUs here have {_gib(free)} of memory free"
    kept = (budget.most or 0) - (budget.limit or 0)
    others = f" ({_gib(kept)} are left to everything else; --memory GIB sets another limit)"
    return f"this machine has {_gib(free)} of memory free for it{others if kept else ''}"


def _billions(count: int) -> str:
    return f"{count / 1e9:.1f} B" if count >= 1e8 else f"{count / 1e6:.1f} M"


def _gib(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{count / 2**20:.1f} MiB"
