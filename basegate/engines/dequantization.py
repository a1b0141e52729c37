"""Layers of four bits as layers that a CPU computes with fast, of the very same weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn


class PackedLinear(nn.Module):
    """A linear layer that keeps four bits and unpacks them for every pass.

    Its numbers are those of the unpacked layer: for a machine that has no memory for that one.
    """

    packed: torch.Tensor

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.register_buffer("packed", layer.weight.data, persistent=False)
        self.state = layer.weight.quant_state
        self.bias = layer.bias

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        weight = _unpacked(self.packed, self.state).to(given.dtype)
        return nn.functional.linear(given, weight, self.bias)


def compute_in(model: Any, dtype: torch.dtype, room: int | None) -> bool:
    """Let a model of bitsandbytes' four-bit layers compute in another dtype, on the CPU.

    Every weight keeps its value: those of four bits are what bitsandbytes makes of them in the
    dtype that they were quantised from, absmax times code, rounded to it. Where that fits into
    `room` bytes (`None`: it does), they are unpacked once and for all, else for every pass.

    Returns:
        Whether they were unpacked.
    """
    layers = list(_four_bit_layers(model))
    more = sum(each.nbytes for each in model.parameters() if each.is_floating_point())
    more += sum(_unpacked_bytes(layer, dtype) for _, _, layer in layers)
    fits = room is None or more <= room
    for parent, name, layer in layers:
        setattr(parent, name, _plain(layer, dtype) if fits else PackedLinear(layer))
    # transformers refuses to convert a model that it has quantised.
    nn.Module.to(model, dtype=dtype)
    return fits


def _four_bit_layers(model: Any) -> Iterator[tuple[Any, str, Any]]:
    """Every four-bit layer with its parent and its name there."""
    from bitsandbytes.nn.modules import Linear4bit

    for parent in model.modules():
        for name, layer in parent.named_children():
            if isinstance(layer, Linear4bit):
                yield parent, name, layer


def _unpacked_bytes(layer: Any, dtype: torch.dtype) -> int:
    """Bytes that a layer takes more once it is unpacked."""
    whole = layer.in_features * layer.out_features * dtype.itemsize
    return int(whole - layer.weight.nbytes)


def _unpacked(packed: torch.Tensor, state: Any) -> torch.Tensor:
    from bitsandbytes.functional import dequantize_4bit

    weight: torch.Tensor = dequantize_4bit(packed, state)
    return weight


def _plain(layer: Any, dtype: torch.dtype) -> nn.Linear:
    plain = nn.Linear(layer.in_features, layer.out_features, bias=False, device="meta")
    weight = _unpacked(layer.weight.data, layer.weight.quant_state).to(dtype)
    plain.weight = nn.Parameter(weight, requires_grad=False)
    plain.bias = layer.bias
    return plain.eval()
