"""The folder that stores measurements between runs.

    measurements/NAME.CHECK.ITEM.KEY.json                 numbers; KEY begins the measurement's key
    measurements/NAME.CHECK.ITEM.KEY.SUM.samples.jsonl    samples, pairs, option scores behind them
    measuring/KEY.jsonl, KEY.lock                         finished batches of an unfinished one

The key is the SHA-256 of a measurement's identity, so one of another model, setting, text or
library version can never be served; limits are not part of it.

A file that cannot be read, or whose checksum is wrong, is not used and warned of once; the same
measurement, made again, takes its place. One that a newer basegate wrote is never overwritten.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from basegate.errors import NotTrusted
from basegate.serialization import write_atomically
from basegate.store import file_format
from basegate.store.file_format import Damaged, Evidence, Newer
from basegate.store.journal import FileJournal, Journal, is_left_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from basegate.measurement import Measurement

FILENAME_DIGITS = 16
"""Digits of the key in a file's name."""
_NUMBERS = re.compile(rf"\.([^.]{{{FILENAME_DIGITS}}})\.json$")
_LOCK_TIMEOUT = 60.0
"""Seconds; the folder is locked for a few milliseconds at a time."""


class Store:
    """Measurements by key, safe to be used by several processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.measurements = folder / "measurements"
        # One object, so that whoever has locked the store can still read and write.
        self._lock = FileLock(folder / ".lock", timeout=_LOCK_TIMEOUT)
        self._listed: dict[str, list[str]] = {}
        self._warned: set[str] = set()

    def get(self, key: str, *, evidence: bool = True) -> Measurement | None:
        """The measurement of a key, or of its first `FILENAME_DIGITS`; `None` for none usable."""
        short = key[:FILENAME_DIGITS]
        found = self._newest(self._listed.get(short, ()), evidence)
        if found is None:
            # Listed once and not for every key; what has come, or got another name, since then is
            # looked for before anyone measures it.
            with suppress(OSError):
                self._listed = _by_key(self._names())
            found = self._newest(self._listed.get(short, ()), evidence)
        return found if found is not None and found.key.startswith(key) else None

    def __iter__(self) -> Iterator[Measurement]:
        """All measurements, each key once, without evidence."""
        for names in _by_key(self._names()).values():
            found = self._newest(names, evidence=False)
            if found is not None:
                yield found

    def paths(self) -> list[Path]:
        """The files of all measurements, by name; samples are not among them."""
        return [self.measurements / name for name in sorted(self._names()) if _NUMBERS.search(name)]

    def files_of(self, key: str) -> list[Path]:
        """The files of a measurement, samples included."""
        part = f".{key[:FILENAME_DIGITS]}."
        return [
            self.measurements / name
            for name in self._names()
            if part in name and name.endswith((f"{part}json", ".samples.jsonl"))
        ]

    def put(self, measurement: Measurement) -> Path:
        """Keep a measurement, in place of an earlier one of the same key.

        Raises:
            OSError: it cannot be written, or a newer basegate has kept one of that key; what was
                there before stays whole.
        """
        stem = _stem(measurement)
        with self.locked():
            earlier = self.files_of(measurement.key)
            if any(each.suffix == ".json" and _is_newer(each) for each in earlier):
                raise OSError("a newer basegate has kept one of that key")
            # Under the name of its content: the file that is there now still needs its own.
            evidence = self._put_evidence(stem, file_format.write_evidence(measurement.findings))
            path = self.measurements / f"{stem}.json"
            write_atomically(path, file_format.write(measurement, evidence))
            kept = {path.name, evidence.file if evidence is not None else ""}
            for old in earlier:
                if old.name not in kept:
                    with suppress(OSError):  # of two files of a key the newer counts
                        old.unlink()
        return path

    def _put_evidence(self, stem: str, text: str) -> Evidence | None:
        if not text:
            return None
        checksum = hashlib.sha256(text.encode()).hexdigest()
        evidence = Evidence(
            file=f"{stem}.{checksum[:8]}.samples.jsonl", sha256=checksum, lines=text.count("\n")
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
                f"another process has locked {self._lock.lock_file} for {_LOCK_TIMEOUT:.0f} seconds"
            ) from None

    @contextmanager
    def measuring(
        self, key: str, *, waiting: Callable[[], None] = lambda: None
    ) -> Iterator[Journal]:
        """Yield the journal of a measurement that no other process may make meanwhile.

        `waiting` is called once where another process is measuring it.
        """
        journal_path, lock = self._journal(key)
        try:
            journal_path.parent.mkdir(parents=True, exist_ok=True)
            _acquire(lock, waiting)
            journal: Journal = FileJournal(journal_path, key)
        except (OSError, NotImplementedError):  # the latter where there are no locks
            journal = Journal()  # that nothing can be kept is said when it is done
        try:
            yield journal
        finally:
            journal.close()
            lock.release()

    def tidy(self, measurement: Measurement) -> None:
        """Remove the journal that a run left which died when it had just stored this."""
        journal, lock = self._journal(measurement.key)
        if not journal.exists():
            return
        # A process that holds the lock is measuring it again.
        with suppress(OSError, NotImplementedError), lock.acquire(timeout=0):
            if is_left_of(journal, measurement):
                journal.unlink()

    def _journal(self, key: str) -> tuple[Path, FileLock]:
        place = self.folder / "measuring" / key[:FILENAME_DIGITS]
        return place.with_suffix(".jsonl"), FileLock(place.with_suffix(".lock"))

    def _names(self) -> list[str]:
        """Names of all files but half-written ones."""
        try:
            return [name for name in os.listdir(self.measurements) if not name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _newest(self, names: Sequence[str], evidence: bool) -> Measurement | None:
        """What the files of one key hold; of several, since one was copied, the newest."""
        read = ((name, self._read(name, evidence)) for name in names)
        found = [(name, each) for name, each in read if each is not None]
        if not found:
            return None
        *others, (counts, newest) = sorted(found, key=lambda each: (each[1].measured_at, each[0]))
        for name, other in others:
            if other.findings.metrics != newest.findings.metrics and self._is_there(name):
                self._warn(
                    name,
                    f"{name} holds other numbers of the measurement in {counts}, which is newer "
                    "and counts. Remove the file that is wrong.",
                )
        return newest

    def _read(self, name: str, evidence: bool) -> Measurement | None:
        """The measurement of a file; `None`, with a warning, where it cannot be used."""
        try:
            return _load(self.measurements, name, evidence)
        except FileNotFoundError:
            return None
        except (OSError, Damaged):
            pass  # another process may be replacing it
        then = "pytest measures it again, in its place."
        try:
            with self._locked_if_it_can_be():
                return _load(self.measurements, name, evidence)
        except FileNotFoundError:
            return None
        except Newer as error:
            reason, then = str(error), "It is left as it is; a newer basegate reads it."
        except Damaged as error:
            reason = str(error)
        except OSError as error:
            reason = f"it cannot be read ({error.strerror})"
        self._warn(name, f"{name} is not used, since {reason}. {then}")
        return None

    def _is_there(self, name: str) -> bool:
        """Whether a file is there when nobody replaces it by one of another name."""
        with self._locked_if_it_can_be():
            return (self.measurements / name).exists()

    @contextmanager
    def _locked_if_it_can_be(self) -> Iterator[None]:
        with ExitStack() as stack:
            with suppress(OSError):  # a store that cannot be written to does not change either
                stack.enter_context(self.locked())
            yield

    def _warn(self, name: str, text: str) -> None:
        """Warn of a file, once; it is the place, since a line of basegate's helps nobody."""
        if name not in self._warned:
            self._warned.add(name)
            place = str(self.measurements / name)
            warnings.warn_explicit(text, NotTrusted, filename=place, lineno=0)


def _stem(measurement: Measurement) -> str:
    parts = (measurement.candidate.name, measurement.check, measurement.item)
    names = ".".join(re.sub(r"[^\w-]+", "-", part)[:24] for part in parts)
    return f"{names}.{measurement.key[:FILENAME_DIGITS]}"


def _by_key(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of measurements' files by the first digits of the key, sorted."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        if numbers := _NUMBERS.search(name):
            found.setdefault(numbers[1], []).append(name)
    return found


def _load(folder: Path, name: str, evidence: bool) -> Measurement:
    """A measurement and, where it is wanted, its evidence.

    Raises:
        Damaged: it cannot be trusted.
        OSError: it cannot be read.
    """
    # By text: for ten thousand files the objects of pathlib take longer than reading them.
    measurement, beside = file_format.read(_content(f"{folder}{os.sep}{name}"))
    if f".{measurement.key[:FILENAME_DIGITS]}.json" not in name:
        raise Damaged("its name is that of another key")
    if beside is None:
        return measurement
    path = f"{folder}{os.sep}{beside.file}"
    if not os.path.exists(path):
        raise Damaged(f"{beside.file} is missing beside it")
    return (
        file_format.with_evidence(measurement, beside, _content(path)) if evidence else measurement
    )


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _is_newer(path: Path) -> bool:
    try:
        file_format.read(path.read_bytes())
    except Newer:
        return True
    except (OSError, Damaged):
        pass
    return False


def _acquire(lock: FileLock, waiting: Callable[[], None]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire(poll_interval=0.5)
