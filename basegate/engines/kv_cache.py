"""KV caches of prompts, repeated for their samples, preallocated for what will be generated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers.cache_utils import DynamicLayer

from basegate.engines.devices import free_memory, free_of_gpu

CPU_BUDGET = 4 * 2**30
"""Most memory for the KV cache on the CPU, in bytes."""
SHARE_OF_FREE = 0.5
"""Of the free memory of a GPU, or of the machine, that the KV cache may take."""


class PreallocatedLayer(DynamicLayer):
    """A layer of a growing KV cache that is allocated once, with room for `room` more tokens.

    `DynamicLayer` copies all keys and values for every new token, which for a few hundred samples
    are gigabytes a step.
    """

    def __init__(self, layer: DynamicLayer, counts: Sequence[int], room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        assert layer.keys is not None
        assert layer.values is not None
        self.dtype, self.device = layer.keys.dtype, layer.keys.device
        self.filled = layer.keys.shape[-2]
        self._all_keys = _spread(layer.keys, counts, room)
        self._all_values = _spread(layer.values, counts, room)
        self._show()
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
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


def rows_of(counts: Sequence[int]) -> list[int]:
    """For each sample the place of its prompt, given the samples of each prompt."""
    return [place for place, count in enumerate(counts) for _ in range(count)]


def repeat(cache: Any, counts: Sequence[int], room: int) -> Any:
    """Repeat every prompt's KV cache for its samples, in place, with room for `room` more tokens.

    Layers that grow are preallocated; others (sliding windows, states of linear attention and of
    Mamba, both at once) are told which rows to keep, and how often.
    """
    rows = torch.tensor(rows_of(counts))
    for index, layer in enumerate(cache.layers):
        if type(layer) is DynamicLayer and layer.is_initialized:
            cache.layers[index] = PreallocatedLayer(layer, counts, room)
        elif tensors := [*_by_token(layer), *_states(layer)]:  # else it shares another's
            # Not `batch_select_indices`, which leaves states as they are.
            layer.reorder_cache(rows.to(tensors[0].device))
    return cache


def _by_token(layer: Any) -> list[torch.Tensor]:
    kept = (getattr(layer, name, None) for name in ("keys", "values"))
    return [each for each in kept if each is not None]


def _states(layer: Any) -> list[torch.Tensor]:
    kept = (getattr(layer, name, None) or {} for name in ("conv_states", "recurrent_states"))
    return [state for states in kept for state in states.values() if state is not None]


def bytes_of(cache: Any) -> tuple[int, int]:
    """Bytes of a cache: of keys and values, and of states of a fixed size."""
    growing = sum(each.nbytes for layer in cache.layers for each in _by_token(layer))
    return growing, sum(each.nbytes for layer in cache.layers for each in _states(layer))


def _spread(states: torch.Tensor, counts: Sequence[int], room: int) -> torch.Tensor:
    _, heads, tokens, width = states.shape
    buffer = states.new_empty((sum(counts), heads, tokens + room, width))
    # A copy per prompt: one per sample keeps a GPU waiting, all at once needs the memory twice.
    for samples, prompt in zip(buffer.split(list(counts)), states, strict=True):
        samples[:, :, :tokens] = prompt
    return buffer


_TRIED = 2
_ROWS: WeakKeyDictionary[Any, tuple[int, int]] = WeakKeyDictionary()
"""By model, the bytes that a row's tokens take each, and its states together."""


def rows_that_fit(model: Any, tokens: int) -> int:
    """How many rows of so many tokens the memory has room for; at least one."""
    each, fixed = _row_bytes(model)
    return max(1, _budget(model) // (each * tokens + fixed))


@torch.inference_mode()
def _row_bytes(model: Any) -> tuple[int, int]:
    """Bytes of a row per token, and of its states; found out once by a short forward pass."""
    if model not in _ROWS:
        ids = torch.zeros((1, _TRIED), dtype=torch.long, device=model.device)
        growing, fixed = bytes_of(model(input_ids=ids, use_cache=True).past_key_values)
        _ROWS[model] = (max(1, growing // _TRIED), fixed)
    return _ROWS[model]


def _budget(model: Any) -> int:
    if model.device.type == "cuda":
        return int(SHARE_OF_FREE * free_of_gpu(model.device.index or 0))
    free = free_memory("cpu")
    return min(CPU_BUDGET, int(SHARE_OF_FREE * free)) if free is not None else CPU_BUDGET // 4
