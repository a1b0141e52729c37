"""Delete selected measurements from a store, and files that belong to none.

Unfinished measurements stay: nothing under `measuring/` is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from basegate.measurement import Measurement
from basegate.store import file_format
from basegate.store.file_format import Damaged
from basegate.store.folder import Store
from basegate.store.inventory import require_stored

_SET_ASIDE = "set-aside"
"""Where earlier versions put damaged files."""


@dataclass(frozen=True)
class Removal:
    """A file that goes, its size, and why."""

    path: Path
    bytes: int
    why: str


@dataclass(frozen=True)
class Selection:
    """Which measurements go: those for which all that is said here holds; of nothing said, none.

    Attributes:
        models: names that they were measured under; any of them.
        registered: those of the names of which nothing need be stored.
        older_than: days since they were made; `None` for any age.
        software: by check, the part of an identity that the installed software decides; given,
            measurements by other software go, which no run could be served any more.
    """

    models: tuple[str, ...] = ()
    registered: frozenset[str] = frozenset()
    older_than: float | None = None
    software: Mapping[str, Mapping[str, Any]] | None = None

    def why(self, measurement: Measurement) -> str:
        if not self.models and self.older_than is None and self.software is None:
            return ""
        if self.models and measurement.candidate.name not in self.models:
            return ""
        if self.older_than is not None and _age(measurement) <= timedelta(days=self.older_than):
            return ""
        if self.software is not None:
            return _outdated(measurement.identity, self.software)
        return f"measured at {measurement.measured_at}"


def prune(store: Store, selection: Selection, *, dry_run: bool) -> list[Removal]:
    """Remove the selected measurements, samples that no measurement names, and leftovers.

    With `dry_run` nothing is removed, and what would go is returned.

    Raises:
        UsageError: a name was selected that nothing is stored of.
        OSError: the store cannot be locked or read, or a file not be removed.
    """
    with store.locked():
        found = _find(store, selection)
        if not dry_run:
            # Measurements before their samples: half removed, they must not look damaged.
            for each in found:
                each.path.unlink()
            with suppress(OSError):
                (store.folder / _SET_ASIDE).rmdir()
    return found


def _find(store: Store, selection: Selection) -> list[Removal]:
    selected: dict[Path, str] = {}
    models: set[str] = set()
    samples: list[Path] = []
    stay: set[str] = set()
    for paths in store.files().values():
        samples += (each for each in paths if each.suffix == ".jsonl")
        for path in (each for each in paths if each.suffix == ".json"):
            try:
                measurement, evidence = file_format.read(path.read_bytes())
            except (OSError, Damaged):
                stay |= {each.name for each in paths}  # samples beside it may be its own
                continue
            models.add(measurement.candidate.name)
            if why := selection.why(measurement):
                selected[path] = why
            elif evidence is not None:
                stay.add(evidence.file)
    # Whatever the name of the measurement's file: renamed back it needs them again.
    orphans = (each for each in samples if each.name not in stay)
    selected |= dict.fromkeys(orphans, "samples of no measurement that stays")
    require_stored(selection.models, models, selection.registered)
    # Measurements are written under the store's lock, so that nobody is writing these.
    selected |= dict.fromkeys(sorted(store.measurements.glob(".*.tmp")), "half written")
    aside = filter(Path.is_file, sorted(store.folder.glob(f"{_SET_ASIDE}/*")))
    selected |= dict.fromkeys(aside, "set aside by an earlier version")
    return [Removal(path, path.stat().st_size, why) for path, why in selected.items()]


def _age(measurement: Measurement) -> timedelta:
    """How long ago it was made; no time where that cannot be read."""
    try:
        made = datetime.fromisoformat(measurement.measured_at)
        return datetime.now(UTC) - (made if made.tzinfo else made.replace(tzinfo=UTC))
    except ValueError:
        return timedelta()


def _outdated(identity: Mapping[str, Any], software: Mapping[str, Mapping[str, Any]]) -> str:
    """In what the software of an identity is another one; empty where it is the same."""
    made = identity.get("measure")
    if not isinstance(made, dict):
        return "outdated: its check is not known"
    name = str(made.get("name"))
    if name not in software:
        return ""  # of a project's own check, which nothing declares here
    for part, now in software[name].items():
        then = identity.get(part)
        if then != now:
            then = then if isinstance(then, dict) else {}
            changed = (key for key in (*now, *then) if then.get(key) != now.get(key))
            key = next(changed, part)
            return f"outdated: {part}, {key}: {then.get(key)} then, {now.get(key)} now"
    return ""
