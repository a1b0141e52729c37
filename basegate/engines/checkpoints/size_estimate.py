"""How large a candidate will be, told from its config before anything large is fetched or read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from basegate.engines.checkpoints.model_config import empty_model
from basegate.engines.kv_cache import bytes_of
from basegate.engines.memory import what_helps
from basegate.errors import CandidateError
from basegate.i18n.formatting import GIB
from basegate.i18n.messages import Message

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK, _BLOCKS = 64, 256
"""Weights that share a scale, and scales that share one in their turn (double quantisation)."""


class Size(NamedTuple):
    """What a candidate will take.

    Attributes:
        parameters: all of them, each once.
        quantised: how many of them are held in 4 or 8 bits: those of linear layers.
        weights: bytes of all parameters.
        cache: bytes of the keys, values and states of one window; `None` where only a real pass
            could tell.
        window: tokens of that window.
    """

    parameters: int
    quantised: int
    weights: int
    cache: int | None
    window: int

    @property
    def needed(self) -> int:
        """Bytes below which it cannot run."""
        return self.weights + (self.cache or 0)


def measure(
    folder: Path, native: Any, quantization: str, dtype: str, device: str, window: int
) -> Size:
    """Return the size of a candidate by its configuration; no weights are looked at.

    Args:
        folder: the checkpoint, for messages.
        native: its configuration; see `configs.model_config`.
        quantization: `nf4`, `fp4`, `int8` or `none`.
        dtype: of what is not quantised.
        device: `cuda` or `cpu`.
        window: tokens of the longest input of the run.

    Raises:
        CandidateError: no model can be built from the configuration.
    """
    model = empty_model(folder, native, dtype)
    cache = _cache_bytes(model, window)
    # Before bitsandbytes' layers are put in: their biases are float32 until they are loaded.
    held = {name: each.nbytes for name, each in model.named_parameters()}
    _quantise(model, quantization, dtype, device)
    parameters = dict(model.named_parameters())
    small = {name: each.numel() for name, each in parameters.items() if _is_quantised(model, name)}
    scales = sum(_scale_bytes(model, name, quantization) for name in small)
    each_byte = 1 if quantization == "int8" else 0.5
    rest = sum(held[name] for name in parameters if name not in small)
    return Size(
        parameters=sum(each.numel() for each in parameters.values()),
        quantised=sum(small.values()),
        weights=rest + int(each_byte * sum(small.values())) + scales,
        cache=cache,
        window=window,
    )


def _cache_bytes(model: Any, window: int) -> int | None:
    """Return what one row of a window leaves in the cache, by a pass that computes nothing.

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


def _quantise(model: Any, quantization: str, dtype: str, device: str) -> None:
    """Put bitsandbytes' layers where loading would put them."""
    import torch
    from transformers.quantizers.auto import AutoHfQuantizer

    from basegate.engines.quantization import layers_left_out, quantization_config

    left_out = layers_left_out(model, quantization, device)
    config = quantization_config(quantization, getattr(torch, dtype), left_out)
    if config is not None:
        AutoHfQuantizer.from_config(config, pre_quantized=False).preprocess_model(
            model=model, device_map={"": "cpu"}
        )


def _is_quantised(model: Any, name: str) -> bool:
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    layer = model.get_submodule(name.rpartition(".")[0])
    return isinstance(layer, Linear4bit | Linear8bitLt) and name.endswith(".weight")


def _scale_bytes(model: Any, name: str, quantization: str) -> int:
    """Return what a quantised weight takes beside its numbers."""
    weight = model.get_parameter(name)
    if quantization == "int8":
        return 4 * int(weight.shape[0])
    blocks = -(-weight.numel() // _BLOCK)
    return int(blocks + 4 * -(-blocks // _BLOCKS))


def describe(size: Size, quantization: str, dtype: str) -> str:
    """Return a size as a sentence without its end."""
    held = Message("all in {dtype}", dtype=dtype)
    if quantization != "none":
        held = Message(
            "{count} of them in {quantization}, the rest in {dtype}",
            count=_billions(size.quantised),
            quantization=quantization,
            dtype=dtype,
        )
    cache = Message("not known before") if size.cache is None else _gib(size.cache)
    return Message(
        "{count} parameters, {held}: {weights}; keys and values of a window of {window} tokens: "
        "{cache}",
        count=_billions(size.parameters),
        held=held,
        weights=_gib(size.weights),
        window=size.window,
        cache=cache,
    )


def check_fits(
    name: str, size: Size, free: int | None, device: str, quantization: str, how: str
) -> None:
    """Refuse a candidate that cannot run in the memory there is.

    Args:
        name: of the candidate, for the message.
        size: of the candidate.
        free: bytes of memory; `None` where the system does not tell.
        device: `cuda` or `cpu`.
        quantization: `nf4`, `fp4`, `int8` or `none`.
        how: the size as a sentence.

    Raises:
        CandidateError: with the numbers.
    """
    if free is None or size.needed <= free:
        return
    where = Message("the GPUs here have") if device == "cuda" else Message("this machine has")
    # A smaller window makes the keys and values smaller, and nothing else.
    window = (Message("a smaller [perplexity] window"),) if size.weights <= free else ()
    raise CandidateError(
        "{name} does not fit. It needs {needed} ({how}), and {where} {free} of memory free. "
        "Nothing was loaded. End what else uses the memory. {advice}",
        name=name,
        needed=_gib(size.needed),
        how=how,
        where=where,
        free=_gib(free),
        advice=what_helps(quantization, device, *window),
    )


def _billions(count: int) -> str:
    return f"{count / 1e9:.1f} B" if count >= 1e8 else f"{count / 1e6:.1f} M"


def _gib(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{count / 2**20:.1f} MiB"
