"""Keys and values of prompts, repeated for their samples, with room for what will be written."""

from __future__ import annotations

import os
from typing import Any

import torch
from transformers.cache_utils import DynamicLayer

CPU_BUDGET = 4 * 2**30
"""Most memory for keys and values on the CPU, in bytes."""
SHARE_OF_FREE = 0.5
"""Of the free memory of a GPU, or of the machine, that keys and values may take."""


class RoomyLayer(DynamicLayer):
    """A layer of a growing cache that is allocated once.

    `DynamicLayer` copies all keys and values for every new token, which for a few hundred samples
    are gigabytes a step.

    Args:
        layer: keys and values of the prompts, shape [prompts, heads, tokens, width].
        rows: for each sample the place of its prompt, shape [samples].
        room: tokens that will be added.
    """

    def __init__(self, layer: DynamicLayer, rows: torch.Tensor, room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        assert layer.keys is not None
        assert layer.values is not None
        self.dtype, self.device = layer.keys.dtype, layer.keys.device
        self.filled = layer.keys.shape[-2]
        self._all_keys = _spread(layer.keys, rows, room)
        self._all_values = _spread(layer.values, rows, room)
        self._show()
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new keys and values behind those there are, and return all."""
        end = self.filled + key_states.shape[-2]
        self._all_keys[..., self.filled : end, :] = key_states
        self._all_values[..., self.filled : end, :] = value_states
        self.filled = end
        return self._show()

    def _show(self) -> tuple[torch.Tensor, torch.Tensor]:
        keys = self._all_keys[..., : self.filled, :]
        values = self._all_values[..., : self.filled, :]
        self.keys, self.values = keys, values
        return keys, values


def repeat(cache: Any, counts: torch.Tensor, room: int) -> Any:
    """Repeat every prompt's keys and values for its samples; return the cache.

    Layers that grow get room for what will be written; others (sliding windows, states) repeat
    themselves.

    Args:
        cache: of the prompts.
        counts: samples of each prompt, shape [prompts].
        room: tokens that will be added.
    """
    rows = torch.arange(len(counts)).repeat_interleave(counts)
    for index, layer in enumerate(cache.layers):
        if type(layer) is DynamicLayer and layer.is_initialized:
            cache.layers[index] = RoomyLayer(layer, rows, room)
        elif layer.is_initialized:
            layer.batch_select_indices(rows.to(layer.device))
    return cache


def _spread(states: torch.Tensor, rows: torch.Tensor, room: int) -> torch.Tensor:
    """Return the states of every sample's prompt, with room behind them."""
    _, heads, tokens, width = states.shape
    buffer = states.new_empty((len(rows), heads, tokens + room, width))
    for row, place in enumerate(rows.tolist()):
        buffer[row, :, :tokens] = states[place]
    return buffer


def rows_that_fit(model: Any, tokens: int) -> int:
    """Return how many rows of so many tokens the memory has room for; at least one."""
    return max(1, _budget(model) // (_bytes_per_token(model) * tokens))


def _bytes_per_token(model: Any) -> int:
    """Return the size of one token's keys and values over all layers, as the config tells it."""
    config = model.config.get_text_config()
    layers = getattr(config, "num_hidden_layers", 32)
    heads = getattr(config, "num_attention_heads", 32)
    width = getattr(config, "head_dim", None) or getattr(config, "hidden_size", 4096) // heads
    heads = getattr(config, "num_key_value_heads", None) or heads
    return int(2 * layers * heads * width * torch.finfo(model.dtype).bits // 8)


def _budget(model: Any) -> int:
    """Return the memory that keys and values may take, in bytes."""
    if model.device.type == "cuda":
        return int(SHARE_OF_FREE * torch.cuda.mem_get_info(model.device)[0])
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return CPU_BUDGET // 4
    return min(CPU_BUDGET, int(SHARE_OF_FREE * free))
