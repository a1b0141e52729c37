"""Batch cache of an unfinished measurement: a journal, so that a killed run goes on from there.

A line per batch: a check sum and JSON with the pieces that were done. A line that was cut short by
a crash, or garbled, ends what is taken: all behind it is measured again.
"""

from __future__ import annotations

import json
import math
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from basegate.measurement import Measurement
from basegate.serialization import canonical_json

_SUM = 8
"""Hexadecimal digits of a line's check sum (CRC-32)."""


class FileBatchCache:
    """Keeps the pieces of a measurement in a file, each once its batch is done.

    It is a `BatchCache` of the engines. Only places in the file are held in memory, so that
    resuming takes no more of it than beginning.

    Args:
        path: the file; `None` where none can be written: then nothing is kept.
        key: of the measurement. What another one has left in the file is dropped.

    Attributes:
        trouble: why something could not be kept; empty where all was.

    Raises:
        OSError: the file cannot be opened for writing.
    """

    def __init__(self, path: Path | None, key: str) -> None:
        self.trouble = ""
        self._path, self._key = path, key
        self._stuck = False
        self._taken: set[int] = set()
        self._done = 0
        self._clear()
        self._file: FileIO | None = None
        if path is not None:
            # Without a buffer: it would try to write what did not fit again.
            self._file = path.open("a+b", buffering=0)
            self._recall(path)
            self._file.truncate(self._end)
            self._begin = self._end

    def _clear(self) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        self._limits: dict[str, list[int]] = {}
        self._limited: set[str] = set()  # those that this run has asked for
        self._anew = False
        self._finished = ""
        self._begin = self._end = 0
        self._before = 0.0
        self._began: float | None = None
        self._retries = 0
        self._too_large: dict[str, int] = {}

    def _recall(self, path: Path) -> None:
        for line, length in _whole_lines(path):
            if self._end == 0 and line.get("key") != self._key:
                return
            self._places.update(dict.fromkeys(line.get("pieces", ()), (self._end, length)))
            self._limits.update(line.get("limits", {}))
            self._anew = line.get("anew", self._anew)
            self._finished = line.get("finished", "")
            if "seconds" in line:
                self._before, self._retries = line["seconds"], line["retries"]
                self._too_large = line.get("too_large", {})
            self._end += length

    def __len__(self) -> int:
        return len(self._places)

    def start(self) -> None:
        self._began = time.perf_counter()

    def spent(self) -> tuple[float, int]:
        """Seconds of measuring, and batches that did not fit into memory, earlier runs included."""
        now = time.perf_counter() - self._began if self._began is not None else 0.0
        return self._before + now, self._retries

    def too_large(self, kind: str) -> float:
        return self._too_large.get(kind, math.inf)

    def did_not_fit(self, kind: str, size: int) -> None:
        """Count a batch that did not fit into memory, if none as small is known."""
        if size < self.too_large(kind):
            self._too_large[kind] = size
            self._retries += 1

    def has(self, name: str) -> bool:
        return name in self._places

    def get(self, names: Sequence[str]) -> list[Any] | None:
        if self._file is None or any(name not in self._places for name in names):
            return None
        found: dict[str, Any] = {}
        for place, length in dict.fromkeys(self._places[name] for name in names):
            self._file.seek(place)
            found.update(json.loads(self._file.read(length)[_SUM + 1 :])["pieces"])
            if place < self._begin:
                self._taken.add(place)
        return [found[name] for name in names]

    @property
    def tally(self) -> tuple[int, int]:
        """How many batches an earlier run had done, of those asked for, and how many there were."""
        return len(self._taken), len(self._taken) + self._done

    def put(self, pieces: Mapping[str, Any]) -> None:
        """Keep the pieces of a batch; they outlive the process, and a loss of power."""
        self._done += 1
        seconds, retries = self.spent()
        line = {
            "pieces": dict(pieces),
            "seconds": round(seconds, 3),
            "retries": retries,
            "too_large": self._too_large,
        }
        if (place := self._append(line)) is not None:
            self._places.update(dict.fromkeys(pieces, place))

    def limits(self, name: str, calculate: Callable[[], list[int]]) -> list[int]:
        if name not in self._limited:
            self._limited.add(name)
            now, before = calculate(), self._limits.get(name)
            lower = now if before is None else list(map(min, before, now))
            if lower != before:
                self._limits[name] = lower
                self._append({"limits": {name: lower}})
        return self._limits[name]

    def begin_anew(self) -> None:
        """Forget what was done, unless this was called before: then it is resumed."""
        if not self._anew:
            self.forget()
            self._anew = True
            self._append({"anew": True})

    def finish(self, measurement: Measurement) -> None:
        """Write down that all is done, before the measurement is stored.

        Should the process die before the file is discarded, what it holds is not counted again.
        """
        self._finished = _making(measurement)
        self._append({"finished": self._finished})

    def is_of(self, measurement: Measurement) -> bool:
        """Whether all that it holds is in a measurement that is stored."""
        return self._finished == _making(measurement)

    def forget(self) -> None:
        self._clear()
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Remove the file: the measurement is stored."""
        self.close()
        if self._path is not None:
            with suppress(OSError):  # it says that it is finished, and goes with the next run
                self._path.unlink()

    def _append(self, line: Mapping[str, Any]) -> tuple[int, int] | None:
        """The place of the line written; `None` where there was no room for it."""
        if self._file is None or self._stuck:
            return None
        head = {"key": self._key} if self._end == 0 else {}
        text = canonical_json({**head, **line}).encode()
        data = b"%08x %s\n" % (zlib.crc32(text), text)
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
            os.fsync(self._file.fileno())
        except OSError as error:
            self.trouble = error.strerror or str(error)
            try:
                self._file.truncate(self._end)  # lines behind half a line would never be read
            except OSError:
                self._stuck = True  # what is whole stays so, and the next run cuts off the rest
            return None
        place = (self._end, len(data))
        self._end += len(data)
        return place


def batches_in(path: Path) -> int:
    """How many batches a later run finds in a file; of one that cannot be read, none."""
    with suppress(OSError):
        return sum("pieces" in line for line, _ in _whole_lines(path))
    return 0


def _whole_lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """The lines before the first that was cut short or garbled, and how many bytes each takes."""
    with path.open("rb") as file:
        for data in file:
            text = data[_SUM + 1 :].removesuffix(b"\n")
            if data != b"%08x %s\n" % (zlib.crc32(text), text):
                return
            yield json.loads(text), len(data)


def _making(measurement: Measurement) -> str:
    return f"{measurement.measured_at} {measurement.seconds!r}"
