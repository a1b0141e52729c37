"""Log-probabilities of tokens from a causal language model, window by window.

A long text is cut into windows so that every token is scored exactly once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from basegate.engines import batch_cache
from basegate.engines.batch_cache import NO_CACHE, item_key, pack_numbers, unpack_numbers
from basegate.engines.batching import BatchJob, OomBackoff, halve, pad
from basegate.engines.lm_head import LMHead

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from basegate.engines.batch_cache import BatchCache
    from basegate.progress import Step


class Window(NamedTuple):
    """Tokens `begin` to `end` are fed, after the prefix; `scored` to `end` are scored."""

    begin: int
    scored: int
    end: int


def plan_windows(tokens: int, *, window: int, context: int, prefix: int) -> list[Window]:
    """Cut a text of `tokens` tokens into windows.

    Every token is scored in exactly one window, with at least `context` tokens of the text before
    it in that window unless the text starts within it, and no window is longer than `window`,
    `prefix` (at least one token, from which the first is predicted) included.

    Raises:
        ValueError: no token could be scored in a window.
    """
    room = window - prefix
    if prefix < 1 or context < 0 or room - context < 1:
        raise ValueError(
            f"window {window} with prefix {prefix} and context {context} leaves nothing to score"
        )
    windows = []
    scored = 0
    while scored < tokens:
        begin = max(0, scored - context)
        end = min(tokens, begin + room)
        windows.append(Window(begin, scored, end))
        scored = end
    return windows


class Job(NamedTuple):
    """One window of one text."""

    text: int
    window: Window

    @property
    def fed(self) -> int:
        """Tokens that are fed, the prefix apart."""
        return self.window.end - self.window.begin


class WindowScorer:
    """Scores windows with a transformers causal language model in evaluation mode.

    The prefix precedes every window and is never scored. A forward pass takes at most
    `batch_tokens` tokens, padding included.
    """

    def __init__(
        self,
        model: Any,
        prefix: Sequence[int],
        batch_tokens: int,
        backoff: OomBackoff | None = None,
        head: LMHead | None = None,
    ) -> None:
        self.model = model
        self.prefix = list(prefix)
        self.batch_tokens = batch_tokens
        self._head = head or LMHead(model, prefix)
        self._backoff = backoff or OomBackoff()

    def score(
        self,
        texts: Sequence[Sequence[int]],
        plans: Sequence[Sequence[Window]],
        step: Step,
        cache: BatchCache = NO_CACHE,
    ) -> list[NDArray[np.float64]]:
        """The natural log-probability of every token of every text, given the windows of each.

        Raises:
            CandidateError: not even one window fits into memory.
        """
        scores = [np.full(len(ids), np.nan) for ids in texts]
        jobs = [Job(text, window) for text, plan in enumerate(plans) for window in plan]
        # Longest first, so that running out of memory shows at once.
        jobs.sort(key=lambda job: job.fed, reverse=True)
        work = BatchJob(lambda part: self._score_batch(part, texts), halve, self._size, _refusal)
        for batch in self._batches(jobs):
            names = [
                item_key("score", self._row(job, texts), job.window.end - job.window.scored)
                for job in batch
            ]
            do = partial(self._backoff.run, batch, work, cache)
            found = batch_cache.get_or_compute(cache, names, do, pack_numbers, unpack_numbers)
            for job, values in zip(batch, found, strict=True):
                scores[job.text][job.window.scored : job.window.end] = values
            step(len(batch))
        return scores

    def _batches(self, jobs: Sequence[Job]) -> Iterator[list[Job]]:
        start = 0
        while start < len(jobs):
            size = max(1, self.batch_tokens // (len(self.prefix) + jobs[start].fed))
            yield list(jobs[start : start + size])
            start += size

    @torch.inference_mode()
    def _score_batch(
        self, batch: Sequence[Job], texts: Sequence[Sequence[int]]
    ) -> list[NDArray[np.float64]]:
        rows = [self._row(job, texts) for job in batch]
        ids, _ = pad(rows, "right")
        hidden = self._head.hidden(ids.to(self.model.device))
        first = [len(self.prefix) + job.window.scored - job.window.begin for job in batch]
        return self._head.logprobs(
            hidden,
            [
                (index, start, row[start:])
                for index, (start, row) in enumerate(zip(first, rows, strict=True))
            ],
        )

    def _row(self, job: Job, texts: Sequence[Sequence[int]]) -> list[int]:
        return [*self.prefix, *texts[job.text][job.window.begin : job.window.end]]

    def _size(self, batch: list[Job]) -> int:
        return len(batch) * (len(self.prefix) + max(job.fed for job in batch))


def _refusal(batch: list[Job]) -> str:
    return f"a single window of {batch[0].fed} tokens does not fit into memory."
