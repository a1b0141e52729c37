"""The folder that keeps measurements between runs.

    measurements/NAME.CHECK.ITEM.KEY.json                 numbers; KEY begins the measurement's key
    measurements/NAME.CHECK.ITEM.KEY.SUM.samples.jsonl    samples, pairs, option scores behind them
    measuring/KEY.jsonl, KEY.lock                         how far an unfinished one has come
    set-aside/                                            files that cannot be trusted

The key is the SHA-256 of a measurement's identity, so one of another model, setting, text or
library version can never be served; limits are not part of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from basegate.errors import NotTrusted
from basegate.files import write_atomically
from basegate.store import format as files
from basegate.store.format import Damaged, Evidence, Newer
from basegate.store.journal import FileJournal, Journal, is_left_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from basegate.measurement import Measurement

SHORT = 16
"""Digits of the key in a file's name."""
_NUMBERS = re.compile(rf"\.[^.]{{{SHORT}}}\.json$")
_PATIENCE = 60.0
"""Seconds; the folder is locked for a few milliseconds at a time."""


class Store:
    """Measurements by key, safe to be used by several processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.measurements = folder / "measurements"
        # One object, so that whoever has locked the store can still read and write.
        self._lock = FileLock(folder / ".lock", timeout=_PATIENCE)

    def get(self, key: str, *, evidence: bool = True) -> Measurement | None:
        """Return the measurement of that key, or `None`.

        A file that was cut short or changed, or whose content does not belong to its key, is set
        aside with a warning; it is measured again.

        Args:
            key: of the measurement.
            evidence: whether samples, pairs and option scores are wanted, too.
        """
        for path in self.measurements.glob(f"*.{key[:SHORT]}.json"):
            found = self.read(path, evidence=evidence)
            if found is not None and found.key == key:
                return found
        return None

    def read(self, path: Path, *, evidence: bool = True) -> Measurement | None:
        """Return the measurement of a file; see `get`."""
        try:
            return _read(path, evidence)
        except (OSError, Damaged, Newer):
            pass  # another process may be replacing it
        try:
            with self.locked():
                return self._read_or_complain(path, evidence)
        except OSError:
            return self._read_or_complain(path, evidence)  # a store that cannot be written to

    def paths(self) -> list[Path]:
        """Return the files of all measurements, by name."""
        return [self.measurements / name for name in sorted(self._names()) if _NUMBERS.search(name)]

    def __iter__(self) -> Iterator[Measurement]:
        """Yield all measurements, without evidence."""
        names = set(self._names())  # looked up once: a look at every file takes longer
        for name in sorted(filter(_NUMBERS.search, names)):
            found: Measurement | None
            try:
                found, beside = files.read(_content(f"{self.measurements}{os.sep}{name}"))
            except (OSError, Damaged, Newer):
                found, beside = None, None
            if found is None or (beside is not None and beside.file not in names):
                found = self.read(self.measurements / name, evidence=False)
            if found is not None:
                yield found

    def put(self, measurement: Measurement) -> Path:
        """Keep a measurement, in place of an earlier one of the same key.

        Raises:
            OSError: it cannot be written; what was there before stays whole.
        """
        short = measurement.key[:SHORT]
        parts = (measurement.candidate.name, measurement.check, measurement.item)
        stem = ".".join(re.sub(r"[^\w-]+", "-", part)[:24] for part in parts) + f".{short}"
        with self.locked():
            if any(
                path.suffix == ".json" and _is_newer(path)
                for path in self.files_of(measurement.key)
            ):
                raise OSError("a newer basegate has kept one of that key")
            # Under the name of its content: the file that is there now still needs its own.
            evidence = self._put_evidence(stem, files.write_evidence(measurement.findings))
            path = self.measurements / f"{stem}.json"
            write_atomically(path, files.write(measurement, evidence))
            kept = {path.name, evidence.file if evidence is not None else ""}
            for old in self.files_of(measurement.key):
                if old.name not in kept:
                    old.unlink(missing_ok=True)
        return path

    def files_of(self, key: str) -> list[Path]:
        """Return the files of a measurement."""
        part = f".{key[:SHORT]}."
        return [
            self.measurements / name
            for name in self._names()
            if part in name and name.endswith((f"{part}json", ".samples.jsonl"))
        ]

    def _names(self) -> list[str]:
        """Return the names of all files that are no half-written ones."""
        try:
            return [name for name in os.listdir(self.measurements) if not name.startswith(".")]
        except FileNotFoundError:
            return []

    def _put_evidence(self, stem: str, text: str) -> Evidence | None:
        if not text:
            return None
        checksum = hashlib.sha256(text.encode()).hexdigest()
        evidence = Evidence(
            file=f"{stem}.{checksum[:8]}.samples.jsonl",
            sha256=checksum,
            lines=text.count("\n"),
        )
        write_atomically(self.measurements / evidence.file, text)
        return evidence

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing measurements; this one may lock it again meanwhile.

        Raises:
            OSError: the folder cannot be written to, or another process does not let go of it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with self._lock:
                yield
        except Timeout:
            raise TimeoutError(
                f"another process has locked {self._lock.lock_file} for {_PATIENCE:.0f} seconds"
            ) from None

    @contextmanager
    def measuring(
        self, key: str, *, waiting: Callable[[], None] = lambda: None
    ) -> Iterator[Journal]:
        """Yield the journal of a measurement that no other process may make meanwhile.

        Args:
            key: of the measurement.
            waiting: called once where another process is measuring it.
        """
        place = self.folder / "measuring" / key[:SHORT]
        lock = FileLock(place.with_suffix(".lock"))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _acquire(lock, waiting)
            journal: Journal = FileJournal(place.with_suffix(".jsonl"), key)
        except (OSError, NotImplementedError):  # the latter where there are no locks
            journal = Journal()  # that nothing can be kept is said when it is done
        try:
            yield journal
        finally:
            journal.close()
            lock.release()

    def tidy(self, measurement: Measurement) -> None:
        """Remove the journal that a run left which died when it had just stored this."""
        place = self.folder / "measuring" / measurement.key[:SHORT]
        journal = place.with_suffix(".jsonl")
        if not journal.exists():
            return
        with suppress(OSError), not_held(place.with_suffix(".lock")) as free:
            if free and is_left_of(journal, measurement):
                journal.unlink()

    def _read_or_complain(self, path: Path, evidence: bool) -> Measurement | None:
        try:
            return _read(path, evidence)
        except FileNotFoundError:
            return None
        except Damaged as error:
            self.set_aside(path, str(error))
        except (OSError, Newer) as error:
            # The file may be whole: it stays where it is.
            reason = error.strerror if isinstance(error, OSError) else str(error)
            _warn(path, f"{path.name} cannot be read ({reason}); it is left as it is.")
        return None

    def set_aside(self, path: Path, reason: str) -> None:
        """Put a file that cannot be trusted where it is not read, and say so."""
        place = self.folder / "set-aside"
        moved = place / path.name
        try:
            place.mkdir(parents=True, exist_ok=True)
            if moved.exists():
                moved = place / f"{path.stem}.{time.time_ns()}{path.suffix}"
            path.replace(moved)
        except OSError as error:
            done = f"it could not be set aside ({error.strerror})"
        else:
            done = f"it is set aside in {place}"
        _warn(path, f"{path.name} cannot be trusted ({reason}); {done}, and measured again.")


@contextmanager
def not_held(path: Path) -> Iterator[bool]:
    """Yield whether no process holds a lock; none can take it meanwhile."""
    if not path.is_file():
        yield True
        return
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _warn(path: Path, text: str) -> None:
    # With the file itself as the place: a line of basegate's source would not help anyone.
    warnings.warn_explicit(text, NotTrusted, filename=str(path), lineno=0)


def _content(path: str) -> bytes:
    """Return a file's bytes; `Path.read_bytes` takes twice as long for ten thousand of them."""
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _is_newer(path: Path) -> bool:
    try:
        files.read(path.read_bytes())
    except Newer:
        return True
    except (OSError, Damaged):
        pass
    return False


def _read(path: Path, evidence: bool) -> Measurement:
    measurement, beside = files.read(path.read_bytes())
    if beside is None:
        return measurement
    if not evidence and (path.parent / beside.file).exists():
        return measurement
    try:
        data = (path.parent / beside.file).read_bytes()
    except FileNotFoundError:
        raise Damaged(f"{beside.file} is missing beside it") from None
    return files.with_evidence(measurement, beside, data)


def _acquire(lock: FileLock, waiting: Callable[[], None]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire(poll_interval=0.5)
