"""How much memory a candidate may take, and how large its batches may be: by calculation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from basegate.engines.devices import free_memory, memory_held
from basegate.engines.kv_cache import row_bytes
from basegate.engines.lm_head import POSITIONS, TOKENS
from basegate.i18n.formatting import GIB
from basegate.i18n.messages import Message
from basegate.measurement import LargestBuffer

if TYPE_CHECKING:
    from basegate.engines.lm_head import LMHead

RESERVE = 2 * GIB
"""What a machine keeps for everything else, or half of what is free where that is less."""
SHARE = {"cuda": 0.5, "cpu": 0.8}
"""Of the memory beside the weights, what batches are calculated to take; the rest is for what the
libraries take on their way."""
ENOUGH = GIB
"""What batches on a CPU take at most, or half of what the weights take where that is more: from
there on they gain nothing."""
BATCH_TOKENS = {"cuda": 16384, "cpu": 2048}
"""Most tokens of a pass over prompts or windows."""
LOGIT_COPIES = 4
"""Logits of a step of sampling, and what is made of them: each as large, in float32."""
WEIGHTS, KV_CACHE = Message("one of the weights"), Message("KV cache")
LOGITS, ACTIVATIONS = Message("logits"), Message("activations")
"""What the largest buffer may hold; of a batch it is that of all its rows."""
LAYER_COPIES = 4
"""What a layer keeps of its widest input and output while it computes."""


class MemoryBudget(NamedTuple):
    """Bytes that a candidate may take in all, weights and libraries included.

    `limit` is `None` where nobody set one and the system does not tell what is free.
    """

    device: str  # `cuda` or `cpu`
    limit: int | None
    asked: bool = False  # whether it is what the user set, and there is as much
    most: int | None = None  # what there is, all that is free taken; `None` where nobody knows

    def room(self) -> int | None:
        """Bytes that are left of it now."""
        return None if self.limit is None else max(0, self.limit - memory_held(self.device))


def memory_budget(device: str, asked: float | None = None) -> MemoryBudget:
    """The budget for what is loaded next: `asked` GiB, or what is free where that is less.

    By default what is free, on a CPU less what the machine should keep, `RESERVE`.
    """
    free = free_memory(device)
    kept = min(RESERVE, free // 2) if free is not None and device == "cpu" and asked is None else 0
    most = None if free is None else free + memory_held(device)
    wanted = None if asked is None else int(asked * GIB)
    if wanted is not None and (most is None or wanted <= most):
        return MemoryBudget(device, wanted, asked=True, most=most)
    return MemoryBudget(device, None if most is None else most - kept, most=most)


class BatchMemory:
    """What batches of a loaded model take, and how large they may therefore be.

    `largest` names the largest single buffer that was planned so far.
    """

    def __init__(self, model: Any, budget: MemoryBudget | None = None) -> None:
        self.model = model
        device = model.device.type
        budget = budget or memory_budget(device)
        sizes = [each.nbytes for each in model.parameters()]
        self.largest = LargestBuffer(kind=WEIGHTS, bytes=max(sizes, default=0))
        enough = max(ENOUGH, sum(sizes) // 2)
        room = budget.room()
        room = enough if room is None else int(SHARE[device] * room)
        self.working = min(room, enough) if device == "cpu" else room
        self._size = model.dtype.itemsize
        self._vocabulary = int(model.config.get_text_config().vocab_size)
        self._layers = _layer_width(model, self._vocabulary) * LAYER_COPIES * self._size
        self._heads, self._head_width = _attention_shape(model)

    def rows(self, tokens: int, asked: int, *, logits: int = LOGIT_COPIES, fed: int = 1) -> int:
        """How many rows of so many tokens may be continued at once; at least one.

        A row has its KV cache, `fed` tokens that are computed with at a time, and logits of so many
        positions (or copies of them). `asked` are all there are.
        """
        row = self._cached(tokens) + fed * self._computed(tokens)
        row += logits * self._vocabulary * 4
        # One layer's keys and values, repeated for its heads.
        row += 2 * tokens * self._heads * self._head_width * self._size
        rows = max(1, int(self.working // row))
        together = min(rows, asked)
        self._note(KV_CACHE, together * self._cached(tokens))
        self._note(LOGITS, together * self._vocabulary * 4 if logits else 0)
        return rows

    def tokens(self, longest: int, asked: int, head: LMHead | None = None) -> int:
        """How many tokens a pass over rows of up to `longest` tokens may have; at least one row's.

        `asked` are all there are. With a `head` whose model cannot be run in halves, each of them
        has its logits. Without one, `BATCH_TOKENS` is no limit.
        """
        logits = 3 * self._vocabulary * 4 if head is not None and head.whole else 0
        token = self._computed(longest) + self._cached(longest) // longest + logits
        found = max(longest, int(self.working // token))
        if head is not None:
            found = min(found, BATCH_TOKENS[self.model.device.type])
        together = min(found, asked)
        self._note(ACTIVATIONS, together * self._layers // LAYER_COPIES)
        self._note(LOGITS, together * logits // 3)
        return found

    def _cached(self, tokens: int) -> int:
        each, fixed = row_bytes(self.model)
        return each * tokens + fixed

    def _computed(self, tokens: int) -> int:
        """Bytes of one token on its way through a layer, with its row of the attention mask."""
        eager = getattr(self.model.config, "_attn_implementation", "") == "eager"
        return int(self._layers + tokens * (8 * self._heads if eager else 8))

    def _note(self, kind: str, size: int) -> None:
        if size > self.largest.bytes:
            self.largest = LargestBuffer(kind=kind, bytes=size)


def work_of_a_row(model: Any, tokens: int) -> int:
    """Bytes that a pass over one row of so many tokens computes with, KV cache apart.

    With the logits of a token as sampling takes them, or of a part of the vocabulary as scoring
    does, whichever is more.
    """
    size = int(model.dtype.itemsize)
    vocabulary = int(model.config.get_text_config().vocab_size)
    layers = _layer_width(model, vocabulary) * LAYER_COPIES * size
    part = 2 * 4 * min(tokens, POSITIONS) * min(vocabulary, TOKENS)
    return tokens * (layers + 8 * tokens) + max(part, LOGIT_COPIES * 4 * vocabulary)


def _layer_width(model: Any, vocabulary: int) -> int:
    """Numbers of the widest layer's input and output together, embedding and LM head apart."""
    shapes = [
        (each.in_features, each.out_features)
        for each in model.modules()
        if hasattr(each, "in_features") and hasattr(each, "out_features")
    ]
    # Experts and other layers that are nothing but a parameter; of four bits the shape tells none.
    whole = (each.shape for each in model.parameters() if each.is_floating_point())
    shapes += [tuple(shape[-2:]) for shape in whole if len(shape) > 1]
    return max((sum(shape) for shape in shapes if vocabulary not in shape), default=0)


def _attention_shape(model: Any) -> tuple[int, int]:
    """Attention heads, and the width of one; zeros where the config does not say."""
    # Not by attribute: of a config whose layers differ, that raises an error.
    config = model.config.get_text_config().to_dict()
    heads, hidden = (config.get(key) for key in ("num_attention_heads", "hidden_size"))
    if not isinstance(heads, int) or not isinstance(hidden, int):
        return 0, 0
    return heads, int(config.get("head_dim") or hidden // heads)
