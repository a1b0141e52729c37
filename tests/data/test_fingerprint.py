"""The identity of a checkpoint is what its files hold."""

import hashlib
import io
import json
import os
import re

import pytest

from basegate.data.fingerprint import checkpoint_fingerprint, describe_files
from basegate.progress import Progress
from basegate.serialization import hash_file

LARGE = 16 * 2**20


@pytest.fixture
def checkpoint(tmp_path):
    """A folder with the files of a checkpoint."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.model", "modeling_x.py"):
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def change_in_secret(path, data):
    """Change the beginning of a file without a change of its size and its time."""
    status = path.stat()
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_files_digest_is_its_sha256(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\x00weights")
    assert hash_file(path) == hashlib.sha256(b"\x00weights").hexdigest()


def test_a_fingerprint_is_a_sha256(checkpoint):
    assert re.fullmatch("sha256:[0-9a-f]{64}", checkpoint_fingerprint(checkpoint))


def test_a_copy_elsewhere_has_the_same_fingerprint(checkpoint, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in checkpoint.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert checkpoint_fingerprint(copy) == checkpoint_fingerprint(checkpoint)


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.model", "modeling_x.py"]
)
def test_a_changed_file_changes_it(checkpoint, name):
    before = checkpoint_fingerprint(checkpoint)
    (checkpoint / name).write_text("changed", encoding="utf-8")
    assert checkpoint_fingerprint(checkpoint) != before


@pytest.mark.parametrize(
    "name", ["extra.safetensors", "vocab.txt", "qwen.tiktoken", "chat.jinja", "pytorch_model.bin"]
)
def test_a_new_file_that_is_loaded_changes_it(checkpoint, name):
    before = checkpoint_fingerprint(checkpoint)
    (checkpoint / name).write_text("", encoding="utf-8")
    assert checkpoint_fingerprint(checkpoint) != before


def test_a_renamed_file_changes_it(checkpoint):
    before = checkpoint_fingerprint(checkpoint)
    (checkpoint / "config.json").rename(checkpoint / "other.json")
    assert checkpoint_fingerprint(checkpoint) != before


@pytest.mark.parametrize("name", ["README.md", "optimizer.pt", ".gitattributes"])
def test_files_that_are_never_loaded_do_not_change_it(checkpoint, name):
    before = checkpoint_fingerprint(checkpoint)
    (checkpoint / name).write_text("anything", encoding="utf-8")
    assert checkpoint_fingerprint(checkpoint) == before


def test_a_large_file_is_read_once_while_size_and_time_stay(checkpoint, tmp_path):
    memory = tmp_path / "store" / "fingerprints.json"
    weights = checkpoint / "model.safetensors"
    os.truncate(weights, LARGE)
    before = checkpoint_fingerprint(checkpoint, memory)
    change_in_secret(weights, b"changed")
    assert checkpoint_fingerprint(checkpoint, memory) == before
    assert checkpoint_fingerprint(checkpoint) != before, "without memory all is read"


def test_a_large_file_is_read_again_when_its_time_changes(checkpoint, tmp_path):
    memory = tmp_path / "fingerprints.json"
    weights = checkpoint / "model.safetensors"
    os.truncate(weights, LARGE)
    before = checkpoint_fingerprint(checkpoint, memory)
    change_in_secret(weights, b"changed")
    os.utime(weights, ns=(1, 1))
    assert checkpoint_fingerprint(checkpoint, memory) != before


def test_small_files_are_always_read(checkpoint, tmp_path):
    memory = tmp_path / "fingerprints.json"
    before = checkpoint_fingerprint(checkpoint, memory)
    change_in_secret(checkpoint / "config.json", b"CONFIG")
    assert checkpoint_fingerprint(checkpoint, memory) != before


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff"], ids=["empty", "cut", "list", "bytes"])
def test_a_damaged_memory_is_forgotten_and_written_anew(checkpoint, tmp_path, text):
    memory = tmp_path / "fingerprints.json"
    os.truncate(checkpoint / "model.safetensors", LARGE)
    memory.write_bytes(text.encode("latin-1"))
    assert checkpoint_fingerprint(checkpoint, memory) == checkpoint_fingerprint(checkpoint)
    [(place, known)] = json.loads(memory.read_text(encoding="utf-8")).items()
    assert place.startswith(str(checkpoint / "model.safetensors"))
    assert known == hash_file(checkpoint / "model.safetensors")


def test_files_are_described_by_size_and_hash(checkpoint):
    [config, weights] = describe_files(checkpoint, ["model.safetensors", "config.json"])
    assert (config.name, config.bytes) == ("config.json", len("config.json"))
    assert weights.sha256 == hashlib.sha256(b"model.safetensors").hexdigest()


def test_a_large_file_is_not_hashed_twice(checkpoint, tmp_path):
    memory = tmp_path / "fingerprints.json"
    weights = checkpoint / "model.safetensors"
    os.truncate(weights, LARGE)
    checkpoint_fingerprint(checkpoint, memory)
    before = hash_file(weights)
    change_in_secret(weights, b"changed")
    [found] = describe_files(checkpoint, ["model.safetensors"], memory)
    assert found.sha256 == before


def test_the_hubs_cache_knows_the_hash_of_a_large_file(tmp_path):
    """It names a blob by its SHA-256; small files it names otherwise, and they are read."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "c"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for name, blob in (("model.safetensors", "a" * 64), ("config.json", "b" * 40)):
        (blobs / blob).write_text(name, encoding="utf-8")
        (snapshot / name).symlink_to(blobs / blob)
    [config, weights] = describe_files(snapshot, ["model.safetensors", "config.json"])
    assert weights.sha256 == "a" * 64
    assert weights.bytes == len("model.safetensors")
    assert config.sha256 == hashlib.sha256(b"config.json").hexdigest()


def test_reading_for_long_is_told_with_its_size(checkpoint, tmp_path, monkeypatch):
    from basegate import progress

    monkeypatch.setattr(progress, "LINE_EVERY", 0.01)
    memory, lines = tmp_path / "fingerprints.json", io.StringIO()
    os.truncate(checkpoint / "model.safetensors", 2**28 + 2**26)
    for _ in range(2):
        checkpoint_fingerprint(checkpoint, memory, name="one", progress=Progress(lines))
    first, *rest = lines.getvalue().splitlines()
    assert first == "one: hashing 0.3 GiB, to know these files again"
    far = [re.search(r": (0\.\d) of 0\.3 GiB hashed, \d+ s$", line) for line in rest]
    assert all(far)
    assert 0 < float(far[-1][1]) <= 0.3, "and nothing is told of what is remembered"


def test_what_is_read_in_a_moment_is_not_mentioned(checkpoint):
    lines = io.StringIO()
    checkpoint_fingerprint(checkpoint, name="one", progress=Progress(lines))
    assert lines.getvalue() == ""
