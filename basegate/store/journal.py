"""How far an unfinished measurement has come, so that a killed run goes on where it was.

A line per batch: a check sum and JSON with the pieces that were done. A line that was cut short by
a crash, or garbled, ends what is taken: all behind it is measured again.
"""

from __future__ import annotations

import json
import os
import time
import warnings
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from basegate.errors import NotKept
from basegate.records import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_SUM = 8
"""Hexadecimal digits of a line's check sum (CRC-32)."""


class Journal:
    """Pieces of one measurement by name. This one keeps nothing: nothing can be gone on with."""

    def __init__(self) -> None:
        self._before = (0.0, 0)
        self._now: Callable[[], tuple[float, int]] = lambda: (0.0, 0)

    def __len__(self) -> int:
        """Return how many pieces are done."""
        return 0

    def start(self, retries: Callable[[], int]) -> None:
        """Let the clock run: the candidate is loaded.

        Args:
            retries: tells how many of its batches did not fit into memory.
        """
        began, before = time.perf_counter(), retries()
        self._now = lambda: (time.perf_counter() - began, retries() - before)

    def spent(self) -> tuple[float, int]:
        """Return seconds of measuring and batches that did not fit, earlier runs included."""
        seconds, retries = self._now()
        return self._before[0] + seconds, self._before[1] + retries

    def get(self, names: Sequence[str]) -> list[Any] | None:
        """Return the pieces of a batch, or `None` where not all of them are done yet."""
        return None

    @property
    def tally(self) -> tuple[int, int]:
        """How many batches an earlier run had done, of those asked for, and how many there were."""
        return 0, 0

    def put(self, pieces: Mapping[str, Any]) -> None:
        """Keep the pieces of a batch; they outlive the process, and a loss of power.

        Args:
            pieces: what JSON can hold, by name.
        """

    def settle(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what was settled under a name when the measurement began; settled now if new.

        Batches have to be the same when it is gone on with: a model's numbers depend, in their
        last digits, on what else is in a batch.
        """
        return make()

    def close(self) -> None:
        """Leave it for a later run."""

    def discard(self) -> None:
        """Forget it: the measurement is whole."""


NO_JOURNAL = Journal()


class FileJournal(Journal):
    """Keeps pieces in a file, each once its batch is done.

    Only places in the file are held in memory, so that going on takes no more of it than beginning.

    Args:
        path: of the file; it need not exist.
        key: of the measurement; a journal of another is not gone on with.

    Raises:
        OSError: it cannot be opened for writing.
    """

    def __init__(self, path: Path, key: str) -> None:
        super().__init__()
        self.path = path
        self._key = key
        self._places: dict[str, tuple[int, int]] = {}
        self._settled: dict[str, Any] = {}
        self._complained = False
        self._taken: set[int] = set()
        self._done = 0
        self._file: BinaryIO = path.open("a+b")
        self._end = self._begin = self._recall()
        self._file.truncate(self._end)

    def __len__(self) -> int:
        """Return how many pieces are done."""
        return len(self._places)

    def get(self, names: Sequence[str]) -> list[Any] | None:
        """Return the pieces of a batch, or `None` where not all of them are done yet."""
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
        """How many batches an earlier run had done; see `Journal.tally`."""
        return len(self._taken), len(self._taken) + self._done

    def put(self, pieces: Mapping[str, Any]) -> None:
        """Keep the pieces of a batch; see `Journal.put`."""
        self._done += 1
        seconds, retries = self.spent()
        line = {"pieces": dict(pieces), "seconds": round(seconds, 3), "retries": retries}
        if (place := self._append(line)) is not None:
            self._places.update(dict.fromkeys(pieces, place))

    def settle(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what was settled under a name; see `Journal.settle`."""
        if name not in self._settled:
            self._settled[name] = make()
            self._append({"settled": {name: self._settled[name]}})
        return self._settled[name]

    def close(self) -> None:
        """Close the file and leave it for a later run."""
        self._file.close()

    def discard(self) -> None:
        """Remove the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _append(self, line: Mapping[str, Any]) -> tuple[int, int] | None:
        """Write a line; return its place, or `None` where there was no room for it."""
        head = {"key": self._key} if self._end == 0 else {}
        text = canonical_json({**head, **line}).encode()
        data = b"%08x %s\n" % (zlib.crc32(text), text)
        try:
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._take_back(error)
            return None
        place = (self._end, len(data))
        self._end += len(data)
        return place

    def _take_back(self, error: OSError) -> None:
        """Cut off half a line: lines behind it would never be read."""
        # Another file object: the old one's buffer would try to write the rest again.
        descriptor = os.dup(self._file.fileno())
        with suppress(OSError):
            self._file.close()
        os.ftruncate(descriptor, self._end)
        self._file = os.fdopen(descriptor, "a+b")
        if not self._complained:
            self._complained = True
            warnings.warn(
                f"{self.path}: how far the measurement has come could not be kept "
                f"({error.strerror}). It goes on; should this run be ended, it begins anew. Free "
                f"some space, or give another --store.",
                NotKept,
                stacklevel=2,
            )

    def _recall(self) -> int:
        """Read what there is; return where the last whole line of this measurement ends."""
        self._file.seek(0)
        end = 0
        for data in self._file:
            line = _whole(data)
            if line is None or (end == 0 and line.get("key") != self._key):
                break
            self._places.update(dict.fromkeys(line.get("pieces", ()), (end, len(data))))
            self._settled.update(line.get("settled", {}))
            if "seconds" in line:
                self._before = (line["seconds"], line["retries"])
            end += len(data)
        return end


def batches_in(path: Path) -> int:
    """Return how many batches a later run finds in a journal; of one that cannot be read, none."""
    count = 0
    with suppress(OSError), path.open("rb") as file:
        for data in file:
            line = _whole(data)
            if line is None:
                break
            count += "pieces" in line
    return count


def _whole(data: bytes) -> dict[str, Any] | None:
    """Return what a line says, or `None` where it was cut short or garbled."""
    text = data[_SUM + 1 :].removesuffix(b"\n")
    if data != b"%08x %s\n" % (zlib.crc32(text), text):
        return None
    line: dict[str, Any] = json.loads(text)
    return line
