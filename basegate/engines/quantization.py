"""The bitsandbytes config, and the layers that it cannot take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import BitsAndBytesConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

_IN, _OUT = 64, 32
"""On the CPU bitsandbytes reads four-bit layers in blocks of so many numbers and rows."""


def quantization_config(
    quantization: str, dtype: torch.dtype, left_out: Sequence[str] = ()
) -> BitsAndBytesConfig | None:
    """`nf4` and `fp4`: 4 bits, double quantisation. `int8`: LLM.int8(). `none`: `None`.

    Layers `left_out` stay in `dtype`; where empty, transformers' own choice (the LM head).
    """
    if quantization == "none":
        return None
    skipped = list(left_out) or None
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=skipped)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=skipped,
    )


def layers_left_out(model: Any, quantization: str, device: str) -> list[str]:
    """Layers that stay unquantised because the CPU could not compute with them.

    Falcon-H1's projections into its state have odd numbers of rows, for one. Where there is any,
    what transformers leaves out by itself is in the list, too, since naming some replaces that.
    """
    import torch
    from transformers.quantizers.base import get_keys_to_not_convert

    if device != "cpu" or quantization not in ("nf4", "fp4"):
        return []
    own = set(get_keys_to_not_convert(model))
    odd = {
        name
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
        and (layer.in_features % _IN or layer.out_features % _OUT)
    }
    return sorted(odd | own) if odd - own else []
