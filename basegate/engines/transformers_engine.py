"""A loaded transformers model and its tokenizer as an engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import GenerationConfig

from basegate.engines.batching import NO_CACHE, BatchCache, OomBackoff
from basegate.engines.checkpoints.inspection import LoadedCheckpoint, check_window
from basegate.engines.continuation_scoring import ContinuationScorer, fed_after, requests_of
from basegate.engines.devices import memory_advice, release_memory
from basegate.engines.lm_head import LMHead
from basegate.engines.memory_budget import BatchMemory, MemoryBudget
from basegate.engines.padding_probe import PaddingEffect, padding_effect
from basegate.engines.protocol import LOST_SHARE, Draw, TokenScores, sample_seed
from basegate.engines.sampling import Sampler, SampleRequest, cached_samples, fed_before
from basegate.engines.tokenization import Encoded, Encoder
from basegate.engines.window_scoring import (
    WindowScorer,
    article_windows,
    fed_in_windows,
    perplexity_over_windows,
    plan_windows,
)
from basegate.errors import CandidateError, InvalidMeasurement
from basegate.i18n.messages import Message, some
from basegate.measurement import Work
from basegate.progress import SILENT, Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from basegate.config.settings import Sampling
    from basegate.measurement import LargestBuffer

LONGEST = 2048
"""The window of a model that does not say how much it was made for."""


class TransformersEngine:
    """A causal language model and its tokenizer, as an `Engine` of `basegate.engines.protocol`.

    Its methods are described there. Where a model does not say how many tokens it was made for, the
    window is 2,048 unless another is asked for. `model` is `None` once closed, `vocabulary` how
    many tokens the tokenizer knows, `workload` what was asked of it, batches of an earlier run
    included. `precision` is what its numbers are rounded to: a dtype, or `int8`.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        tokenizer: Any,
        context: int | None,
        *,
        caveat: str = "",
        quantization: str = "none",
        loaded: LoadedCheckpoint | None = None,
        budget: MemoryBudget | None = None,
    ) -> None:
        """Wrap a model; `caveat`: what the original does beyond `context` and this does not.

        `budget`: what batches keep to, by default what is free.
        """
        self.name = name
        self.model = model
        self.tokenizer = tokenizer
        self.vocabulary = len(tokenizer)
        dtype = str(model.dtype).removeprefix("torch.")
        self.precision = "int8" if quantization == "int8" else dtype
        self.context_length = context
        self.loaded = loaded
        self._budget = budget
        self.batch_cache: BatchCache = NO_CACHE
        self.workload = Work()
        self._caveat = caveat
        self._encoder = Encoder(tokenizer, name)
        self.prefix_ids = self._encoder.prefix
        self.prefix = self._encoder.prefix_in_words
        device = model.device.type
        advice = memory_advice(quantization, device)
        window = memory_advice(quantization, device, "a smaller [perplexity] window")
        self._score_backoff = OomBackoff("score", window)
        self._continue_backoff = OomBackoff("continue", advice)
        self._draw_backoff = OomBackoff("draw", advice)
        self._stops = _stop_tokens(model, tokenizer)
        # The checkpoint's generation defaults (a repetition penalty, say) would fill whatever
        # the gate leaves unset: only where it stops is taken from them.
        model.generation_config = GenerationConfig()

    def log_likelihoods(
        self,
        texts: Sequence[str],
        *,
        window: int | None = None,
        context: int = 0,
        after: Sequence[str] | None = None,
        progress: Progress = SILENT,
    ) -> list[TokenScores]:
        window = window or self.context_length or LONGEST
        self._check_window(window, context)
        if after is not None:
            return self._score_after(texts, after, window, progress)
        encoded = [self._encoder.encode(text) for text in texts]
        for text, each in zip(texts, encoded, strict=True):
            self._check_tokens(text, each.ids)
        prefix = len(self.prefix_ids)
        plans = [
            plan_windows(len(each.ids), window=window, context=context, prefix=prefix)
            for each in encoded
        ]
        self.workload += Work(fed=fed_in_windows(plans, len(self.prefix_ids)))
        scorer = WindowScorer(self._head, self.prefix_ids, self._batch_memory, self._score_backoff)
        total = sum(map(len, plans))
        with progress.task(Message("{name}: scoring", name=self.name), total, "window") as step:
            scores = scorer.score([each.ids for each in encoded], plans, step, self.batch_cache)
        found = self._token_scores(texts, encoded, scores)
        return found if prefix else [each.without_first() for each in found]

    def _score_after(
        self, texts: Sequence[str], after: Sequence[str], window: int, progress: Progress
    ) -> list[TokenScores]:
        pairs = []
        for prompt, text in zip(after, texts, strict=True):
            head, tail = self._encoder.encode_after(prompt, text)
            if not tail.ids:
                raise self._no_token(text)
            self._check_tokens(prompt, head)
            self._check_fits(prompt, len(self.prefix_ids) + len(head) + len(tail.ids), window)
            pairs.append((head, tail))
        asked, places = requests_of(self.prefix_ids, pairs)
        self.workload += Work(fed=fed_after(asked))
        scorer = ContinuationScorer(self._head, self._batch_memory, self._continue_backoff)
        title = Message("{name}: scoring", name=self.name)
        with progress.task(title, len(asked), "prompt") as step:
            found = scorer.score(asked, step, self.batch_cache)
        scores = (each for own in found for each in own)
        by_place = dict(zip(places, scores, strict=True))
        tails = [tail for _, tail in pairs]
        return self._token_scores(texts, tails, [by_place[at] for at in range(len(texts))])

    def article_perplexity(self, text: str) -> float:
        """What the article's published code gives; see `window_scoring.article_perplexity`."""
        windows = article_windows(self.tokenizer, text)
        self.workload += Work(fed=sum(map(len, windows)))
        return perplexity_over_windows(self.model, windows, self.batch_cache)

    def _token_scores(
        self,
        texts: Sequence[str],
        encoded: Sequence[Encoded],
        scores: Sequence[NDArray[np.float64]],
    ) -> list[TokenScores]:
        return [
            TokenScores(logprobs, each.starts, self._encoder.lost(text, each.ids))
            for text, logprobs, each in zip(texts, scores, encoded, strict=True)
        ]

    def sample(
        self,
        prompts: Sequence[str],
        *,
        sampling: Sampling,
        numbers: Sequence[Sequence[int]] | None = None,
        is_final: Sequence[Callable[[str], bool]] | None = None,
        progress: Progress = SILENT,
    ) -> list[list[Draw]]:
        numbers = numbers or [range(sampling.samples)] * len(prompts)
        asked = self._asked(prompts, sampling, numbers, is_final)
        self._check_read(prompts, asked)
        for prompt, each in zip(prompts, asked, strict=True):
            self._check_room(prompt, len(each.ids), sampling.max_new_tokens)
        self.workload += Work(fed=fed_before(asked))
        decode = self._encoder.decode
        sampler = Sampler(self.model, self._stops, decode, self._draw_backoff, self._batch_memory)
        total = sum(len(each.seeds) for each in asked)
        with progress.task(Message("{name}: writing", name=self.name), total, "sample") as step:
            drawn = sampler.draw(asked, sampling, step, self.batch_cache)
        return self._draws(asked, drawn, sampling.max_new_tokens)

    def cached_samples(
        self, prompts: Sequence[str], *, sampling: Sampling, numbers: Sequence[Sequence[int]]
    ) -> list[list[Draw]]:
        if not len(self.batch_cache):
            return [[] for _ in prompts]
        asked = self._asked(prompts, sampling, numbers)
        drawn = cached_samples(asked, self.batch_cache)
        return self._draws(asked, drawn, sampling.max_new_tokens)

    def _asked(
        self,
        prompts: Sequence[str],
        sampling: Sampling,
        numbers: Sequence[Sequence[int]],
        is_final: Sequence[Callable[[str], bool]] | None = None,
    ) -> list[SampleRequest]:
        return [
            SampleRequest(
                [*self.prefix_ids, *self._encoder.encode(prompt).ids],
                [sample_seed(sampling.seed, prompt, number) for number in wanted],
                is_final[place] if is_final is not None else None,
            )
            for place, (prompt, wanted) in enumerate(zip(prompts, numbers, strict=True))
        ]

    def _draws(
        self, asked: Sequence[SampleRequest], drawn: Sequence[Sequence[list[int]]], most: int
    ) -> list[list[Draw]]:
        self.workload += Work(drawn=sum(len(ids) for rows in drawn for ids in rows))
        return [
            [
                Draw(
                    self._encoder.decode(ids),
                    seed,
                    one_token=len(ids) >= 8 and len(set(ids)) == 1,
                    cut=len(ids) >= most,
                )
                for ids, seed in zip(rows, each.seeds, strict=False)
            ]
            for rows, each in zip(drawn, asked, strict=True)
        ]

    def lost_share(self, text: str) -> float:
        """The share of a text's characters that no token holds; 1 where nothing is scored."""
        return self._encoder.lost_share(text)

    def padding_effect(self, text: str) -> PaddingEffect:
        """Whether what a batch is padded with reaches the scores of a text."""
        return padding_effect(self._head, [*self.prefix_ids, *self._encoder.encode(text).ids])

    def close(self) -> None:
        self.model = None
        self.__dict__.pop("_head", None)
        self.__dict__.pop("_batch_memory", None)
        release_memory()

    @cached_property
    def _head(self) -> LMHead:
        return LMHead(self.model, self.prefix_ids)

    @cached_property
    def _batch_memory(self) -> BatchMemory:
        return BatchMemory(self.model, self._budget)

    @property
    def memory_limit(self) -> int | None:
        """Bytes that it was let take in all, as far as that is known."""
        return self._budget.limit if self._budget is not None else None

    @property
    def largest_buffer(self) -> LargestBuffer:
        return self._batch_memory.largest

    def _check_window(self, window: int, context: int) -> None:
        check_window(self.name, window, self.context_length, self._caveat)
        if window - max(1, len(self.prefix_ids)) - context < 1:
            raise CandidateError(
                f"window = {window} and context = {context} in the check's table leave nothing to "
                f"score beside {self.name}'s prefix of {len(self.prefix_ids)} tokens. Raise window."
            )

    def _check_tokens(self, text: str, ids: Sequence[int]) -> None:
        # Nothing costs nothing: a text without tokens would be the most probable of all.
        if not self._encoder.scored(ids):
            raise self._no_token(text, len(ids))

    def _no_token(self, text: str, count: int = 0) -> InvalidMeasurement:
        made = "one token, and has none to put before it" if count else "no token"
        return InvalidMeasurement(
            f"the tokenizer of {self.name} makes {made} of {text[:20]!r}, so it has no "
            "probability. Write it with characters that the tokenizer knows"
            f"{', or write more' if count else ''}."
        )

    def _check_read(self, prompts: Sequence[str], asked: Sequence[SampleRequest]) -> None:
        unread = Counter[str]()
        for prompt, each in zip(prompts, asked, strict=True):
            unread += self._encoder.unread(prompt, each.ids[len(self.prefix_ids) :])
            if not each.ids:
                raise self._no_token(prompt)
        characters = sum(map(len, prompts))
        if unread.total() > LOST_SHARE * characters:
            raise InvalidMeasurement(
                f"the tokenizer of {self.name} does not know {unread.total()} of {characters} "
                f"characters of the prompts ({some([*map(repr, unread)])}): what the model reads "
                "is not what is asked, and its answers say nothing. Ask in characters that it "
                "knows, or choose another candidate."
            )

    def _check_fits(self, prompt: str, tokens: int, window: int) -> None:
        if tokens > window:
            raise CandidateError(
                f"the question {_beginning(prompt)} and its answer are {tokens} tokens and do not "
                f"fit into the {window} tokens that {self.name} sees at once. Shorten it."
            )

    def _check_room(self, prompt: str, tokens: int, max_new_tokens: int) -> None:
        if self.context_length is not None and tokens + max_new_tokens > self.context_length:
            raise CandidateError(
                f"the prompt {_beginning(prompt)} of {tokens} tokens and max_new_tokens = "
                f"{max_new_tokens} do not fit into the {self.context_length} tokens that "
                f"{self.name} was made for{f' ({self._caveat})' if self._caveat else ''}. Shorten "
                "the prompt, or lower max_new_tokens."
            )


def _beginning(text: str) -> str:
    return repr(text if len(text) <= 30 else f"{text[:30]}…")


def _stop_tokens(model: Any, tokenizer: Any) -> list[int]:
    """The ids that end a text, by the checkpoint's generation config or its tokenizer."""
    own = getattr(model.generation_config, "eos_token_id", None)
    stops = own if own is not None else tokenizer.eos_token_id
    return [] if stops is None else [int(stop) for stop in np.atleast_1d(stops)]
