"""Log-probabilities of continuations of a prompt, which is processed once for all of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from basegate.engines import batch_cache
from basegate.engines.batch_cache import NO_CACHE, item_key, pack_numbers, unpack_numbers
from basegate.engines.batching import BatchJob, OomBackoff, halve, pad
from basegate.engines.kv_cache import repeat, rows_of, rows_that_fit
from basegate.engines.lm_head import LMHead

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from basegate.engines.batch_cache import BatchCache
    from basegate.progress import Step


class ContinuationRequest(NamedTuple):
    """A prompt and what could follow it.

    Attributes:
        ids: of the prompt, prefix included; at least two.
        continuations: token ids of each, at least one.
    """

    ids: list[int]
    continuations: list[list[int]]

    @property
    def longest(self) -> int:
        return max(map(len, self.continuations))


class ContinuationScorer:
    """Scores continuations with a transformers causal language model in evaluation mode.

    A forward pass takes at most `batch_tokens` tokens of prompts, padding included.
    """

    def __init__(
        self,
        model: Any,
        batch_tokens: int,
        backoff: OomBackoff | None = None,
        head: LMHead | None = None,
    ) -> None:
        self.model = model
        self.batch_tokens = batch_tokens
        self._head = head or LMHead(model, [])
        self._backoff = backoff or OomBackoff()

    def score(
        self,
        asked: Sequence[tuple[list[int], list[list[int]]]],
        step: Step,
        cache: BatchCache = NO_CACHE,
    ) -> list[list[NDArray[np.float64]]]:
        """The natural log-probability of every token of every continuation.

        For each prompt `asked` has its ids, prefix included, and its continuations' ids.

        Raises:
            CandidateError: not even one continuation fits into memory.
        """
        scores: list[list[NDArray[np.float64]]] = [[] for _ in asked]
        prompts = [ContinuationRequest(*each) for each in asked]
        work = BatchJob(self._score_batch, _halves, _size, _refusal)
        for places in self._batches(prompts, cache):
            batch = [prompts[place] for place in places]
            names = [
                item_key("after", [*each.ids, *tail], len(tail))
                for each in batch
                for tail in each.continuations
            ]
            do = partial(self._backoff.run, batch, work, cache)
            found = iter(batch_cache.get_or_compute(cache, names, do, pack_numbers, unpack_numbers))
            for place in places:
                scores[place] = [next(found) for _ in prompts[place].continuations]
            step(len(places))
        return scores

    def _batches(
        self, prompts: Sequence[ContinuationRequest], cache: BatchCache
    ) -> Iterator[list[int]]:
        """Places of prompts that are read together, the longest first."""
        order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place].ids))
        tokens = len(prompts[order[0]].ids) + max(each.longest for each in prompts)
        most = cache.get_or_set(f"rows of {tokens}", lambda: rows_that_fit(self.model, tokens))
        batch: list[int] = []
        rows = 0
        for place in order:
            longest = len(prompts[batch[0] if batch else place].ids)
            more = len(prompts[place].continuations)
            if batch and (rows + more > most or (len(batch) + 1) * longest > self.batch_tokens):
                yield batch
                batch, rows = [], 0
            batch.append(place)
            rows += more
        if batch:
            yield batch

    @torch.inference_mode()
    def _score_batch(self, batch: list[ContinuationRequest]) -> list[NDArray[np.float64]]:
        counts = [len(each.continuations) for each in batch]
        # The last token of the prompt predicts the first of the continuation: it is fed with it.
        tails = [[each.ids[-1], *tail] for each in batch for tail in each.continuations]
        ids, tail_mask = pad([tail[:-1] for tail in tails], "right")
        ids = ids.to(self.model.device)
        prompts, mask = pad([each.ids[:-1] for each in batch], "left")
        read = self._head.read(prompts.to(self.model.device), mask)
        cache = repeat(read, counts, ids.shape[1])
        whole = torch.cat([mask[rows_of(counts)], tail_mask], dim=1)
        hidden = self._head.hidden_after(cache, ids, whole)
        return self._head.logprobs(hidden, [(row, 1, tail[1:]) for row, tail in enumerate(tails)])


def _halves(
    batch: list[ContinuationRequest],
) -> tuple[list[ContinuationRequest], list[ContinuationRequest]] | None:
    if len(batch) > 1:
        return halve(batch)
    halves = halve(batch[0].continuations)
    return halves and (
        [ContinuationRequest(batch[0].ids, halves[0])],
        [ContinuationRequest(batch[0].ids, halves[1])],
    )


def _size(batch: list[ContinuationRequest]) -> int:
    rows = sum(len(each.continuations) for each in batch)
    return rows * (max(len(each.ids) for each in batch) + max(each.longest for each in batch))


def _refusal(batch: list[ContinuationRequest]) -> str:
    return (
        f"a prompt of {len(batch[0].ids)} tokens and one continuation of it do not fit into memory."
    )
