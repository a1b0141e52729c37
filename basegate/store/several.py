"""Several stores read as one, as those of a CI matrix with a job per candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.measurement import Measurement
    from basegate.store.folder import Store


class Readable(Protocol):
    """What judging and reporting ask of a store."""

    def get(self, key: str) -> Measurement | None:
        """Return the measurement of that key with its evidence, or `None`."""
        ...

    def __iter__(self) -> Iterator[Measurement]:
        """Yield all measurements, without evidence."""
        ...


class Several:
    """Stores read as one; of a key that several hold, the first store's counts."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = stores

    def get(self, key: str) -> Measurement | None:
        """Return the measurement of that key with its evidence, or `None`."""
        found = (store.get(key) for store in self._stores)
        return next((each for each in found if each is not None), None)

    def __iter__(self) -> Iterator[Measurement]:
        """Yield all measurements, each key once, without evidence."""
        seen: set[str] = set()
        for store in self._stores:
            for measurement in store:
                if measurement.key not in seen:
                    seen.add(measurement.key)
                    yield measurement
