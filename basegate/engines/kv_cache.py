"""KV caches of prompts, repeated for their samples, preallocated for what will be generated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer


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
        self._append(key_states, value_states)
        return self._show()

    def _append(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        end = self.filled + key_states.shape[-2]
        self._all_keys[..., self.filled : end, :] = key_states
        self._all_values[..., self.filled : end, :] = value_states
        self.filled = end

    def _show(self, first: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values from a place on, which a new token sees."""
        self.keys = self._all_keys[..., first : self.filled, :]
        self.values = self._all_values[..., first : self.filled, :]
        return self.keys, self.values


class PreallocatedWindow(PreallocatedLayer):
    """The same for a layer whose tokens see only so many before them: its sliding window.

    It shows and masks what `DynamicSlidingWindowLayer` does.
    """

    is_sliding = True

    def __init__(self, layer: DynamicSlidingWindowLayer, counts: Sequence[int], room: int) -> None:
        super().__init__(layer, counts, room)
        self.sliding_window = layer.sliding_window
        self.cumulative_length = layer.cumulative_length

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        first = max(0, self.filled - self.sliding_window + 1)
        self.cumulative_length += key_states.shape[-2]
        self._append(key_states, value_states)
        return self._show(first)

    get_mask_sizes = DynamicSlidingWindowLayer.get_mask_sizes
    get_seq_length = DynamicSlidingWindowLayer.get_seq_length
    get_max_length = DynamicSlidingWindowLayer.get_max_length


_PREALLOCATED: dict[type, type[PreallocatedLayer]] = {
    DynamicLayer: PreallocatedLayer,
    DynamicSlidingWindowLayer: PreallocatedWindow,
    PreallocatedLayer: PreallocatedLayer,
    PreallocatedWindow: PreallocatedWindow,
}


def rows_of(counts: Sequence[int]) -> list[int]:
    """For each sample the place of its prompt, given the samples of each prompt."""
    return [place for place, count in enumerate(counts) for _ in range(count)]


def repeat(cache: Any, counts: Sequence[int], room: int) -> Any:
    """Repeat every prompt's KV cache for its samples, in place, with room for `room` more tokens.

    Layers that grow are preallocated; others (states of linear attention and of Mamba, with keys
    and values or without) are told which rows to keep, and how often.
    """
    rows = torch.tensor(rows_of(counts))
    for index, layer in enumerate(cache.layers):
        if (made := _PREALLOCATED.get(type(layer))) and layer.is_initialized:
            cache.layers[index] = made(layer, counts, room)
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


@torch.inference_mode()
def row_bytes(model: Any) -> tuple[int, int]:
    """Bytes of a row per token, and of its states; found out once by a short forward pass."""
    if model not in _ROWS:
        ids = torch.zeros((1, _TRIED), dtype=torch.long, device=model.device)
        growing, fixed = bytes_of(model(input_ids=ids, use_cache=True).past_key_values)
        _ROWS[model] = (max(1, growing // _TRIED), fixed)
    return _ROWS[model]
