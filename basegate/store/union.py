"""Read-only union of several stores, such as those of a CI matrix with a job per candidate."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from basegate.errors import UsageError
from basegate.measurement import Measurement
from basegate.store.file_format import without_evidence
from basegate.store.folder import FILENAME_DIGITS, Store, fullest


class Readable(Protocol):
    """What judging and reporting ask of a store; evidence comes with `get` only."""

    def get(self, key: str) -> Measurement | None: ...

    def __iter__(self) -> Iterator[Measurement]: ...


class MergedStore:
    """Stores read as one; of a key that several hold, the measurement with the most samples counts.

    Of equal ones that is the first store's. Both ways of reading raise a `UsageError` where the
    numbers of a key differ otherwise than by samples that one store holds beyond the other's.
    """

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = stores

    def get(self, key: str) -> Measurement | None:
        read = ((store.folder, store.get(key)) for store in self._stores)
        found = [(folder, each) for folder, each in read if each is not None]
        if not found:
            return None
        chosen = fullest([each for _, each in found])
        if chosen is None:
            of = found[0][1]
            raise UsageError(
                f"--store {', '.join(str(folder) for folder, _ in found)}: the measurement {key} "
                f"({of.candidate.name}, {of.check} on {of.item}) has other numbers in each, and "
                "which of them are right cannot be told. Leave out all but one of these stores, or "
                f"remove it where it is wrong: rm FOLDER/measurements/*.{key[:FILENAME_DIGITS]}.*"
            )
        return chosen

    def __iter__(self) -> Iterator[Measurement]:
        by_key: dict[str, list[Measurement]] = {}
        for store in self._stores:
            for measurement in store:
                by_key.setdefault(measurement.key, []).append(measurement)
        for key, (first, *others) in by_key.items():
            if all(each.findings.metrics == first.findings.metrics for each in others):
                yield first
            else:  # only now, since samples are large
                chosen = self.get(key)
                yield without_evidence(chosen) if chosen is not None else first


class FilteredStore:
    """A store without the measurements of some keys."""

    def __init__(self, store: Readable, keys: Collection[str]) -> None:
        self._store, self._keys = store, keys

    def get(self, key: str) -> Measurement | None:
        return None if key in self._keys else self._store.get(key)

    def __iter__(self) -> Iterator[Measurement]:
        return (each for each in self._store if each.key not in self._keys)
