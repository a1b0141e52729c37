"""What a store contains besides complete measurements; a measurement by its key's first digits."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from basegate.errors import UsageError, did_you_mean
from basegate.measurement import Measurement
from basegate.store.file_batch_cache import batches_in
from basegate.store.folder import FILENAME_DIGITS, Store

DISPLAY_DIGITS = 12
"""Digits of a key that a user is shown."""
_SHOWN = 20


@dataclass(frozen=True)
class Unfinished:
    """A measurement that an ended run left half done, or that one is making now.

    The key's first digits; the size of its file, when that was changed (UTC, ISO 8601) and how many
    finished batches are in it.
    """

    key: str
    bytes: int
    changed: str
    batches: int


def unfinished(store: Store) -> list[Unfinished]:
    found = []
    for path in sorted((store.folder / "measuring").glob("*.jsonl")):
        status = path.stat()
        changed = datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds")
        found.append(Unfinished(path.stem, status.st_size, changed, batches_in(path)))
    return found


def sizes(store: Store) -> dict[str, int]:
    """Bytes on disk by the first digits of a measurement's key, samples included."""
    return {
        short: sum(path.stat().st_size for path in paths) for short, paths in store.files().items()
    }


def get_by_prefix(store: Store, prefix: str) -> Measurement:
    """The measurement whose key begins so, with its evidence.

    Raises:
        UsageError: it is no beginning of a key, or of none or several that there are; says which.
    """
    if not re.fullmatch(r"[0-9a-f]{1,64}", prefix):
        raise UsageError(f"{prefix!r} is no beginning of a key, which is made of 0-9 and a-f.")
    # Of copies of one file, one.
    stems = {path.stem[-FILENAME_DIGITS:]: path.stem for path in store.paths()}
    start = prefix[:FILENAME_DIGITS]
    found = {short: stem for short, stem in stems.items() if short.startswith(start)}
    if len(found) > 1:
        raise UsageError(f"{prefix} begins {len(found)} keys. {_listed(found)}")
    for short in found:
        measurement = store.get(short)
        if measurement is None:
            raise UsageError(f"the measurement {short} is damaged, or was removed just now.")
        if measurement.key.startswith(prefix):
            return measurement
    raise UsageError(f"no key begins with {prefix}. {_listed(stems)}")


def _listed(stems: dict[str, str]) -> str:
    lines = [
        f"  {short[:DISPLAY_DIGITS]}  {'  '.join(stem.split('.')[:-1])}"
        for short, stem in [*stems.items()][:_SHOWN]
    ]
    if len(stems) > _SHOWN:
        lines.append(f"  and {len(stems) - _SHOWN} more: python -m basegate store list")
    return "\n".join(["Stored:", *lines]) if lines else "Nothing is stored."


def require_stored(
    names: Sequence[str],
    known: Collection[str],
    registered: Collection[str] = (),
    option: str = "--model",
) -> list[str]:
    """Those of the candidates of an option that something is stored of.

    Raises:
        UsageError: nothing is stored of a name that is not registered, or of none of them.
    """
    found = [name for name in names if name in known]
    unknown = [name for name in names if name not in known and name not in registered]
    if not unknown and (found or not names):
        return found
    absent = unknown[:1] or names
    one = len(absent) == 1
    hint = did_you_mean(absent[0], known) if one else ""
    raise UsageError(
        f"{option} {', '.join(absent)}: nothing of {'it' if one else 'them'} is stored.{hint} "
        f"Stored: {', '.join(sorted(known)) or 'nothing'}."
    )
