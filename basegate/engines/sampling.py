"""Sample from a causal language model: prompts processed once, several samples of each.

Each sample depends on its own seed and on nothing else: inverse-transform sampling from numbers
fixed beforehand per sample, so that it stays the same whatever else is in its batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, takewhile
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    StoppingCriteria,
    StoppingCriteriaList,
)

from basegate.config.settings import Sampling
from basegate.engines import batching
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
from basegate.errors import InvalidMeasurement
from basegate.i18n.messages import Message
from basegate.progress import Step


class SampleRequest(NamedTuple):
    """A prompt to draw from."""

    ids: list[int]  # its tokens, prefix included; at least one
    seeds: list[int]  # one for each sample
    is_final: Callable[[str], bool] | None = None  # no more text changes what is read from it?


def fed_before(asked: Sequence[SampleRequest]) -> int:
    """Tokens of prompts that are read once for all samples; the last one is part of the drawing."""
    return sum(len(each.ids) - 1 for each in asked)


class _Sample(NamedTuple):
    """One sample to draw."""

    prompt: int  # the prompt's place
    seed: int
    ids: list[int]
    is_final: Callable[[str], bool] | None
    name: str  # in the batch cache


class Sampler:
    """Draws with a transformers causal language model in evaluation mode; `stops` end a text."""

    def __init__(
        self,
        model: Any,
        stops: Sequence[int],
        decode: Callable[[list[int]], str],
        backoff: OomBackoff | None = None,
        memory: BatchMemory | None = None,
    ) -> None:
        self.model = model
        self._memory = memory or BatchMemory(model)
        self.stops = list(stops)
        self.decode = decode
        self._backoff = backoff or OomBackoff()
        # Asked of every token that is drawn; decoding takes as long as a step of a small model.
        self.ends_line = functools.cache(lambda token: decode([token]).endswith("\n"))

    def draw(
        self,
        asked: Sequence[SampleRequest],
        sampling: Sampling,
        step: Step,
        cache: BatchCache = NO_CACHE,
    ) -> list[list[list[int]]]:
        """The token ids of every sample of every prompt, up to its end.

        The KV cache of a prompt is computed once and repeated for its samples. Prompts of similar
        length share a batch; a batch that does not fit into memory is halved.

        Raises:
            InvalidMeasurement: the model is numerically unstable (NaN or inf).
            CandidateError: not even one sample fits into memory.
        """
        samples = [
            _Sample(place, seed, each.ids, each.is_final, _name(each, seed))
            for place, each in sorted(enumerate(asked), key=lambda pair: -len(pair[1].ids))
            for seed in each.seeds
        ]
        work: BatchJob[_Sample, list[int]] = BatchJob(
            lambda batch: self._draw_batch(batch, sampling, step),
            halve,
            lambda batch: len(batch) * (max(len(s.ids) for s in batch) + sampling.max_new_tokens),
            "a prompt with one sample",
        )
        longest = max(len(each.ids) for each in asked) + sampling.max_new_tokens
        [rows] = cache.limits(f"rows of {longest}", lambda: [self._rows(asked, longest)])
        drawn: list[list[list[int]]] = [[] for _ in asked]
        for start in range(0, len(samples), rows):
            batch = samples[start : start + rows]
            for sample, ids in zip(batch, self._written(batch, work, step, cache), strict=True):
                drawn[sample.prompt].append(ids)
        return drawn

    def _rows(self, asked: Sequence[SampleRequest], longest: int) -> int:
        """How many samples are drawn at once; their prompts are read at once, too."""
        prompt = max(len(each.ids) for each in asked)
        samples = max(1, min(len(each.seeds) for each in asked))
        read = self._memory.tokens(prompt, prompt * len(asked)) // prompt * samples
        every = sum(len(each.seeds) for each in asked)
        return min(self._memory.rows(longest, every), max(1, read))

    def _written(
        self,
        batch: list[_Sample],
        work: BatchJob[_Sample, list[int]],
        step: Step,
        cache: BatchCache,
    ) -> list[list[int]]:
        """The samples of a batch, of which only those are drawn that the cache lacks.

        It has all or none of them, unless it was begun under limits that cut batches otherwise.
        """
        known = [sample.name for sample in batch if cache.has(sample.name)]
        written = dict(zip(known, cache.get(known) or (), strict=True))
        if known:
            step(len(known), True)
        if rest := [sample for sample in batch if sample.name not in written]:
            names = [sample.name for sample in rest]
            do = functools.partial(self._backoff.run, rest, work, cache)
            drawn = batching.get_or_compute(cache, names, do, list, list)
            written.update(zip(names, drawn, strict=True))
        return [written[sample.name] for sample in batch]

    @torch.inference_mode()
    def _draw_batch(
        self, batch: Sequence[_Sample], sampling: Sampling, step: Step
    ) -> list[list[int]]:
        device = self.model.device
        prompts = [list(found) for _, found in groupby(batch, key=lambda sample: sample.prompt)]
        counts = [len(samples) for samples in prompts]
        ids, mask = pad([samples[0].ids for samples in prompts], "left")
        longest = ids.shape[1]
        cache = None
        if longest > 1:
            read = self.model.generate(
                inputs=ids[:, :-1].to(device),
                attention_mask=mask[:, :-1].to(device),
                generation_config=self._config(1, return_dict_in_generate=True),
            )
            cache = repeat(read.past_key_values, counts, sampling.max_new_tokens + 1)
        finished = EarlyStop(self, [sample.is_final for sample in batch], longest, step)
        seeds = [sample.seed for sample in batch]
        rows = rows_of(counts)
        try:
            written = self.model.generate(
                inputs=ids[rows].to(device),
                attention_mask=mask[rows].to(device),
                past_key_values=cache,
                logits_processor=processors(sampling, seeds, longest),
                generation_config=self._config(sampling.max_new_tokens),
                stopping_criteria=StoppingCriteriaList([finished]),
            )
        except RuntimeError:
            finished.take_back()
            raise
        finished.tell_rest()
        return finished.cut(written[:, longest:].tolist())

    def _config(self, max_new_tokens: int, **further: Any) -> GenerationConfig:
        return GenerationConfig(
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=self.stops or None,
            pad_token_id=self.stops[0] if self.stops else 0,
            **further,
        )


def _name(asked: SampleRequest, seed: int) -> str:
    return item_key("draw", asked.ids, seed)


def cached_samples(asked: Sequence[SampleRequest], cache: BatchCache) -> list[list[list[int]]]:
    """The samples that an earlier run has drawn: of every prompt those before a gap."""
    names = ((_name(each, seed) for seed in each.seeds) for each in asked)
    return [cache.get(list(takewhile(cache.has, each))) or [] for each in names]


@dataclass(eq=False)
class EarlyStop(StoppingCriteria):
    """Ends a sample at a stop token, or once more text could not change what is read from it.

    That is asked only after a token whose text ends with a line break.
    """

    sampler: Sampler
    is_final: Sequence[Callable[[str], bool] | None]  # for each sample
    prompt_length: int
    step: Step
    ends: list[int | None] = field(init=False)  # the tokens of each sample; `None` until it ends

    def __post_init__(self) -> None:
        self.ends = [None] * len(self.is_final)

    def __call__(
        self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: object
    ) -> torch.Tensor:
        length = input_ids.shape[1] - self.prompt_length
        last = input_ids[:, -1].tolist()
        for index, is_final in enumerate(self.is_final):
            if self.ends[index] is not None:
                continue
            if last[index] in self.sampler.stops:
                self._end(index, length - 1)
            elif is_final is not None and self.sampler.ends_line(last[index]):
                ids = input_ids[index, self.prompt_length :].tolist()
                if is_final(self.sampler.decode(ids)):
                    self._end(index, length)
        return torch.tensor([end is not None for end in self.ends], device=input_ids.device)

    def _end(self, index: int, length: int) -> None:
        self.ends[index] = length
        self.step(1)

    def take_back(self) -> None:
        """Take back the steps of a batch that failed: its samples are drawn again."""
        self.step(self.ends.count(None) - len(self.ends))

    def tell_rest(self) -> None:
        """Count the samples that were ended by their length."""
        self.step(self.ends.count(None))

    def cut(self, written: Sequence[list[int]]) -> list[list[int]]:
        return [row[:end] for row, end in zip(written, self.ends, strict=True)]


def processors(sampling: Sampling, seeds: Sequence[int], prompt_length: int) -> LogitsProcessorList:
    """The chain from logits to the drawn token, with one seed per row; greedy at temperature 0."""
    chain = LogitsProcessorList([_RefuseNonFinite()])
    if sampling.repetition_penalty != 1.0:
        chain.append(RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    if sampling.temperature != 0:
        # The numbers in [0, 1) that decide the draws, shape [samples, steps], float64.
        uniform = [
            np.random.Generator(np.random.Philox(key=seed)).random(sampling.max_new_tokens)
            for seed in seeds
        ]
        chain.append(_Draw(sampling, torch.from_numpy(np.stack(uniform)), prompt_length))
    return chain


class _RefuseNonFinite(LogitsProcessor):
    """NaN must never become a token: an argmax over NaN is token 0."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        # NaN and inf show in the maximum, and so does a row of nothing but -inf.
        if not bool(torch.isfinite(scores.amax(dim=-1)).all()):
            reason = Message(
                "the model's logits are not finite (NaN or inf), so nothing can be drawn from "
                "them. It is numerically unstable, which says nothing about what it knows: "
                "try another --dtype or --quantization."
            )
            raise InvalidMeasurement(reason)
        return scores.float()


@dataclass(eq=False)
class _Draw(LogitsProcessor):
    """Leaves only the drawn token, so that greedy search takes it.

    Temperature, then the k most probable tokens, then the most probable that hold top_p of what is
    left; of these, in falling order, the first whose cumulated probability exceeds the sample's
    number of this step. Only the top k are ever sorted.
    """

    sampling: Sampling
    draws: torch.Tensor
    prompt_length: int

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        step = input_ids.shape[1] - self.prompt_length
        count = self.sampling.top_k or scores.shape[-1]
        kept, tokens = torch.topk(scores, min(count, scores.shape[-1]), dim=-1)
        chances = torch.softmax(kept.double() / self.sampling.temperature, dim=-1)
        # A token stays if those before it hold less than top_p; the first always does.
        before = chances.cumsum(dim=-1) - chances
        cumulated = torch.where(before < self.sampling.top_p, chances, 0.0).cumsum(dim=-1)
        # Scaled by the total, so that a token is always found.
        threshold = self.draws[:, step : step + 1].to(scores.device) * cumulated[:, -1:]
        place = torch.searchsorted(cumulated, threshold, right=True)
        chosen = tokens.gather(1, place.clamp(max=tokens.shape[-1] - 1))
        # In place: with a large vocabulary, another copy takes longer than all of the above.
        return scores.fill_(-torch.inf).scatter_(1, chosen, 0.0)
