"""Apply the LM head to selected positions only, in chunks, to bound memory.

No float32 tensor of shape [batch, time, vocabulary] ever exists.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from basegate.engines.batching import out_of_memory
from basegate.engines.devices import release_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOGITS = {"cuda": 2**26, "cpu": 2**23}
"""Most numbers that come out of the LM head at once, where `ROWS` does not ask for more: few enough
for the memory beside a model, many enough to keep the device busy."""
ROWS = 256
"""Positions that go through the LM head at once at least: for fewer, a CPU would spend its time on
fetching the head's weights, which a vocabulary of 150,000 makes large."""
TOKENS, POSITIONS = 8192, 512
"""How much of the vocabulary a CPU takes at once, and for how many positions: 16 MiB of logits stay
in its cache while they are summed. Whole rows of 262,144 logits, which go through the memory
several times, took half as long again."""


class LMHead:
    """A model's body and its LM head, applied one after the other; token ids to log-probabilities.

    Both are checked against the whole model on a few tokens: some families scale or cap the logits
    after the head. Where they do not reproduce the model's own logits, the whole model is run and
    its logits stand for the hidden states: right for every family, at the price of memory.
    """

    def __init__(self, model: Any, prefix: Sequence[int] = ()) -> None:
        self.model = model
        self._body, self._logits = model.base_model, model.get_output_embeddings()
        if self._logits is None or self._body is model or not self._agrees(prefix):
            self._body, self._logits = model, None
        self._places = "position_ids" in inspect.signature(self._body.forward).parameters

    @property
    def whole(self) -> bool:
        """Whether the whole model is run, with the logits of every position."""
        return self._logits is None

    def hidden(self, ids: torch.Tensor) -> torch.Tensor:
        """Hidden states of `ids` padded on the right, shape [batch, time, width]."""
        # No token sees the padding behind it, and attention is fastest without a mask.
        return self._states(self._run(ids, None, use_cache=False))

    def read(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:
        """The KV cache of prompts that are padded on the left."""
        return self._run(ids, mask, use_cache=True).past_key_values

    def hidden_after(self, cache: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states of what follows a cache, shape [batch, time, width]; extends the cache.

        `ids` are padded on the right; `mask` is of all there is, shape [batch, before + time].
        """
        return self._states(self._run(ids, mask, past_key_values=cache, use_cache=True))

    def logprobs(
        self, hidden: torch.Tensor, pieces: Sequence[tuple[int, int, Sequence[int]]]
    ) -> list[NDArray[np.float64]]:
        """Natural log-probabilities of pieces of rows, float64, shape [tokens] each.

        A piece is its row, the position of its first token, and its token ids. Each token is
        predicted at the position before its own.
        """
        rows = torch.tensor([row for row, _, ids in pieces for _ in ids])
        times = torch.tensor(
            [at - 1 for _, first, ids in pieces for at, _ in enumerate(ids, first)]
        )
        targets = torch.tensor([token for _, _, ids in pieces for token in ids])
        values = self._of_targets(hidden[rows, times], targets.to(hidden.device))
        return np.split(values, np.cumsum([len(ids) for _, _, ids in pieces])[:-1])

    def _of_targets(self, hidden: torch.Tensor, targets: torch.Tensor) -> NDArray[np.float64]:
        if hidden.device.type == "cpu" and type(self._logits) is torch.nn.Linear:
            weight, bias = self._logits.weight, self._logits.bias
            pairs = zip(hidden.split(POSITIONS), targets.split(POSITIONS), strict=True)
            found = [logprobs_by_parts(rows, weight, bias, wanted) for rows, wanted in pairs]
            return np.asarray(torch.cat(found).numpy())
        vocabulary = hidden.shape[-1] if self._logits is None else self._vocabulary
        size = max(ROWS, LOGITS[hidden.device.type] // vocabulary)
        parts = []
        for rows, wanted in zip(hidden.split(size), targets.split(size), strict=True):
            logits = (rows if self._logits is None else self._logits(rows)).float()
            # One fused kernel; logsumexp takes two to four times as long on a CPU.
            parts.append(-cross_entropy(logits, wanted.to(logits.device), reduction="none"))
        # Fetched at the end: a GPU would wait at every part.
        values: NDArray[np.float64] = torch.cat(parts).double().cpu().numpy()
        return values

    def _run(self, ids: torch.Tensor, mask: torch.Tensor | None, **further: Any) -> Any:
        ids = ids.to(self.model.device)
        if mask is not None:
            mask = mask.to(ids.device)
            if self._places:
                # A model that counts by itself would count the padding on the left, too.
                positions = (mask.cumsum(-1) - 1).clamp(min=0)
                further["position_ids"] = positions[:, -ids.shape[1] :]
        return self._body(input_ids=ids, attention_mask=mask, **further)

    def _states(self, done: Any) -> torch.Tensor:
        states: torch.Tensor = done.logits if self._logits is None else done.last_hidden_state
        return states

    def _agrees(self, prefix: Sequence[int]) -> bool:
        try:
            return self._compared(prefix)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
        # So few tokens take next to nothing: somebody else had all memory, perhaps for a moment.
        release_memory()
        return self._compared(prefix)

    @torch.inference_mode()
    def _compared(self, prefix: Sequence[int]) -> bool:
        ids = torch.tensor([[*prefix, *range(8)]], device=self.model.device)
        try:
            chunked = self._logits(self._run(ids, None, use_cache=False).last_hidden_state)
        except (TypeError, AttributeError, RuntimeError) as error:
            if out_of_memory(error):
                raise  # the whole model in place of body and head would give other last digits
            return False  # a body with another signature or result
        at_once = self.model(input_ids=ids, use_cache=False).logits
        self._vocabulary = at_once.shape[-1]
        return chunked.shape == at_once.shape and torch.allclose(
            chunked.float(),
            at_once.float().to(chunked.device),
            # Both come from the same numbers in the same way: what differs was done to the logits.
            rtol=1e-4,
            atol=1e-5,
            equal_nan=True,
        )


def logprobs_by_parts(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor
) -> torch.Tensor:
    """Log softmax(hidden · weight' + bias) at the targets, `TOKENS` of the vocabulary at a time.

    Logits are float32 before anything is taken of them; the sums of their exponentials, each
    relative to the largest logit so far, are added up in float64. NaN where a logit is NaN or
    infinite.

    Args:
        hidden: shape [positions, width].
        weight: of the LM head, shape [vocabulary, width].
        bias: shape [vocabulary], if any.
        targets: ids, shape [positions].

    Returns:
        Natural logarithms, float64, shape [positions].
    """
    buffer = hidden.new_empty((len(hidden), min(TOKENS, len(weight))))
    largest = torch.full((len(hidden),), -torch.inf)
    total = torch.zeros(len(hidden), dtype=torch.float64)
    own = torch.empty(len(hidden))
    for first in range(0, len(weight), TOKENS):
        part = weight[first : first + TOKENS]
        out = buffer[:, : len(part)]
        torch.mm(hidden, part.t(), out=out)
        if bias is not None:
            out += bias[first : first + TOKENS]
        logits = out.float()
        inside = ((targets >= first) & (targets < first + len(part))).nonzero()[:, 0]
        own[inside] = logits[inside, targets[inside] - first]
        before, largest = largest, torch.maximum(largest, logits.amax(dim=1))
        total *= (before - largest).double().exp_()
        total += logits.sub_(largest[:, None]).exp_().sum(dim=1)
    return own.double() - largest.double() - total.log_()
