"""Pieces of a measurement in its journal: batches that an earlier run has done are not done again.

A batch is taken from the journal as a whole or done as a whole, so that the batches of a run that
goes on are those of one that was never ended; see `Journal.settle`. Samples, whose batches follow
from limits too, are taken one by one where the limits are others; see `Sampler.draw`.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from basegate.store.journal import Journal

Found = TypeVar("Found")


def batch(
    journal: Journal,
    names: Sequence[str],
    work: Callable[[], list[Found]],
    pack: Callable[[Found], Any],
    unpack: Callable[[Any], Found],
) -> list[Found]:
    """Return what a batch gives, from the journal or done now and kept there.

    Args:
        journal: of the measurement.
        names: of the batch's pieces, by content: equal names are equal work.
        work: does the batch; a result per name.
        pack: a result as JSON can hold it, or `None` for one that must not be kept.
        unpack: the reverse.
    """
    kept = journal.get(names)
    if kept is not None:
        return [unpack(each) for each in kept]
    found = work()
    packed = [pack(each) for each in found]
    if all(each is not None for each in packed):
        journal.put(dict(zip(names, packed, strict=True)))
    return found


def name_of(kind: str, ids: Sequence[int], *further: object) -> str:
    """Return the name of a piece of work on token ids."""
    content = hashlib.sha256(np.asarray(ids, dtype=np.int64).tobytes()).hexdigest()[:24]
    return ":".join([kind, content, *map(str, further)])


def pack_numbers(values: NDArray[np.float64]) -> str | None:
    """Return float64 numbers to the last bit as text; `None` where one is not finite.

    Numbers that broke are not kept: another try may find the machine in order.
    """
    if not np.isfinite(values).all():
        return None
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode()


def unpack_numbers(text: str) -> NDArray[np.float64]:
    """Return the numbers of `pack_numbers`."""
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)
