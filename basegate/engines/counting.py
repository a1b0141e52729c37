"""An engine without a model: it counts what a check would feed to one, and let it write.

A check measures with it as with any other, so that what is counted is what will be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from basegate.engines.batching import NO_CACHE, BatchCache
from basegate.engines.protocol import Draw, TokenScores, sample_seed
from basegate.measurement import Work

if TYPE_CHECKING:
    from basegate.config.settings import Sampling
    from basegate.engines.tokenization import Encoder
    from basegate.progress import Progress

MOST_CALLS = 100_000
"""A check that goes on until a model says something would ask this one for ever."""


class CountingEngine:
    """Counts in tokens, as `TransformersEngine` feeds them; without a tokenizer in characters.

    In characters, every text counts once, and so does every prompt that differs. Its scores are -1,
    its samples empty, each counted as the longest that it may be.

    Attributes:
        workload: what was asked so far, in tokens or characters; drawn are tokens in any case.
        steps: how many texts, prompts or samples that were.
    """

    prefix = ""
    loaded = None

    def __init__(self, encoder: Encoder | None = None, context_length: int | None = None) -> None:
        self.batch_cache: BatchCache = NO_CACHE
        self.workload = Work()
        self.steps = 0
        self._encoder = encoder
        self._context_length = context_length
        self._calls = 0

    def log_likelihoods(
        self,
        texts: Sequence[str],
        *,
        window: int | None = None,
        context: int = 0,
        after: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> list[TokenScores]:
        self._count(len(set(after)) if after else len(texts))
        lengths = [len(text) for text in texts]
        if self._encoder is None:
            self.workload += Work(fed=sum(lengths) + sum(map(len, set(after or ()))))
        elif after is not None:
            from basegate.engines.continuation_scoring import fed_after, requests_of

            pairs = [self._encoder.encode_after(*each) for each in zip(after, texts, strict=True)]
            self.workload += Work(fed=fed_after(requests_of(self._encoder.prefix, pairs)[0]))
            lengths = [len(tail.ids) for _, tail in pairs]
        else:
            from basegate.engines.checkpoints.inspection import check_window
            from basegate.engines.transformers_engine import LONGEST
            from basegate.engines.window_scoring import fed_in_windows, plan_windows

            check_window("it", window or 0, self._context_length)
            lengths = [len(self._encoder.encode(text).ids) for text in texts]
            window, prefix = window or self._context_length or LONGEST, len(self._encoder.prefix)
            plans = [
                plan_windows(length, window=window, context=context, prefix=prefix)
                for length in lengths
            ]
            self.workload += Work(fed=fed_in_windows(plans, prefix))
        return [TokenScores(np.full(length, -1.0), None) for length in lengths]

    def article_perplexity(self, text: str) -> float:
        if self._encoder is not None:
            from basegate.engines.window_scoring import article_windows

            windows = article_windows(self._encoder.tokenizer, text)
            self.workload += Work(fed=sum(map(len, windows)))
        return 1.0

    def sample(
        self,
        prompts: Sequence[str],
        *,
        sampling: Sampling,
        numbers: Sequence[Sequence[int]] | None = None,
        is_final: Sequence[Callable[[str], bool]] | None = None,
        progress: Progress | None = None,
    ) -> list[list[Draw]]:
        numbers = numbers or [range(sampling.samples)] * len(prompts)
        samples = sum(map(len, numbers))
        self._count(samples)
        self.workload += Work(
            fed=self._fed_before(prompts), drawn=samples * sampling.max_new_tokens
        )
        return [
            [Draw("", sample_seed(sampling.seed, prompt, number)) for number in wanted]
            for prompt, wanted in zip(prompts, numbers, strict=True)
        ]

    def cached_samples(
        self, prompts: Sequence[str], *, sampling: Sampling, numbers: Sequence[Sequence[int]]
    ) -> list[list[Draw]]:
        return [[] for _ in prompts]

    def close(self) -> None:
        pass

    def _fed_before(self, prompts: Sequence[str]) -> int:
        if self._encoder is None:
            return sum(map(len, set(prompts)))
        from basegate.engines.sampling import SampleRequest, fed_before

        encoded = (self._encoder.encode(prompt).ids for prompt in prompts)
        return fed_before([SampleRequest([*self._encoder.prefix, *ids], []) for ids in encoded])

    def _count(self, steps: int) -> None:
        self.steps += steps
        self._calls += 1
        if self._calls > MOST_CALLS:
            raise RuntimeError(f"it asked {MOST_CALLS} times, and what it was told is no answer")
