"""The folder that stores measurements between runs.

    measurements/NAME.CHECK.ITEM.KEY.json                 numbers; KEY begins the measurement's key
    measurements/NAME.CHECK.ITEM.KEY.SUM.samples.jsonl    samples, pairs, option scores behind them
    measuring/KEY.jsonl, KEY.lock                         finished batches of an unfinished one

The key is the SHA-256 of a measurement's identity, so one of another model, setting, text or
library version can never be served; limits are not part of it.

A file that cannot be read, or whose checksum is wrong, is not used and warned of once; the same
measurement, made again, takes its place. One that a newer basegate wrote is never overwritten.
Of several files of one key, since one was copied, that with all samples of the others counts; if
their numbers differ otherwise, the newest, and a warning says so.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from basegate.errors import NotTrusted
from basegate.measurement import Measurement, Sample
from basegate.serialization import write_atomically
from basegate.store import file_format
from basegate.store.file_batch_cache import FileBatchCache
from basegate.store.file_format import Damaged, Evidence, Newer

FILENAME_DIGITS = 16
"""Digits of the key in a file's name."""
_FILE_NAME = re.compile(rf"\.([^.]{{{FILENAME_DIGITS}}})\.(?:json|[^.]+\.samples\.jsonl)$")
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

    def get(self, key: str) -> Measurement | None:
        """The measurement of a key, or of its first `FILENAME_DIGITS`; `None` for none usable."""
        short = key[:FILENAME_DIGITS]
        found = self._choose(self._listed.get(short, ()), evidence=True)
        if found is None:
            # Listed once and not for every key; what has come, or got another name, since then is
            # looked for before anyone measures it.
            with suppress(OSError):
                self._listed = self._names_by_key()
            found = self._choose(self._listed.get(short, ()), evidence=True)
        return found if found is not None and found.key.startswith(key) else None

    def __iter__(self) -> Iterator[Measurement]:
        """All measurements, each key once, without evidence."""
        return self.of_candidates()

    def of_candidates(self, beginning: str = "") -> Iterator[Measurement]:
        """Those of candidates whose names begin so; files of others are not read."""
        for names in self._names_by_key().values():
            if not any(name.startswith(beginning) for name in names):
                continue
            found = self._choose(names, evidence=False)
            if found is not None:
                yield found

    def paths(self) -> list[Path]:
        """The files of all measurements; samples are not among them."""
        return [path for paths in self.files().values() for path in paths if path.suffix == ".json"]

    def files(self) -> dict[str, list[Path]]:
        """The files of measurements, samples included, by the first digits of the key."""
        return {
            short: [self.measurements / name for name in names]
            for short, names in self._names_by_key().items()
        }

    def files_of(self, key: str) -> list[Path]:
        names = self._names_by_key().get(key[:FILENAME_DIGITS], ())
        return [self.measurements / name for name in names]

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
            # Samples last: who reads meanwhile must not take a measurement for damaged.
            for old in sorted(earlier, key=lambda path: path.suffix):
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
    ) -> Iterator[FileBatchCache]:
        """Yield the batch cache of a measurement that no other process may make meanwhile.

        `waiting` is called once where another process is measuring it.
        """
        path, lock = self._batch_cache(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _acquire(lock, waiting)
            cache = FileBatchCache(path, key)
        except (OSError, NotImplementedError):  # the latter where there are no locks
            cache = FileBatchCache(None, key)  # that nothing can be kept is said when it is done
        try:
            yield cache
        finally:
            cache.close()
            lock.release()

    def tidy(self, measurement: Measurement) -> None:
        """Remove the batch cache of a run that died when it had just stored this."""
        path, lock = self._batch_cache(measurement.key)
        if not path.exists():
            return
        # A process that holds the lock is measuring it again.
        with suppress(OSError, NotImplementedError), lock.acquire(timeout=0):
            cache = FileBatchCache(path, measurement.key)
            if cache.is_of(measurement):
                cache.discard()
            else:
                cache.close()

    def _batch_cache(self, key: str) -> tuple[Path, FileLock]:
        place = self.folder / "measuring" / key[:FILENAME_DIGITS]
        return place.with_suffix(".jsonl"), FileLock(place.with_suffix(".lock"))

    def _names_by_key(self) -> dict[str, list[str]]:
        """The names of measurements' files by the first digits of the key, sorted."""
        try:
            names = sorted(os.listdir(self.measurements))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        found: dict[str, list[str]] = {}
        for name in names:
            # Of a leading dot are those that are half written.
            if not name.startswith(".") and (key := _FILE_NAME.search(name)):
                found.setdefault(key[1], []).append(name)
        return found

    def _choose(self, names: Sequence[str], evidence: bool) -> Measurement | None:
        names = [name for name in names if name.endswith(".json")]
        # Of several, listing must not choose one whose samples are damaged.
        whole = evidence or len(names) > 1
        read = ((name, each) for name in names if (each := self._read(name, whole)) is not None)
        found = dict(sorted(read, key=lambda pair: (pair[1].measured_at, pair[0]), reverse=True))
        if not found:
            return None
        chosen = fullest([*found.values()])
        if chosen is None:
            (newest, chosen), *others = found.items()
            contradicting = [name for name, each in others if not _covers(chosen, each)]
            self._warn_of_others(newest, contradicting)
        return chosen if evidence or not whole else file_format.without_evidence(chosen)

    def _warn_of_others(self, newest: str, others: Sequence[str]) -> None:
        with ExitStack() as stack:
            # Nobody replaces one by a file of another name then; in a store that cannot be written
            # to nobody does anyway.
            with suppress(OSError):
                stack.enter_context(self.locked())
            others = [name for name in others if (self.measurements / name).exists()]
        for name in others:
            self._warn(
                name,
                f"{name} holds other numbers of the measurement in {newest}, which is newer and "
                "counts. Remove the one that is wrong.",
            )

    def _read(self, name: str, evidence: bool) -> Measurement | None:
        """The measurement of a file; `None`, with a warning, where it cannot be used."""
        advice = "pytest measures it again, in its place."
        try:
            try:
                return _load(self.measurements, name, evidence)
            except (OSError, Damaged):  # another process may just have replaced it
                return _load(self.measurements, name, evidence)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = f"it cannot be read ({error.strerror})"
        except Damaged as error:
            reason = str(error)
            if isinstance(error, Newer):
                advice = "It is left as it is; a newer basegate reads it."
        self._warn(name, f"{name} is not used, since {reason}. {advice}")
        return None

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


def fullest(found: Sequence[Measurement]) -> Measurement | None:
    """The first that has the numbers of all others, or all of their samples; `None` for none."""
    return next((one for one in found if all(_covers(one, other) for other in found)), None)


def _covers(one: Measurement, other: Measurement) -> bool:
    if one.findings.metrics == other.findings.metrics:
        return True
    ours, theirs = _samples(one), _samples(other)
    return bool(theirs) and theirs.items() <= ours.items()


def _samples(measurement: Measurement) -> dict[tuple[str, int], Sample]:
    return {(each.item, each.seed): each for each in measurement.findings.samples}


def _load(folder: Path, name: str, evidence: bool) -> Measurement:
    # By text: for ten thousand files the objects of pathlib take longer than reading them.
    measurement, beside = file_format.read(_content(f"{folder}{os.sep}{name}"))
    if f".{measurement.key[:FILENAME_DIGITS]}.json" not in name:
        raise Damaged("its name is that of another key")
    if beside is None:
        return measurement
    path = f"{folder}{os.sep}{beside.file}"
    if not os.path.exists(path):
        raise Damaged(f"{beside.file} is missing beside it")
    if not evidence:
        return measurement
    return file_format.with_evidence(measurement, beside, _content(path))


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
