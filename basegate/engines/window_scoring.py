"""Log-probabilities of tokens from a causal language model, window by window.

A long text is cut into windows so that every token is scored exactly once. The article's own
perplexity, mistakes included, is here so that a run can be compared with its table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from basegate.engines.lm_head import LMHead
    from basegate.engines.memory_budget import BatchMemory
    from basegate.progress import Step

A_WINDOW = "a single window"
ARTICLE_WINDOW, ARTICLE_STRIDE = 20, 512
"""The `model.config.max_length` of the article, which was 20 by default, and its stride."""
ARTICLE_BATCH = 64
ARTICLE_LARGEST = 88.0
"""Beyond e to the power of it a float32, in which the article reckoned, is infinite."""


class Window(NamedTuple):
    """Tokens `begin` to `end` are fed, after the prefix; `scored` to `end` are scored."""

    begin: int
    scored: int
    end: int


def plan_windows(tokens: int, *, window: int, context: int, prefix: int) -> list[Window]:
    """Cut a text of `tokens` tokens into windows.

    Every token is scored in exactly one window, with at least `context` tokens of the text before
    it in that window unless the text starts within it, and no window is longer than `window`,
    `prefix` included, from which the first is predicted. Without a prefix the first is not scored.

    Raises:
        ValueError: no token could be scored in a window.
    """
    room = window - prefix
    scored = 0 if prefix else 1
    if min(prefix, context) < 0 or room - max(context, scored) < 1:
        raise ValueError(
            f"window {window} with prefix {prefix} and context {context} leaves nothing to score"
        )
    windows = []
    context = max(context, scored)  # something has to stand before each
    while scored < tokens:
        begin = max(0, scored - context)
        end = min(tokens, begin + room)
        windows.append(Window(begin, scored, end))
        scored = end
    return windows


def fed_in_windows(plans: Sequence[Sequence[Window]], prefix: int) -> int:
    """Tokens that the windows of texts hold, each with its prefix."""
    return sum(prefix + window.end - window.begin for plan in plans for window in plan)


class _Row(NamedTuple):
    """One window of one text."""

    text: int  # the text's place
    window: Window
    ids: list[int]  # all tokens that are fed, prefix included

    @property
    def first(self) -> int:
        return len(self.ids) - (self.window.end - self.window.scored)


@dataclass(frozen=True)
class WindowScorer:
    """Scores windows in batches that `memory` has room for, padding included.

    The prefix precedes every window and is never scored.
    """

    head: LMHead
    prefix: Sequence[int]
    memory: BatchMemory
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
        work = BatchJob(self._score_batch, halve, _size, A_WINDOW)
        for batch in self._batches(rows, cache):
            names = [item_key("score", row.ids, len(row.ids) - row.first) for row in batch]
            kept = all(map(cache.has, names))
            found = self.backoff.numbers(names, batch, work, cache)
            for (place, window, _), values in zip(batch, found, strict=True):
                scores[place][window.scored : window.end] = values
            step(len(batch), kept)
        return scores

    def _batches(self, rows: list[_Row], cache: BatchCache) -> Iterator[list[_Row]]:
        longest = len(rows[0].ids)
        every = longest * len(rows)
        [most] = cache.limits(
            f"tokens of {longest}", lambda: [self.memory.tokens(longest, every, self.head)]
        )
        start = 0
        while start < len(rows):
            size = max(1, most // len(rows[start].ids))
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


def article_perplexity(
    model: Any, tokenizer: Any, text: str, cache: BatchCache = NO_CACHE
) -> float:
    """exp(mean over windows of the window's mean NLL), as the published code computes it.

    One window of 20 tokens every 512: the rest of the text is never looked at. The tokenizer's
    prefix stands before the first window only, the first token of each window is not scored, and
    windows weigh alike whatever they hold. It is the article's figure, no perplexity of the text;
    infinite or NaN where the model's numbers are.

    Source: the article in which basegate begins, section on perplexity.
    """
    return perplexity_over_windows(model, article_windows(tokenizer, text), cache)


def article_windows(tokenizer: Any, text: str) -> list[list[int]]:
    """The token ids of the windows that the article's loop looks at."""
    ids = list(tokenizer(text, verbose=False)["input_ids"])
    # The published loop ends with the first window that reaches the end of the text.
    starts = range(0, max(0, len(ids) - ARTICLE_WINDOW) + ARTICLE_STRIDE, ARTICLE_STRIDE)
    return [ids[start : start + ARTICLE_WINDOW] for start in starts if start < len(ids)]


@torch.inference_mode()
def perplexity_over_windows(
    model: Any, windows: Sequence[list[int]], cache: BatchCache = NO_CACHE
) -> float:
    """exp(mean of the windows' mean NLL); see `article_perplexity`."""
    work = BatchJob(partial(_losses, model), halve, lambda rows: sum(map(len, rows)), A_WINDOW)
    backoff = OomBackoff("article")
    total = 0.0
    for _, group in groupby(windows, key=len):  # the last may be shorter
        same = list(group)
        for start in range(0, len(same), ARTICLE_BATCH):
            batch = same[start : start + ARTICLE_BATCH]
            names = [item_key("article", window) for window in batch]
            total += math.fsum(np.concatenate(backoff.numbers(names, batch, work, cache)))
    mean = total / len(windows)
    return math.inf if mean > ARTICLE_LARGEST else math.exp(mean)


def _losses(model: Any, windows: list[list[int]]) -> list[NDArray[np.float64]]:
    """The mean loss of windows of one length, for each of them; shape [1] each.

    The mean over all their tokens is the mean of their means, which is all that is wanted.
    """
    rows = torch.tensor(windows, device=model.device)
    return [np.array([float(model(rows, labels=rows).loss)])] * len(windows)
