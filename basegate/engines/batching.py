"""Batches: kept, so that a resumed run does not repeat them; halved where memory is short.

A batch is taken from the cache as a whole or done as a whole, so that the batches of a resumed run
are those of an uninterrupted one; see `BatchCache.limits`. Samples, whose batches depend on
limits too, are taken one by one where the limits are others; see `Sampler.draw`.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from basegate.engines.devices import release_memory
from basegate.errors import CandidateError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

Item = TypeVar("Item")
Found = TypeVar("Found")


class BatchCache(Protocol):
    """Where finished batches of one measurement are kept, so that a killed run goes on.

    `store.file_batch_cache.FileBatchCache` is one. The methods as they stand here keep nothing:
    `NO_CACHE`.
    """

    def __len__(self) -> int:
        return 0

    def has(self, name: str) -> bool:
        return False

    def get(self, names: Sequence[str]) -> list[Any] | None:
        """The pieces of a batch, or `None` where not all of them are done yet."""
        return None

    def put(self, pieces: Mapping[str, Any]) -> None:
        """Keep the pieces of a batch: by name, what JSON can hold."""

    def limits(self, name: str, calculate: Callable[[], list[int]]) -> list[int]:
        """How large batches may be, under that name: as when the measurement began, or less.

        Batches have to be the same when a measurement is resumed: a model's numbers depend, in
        their last digits, on what else is in a batch. Only where a run has less memory than those
        before it (`--memory`), what it calculates counts, for batches that are not done yet.
        """
        return calculate()

    def too_large(self, kind: str) -> float:
        """The smallest size of that kind of batch that did not fit into memory, or infinity."""
        return math.inf

    def did_not_fit(self, kind: str, size: int) -> None:
        """Note a batch that did not fit into memory."""


class _NoCache(BatchCache):
    def put(self, pieces: Mapping[str, Any]) -> None:
        pass

    def did_not_fit(self, kind: str, size: int) -> None:
        pass


NO_CACHE: BatchCache = _NoCache()
"""Keeps nothing: what an engine outside of a measurement is given."""


def get_or_compute(
    cache: BatchCache,
    names: Sequence[str],
    work: Callable[[], list[Found]],
    pack: Callable[[Found], Any],
    unpack: Callable[[Any], Found],
) -> list[Found]:
    """The results of a batch, from the cache, or computed now and kept there.

    Names are by content: equal names are equal work. `pack` makes a result JSON, or `None` of one
    that must not be kept; `unpack` is the reverse.
    """
    kept = cache.get(names)
    if kept is not None:
        return [unpack(each) for each in kept]
    found = work()
    packed = [pack(each) for each in found]
    if all(each is not None for each in packed):
        cache.put(dict(zip(names, packed, strict=True)))
    return found


def item_key(kind: str, ids: Sequence[int], *further: object) -> str:
    import numpy as np

    content = hashlib.sha256(np.asarray(ids, dtype=np.int64).tobytes()).hexdigest()[:24]
    return ":".join([kind, content, *map(str, further)])


def pack_numbers(values: NDArray[np.float64]) -> str | None:
    """float64 numbers to the last bit as text; `None` where one is NaN or infinite.

    Such numbers are not kept: another try may find the machine in order.
    """
    import numpy as np

    if not np.isfinite(values).all():
        return None
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode()


def unpack_numbers(text: str) -> NDArray[np.float64]:
    import numpy as np

    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)


@dataclass(frozen=True)
class BatchJob(Generic[Item, Found]):
    """One kind of work that is done in batches."""

    do: Callable[[list[Item]], list[Found]]
    halves: Callable[[list[Item]], tuple[list[Item], list[Item]] | None]
    size: Callable[[list[Item]], int]  # tokens for which memory is needed
    smallest: str  # what cannot be halved, e.g. `a single window`


@dataclass
class OomBackoff:
    """Runs batches of one kind of work, and remembers what did not fit.

    `kind` is its name in the batch cache; `advice` says what to do where not even the smallest part
    fits.
    """

    kind: str = ""
    advice: str = "Use a machine with more memory."
    _too_large: float = math.inf  # the smallest size that did not fit, outside of measurements

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
        known = self._too_large if cache is NO_CACHE else cache.too_large(self.kind)
        if halves is None or size < known:
            try:
                return work.do(batch)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
            # Outside of `except`: the error's traceback keeps the tensors that did not fit.
            release_memory()
            self._too_large = min(self._too_large, size)
        cache.did_not_fit(self.kind, size)
        if halves is None:
            raise CandidateError(
                f"{work.smallest} ({size} tokens) does not fit into memory. {self.advice}"
            )
        return [found for half in halves for found in self.run(half, work, cache)]

    def numbers(
        self,
        names: Sequence[str],
        batch: list[Item],
        work: BatchJob[Item, NDArray[np.float64]],
        cache: BatchCache,
    ) -> list[NDArray[np.float64]]:
        """As `run`, for numbers: from the cache where all are there, else kept there."""
        do = functools.partial(self.run, batch, work, cache)
        return get_or_compute(cache, names, do, pack_numbers, unpack_numbers)


def halve(items: list[Item]) -> tuple[list[Item], list[Item]] | None:
    """The halves of a list; `None` where it has less than two items."""
    if len(items) < 2:
        return None
    middle = len(items) // 2
    return items[:middle], items[middle:]


def out_of_memory(error: Exception) -> bool:
    import torch

    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or "can't allocate memory" in str(error)


def pad(
    rows: Sequence[Sequence[int]], side: Literal["left", "right"]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and their mask, shape [rows, longest] each.

    On the right a causal model cannot see the padding; on the left all rows end together, so that
    decoding can continue them.
    """
    import torch

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
