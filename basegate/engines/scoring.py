"""Log-probabilities of tokens from a causal language model, window by window.

Only positions that are scored go through the LM head, a few at a time, so no float32 tensor of
shape [batch, time, vocabulary] ever exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from basegate.progress import Step
    from basegate.windows import Window

HEAD_ROWS = 256
"""Positions that go through the LM head at once."""


class Job(NamedTuple):
    """One window of one text."""

    text: int
    window: Window


class Scorer:
    """Scores windows with a transformers causal language model.

    Args:
        model: in evaluation mode.
        prefix: token ids before every window, never scored.
        batch_tokens: most tokens, padding included, in one forward pass.
    """

    def __init__(self, model: Any, prefix: Sequence[int], batch_tokens: int) -> None:
        self.model = model
        self.prefix = list(prefix)
        self.batch_tokens = batch_tokens
        self._head = _logits_function(model, self.prefix)

    def score(
        self, texts: Sequence[Sequence[int]], plans: Sequence[Sequence[Window]], step: Step
    ) -> list[NDArray[np.float64]]:
        """Return the natural log-probability of every token of every text.

        Args:
            texts: token ids without prefix.
            plans: the windows of each text.
            step: told of each window done.
        """
        scores = [np.full(len(ids), np.nan) for ids in texts]
        jobs = [Job(text, window) for text, plan in enumerate(plans) for window in plan]
        # Longest first, so that running out of memory shows at once.
        jobs.sort(key=lambda job: job.window.end - job.window.begin, reverse=True)
        for batch in self._batches(jobs):
            for job, values in zip(batch, self._score_batch(batch, texts), strict=True):
                scores[job.text][job.window.scored : job.window.end] = values
            step(len(batch))
        return scores

    def _batches(self, jobs: Sequence[Job]) -> Iterator[list[Job]]:
        start = 0
        while start < len(jobs):
            longest = len(self.prefix) + jobs[start].window.end - jobs[start].window.begin
            size = max(1, self.batch_tokens // longest)
            yield list(jobs[start : start + size])
            start += size

    @torch.inference_mode()
    def _score_batch(
        self, batch: Sequence[Job], texts: Sequence[Sequence[int]]
    ) -> list[NDArray[np.float64]]:
        rows = [
            [*self.prefix, *texts[job.text][job.window.begin : job.window.end]] for job in batch
        ]
        inputs, mask = _padded(rows, self.model.device)
        hidden = self._head.hidden(inputs, mask)
        # Token t is predicted at t - 1.
        places = [
            (row, len(self.prefix) + position - job.window.begin - 1)
            for row, job in enumerate(batch)
            for position in range(job.window.scored, job.window.end)
        ]
        row_index, time_index = (
            torch.tensor(each, device=hidden.device) for each in zip(*places, strict=True)
        )
        # From the rows themselves: over several GPUs, inputs and hidden states lie apart.
        targets = torch.tensor([rows[row][time + 1] for row, time in places], device=hidden.device)
        values = self._token_logprobs(hidden[row_index, time_index], targets)
        sizes = [job.window.end - job.window.scored for job in batch]
        return np.split(values, np.cumsum(sizes)[:-1])

    def _token_logprobs(self, hidden: torch.Tensor, targets: torch.Tensor) -> NDArray[np.float64]:
        parts = []
        for rows, wanted in zip(
            torch.split(hidden, HEAD_ROWS), torch.split(targets, HEAD_ROWS), strict=True
        ):
            logits = self._head.logits(rows).float()
            chosen = logits.gather(1, wanted[:, None].to(logits.device))[:, 0]
            parts.append((chosen - logits.logsumexp(dim=-1)).double().cpu())
        values: NDArray[np.float64] = torch.cat(parts).numpy()
        return values


class _Head(NamedTuple):
    """The model in two halves: ids to hidden states, hidden states to logits."""

    hidden: Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]
    logits: Callable[[torch.Tensor], torch.Tensor]


def _logits_function(model: Any, prefix: Sequence[int]) -> _Head:
    """Return the model's two halves, checked against the whole model on a few tokens.

    Some families scale or cap the logits after the head. Where the halves do not reproduce the
    model's own logits, the whole model is run and its logits stand for the hidden states: right
    for every family, at the price of memory.
    """
    decoder, head = model.base_model, model.get_output_embeddings()

    def whole(ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        logits: torch.Tensor = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        return logits

    def halved(ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        hidden: torch.Tensor = decoder(
            input_ids=ids, attention_mask=mask, use_cache=False
        ).last_hidden_state
        return hidden

    if head is not None and decoder is not model and _agree(halved, head, whole, model, prefix):
        return _Head(halved, head)
    return _Head(whole, lambda logits: logits)


@torch.inference_mode()
def _agree(
    halved: Callable[..., torch.Tensor],
    head: Callable[[torch.Tensor], torch.Tensor],
    whole: Callable[..., torch.Tensor],
    model: Any,
    prefix: Sequence[int],
) -> bool:
    ids = torch.tensor([[*prefix, *range(8)]], device=model.device)
    try:
        by_halves = head(halved(ids, None))
    except (TypeError, AttributeError, RuntimeError):
        return False  # a decoder with another signature or result
    at_once = whole(ids, None)
    return by_halves.shape == at_once.shape and torch.allclose(
        by_halves.float(),
        at_once.float().to(by_halves.device),
        rtol=1e-3,
        atol=1e-3,
        equal_nan=True,
    )


def _padded(
    rows: Sequence[Sequence[int]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return ids padded on the right, where a causal model cannot see it, and their mask."""
    longest = max(map(len, rows))
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    return ids.to(device), None if bool(mask.all()) else mask.to(device)
