"""The folder that keeps measurements between runs, one readable JSON file each."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from pydantic import ValidationError

from basegate.files import write_atomically
from basegate.measurement import Measurement
from basegate.records import digest

if TYPE_CHECKING:
    from pathlib import Path


class Store:
    """Measurements by key.

    The key is the SHA-256 of a measurement's identity, so one of another model, setting, text or
    library version can never be served; limits are not part of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Measurement | None:
        """Return the measurement of that key, or `None`.

        A file that cannot be read, or whose content does not belong to its key, is left aside
        with a warning and measured again.
        """
        for path in self._folder().glob(f"*.{key[:16]}.json"):
            try:
                measurement = Measurement.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                _warn_unreadable(path)
                continue
            if measurement.key == key == digest(measurement.identity):
                return measurement
            _warn_unreadable(path)
        return None

    def put(self, measurement: Measurement) -> Path:
        """Keep a measurement, in place of an earlier one of the same key."""
        parts = (measurement.candidate.name, measurement.check, measurement.item)
        name = ".".join(re.sub(r"[^\w-]+", "-", part)[:24] for part in parts)
        path = self._folder() / f"{name}.{measurement.key[:16]}.json"
        write_atomically(path, measurement.model_dump_json(indent=1))
        for earlier in self._folder().glob(f"*.{measurement.key[:16]}.json"):
            if earlier != path:
                earlier.unlink(missing_ok=True)
        return path

    def _folder(self) -> Path:
        return self.folder / "measurements"


def _warn_unreadable(path: Path) -> None:
    # With the file itself as the place: a line of basegate's source would not help anyone.
    warnings.warn_explicit(
        f"{path.name} is damaged or was written by another version; it is measured again.",
        UserWarning,
        filename=str(path),
        lineno=0,
    )
