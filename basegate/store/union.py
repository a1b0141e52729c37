"""Read-only union of several stores, such as those of a CI matrix with a job per candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from basegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from basegate.measurement import Measurement, Sample
    from basegate.store.folder import Store


class Readable(Protocol):
    """What judging and reporting ask of a store; evidence comes with `get` only."""

    def get(self, key: str) -> Measurement | None: ...

    def __iter__(self) -> Iterator[Measurement]: ...


class MergedStore:
    """Stores read as one; of a key that several hold, the one with the most samples counts.

    Of equal ones that is the first store's. Both ways of reading raise a `UsageError` where the
    numbers of a key differ otherwise than by samples that one store holds beyond the other's.
    """

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = stores

    def get(self, key: str) -> Measurement | None:
        found = self._choose(key)
        return found[1] if found is not None else None

    def __iter__(self) -> Iterator[Measurement]:
        if len(self._stores) == 1:
            yield from self._stores[0]
            return
        by_store: dict[str, dict[int, Measurement]] = {}
        for number, store in enumerate(self._stores):
            for measurement in store:
                by_store.setdefault(measurement.key, {})[number] = measurement
        for key, found in by_store.items():
            first, *others = found.values()
            if all(each.findings.metrics == first.findings.metrics for each in others):
                yield first
            else:  # only now, since samples are large
                chosen = self._choose(key)
                yield found.get(chosen[0], first) if chosen is not None else first

    def _choose(self, key: str) -> tuple[int, Measurement] | None:
        """The measurement of a key that counts, and the number of its store."""
        read = ((number, store.get(key)) for number, store in enumerate(self._stores))
        found = [(number, each) for number, each in read if each is not None]
        if not found:
            return None
        for number, one in found:
            if all(_covers(one, other) for _, other in found):
                return number, one
        raise self._conflict(key, found)

    def _conflict(self, key: str, found: Sequence[tuple[int, Measurement]]) -> UsageError:
        places = ", ".join(str(self._stores[number].folder) for number, _ in found)
        of = found[0][1]
        return UsageError(
            f"--store {places}: the measurement {key} ({of.candidate.name}, {of.check} on "
            f"{of.item}) has other numbers in each, and which of them are right cannot be told. "
            "Leave out all but one of these stores, or remove it where it is wrong: "
            f"rm FOLDER/measurements/*.{key[:16]}.*"
        )


class FilteredStore:
    """A store without the measurements of some keys."""

    def __init__(self, store: Readable, keys: Collection[str]) -> None:
        self._store, self._keys = store, keys

    def get(self, key: str) -> Measurement | None:
        return None if key in self._keys else self._store.get(key)

    def __iter__(self) -> Iterator[Measurement]:
        return (each for each in self._store if each.key not in self._keys)


def _covers(one: Measurement, other: Measurement) -> bool:
    """Whether one has the numbers of the other, or all of its samples and more."""
    if one.findings.metrics == other.findings.metrics:
        return True
    ours, theirs = _samples_by_item(one), _samples_by_item(other)
    return (
        bool(theirs)
        and ours.keys() == theirs.keys()
        and all(ours[item][: len(samples)] == samples for item, samples in theirs.items())
    )


def _samples_by_item(measurement: Measurement) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for sample in measurement.findings.samples:
        found.setdefault(sample.item, []).append(sample)
    return found
