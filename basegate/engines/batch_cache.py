"""Finished batches of a measurement, so that a resumed run does not repeat them.

A batch is taken from the cache as a whole or done as a whole, so that the batches of a resumed run
are those of an uninterrupted one; see `BatchCache.get_or_set`. Samples, whose batches depend on
limits too, are taken one by one where the limits are others; see `Sampler.draw`.
"""

from __future__ import annotations

import base64
import hashlib
import math
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

Found = TypeVar("Found")


class BatchCache(Protocol):
    """Where finished batches of one measurement are kept, so that a killed run goes on.

    `store.file_batch_cache.FileBatchCache` is one. The methods as they stand here keep nothing:
    `NO_CACHE`.
    """

    def __len__(self) -> int:
        """How many pieces are done."""
        return 0

    def has(self, name: str) -> bool:
        """Whether the piece of that name is done."""
        return False

    def get(self, names: Sequence[str]) -> list[Any] | None:
        """The pieces of a batch, or `None` where not all of them are done yet."""
        return None

    def put(self, pieces: Mapping[str, Any]) -> None:
        """Keep the pieces of a batch: by name, what JSON can hold."""

    def get_or_set(self, name: str, make: Callable[[], Any]) -> Any:
        """What was decided under that name when the measurement began; decided now if new.

        Batches have to be the same when a measurement is resumed: a model's numbers depend, in
        their last digits, on what else is in a batch.
        """
        return make()

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
    content = hashlib.sha256(np.asarray(ids, dtype=np.int64).tobytes()).hexdigest()[:24]
    return ":".join([kind, content, *map(str, further)])


def pack_numbers(values: NDArray[np.float64]) -> str | None:
    """float64 numbers to the last bit as text; `None` where one is NaN or infinite.

    Such numbers are not kept: another try may find the machine in order.
    """
    if not np.isfinite(values).all():
        return None
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode()


def unpack_numbers(text: str) -> NDArray[np.float64]:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)
