"""The batches of an unfinished measurement: what was done is never done again, nor made up."""

from __future__ import annotations

import errno
import math
import os

import pytest
from hypothesis import given, settings, strategies as st

from basegate.store import file_batch_cache
from basegate.store.file_batch_cache import FileBatchCache
from basegate.store.folder import Store
from tests.helpers.stored import make_measurement

KEY = "k" * 64


@pytest.fixture
def path(tmp_path):
    return tmp_path / "batches.jsonl"


def written(path, *batches):
    kept = FileBatchCache(path, KEY)
    for batch in batches:
        kept.put(batch)
    kept.close()


def test_pieces_come_back_in_the_order_asked_for(path):
    written(path, {"a": [1], "b": [2]}, {"c": "x"})
    kept = FileBatchCache(path, KEY)
    assert kept.get(["c", "a"]) == ["x", [1]]
    assert len(kept) == 3
    assert kept.get(["a", "d"]) is None


def test_one_that_goes_on_can_be_read_and_written_in_turns(path):
    written(path, {"a": 1})
    kept = FileBatchCache(path, KEY)
    assert kept.get(["a"]) == [1]
    kept.put({"b": 2})
    assert kept.get(["b", "a"]) == [2, 1]
    kept.close()
    assert FileBatchCache(path, KEY).get(["a", "b"]) == [1, 2]


def test_the_file_of_another_measurement_is_not_gone_on_with(path):
    written(path, {"a": 1})
    other = FileBatchCache(path, "o" * 64)
    assert other.get(["a"]) is None
    other.put({"a": 2})
    other.close()
    assert FileBatchCache(path, KEY).get(["a"]) is None


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_of_a_file_that_was_cut_or_garbled_whole_lines_before_it_are_taken(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cut") / "batches"
    batches = [{f"{number}": "香" * number, f"{number}b": number} for number in range(5)]
    written(path, *batches)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:at])
    else:
        garbled = bytearray(whole)
        garbled[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(garbled)
    lines = whole[:at].count(b"\n")
    kept = FileBatchCache(path, KEY)
    for number, batch in enumerate(batches):
        expected = list(batch.values()) if number < lines else None
        assert kept.get(list(batch)) == expected
    kept.put({"new": 1})
    kept.close()
    assert FileBatchCache(path, KEY).get(["new"]) == [1], "what comes behind the cut can be read"


def test_limits_stay_as_they_were_unless_a_later_run_has_less_memory(path):
    def limits(*calculated):
        kept = FileBatchCache(path, KEY)
        found = [kept.limits("rows", lambda each=each: list(each)) for each in calculated]
        kept.close()
        return found

    assert limits((7, 50), (6, 90)) == [[7, 50]] * 2, "one run, one limit"
    assert limits((9, 90)) == [[7, 50]]
    assert limits((9, 40)) == [[7, 40]]
    assert limits((9, 90)) == [[7, 40]]


def test_time_and_retries_of_earlier_runs_are_added(path, monkeypatch):
    clock = iter([10.0, 13.0, 100.0, 101.5])
    monkeypatch.setattr(file_batch_cache.time, "perf_counter", lambda: next(clock))
    kept = FileBatchCache(path, KEY)
    kept.start()
    kept.did_not_fit("draw", 64)
    kept.did_not_fit("draw", 64)  # once is enough to know
    kept.did_not_fit("score", 64)
    kept.put({"a": 1})
    kept.close()
    again = FileBatchCache(path, KEY)
    assert again.spent() == (3.0, 2)
    assert (again.too_large("draw"), again.too_large("after")) == (64, math.inf)
    again.start()
    again.did_not_fit("draw", 64)
    again.did_not_fit("draw", 32)
    assert again.spent() == (4.5, 3)


def test_batches_of_an_earlier_run_are_counted_when_they_are_asked_for(path):
    kept = FileBatchCache(path, KEY)
    kept.put({"a": 1, "b": 2})
    kept.put({"c": 3})
    assert kept.tally == (0, 2), "all of them its own"
    assert kept.get(["c"]) == [3]
    assert kept.tally == (0, 2)
    kept.close()
    again = FileBatchCache(path, KEY)
    assert again.tally == (0, 0), "nobody has asked yet"
    again.get(["a", "b"])
    again.get(["b", "a"])
    again.put({"d": 4})
    assert again.tally == (1, 2)


class Full:
    """A disk that takes `room` bytes more; what does not fit is written in part, as by a disk."""

    def __init__(self, room):
        self.room = room
        self.write = os.write

    def fsync(self, descriptor):
        size = os.fstat(descriptor).st_size
        if size > self.room:
            os.ftruncate(descriptor, self.room)
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_loses_what_did_not_fit_and_nothing_else(path, monkeypatch):
    kept = FileBatchCache(path, KEY)
    kept.put({"a": 1})
    disk = Full(path.stat().st_size + 10)
    monkeypatch.setattr(file_batch_cache.os, "fsync", disk.fsync)
    assert kept.trouble == ""
    kept.put({"b": "2" * 100})
    assert kept.trouble == "No space left on device"
    assert kept.get(["b"]) is None
    kept.put({"c": "3" * 100})
    disk.room = 10**6
    kept.put({"d": 4})
    kept.close()
    again = FileBatchCache(path, KEY)
    assert again.get(["a", "d"]) == [1, 4]
    assert again.get(["c"]) is None


class Stuck:
    """A file on a disk that takes half a line and cannot cut it off again."""

    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        self.file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    def truncate(self, size):
        raise OSError(errno.EIO, "Input/output error")


def test_half_a_line_that_cannot_be_cut_off_hides_no_error_and_damages_nothing(path):
    kept = FileBatchCache(path, KEY)
    kept.put({"a": 1})
    disk = kept._file
    kept._file = Stuck(disk)
    kept.put({"b": 2})
    assert kept.trouble == "No space left on device", "the first error is the one that helps"
    kept._file = disk
    kept.put({"c": 3})  # behind half a line it would never be read
    assert (kept.get(["a"]), kept.get(["b"]), kept.get(["c"])) == ([1], None, None)
    kept.close()
    again = FileBatchCache(path, KEY)
    assert len(again) == 1
    again.put({"d": 4})
    again.close()
    assert FileBatchCache(path, KEY).get(["a", "d"]) == [1, 4]


def test_a_line_that_is_written_in_parts_is_whole(path):
    class Slow(Stuck):
        def write(self, data):
            return self.file.write(data[:7])

    kept = FileBatchCache(path, KEY)
    kept._file = Slow(kept._file)
    kept.put({"a": "x" * 100})
    kept.close()
    assert FileBatchCache(path, KEY).get(["a"]) == ["x" * 100]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits the size of files in a child")
def test_a_limit_on_the_size_of_files_is_a_full_disk(path):
    import resource

    child = os.fork()
    if child == 0:  # pragma: no cover
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        kept = FileBatchCache(path, KEY)
        for number in range(50):
            kept.put({str(number): "x" * 20})
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    kept = FileBatchCache(path, KEY)
    assert kept.get(["0"]) == ["x" * 20]
    assert 1 <= len(kept) < 50
    assert kept.get([str(number) for number in range(len(kept))]) is not None


def test_one_without_a_file_keeps_nothing():
    none = FileBatchCache(None, KEY)
    none.put({"a": 1})
    assert none.get(["a"]) is None
    assert none.limits("rows", lambda: [3]) == [3]
    none.begin_anew()
    none.discard()
    assert len(none) == 0
    assert none.tally == (0, 1)
    assert none.trouble == ""


def test_a_finished_measurement_leaves_no_file(tmp_path):
    store = Store(tmp_path)
    with store.measuring(KEY) as kept:
        kept.put({"a": 1})
        kept.discard()
    assert [each.suffix for each in (tmp_path / "measuring").iterdir()] == [".lock"]


def test_what_an_ended_run_has_done_is_there_for_the_next_unless_it_begins_anew(tmp_path):
    store = Store(tmp_path)
    with store.measuring(KEY) as kept:
        kept.put({"a": 1})
    with store.measuring(KEY) as kept:
        assert kept.get(["a"]) == [1]
        kept.begin_anew()
        assert kept.get(["a"]) is None


def test_what_was_begun_anew_is_gone_on_with_by_those_that_would_begin_anew(path):
    kept = FileBatchCache(path, KEY)
    kept.begin_anew()
    kept.did_not_fit("draw", 64)
    kept.put({"a": 1})
    kept.close()
    again = FileBatchCache(path, KEY)
    again.begin_anew()
    assert again.get(["a"]) == [1]
    assert again.spent()[1] == 1


def test_beginning_anew_forgets_time_and_retries_too(path):
    kept = FileBatchCache(path, KEY)
    kept.start()
    kept.did_not_fit("draw", 64)
    kept.put({"a": 1})
    kept.limits("rows", lambda: [7])
    kept.begin_anew()
    assert kept.spent() == (0.0, 0)
    assert kept.limits("rows", lambda: [8]) == [8]
    kept.put({"b": 2})
    kept.close()
    again = FileBatchCache(path, KEY)
    assert (again.get(["a"]), again.get(["b"])) == (None, [2])


def test_a_finished_one_is_of_the_measurement_that_was_stored_and_of_no_other(path):
    measurement = make_measurement()
    kept = FileBatchCache(path, measurement.key)
    kept.put({"a": 1})
    assert not kept.is_of(measurement)
    kept.finish(measurement)
    kept.close()
    assert FileBatchCache(path, measurement.key).is_of(measurement)
    later = measurement.model_copy(update={"seconds": 0.75})
    assert not FileBatchCache(path, measurement.key).is_of(later)
    again = FileBatchCache(path, measurement.key)
    again.put({"b": 2})  # it was gone on with: the measurement was not stored after all
    again.close()
    assert not FileBatchCache(path, measurement.key).is_of(measurement)


def test_a_store_that_cannot_be_written_to_keeps_no_batches(tmp_path):
    (tmp_path / "measuring").write_text("in the way")
    with Store(tmp_path).measuring(KEY) as kept:
        kept.put({"a": 1})
        assert kept.get(["a"]) is None


def test_one_process_at_a_time_makes_a_measurement(tmp_path):
    import subprocess
    import sys
    import time

    script = (
        "import sys, time, pathlib; from basegate.store.folder import Store\n"
        f"with Store(pathlib.Path(sys.argv[1])).measuring({KEY!r}) as kept:\n"
        "    kept.put({'a': 1}); print('begun', flush=True); time.sleep(60)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "begun\n"
    told = []

    def waiting():
        told.append(time.monotonic())
        other.kill()  # the lock goes with its process

    with Store(tmp_path).measuring(KEY, waiting=waiting) as kept:
        assert len(told) == 1
        assert kept.get(["a"]) == [1]
    other.wait()
    other.stdout.close()
