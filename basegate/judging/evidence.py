"""The measurements that rows of a ledger rest on, with their samples, out of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.judging.comparison import compare

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from basegate.judging.comparison import Comparison
    from basegate.measurement import Measurement
    from basegate.store import Readable
    from basegate.verdict import Result


def measurements_behind(store: Readable, results: Sequence[Result]) -> dict[str, Measurement]:
    """Return by key the measurements that rows name, as far as the store has them."""
    keys = dict.fromkeys(row.measurement for row in results if row.measurement)
    found = {key: store.get(key) for key in keys}
    return {key: each for key, each in found.items() if each is not None}


class Without:
    """A store without some of its measurements.

    Args:
        store: where measurements are.
        keys: of those that are left out.
    """

    def __init__(self, store: Readable, keys: Collection[str]) -> None:
        self._store, self._keys = store, keys

    def get(self, key: str) -> Measurement | None:
        """Return the measurement of that key with its evidence, or `None`."""
        return None if key in self._keys else self._store.get(key)

    def __iter__(self) -> Iterator[Measurement]:
        """Yield all measurements, without evidence."""
        return (each for each in self._store if each.key not in self._keys)


def compare_candidates(
    results: Sequence[Result], measurements: Mapping[str, Measurement]
) -> tuple[Comparison, ...]:
    """Return the comparisons of every two candidates on what both were measured on.

    Args:
        results: rows of a ledger.
        measurements: by key; see `measurements_behind`.
    """
    behind = dict.fromkeys(
        (row.candidate, row.part, row.measurement or "")
        for row in results
        if row.verdict != "invalid"
    )
    # The item is this run's: under another name it is the same measurement.
    return compare(
        (name, measurements[key].model_copy(update={"item": part}))
        for name, part, key in behind
        if key in measurements
    )
