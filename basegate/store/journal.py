"""Journal of an unfinished measurement's batches, so that a killed run resumes there.

A line per batch: a check sum and JSON with the pieces that were done. A line that was cut short by
a crash, or garbled, ends what is taken: all behind it is measured again.
"""

from __future__ import annotations

import json
import math
import os
import time
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from basegate.serialization import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from basegate.measurement import Measurement

_ANEW = "begun anew"
_SUM = 8
"""Hexadecimal digits of a line's check sum (CRC-32)."""


class Journal:
    """Batch cache of one measurement. This one keeps nothing, so nothing can be resumed.

    Attributes:
        trouble: why something could not be kept; empty where all was.
    """

    trouble = ""

    def __init__(self) -> None:
        self._start_over()

    def _start_over(self) -> None:
        self._before = 0.0
        self._began: float | None = None
        self._retries = 0
        self._too_large: dict[str, int] = {}

    def __len__(self) -> int:
        return 0

    def start(self) -> None:
        """Let the clock run: the candidate is loaded."""
        self._began = time.perf_counter()

    def spent(self) -> tuple[float, int]:
        """Seconds of measuring, and batches that did not fit into memory, earlier runs included."""
        now = time.perf_counter() - self._began if self._began is not None else 0.0
        return self._before + now, self._retries

    def too_large(self, kind: str) -> float:
        """The smallest size of a kind of batch that did not fit; infinite if all did."""
        return self._too_large.get(kind, math.inf)

    def did_not_fit(self, kind: str, size: int) -> None:
        """Count a batch that did not fit into memory, if none as small is known."""
        if size < self.too_large(kind):
            self._too_large[kind] = size
            self._retries += 1

    def has(self, name: str) -> bool:
        """Whether a piece is done."""
        return False

    def get(self, names: Sequence[str]) -> list[Any] | None:
        """The pieces of a batch; `None` where not all of them are done yet."""
        return None

    @property
    def tally(self) -> tuple[int, int]:
        """How many batches an earlier run had done, of those asked for, and how many there were."""
        return 0, 0

    def put(self, pieces: Mapping[str, Any]) -> None:
        """Keep the pieces of a batch; they outlive the process, and a loss of power."""

    def get_or_set(self, name: str, make: Callable[[], Any]) -> Any:
        """What was set under a name when the measurement began; set now if new.

        Batches have to be the same when it is resumed: a model's numbers depend, in their last
        digits, on what else is in a batch.
        """
        return make()

    def begin_anew(self) -> None:
        """Forget what was done, unless this was called before: then it is resumed."""

    def finish(self, measurement: Measurement) -> None:
        """Write down that all is done, before the measurement is stored.

        Should the process die before the journal is discarded, what it holds is not counted again.
        """

    def is_of(self, measurement: Measurement) -> bool:
        """Whether all that it holds is in a measurement that is stored."""
        return False

    def forget(self) -> None:
        """Begin from nothing."""

    def close(self) -> None:
        """Leave it for a later run."""

    def discard(self) -> None:
        """Remove it: the measurement is stored."""


class FileJournal(Journal):
    """Keeps pieces in a file, each once its batch is done.

    Only places in the file are held in memory, so that resuming takes no more of it than beginning.

    Raises:
        OSError: it cannot be opened for writing.
    """

    def __init__(self, path: Path, key: str) -> None:
        super().__init__()
        self.path = path
        self._key = key
        self._places: dict[str, tuple[int, int]] = {}
        self._settled: dict[str, Any] = {}
        self._finished = ""
        self._stuck = False
        self._taken: set[int] = set()
        self._done = 0
        # Without a buffer: it would try to write what did not fit again.
        self._file = path.open("a+b", buffering=0)
        self._end = self._begin = self._recall()
        self._file.truncate(self._end)

    def __len__(self) -> int:
        return len(self._places)

    def has(self, name: str) -> bool:
        return name in self._places

    def get(self, names: Sequence[str]) -> list[Any] | None:
        if any(name not in self._places for name in names):
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
        return len(self._taken), len(self._taken) + self._done

    def put(self, pieces: Mapping[str, Any]) -> None:
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

    def get_or_set(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._settled:
            self._settled[name] = make()
            self._append({"settled": {name: self._settled[name]}})
        return self._settled[name]

    def begin_anew(self) -> None:
        if not self._settled.get(_ANEW):
            self.forget()
            self.get_or_set(_ANEW, lambda: True)

    def finish(self, measurement: Measurement) -> None:
        self._finished = _making(measurement)
        self._append({"finished": self._finished})

    def is_of(self, measurement: Measurement) -> bool:
        return self._finished == _making(measurement)

    def forget(self) -> None:
        self._start_over()
        self._places, self._settled, self._finished = {}, {}, ""
        self._end = self._begin = 0
        self._file.truncate(0)

    def close(self) -> None:
        self._file.close()

    def discard(self) -> None:
        self.close()
        with suppress(OSError):  # it says that it is finished, and goes with the next run
            self.path.unlink()

    def _append(self, line: Mapping[str, Any]) -> tuple[int, int] | None:
        """The place of the line written; `None` where there was no room for it."""
        if self._stuck:
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
            self._take_back()
            return None
        place = (self._end, len(data))
        self._end += len(data)
        return place

    def _take_back(self) -> None:
        """Cut off half a line: lines behind it would never be read."""
        try:
            self._file.truncate(self._end)
        except OSError:
            self._stuck = True  # what is whole stays so, and the next run cuts off the rest

    def _recall(self) -> int:
        """Read the file; the end of the last whole line of this measurement."""
        end = 0
        with self.path.open("rb") as file:
            for data in file:
                line = _whole(data)
                if line is None or (end == 0 and line.get("key") != self._key):
                    break
                self._places.update(dict.fromkeys(line.get("pieces", ()), (end, len(data))))
                self._settled.update(line.get("settled", {}))
                self._finished = line.get("finished", "")
                if "seconds" in line:
                    self._before, self._retries = line["seconds"], line["retries"]
                    self._too_large = line.get("too_large", {})
                end += len(data)
        return end


def batches_in(path: Path) -> int:
    """How many batches a later run finds in a journal; of one that cannot be read, none."""
    count = 0
    with suppress(OSError), path.open("rb") as file:
        for data in file:
            line = _whole(data)
            if line is None:
                break
            count += "pieces" in line
    return count


def is_left_of(path: Path, measurement: Measurement) -> bool:
    """Whether a journal was left by a run that died when it had stored the measurement.

    Raises:
        OSError: it cannot be read.
    """
    line = None
    with path.open("rb") as file:
        for number, data in enumerate(file):
            line = _whole(data)
            if line is None or (number == 0 and line.get("key") != measurement.key):
                return False
    return line is not None and line.get("finished") == _making(measurement)


def _making(measurement: Measurement) -> str:
    return f"{measurement.measured_at} {measurement.seconds!r}"


def _whole(data: bytes) -> dict[str, Any] | None:
    """What a line says; `None` where it was cut short or garbled."""
    text = data[_SUM + 1 :].removesuffix(b"\n")
    if data != b"%08x %s\n" % (zlib.crc32(text), text):
        return None
    line: dict[str, Any] = json.loads(text)
    return line
