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
from basegate.i18n.messages import Message
from basegate.serialization import write_atomically
from basegate.store import file_format as files
from basegate.store.file_format import Damaged, Evidence, Newer
from basegate.store.journal import FileJournal, Journal, is_left_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator
    from pathlib import Path

    from basegate.measurement import Measurement

SHORT = 16
"""Digits of the key in a file's name."""
_NUMBERS = re.compile(rf"\.[^.]{{{SHORT}}}\.json$")
_TAIL = SHORT + len(".json")
_PATIENCE = 60.0
"""Seconds; the folder is locked for a few milliseconds at a time."""


class Store:
    """Measurements by key, safe to be used by several processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.measurements = folder / "measurements"
        # One object, so that whoever has locked the store can still read and write.
        self._lock = FileLock(folder / ".lock", timeout=_PATIENCE)
        self._listed: dict[str, list[str]] = {}

    def get(self, key: str, *, evidence: bool = True) -> Measurement | None:
        """Return the measurement of that key, or `None`.

        A file that was cut short or changed, or whose content does not belong to its key, is set
        aside with a warning; it is measured again.

        Args:
            key: of the measurement.
            evidence: whether samples, pairs and option scores are wanted, too.
        """
        found = self._get(key, evidence)
        if found is None:
            # Listed once and not for every key; what has come, or got another name, since then is
            # looked for before anyone measures it.
            with suppress(OSError):
                self._listed = _by_key(self._names())
            found = self._get(key, evidence)
        return found

    def _get(self, key: str, evidence: bool) -> Measurement | None:
        """Return what the files that were listed for a key hold of it."""
        paths = [self.measurements / name for name in self._listed.get(key[:SHORT], ())]
        read = ((path, self.read(path, evidence=evidence)) for path in paths)
        found = [(path, each) for path, each in read if each is not None and each.key == key]
        return self._once(found)[0][1] if found else None

    def read(self, path: Path, *, evidence: bool = True) -> Measurement | None:
        """Return the measurement of a file; see `get`."""
        try:
            return _read(path, evidence)
        except FileNotFoundError:
            return None
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
        """Yield all measurements, each key once, without evidence."""
        for _, measurement in self.each():
            yield measurement

    def each(self) -> Iterator[tuple[Path, Measurement]]:
        """Yield all measurements as `__iter__` does, with the files that they are read from."""
        names = set(self._names())  # looked up once: a look at every file takes longer
        seen: dict[str, Path] = {}
        misnamed = []
        for short, own in _by_key(names).items():
            read = ((self.measurements / name, self._light(name, names)) for name in own)
            found = [(path, each) for path, each in read if each is not None]
            for path, measurement in self._once(found) if len(found) > 1 else found:
                if measurement.key.startswith(short):
                    seen[measurement.key] = path
                    yield path, measurement
                else:
                    misnamed.append((path, measurement))
        # `get` does not find these, so that another making of them may be there, too.
        for path, measurement in misnamed:
            if measurement.key in seen:
                self._set_double_aside(path, seen[measurement.key])
            else:
                seen[measurement.key] = path
                yield path, measurement

    def _light(self, name: str, names: Container[str]) -> Measurement | None:
        """Return the measurement of a file without its evidence, if that is among the names."""
        try:
            found, beside = files.read(_content(f"{self.measurements}{os.sep}{name}"))
        except (OSError, Damaged, Newer):
            return self.read(self.measurements / name, evidence=False)
        if beside is not None and beside.file not in names:
            return self.read(self.measurements / name, evidence=False)
        return found

    def _once(self, found: Iterable[tuple[Path, Measurement]]) -> list[tuple[Path, Measurement]]:
        """Return each measurement once: of several files that hold one, the newest making counts.

        Somebody has copied or renamed a file. One with other numbers is set aside.
        """
        kept: dict[str, tuple[Path, Measurement]] = {}
        for path, measurement in sorted(found, key=_made, reverse=True):
            if measurement.key in kept:
                self._set_double_aside(path, kept[measurement.key][0])
            else:
                kept[measurement.key] = path, measurement
        return list(kept.values())

    def put(self, measurement: Measurement) -> Path:
        """Keep a measurement, in place of an earlier one of the same key.

        Raises:
            OSError: it cannot be written; what was there before stays whole.
        """
        stem = stem_of(measurement)
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
                    with suppress(OSError):  # of two files of a key the newer counts
                        old.unlink()
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
        except (FileNotFoundError, NotADirectoryError):
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
            done = self._put_aside(path)
            text = Message(
                "{file} cannot be trusted ({error}); {done}. It counts no longer; pytest measures "
                "it again.",
                file=path.name,
                error=error.message,
                done=done,
            )
            _warn(path, text)
        except (OSError, Newer) as error:
            # The file may be whole: it stays where it is.
            reason = error.strerror if isinstance(error, OSError) else error.message
            text = Message(
                "{file} cannot be read ({error}); it is left as it is.",
                file=path.name,
                error=reason,
            )
            _warn(path, text)
        return None

    def _set_double_aside(self, path: Path, kept: Path) -> None:
        """Put a file aside that holds other numbers of a key than the one that counts."""
        # Under the lock: whoever replaces a file has both for a moment.
        with suppress(OSError), self.locked():
            if path.read_bytes() != kept.read_bytes():
                done = self._put_aside(path)
                _warn(
                    path,
                    Message(
                        "{file} holds other numbers of the measurement in {kept}, which counts; "
                        "{done}.",
                        file=path.name,
                        kept=kept.name,
                        done=done,
                    ),
                )

    def _put_aside(self, path: Path) -> str:
        """Put a file and the samples that are its own where they are not read; say what was done.

        The samples go with it, since the next one of its key would take them for left over.
        """
        place = self.folder / "set-aside"
        own = self._samples_of(path)
        try:
            place.mkdir(parents=True, exist_ok=True)
            for each in (path, *own):
                moved = place / each.name
                if moved.exists():
                    moved = place / f"{each.stem}.{time.time_ns()}{each.suffix}"
                each.replace(moved)
        except OSError as error:
            return Message("it could not be set aside ({error})", error=error.strerror)
        if own:
            return Message("it is set aside in {place}, with its samples", place=place)
        return Message("it is set aside in {place}", place=place)

    def _samples_of(self, path: Path) -> list[Path]:
        """Return the samples of a key that no other file of it names."""
        beside = self.files_of(path.stem[-SHORT:])
        others = [each for each in beside if each.suffix == ".json" and each != path]
        named = set(map(_samples_named_in, others))
        return [each for each in beside if each.suffix == ".jsonl" and each.name not in named]


def stem_of(measurement: Measurement) -> str:
    """Return what the names of a measurement's files begin with."""
    parts = (measurement.candidate.name, measurement.check, measurement.item)
    names = ".".join(re.sub(r"[^\w-]+", "-", part)[:24] for part in parts)
    return f"{names}.{measurement.key[:SHORT]}"


def _by_key(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of measurements' files by the first digits of the key, sorted."""
    found: dict[str, list[str]] = {}
    for name in sorted(filter(_NUMBERS.search, names)):
        found.setdefault(name[-_TAIL:-5], []).append(name)
    return found


def _made(found: tuple[Path, Measurement]) -> tuple[str, str]:
    return found[1].measured_at, found[0].name


def _samples_named_in(path: Path) -> str | None:
    """Return the name of the samples that a measurement's file names, if it can be read."""
    try:
        _, evidence = files.read(path.read_bytes())
    except (OSError, Damaged, Newer):
        return None
    return evidence.file if evidence is not None else None


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
        raise Damaged("{file} is missing beside it", file=beside.file) from None
    return files.with_evidence(measurement, beside, data)


def _acquire(lock: FileLock, waiting: Callable[[], None]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire(poll_interval=0.5)
