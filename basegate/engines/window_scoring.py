"""Log-probabilities of tokens from a causal language model, window by window.

A long text is cut into windows so that every token is scored exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from basegate.engines import batch_cache
from basegate.engines.batch_cache import NO_CACHE, item_key, pack_numbers, unpack_numbers
from basegate.engines.batching import BatchJob, OomBackoff, halve, pad

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from basegate.engines.batch_cache import BatchCache
    from basegate.engines.lm_head import LMHead
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


class _Row(NamedTuple):
    """One window of one text."""

    text: int  # the text's place
    window: Window
    ids: list[int]  # all tokens that are fed, prefix included

    @property
    def first(self) -> int:
        """The position of the first token that is scored."""
        return len(self.ids) - (self.window.end - self.window.scored)


@dataclass(frozen=True)
class WindowScorer:
    """Scores windows; the prefix precedes every window and is never scored.

    A forward pass takes at most `batch_tokens` tokens, padding included.
    """

    head: LMHead
    prefix: Sequence[int]
    batch_tokens: int
    backoff: OomBackoff = field(default_factory=OomBackoff)

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
        rows = [
            _Row(place, window, [*self.prefix, *text[window.begin : window.end]])
            for place, (text, plan) in enumerate(zip(texts, plans, strict=True))
            for window in plan
        ]
        # Longest first, so that running out of memory shows at once.
        rows.sort(key=lambda row: len(row.ids), reverse=True)
        work = BatchJob(self._score_batch, halve, _size, "a single window")
        for batch in self._batches(rows):
            names = [item_key("score", row.ids, len(row.ids) - row.first) for row in batch]
            do = partial(self.backoff.run, batch, work, cache)
            found = batch_cache.get_or_compute(cache, names, do, pack_numbers, unpack_numbers)
            for (place, window, _), values in zip(batch, found, strict=True):
                scores[place][window.scored : window.end] = values
            step(len(batch))
        return scores

    def _batches(self, rows: list[_Row]) -> Iterator[list[_Row]]:
        start = 0
        while start < len(rows):
            size = max(1, self.batch_tokens // len(rows[start].ids))
            yield rows[start : start + size]
            start += size

    @torch.inference_mode()
    def _score_batch(self, batch: list[_Row]) -> list[NDArray[np.float64]]:
        ids, _ = pad([row.ids for row in batch], "right")
        return self.head.logprobs(
            self.head.hidden(ids),
            [(index, row.first, row.ids[row.first :]) for index, row in enumerate(batch)],
        )


def _size(batch: list[_Row]) -> int:
    return len(batch) * max(len(row.ids) for row in batch)
