"""Log-probabilities of continuations of a prompt, which is processed once for all of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

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
    from basegate.engines.tokenization import Encoded
    from basegate.progress import Step

SHARED = 32
"""Tokens that prompts begin alike with at least, for these to be read once."""


class ContinuationRequest(NamedTuple):
    """A prompt and what could follow it."""

    ids: list[int]  # of the prompt, prefix included; at least two
    continuations: list[list[int]]  # token ids of each, at least one

    @property
    def longest(self) -> int:
        return max(map(len, self.continuations))

    def parts(self, most: int) -> Iterator[ContinuationRequest]:
        """The same with at most so many continuations each."""
        for start in range(0, len(self.continuations), most):
            yield ContinuationRequest(self.ids, self.continuations[start : start + most])


class _Part(NamedTuple):
    """A prompt with those of its continuations that are read together."""

    place: int
    request: ContinuationRequest


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
        for shared, groups in _groups(asked):
            begun = self._read_once(asked[groups[0][0]].ids[:shared]) if shared else None
            for group in groups:
                self._score_group(asked, shared, begun, group, scores, step, cache)
        return scores

    def _score_group(
        self,
        asked: Sequence[ContinuationRequest],
        shared: int,
        begun: Any,
        group: Sequence[int],
        scores: list[list[NDArray[np.float64]]],
        step: Step,
        cache: BatchCache,
    ) -> None:
        """Score prompts, by place, that begin with the same `shared` tokens, read before."""
        work = BatchJob(
            partial(self._score_batch, shared, begun),
            _halves,
            _size,
            "a prompt with one continuation",
        )
        for parts in self._batches(asked, group, cache):
            batch = [part.request for part in parts]
            names = [
                item_key("after", [*each.ids, *tail], len(tail))
                for each in batch
                for tail in each.continuations
            ]
            kept = all(map(cache.has, names))
            found = iter(self.backoff.numbers(names, batch, work, cache))
            for place, part in parts:
                scores[place] += [next(found) for _ in part.continuations]
                if len(scores[place]) == len(asked[place].continuations):
                    step(1, kept)

    @torch.inference_mode()
    def _read_once(self, ids: list[int]) -> Any:
        """The KV cache of the tokens that all prompts of a group begin with."""
        begin = torch.tensor([ids])
        return self.head.read(begin, torch.ones_like(begin))

    def _batches(
        self, asked: Sequence[ContinuationRequest], group: Sequence[int], cache: BatchCache
    ) -> Iterator[list[_Part]]:
        """What is read together, the longest prompts first."""
        order = sorted(group, key=lambda place: -len(asked[place].ids))
        together = [asked[place] for place in group]
        prompt, tail = len(asked[order[0]].ids), max(each.longest for each in together)
        most, read = cache.limits(
            f"rows of {prompt} and {tail}", lambda: self._limits(together, prompt, tail)
        )
        batch: list[_Part] = []
        rows = 0
        for part in (_Part(place, each) for place in order for each in asked[place].parts(most)):
            longest = len((batch[0] if batch else part).request.ids)
            more = len(part.request.continuations)
            if batch and (rows + more > most or (len(batch) + 1) * longest > read):
                yield batch
                batch, rows = [], 0
            batch.append(part)
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
    def _score_batch(
        self, shared: int, begun: Any, batch: list[ContinuationRequest]
    ) -> list[NDArray[np.float64]]:
        counts = [len(each.continuations) for each in batch]
        # The last token of the prompt predicts the first of the continuation: it is fed with it.
        tails = [[each.ids[-1], *tail] for each in batch for tail in each.continuations]
        ids, tail_mask = pad([tail[:-1] for tail in tails], "right")
        prompts, mask = pad([each.ids[:-1] for each in batch], "left")
        if shared:
            # All as long as each other: no padding stands between the beginning and the rest.
            room = prompts.shape[1] - shared
            read = repeat(copy.deepcopy(begun), [len(batch)], room)
            self.head.hidden_after(read, prompts[:, shared:], mask)
        else:
            read = self.head.read(prompts, mask)
        cache = repeat(read, counts, ids.shape[1])
        whole = torch.cat([mask[rows_of(counts)], tail_mask], dim=1)
        hidden = self.head.hidden_after(cache, ids, whole)
        return self.head.logprobs(hidden, [(row, 1, tail[1:]) for row, tail in enumerate(tails)])


def requests_of(
    prefix: Sequence[int], pairs: Sequence[tuple[list[int], Encoded]]
) -> tuple[list[ContinuationRequest], list[int]]:
    """What is scored of prompts and the text after each, and the places of these, in its order.

    Texts after the same prompt are continuations of one request.
    """
    together: dict[tuple[int, ...], list[int]] = {}
    for place, (head, _) in enumerate(pairs):
        together.setdefault((*prefix, *head), []).append(place)
    asked = [
        ContinuationRequest(list(head), [pairs[place][1].ids for place in places])
        for head, places in together.items()
    ]
    return asked, list(chain(*together.values()))


def fed_after(asked: Sequence[ContinuationRequest]) -> int:
    """Tokens that are read to score continuations.

    A prompt's last token is fed with each of them, whose own last one is not.
    """
    total = 0
    for shared, groups in _groups(asked):
        every = [asked[place] for group in groups for place in group]
        total += shared + sum(len(each.ids) - 1 - shared for each in every)
        total += sum(len(tail) for each in every for tail in each.continuations)
    return total


def _groups(asked: Sequence[ContinuationRequest]) -> Iterator[tuple[int, list[list[int]]]]:
    """Places of prompts that begin alike, with how many tokens, in groups that are read together.

    Worked examples are the same before every prompt of a bank: they are read once. Prompts that
    share a beginning are grouped by length, too, so that nothing has to be padded behind it.
    """
    # A prompt's last token and the one before it are never part of the beginning.
    rows = [each.ids[:-2] for each in asked]
    alone: list[int] = []
    for shared, places in _beginnings(rows, range(len(rows)), 0):
        if not shared:
            alone += places
            continue
        by_length: dict[int, list[int]] = {}
        for place in places:
            by_length.setdefault(len(rows[place]), []).append(place)
        yield shared, [by_length[length] for length in sorted(by_length)]
    if alone:
        yield 0, [sorted(alone)]


def _beginnings(
    rows: Sequence[Sequence[int]], places: Sequence[int], known: int
) -> list[tuple[int, Sequence[int]]]:
    """Parts of rows that begin alike, each with how many tokens, so that the fewest are read.

    `known` tokens are alike in all of these. Where some go on alike, with the options of examples
    listed and without them, say, they are parted if that pays for reading their beginning again.
    """
    columns = zip(*(rows[place][known:] for place in places), strict=False)
    shared = known + sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    together = [(shared if shared >= SHARED and len(places) > 1 else 0, places)]
    following: dict[tuple[int, ...], list[int]] = {}
    for place in places:
        following.setdefault(tuple(rows[place][shared : shared + SHARED]), []).append(place)
    if len(following) in (1, len(places)):
        return together
    parted = [part for own in following.values() for part in _beginnings(rows, own, shared)]
    return min(together, parted, key=lambda parts: sum(_read(rows, *part) for part in parts))


def _read(rows: Sequence[Sequence[int]], shared: int, places: Sequence[int]) -> int:
    return shared + sum(len(rows[place]) - shared for place in places)


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
