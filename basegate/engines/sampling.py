"""Sample from a causal language model: prompts processed once, several samples of each."""

from __future__ import annotations

import functools
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from basegate.engines import batch_cache
from basegate.engines.batch_cache import NO_CACHE, item_key
from basegate.engines.batching import BatchJob, OomBackoff, halve, pad
from basegate.engines.kv_cache import repeat, rows_of, rows_that_fit
from basegate.engines.logits import processors

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from basegate.config.settings import Sampling
    from basegate.engines.batch_cache import BatchCache
    from basegate.progress import Step


class SampleRequest(NamedTuple):
    """A prompt to draw from.

    Attributes:
        ids: its tokens, prefix included; at least one.
        seeds: one for each sample.
        is_final: whether more text could not change what is read from a sample so far.
    """

    ids: list[int]
    seeds: list[int]
    is_final: Callable[[str], bool] | None = None


class Sampler:
    """Draws with a transformers causal language model in evaluation mode; `stops` end a text."""

    def __init__(
        self,
        model: Any,
        stops: Sequence[int],
        decode: Callable[[list[int]], str],
        backoff: OomBackoff | None = None,
    ) -> None:
        self.model = model
        self.stops = list(stops)
        self.decode = decode
        self._backoff = backoff or OomBackoff()
        # Asked of every token that is drawn; decoding takes as long as a step of a small model.
        self._ends_line = functools.cache(lambda token: decode([token]).endswith("\n"))

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
        drawn: list[list[list[int]]] = [[] for _ in asked]
        longest = max(len(each.ids) for each in asked) + sampling.max_new_tokens
        work = BatchJob(
            lambda parts: self._draw_batch(parts, sampling, step),
            _halves,
            lambda parts: (
                sum(len(each.seeds) for each in parts)
                * (max(len(each.ids) for each in parts) + sampling.max_new_tokens)
            ),
            _refusal,
        )
        rows = cache.get_or_set(f"rows of {longest}", lambda: rows_that_fit(self.model, longest))
        for batch in _batches(asked, rows):
            written = self._written([part for _, part in batch], work, step, cache)
            for index, part in batch:
                drawn[index] += written[: len(part.seeds)]
                written = written[len(part.seeds) :]
        return drawn

    def _written(
        self,
        batch: Sequence[SampleRequest],
        work: BatchJob[SampleRequest, list[int]],
        step: Step,
        cache: BatchCache,
    ) -> list[list[int]]:
        """The samples of a batch, of which only those are drawn that the cache lacks.

        It has all or none of them, unless it was begun under limits that cut batches otherwise.
        """
        names = _names(batch)
        written = _read_samples(names, cache)
        if written:
            step(sum(name in written for name in names))
        if rest := _without(batch, written):
            missing = _names(rest)
            do = functools.partial(self._backoff.run, rest, work, cache)
            drawn = batch_cache.get_or_compute(cache, missing, do, list, list)
            written.update(zip(missing, drawn, strict=True))
        return [written[name] for name in names]

    @torch.inference_mode()
    def _draw_batch(
        self, batch: Sequence[SampleRequest], sampling: Sampling, step: Step
    ) -> list[list[int]]:
        counts = [len(each.seeds) for each in batch]
        ids, mask = pad([each.ids for each in batch], "left")
        longest = ids.shape[1]
        cache = None
        if longest > 1:
            read = self.model.generate(
                inputs=ids[:, :-1].to(self.model.device),
                attention_mask=mask[:, :-1].to(self.model.device),
                generation_config=self._config(1, return_dict_in_generate=True),
            )
            cache = repeat(read.past_key_values, counts, sampling.max_new_tokens + 1)
        finished = EarlyStop(
            [each.is_final for each in batch for _ in each.seeds],
            longest,
            self.decode,
            self._ends_line,
            set(self.stops),
            step,
        )
        device, rows = self.model.device, rows_of(counts)
        seeds = [seed for each in batch for seed in each.seeds]
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


class EarlyStop(StoppingCriteria):
    """Ends a sample at a stop token, or once more text could not change what is read from it.

    `ends_line` tells whether a token's text ends with a line break: only then is `is_final` asked.
    """

    def __init__(
        self,
        is_final: Sequence[Callable[[str], bool] | None],
        prompt_length: int,
        decode: Callable[[list[int]], str],
        ends_line: Callable[[int], bool],
        stops: set[int],
        step: Step,
    ) -> None:
        self.is_final = is_final
        self.prompt_length = prompt_length
        self.decode = decode
        self.ends_line = ends_line
        self.stops = stops
        self.step = step
        self.ends: list[int | None] = [None] * len(is_final)

    def __call__(
        self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: object
    ) -> torch.Tensor:
        length = input_ids.shape[1] - self.prompt_length
        last = input_ids[:, -1].tolist()
        for index, is_final in enumerate(self.is_final):
            if self.ends[index] is not None:
                continue
            if last[index] in self.stops:
                self._end(index, length - 1)
            elif is_final is not None and self.ends_line(last[index]):
                text = self.decode(input_ids[index, self.prompt_length :].tolist())
                if is_final(text):
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


def _batches(
    asked: Sequence[SampleRequest], rows: int
) -> Iterator[list[tuple[int, SampleRequest]]]:
    """Yield prompts (with their places) of at most `rows` samples together, the longest first."""
    batch: list[tuple[int, SampleRequest]] = []
    room = rows
    for index in sorted(range(len(asked)), key=lambda index: -len(asked[index].ids)):
        start, each = 0, asked[index]
        while start < len(each.seeds):
            part = each._replace(seeds=each.seeds[start : start + room])
            batch.append((index, part))
            start, room = start + len(part.seeds), room - len(part.seeds)
            if room == 0:
                yield batch
                batch, room = [], rows
    if batch:
        yield batch


def cached_samples(asked: Sequence[SampleRequest], cache: BatchCache) -> list[list[list[int]]]:
    """The samples that an earlier run has drawn: of every prompt those before a gap."""
    found = []
    for each in asked:
        names = list(takewhile(cache.has, _names([each])))
        written = _read_samples(names, cache)
        found.append([written[name] for name in names])
    return found


def _read_samples(names: Sequence[str], cache: BatchCache) -> dict[str, list[int]]:
    known = [name for name in names if cache.has(name)]
    return dict(zip(known, cache.get(known) or (), strict=True))


def _names(batch: Sequence[SampleRequest]) -> list[str]:
    return [item_key("draw", each.ids, seed) for each in batch for seed in each.seeds]


def _without(batch: Sequence[SampleRequest], done: Container[str]) -> list[SampleRequest]:
    def left(each: SampleRequest) -> list[int]:
        return [seed for seed in each.seeds if item_key("draw", each.ids, seed) not in done]

    return [each._replace(seeds=seeds) for each in batch if (seeds := left(each))]


def _halves(batch: list[SampleRequest]) -> tuple[list[SampleRequest], list[SampleRequest]] | None:
    if len(batch) > 1:
        return halve(batch)
    halves = halve(batch[0].seeds)
    return halves and ([batch[0]._replace(seeds=halves[0])], [batch[0]._replace(seeds=halves[1])])


def _refusal(batch: list[SampleRequest]) -> str:
    return f"a single sample of a prompt of {len(batch[0].ids)} tokens does not fit into memory."
