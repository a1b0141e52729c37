"""What a store holds beside whole measurements, and how a user names one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from basegate.errors import UsageError, did_you_mean
from basegate.i18n.messages import Message, joined
from basegate.store import journal
from basegate.store.folder import SHORT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from basegate.measurement import Measurement
    from basegate.store.folder import Store

_OF_A_MEASUREMENT = re.compile(
    rf"\.([0-9a-f]{{{SHORT}}})(?:\.json|\.[0-9a-f]{{8}}\.samples\.jsonl)$"
)
KEY = 12
"""Digits of a key that a user is shown."""
_SHOWN = 20


@dataclass(frozen=True)
class Unfinished:
    """A measurement that was begun.

    Attributes:
        key: its first digits.
        path: of the journal.
        bytes: its size.
        changed: UTC time of the last batch, ISO 8601.
        batches: that are done, and need not be done again.
    """

    key: str
    path: Path
    bytes: int
    changed: str
    batches: int


def unfinished(store: Store) -> list[Unfinished]:
    """Return the measurements that an ended run left half done, or that one is making now."""
    found = []
    for path in sorted((store.folder / "measuring").glob("*.jsonl")):
        status = path.stat()
        changed = datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds")
        found.append(Unfinished(path.stem, path, status.st_size, changed, journal.batches_in(path)))
    return found


def set_aside(store: Store) -> list[Path]:
    """Return the files that could not be trusted."""
    return sorted(path for path in (store.folder / "set-aside").glob("*") if path.is_file())


def sizes(store: Store) -> dict[str, int]:
    """Return bytes on disk by the first digits of a measurement's key, samples included."""
    found: dict[str, int] = {}
    for path in store.measurements.glob("*"):
        if name := _OF_A_MEASUREMENT.search(path.name):
            found[name[1]] = found.get(name[1], 0) + path.stat().st_size
    return found


def the_one(store: Store, prefix: str, *, evidence: bool = True) -> Measurement:
    """Return the measurement whose key begins so.

    Raises:
        UsageError: it is no beginning of a key, or of none or several that there are; says which.
    """
    if not re.fullmatch(r"[0-9a-f]{1,64}", prefix):
        raise UsageError(
            "{prefix} is no beginning of a key, which is made of 0-9 and a-f.", prefix=f"{prefix!r}"
        )
    # Of copies of one file, one.
    paths = list({path.stem[-SHORT:]: path for path in store.paths()}.values())
    found = [path for path in paths if path.stem[-SHORT:].startswith(prefix[:SHORT])]
    if len(prefix) > SHORT:
        found = [path for path in found if _key(store, path).startswith(prefix)]
    if not found:
        raise UsageError(
            "no key begins with {prefix}. {listed}", prefix=prefix, listed=_listed(paths)
        )
    if len(found) > 1:
        raise UsageError(
            "{prefix} begins {count} keys. {listed}",
            prefix=prefix,
            count=len(found),
            listed=_listed(found),
        )
    # Under its key, where the one of several files is chosen that counts.
    measurement = store.get(_key(store, found[0]), evidence=evidence)
    if measurement is None:
        measurement = store.read(found[0], evidence=evidence)
    if measurement is None:
        raise UsageError(
            "{name} cannot be read; it was set aside, or removed just now.", name=found[0].name
        )
    return measurement


def stored_of(
    names: Sequence[str], known: Collection[str], registered: Collection[str] = ()
) -> list[str]:
    """Return those of the candidates that something is stored of.

    Args:
        names: of candidates.
        known: names that something is stored of.
        registered: names of which nothing need be stored, since they are no mistake.

    Raises:
        UsageError: nothing is stored of a name that is not registered, or of none of them.
    """
    for name in names:
        if name not in known and name not in registered:
            raise _nothing_stored([name], known)
    found = [name for name in names if name in known]
    if names and not found:
        raise _nothing_stored(names, known)
    return found


def _nothing_stored(names: Sequence[str], known: Iterable[str]) -> UsageError:
    """Return the error for candidates of which nothing is stored."""
    known = sorted(known)
    what: str = Message("them")
    hint = ""
    if len(names) == 1:
        what, hint = Message("it"), did_you_mean(names[0], known)
    return UsageError(
        "--model {names}: nothing of {what} is stored.{hint} Stored: {stored}.",
        names=joined(names),
        what=what,
        hint=hint,
        stored=joined(known) or Message("nothing"),
    )


def _key(store: Store, path: Path) -> str:
    measurement = store.read(path, evidence=False)
    return measurement.key if measurement is not None else ""


def _listed(paths: list[Path]) -> str:
    """Return a line per measurement, as their files are named."""
    if not paths:
        return Message("Nothing is stored.")
    lines: list[str] = [Message("Stored:")]
    for path in paths[:_SHOWN]:
        *names, short = path.stem.split(".")
        lines.append(f"  {short[:KEY]}  {'  '.join(names)}")
    if len(paths) > _SHOWN:
        count = len(paths) - _SHOWN
        lines.append(Message("  and {count} more: python -m basegate store list", count=count))
    return joined(lines, "\n")
