"""Retry a batch at half its size on out-of-memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import torch

from basegate.engines.batch_cache import NO_CACHE
from basegate.engines.devices import release_memory
from basegate.errors import CandidateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from basegate.engines.batch_cache import BatchCache

Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True)
class BatchJob(Generic[Item, Found]):
    """One kind of work that is done in batches."""

    do: Callable[[list[Item]], list[Found]]
    halves: Callable[[list[Item]], tuple[list[Item], list[Item]] | None]
    size: Callable[[list[Item]], int]  # tokens for which memory is needed
    smallest: str  # what cannot be halved, e.g. `a single window`


class OomBackoff:
    """Runs batches of one kind of work, and remembers what did not fit.

    `kind` is its name in the batch cache; `advice` says what to do where not even the smallest part
    fits.
    """

    def __init__(self, kind: str = "", advice: str = "Use a machine with more memory.") -> None:
        self._kind = kind
        self._advice = advice
        self._too_large = math.inf  # the smallest size that did not fit, outside of measurements

    def run(
        self, batch: list[Item], work: BatchJob[Item, Found], cache: BatchCache = NO_CACHE
    ) -> list[Found]:
        """Do a batch, in halves where memory asks for it.

        A batch as large as one of the same measurement that did not fit is halved at once: a try
        costs the time of the whole batch. What did not fit in other measurements is no guide,
        although it would save a few tries: sizes say only roughly what memory a batch takes, and
        what a measurement finds and notes must not depend on those before it, which a run that
        resumes it has not seen.

        Raises:
            CandidateError: not even the smallest part fits.
        """
        halves, size = work.halves(batch), work.size(batch)
        known = self._too_large if cache is NO_CACHE else cache.too_large(self._kind)
        if halves is None or size < known:
            try:
                return work.do(batch)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
            # Outside of `except`: the error's traceback keeps the tensors that did not fit.
            release_memory()
            self._too_large = min(self._too_large, size)
        cache.did_not_fit(self._kind, size)
        if halves is None:
            raise CandidateError(
                f"{work.smallest} ({size} tokens) does not fit into memory. {self._advice}"
            )
        return [found for half in halves for found in self.run(half, work, cache)]


def halve(items: list[Item]) -> tuple[list[Item], list[Item]] | None:
    """The halves of a list; `None` where it has less than two items."""
    if len(items) < 2:
        return None
    middle = len(items) // 2
    return items[:middle], items[middle:]


def out_of_memory(error: Exception) -> bool:
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or "can't allocate memory" in str(error)


def pad(
    rows: Sequence[Sequence[int]], side: Literal["left", "right"]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and their mask, shape [rows, longest] each.

    On the right a causal model cannot see the padding; on the left all rows end together, so that
    decoding can continue them.
    """
    longest = max(map(len, rows))
    ids = torch.empty((len(rows), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        held = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
        # Padded with a token that the row holds anyway: a repetition penalty sees all of it.
        ids[index] = row[0]
        ids[index, held] = torch.tensor(row)
        mask[index, held] = 1
    return ids, mask
