"""What may go from a store: leftovers, and measurements that somebody chose. Prints nothing.

What a running process holds stays: measurements are put, and looked at here, under the store's
lock, and whoever makes one holds the lock beside its journal.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from basegate.checks.identity import identify_software
from basegate.config.thresholds import CHECKS
from basegate.i18n.messages import Message
from basegate.store import file_format as files
from basegate.store.file_format import Damaged, Newer
from basegate.store.folder import SHORT, not_held
from basegate.store.inventory import stored_of
from basegate.store.journal import is_left_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from basegate.measurement import Measurement
    from basegate.store.folder import Store

UNHELD = Message("no process holds it")
"""Why a lock may go."""
_ABANDONED = 3600.0
"""Seconds after which a temporary file outside the lock's reach belongs to no process any more."""


@dataclass(frozen=True)
class Gone:
    """A file that was removed, or would be.

    Attributes:
        path: of the file.
        bytes: its size.
        why: it may go.
        refused: why the system did not remove it; empty where it did.
    """

    path: Path
    bytes: int
    why: str
    refused: str = ""


@dataclass(frozen=True)
class Choice:
    """Which measurements are to go: those for which all that is said here holds.

    Attributes:
        outdated: no run could be served them any more.
        models: names that they were measured under; any of them.
        registered: those of the names of which nothing need be stored.
        older_than: days since they were made; `None` for any age.
        keys: in full; any of them.
    """

    outdated: bool = False
    models: tuple[str, ...] = ()
    registered: frozenset[str] = frozenset()
    older_than: float | None = None
    keys: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        """Whether anything is chosen at all."""
        return bool(self.outdated or self.models or self.keys or self.older_than is not None)


@dataclass
class _Found:
    """The measurements of a store, as far as pruning looks at them.

    Attributes:
        chosen: by file, the measurement's key and why it may go.
        named: names of the files that hold the evidence of the others.
        unread: first digits of the keys of files that cannot be trusted; the next run sets those
            aside, and here what may belong to them stays.
        models: all names of candidates.
        begun: those that there is a journal of, by the first digits of their keys.
    """

    chosen: dict[Path, tuple[str, str]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    begun: dict[str, Measurement] = field(default_factory=dict)


def prune(
    store: Store, choice: Choice, *, unfinished: bool = False, dry_run: bool = False
) -> list[Gone]:
    """Remove leftovers and the measurements that are chosen.

    Args:
        store: whose files may go.
        choice: of measurements; an empty one is none.
        unfinished: whether journals go, too: half of a measurement that was paid for.
        dry_run: whether to remove nothing.

    Returns:
        What went, or would, and what the system refused to remove: some do not remove files that
        are open.

    Raises:
        UsageError: a name was chosen that nothing is stored of.
        OSError: the store cannot be locked, or not be read.
    """

    def remove(path: Path, why: str) -> Gone:
        gone = Gone(path, path.stat().st_size, why)
        if dry_run:
            return gone
        try:
            path.unlink()
        except OSError as error:
            return replace(gone, refused=error.strerror or str(error))
        return gone

    with store.locked():
        found = _look(store, choice)
        stored_of(choice.models, found.models, choice.registered)
        return [
            *_measurements(store, found, remove),
            *_journals(store, found, unfinished, remove),
            *_leftovers(store, remove),
        ]


def _look(store: Store, choice: Choice) -> _Found:
    found = _Found()
    reason = _reasons(choice)
    journals = {path.stem for path in (store.folder / "measuring").glob("*.jsonl")}
    for path in store.paths():
        try:
            measurement, evidence = files.read(path.read_bytes())
        except (OSError, Damaged, Newer):
            found.unread.add(path.stem[-SHORT:])
            continue
        found.models.add(measurement.candidate.name)
        if measurement.key[:SHORT] in journals:
            found.begun[measurement.key[:SHORT]] = measurement
        if why := reason(measurement):
            found.chosen[path] = measurement.key, why
        elif evidence is not None:
            found.named.add(evidence.file)
    return found


def _reasons(choice: Choice) -> Callable[[Measurement], str]:
    """Return what says why a measurement is chosen; empty where it is not."""
    if not choice.given:
        return lambda _: ""
    software = {check: identify_software(check) for check in CHECKS} if choice.outdated else {}
    limit = datetime.now(UTC) - timedelta(days=choice.older_than or 0.0)

    def reason(measurement: Measurement) -> str:
        if choice.models and measurement.candidate.name not in choice.models:
            return ""
        if choice.keys and measurement.key not in choice.keys:
            return ""
        if choice.older_than is not None and _time(measurement) >= limit:
            return ""
        if choice.outdated:
            return _outdated(measurement.identity, software)
        return Message("measured at {date}", date=measurement.measured_at)

    return reason


def _time(measurement: Measurement) -> datetime:
    """Return when it was made; now, where that cannot be read."""
    try:
        found = datetime.fromisoformat(measurement.measured_at)
    except ValueError:
        return datetime.now(UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _outdated(identity: Mapping[str, Any], software: Mapping[str, dict[str, Any]]) -> str:
    """Say why no run could be served a measurement any more; empty where one could."""
    made = identity.get("measure")
    name = str(made.get("name")) if isinstance(made, dict) else ""
    if name not in software:
        return Message("outdated: its check is not known")
    for part, now in software[name].items():
        then = identity.get(part)
        if then != now:
            then = then if isinstance(then, dict) else {}
            changed = (key for key in (*now, *then) if then.get(key) != now.get(key))
            key = next(changed, part)
            return Message(
                "outdated: {part}, {key}: {then} then, {now} now",
                part=part,
                key=key,
                then=then.get(key),
                now=now.get(key),
            )
    return ""


def _measurements(
    store: Store, found: _Found, remove: Callable[[Path, str], Gone]
) -> Iterator[Gone]:
    """Remove what was chosen, and samples that no measurement names."""
    reasons: dict[str, str] = {}
    for path, (key, why) in found.chosen.items():
        short = key[:SHORT]
        with not_held(store.folder / "measuring" / f"{short}.lock") as free:
            # Before its samples: half removed, it must not look like a damaged one.
            gone = remove(path, why) if free else None
            if gone is not None:
                yield gone
            if gone is not None and not gone.refused:
                reasons[short] = why
            else:
                found.unread.add(short)
    for path in sorted(store.measurements.glob("*.samples.jsonl")):
        short = path.name.split(".")[-4][:SHORT]
        if path.name not in found.named and short not in found.unread:
            yield remove(path, reasons.get(short, Message("no measurement names it")))


def _journals(
    store: Store, looked: _Found, unfinished: bool, remove: Callable[[Path, str], Gone]
) -> Iterator[Gone]:
    """Remove locks that no process holds and, where it is stored or that is wanted, journals."""
    folder = store.folder / "measuring"
    found = [*folder.glob("*.lock"), *folder.glob("*.jsonl")]
    for lock in sorted({path.with_suffix(".lock") for path in found}):
        with not_held(lock) as free:
            if not free:
                continue
            journal = lock.with_suffix(".jsonl")
            stored = looked.begun.get(journal.stem)
            if journal.is_file():
                if stored is not None and is_left_of(journal, stored):
                    yield remove(journal, Message("its measurement is stored"))
                elif unfinished:
                    yield remove(journal, Message("unfinished"))
            if lock.is_file():
                yield remove(lock, UNHELD)


def _leftovers(store: Store, remove: Callable[[Path, str], Gone]) -> Iterator[Gone]:
    for path in sorted((store.folder / "set-aside").glob("*")):
        if path.is_file():
            yield remove(path, Message("set aside"))
    # Measurements are written under the store's lock, so that nobody is writing these.
    for path in sorted(store.measurements.glob(".*.tmp")):
        yield remove(path, Message("half written"))
    for path in sorted(store.folder.glob(".*.tmp")):
        if time.time() - path.stat().st_mtime > _ABANDONED:
            yield remove(path, Message("half written"))
