"""Files that are whole or not there."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from basegate.serialization import write_atomically


def test_a_file_takes_the_place_of_an_earlier_one(tmp_path):
    path = tmp_path / "new" / "file.json"
    write_atomically(path, "first\n")
    write_atomically(path, "香港\n")
    assert path.read_bytes() == "香港\n".encode()
    assert [each.name for each in path.parent.iterdir()] == ["file.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_others_may_read_it_as_any_new_file(tmp_path):
    before = os.umask(0o022)
    try:
        write_atomically(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_a_failure_leaves_the_earlier_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, "earlier")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "later")
    assert path.read_text() == "earlier"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
