"""Log-probabilities of continuations of a prompt, which is processed once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import torch

from basegate.engines.batching import (
    NO_CACHE,
    BatchCache,
    BatchJob,
    OomBackoff,
    halve,
    item_key,
    pad,
)
from basegate.engines.kv_cache import repeat, rows_of
from basegate.engines.memory_budget import BatchMemory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from basegate.engines.lm_head import LMHead
    from basegate.progress import Step


class ContinuationRequest(NamedTuple):
    """A prompt and what could follow it."""

    ids: list[int]  # of the prompt, prefix included; at least two
    continuations: list[list[int]]  # token ids of each, at least one

    @property
    def longest(self) -> int:
        return max(map(len, self.continuations))


@dataclass(frozen=True)
class ContinuationScorer:
    """Scores continuations in batches that `memory` has room for."""

    head: LMHead
    memory: BatchMemory
    backoff: OomBackoff = field(default_factory=OomBackoff)

    def score(
        self, asked: Sequence[ContinuationRequest], step: Step, cache: BatchCache = NO_CACHE
    ) -> list[list[NDArray[np.float64]]]:
        """The natural log-probability of every token of every continuation.

        Raises:
            CandidateError: not even one continuation fits into memory.
        """
        scores: list[list[NDArray[np.float64]]] = [[] for _ in asked]
        work = BatchJob(self._score_batch, _halves, _size, "a prompt with one continuation")
        for places in self._batches(asked, cache):
            batch = [asked[place] for place in places]
            names = [
                item_key("after", [*each.ids, *tail], len(tail))
                for each in batch
                for tail in each.continuations
            ]
            found = iter(self.backoff.numbers(names, batch, work, cache))
            for place in places:
                scores[place] = [next(found) for _ in asked[place].continuations]
            step(len(places))
        return scores

    def _batches(
        self, asked: Sequence[ContinuationRequest], cache: BatchCache
    ) -> Iterator[list[int]]:
        """Places of prompts that are read together, the longest first."""
        order = sorted(range(len(asked)), key=lambda place: -len(asked[place].ids))
        prompt, tail = len(asked[order[0]].ids), max(each.longest for each in asked)
        most, read = cache.get_or_set(
            f"rows of {prompt} and {tail}", lambda: self._limits(asked, prompt, tail)
        )
        batch: list[int] = []
        rows = 0
        for place in order:
            longest = len(asked[batch[0] if batch else place].ids)
            more = len(asked[place].continuations)
            if batch and (rows + more > most or (len(batch) + 1) * longest > read):
                yield batch
                batch, rows = [], 0
            batch.append(place)
            rows += more
        if batch:
            yield batch

    def _limits(self, asked: Sequence[ContinuationRequest], prompt: int, tail: int) -> list[int]:
        """Most continuations of a batch, and most tokens of its prompts together."""
        logits = 3 * tail if self.head.whole else 0
        every = sum(len(each.continuations) for each in asked)
        rows = self.memory.rows(prompt + tail, every, logits=logits, fed=tail)
        return [rows, self.memory.tokens(prompt, prompt * len(asked), self.head)]

    @torch.inference_mode()
    def _score_batch(self, batch: list[ContinuationRequest]) -> list[NDArray[np.float64]]:
        counts = [len(each.continuations) for each in batch]
        # The last token of the prompt predicts the first of the continuation: it is fed with it.
        tails = [[each.ids[-1], *tail] for each in batch for tail in each.continuations]
        ids, tail_mask = pad([tail[:-1] for tail in tails], "right")
        prompts, mask = pad([each.ids[:-1] for each in batch], "left")
        cache = repeat(self.head.read(prompts, mask), counts, ids.shape[1])
        whole = torch.cat([mask[rows_of(counts)], tail_mask], dim=1)
        hidden = self.head.hidden_after(cache, ids, whole)
        return self.head.logprobs(hidden, [(row, 1, tail[1:]) for row, tail in enumerate(tails)])


def _halves(
    batch: list[ContinuationRequest],
) -> tuple[list[ContinuationRequest], list[ContinuationRequest]] | None:
    if len(batch) > 1:
        return halve(batch)
    ids, continuations = batch[0]
    halves = halve(continuations)
    return halves and ([ContinuationRequest(ids, halves[0])], [ContinuationRequest(ids, halves[1])])


def _size(batch: list[ContinuationRequest]) -> int:
    rows = sum(len(each.continuations) for each in batch)
    return rows * (max(len(each.ids) for each in batch) + max(each.longest for each in batch))
