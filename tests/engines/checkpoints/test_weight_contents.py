"""Tensors in files of weights: damaged, cut short, code instead of numbers."""

from __future__ import annotations

import os
import pickle

import pytest

import basegate
from basegate.engines.checkpoints.weight_files import (
    Weights,
    find_non_finite,
    find_weights,
    read_tensors,
)
from basegate.errors import CandidateError
from tests.helpers.checkpoints import (
    FIRST,
    SECOND,
    as_pickle,
    break_weights,
    change_weights,
    read_index,
    refusal,
    write_index,
)


def read_one(path):
    """Return the tensors of one file."""
    format_ = "safetensors" if path.suffix == ".safetensors" else "pickle"
    return read_tensors(path.parent, Weights(format_, (path.name,), {}))


def test_all_tensors_are_found(sharded):
    assert read_tensors(sharded, find_weights(sharded)) == set(read_index(sharded))


def test_the_tensors_of_a_bin_file_are_those_of_safetensors(single):
    found = read_tensors(single, find_weights(single))
    assert read_tensors(as_pickle(single), find_weights(single)) == found


@pytest.mark.parametrize("size", [0, 5, 60, -100])
def test_a_shard_that_is_cut_short_is_named(sharded, size):
    path = sharded / SECOND
    os.truncate(path, size if size >= 0 else path.stat().st_size + size)
    assert refusal(sharded).startswith(f"{path} is damaged or cut short (SafetensorError: ")


def test_bytes_after_the_last_tensor_are_told(single):
    with (single / "model.safetensors").open("ab") as file:
        file.write(b"x" * 100)
    assert "model.safetensors is damaged or cut short" in refusal(single)


@pytest.mark.parametrize(
    "header",
    [
        b"not JSON!",
        b"[]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": 1}',
        b'{"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 64]}}',
        b'{"a": {"dtype": "F32", "shape": [16], "data_offsets": [64, 0]}}',
    ],
)
def test_a_header_that_makes_no_sense_is_named(tmp_path, header):
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    with pytest.raises(CandidateError, match=r"x\.safetensors is damaged or cut short \(Safe"):
        read_one(path)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "x.safetensors").symlink_to(tmp_path / "x.safetensors")
    with pytest.raises(CandidateError, match=r"x\.safetensors cannot be read: "):
        read_one(tmp_path / "x.safetensors")


def test_a_tensor_that_is_not_where_the_index_says_is_named(sharded):
    write_index(sharded, {**read_index(sharded), "model.extra.weight": FIRST})
    assert refusal(sharded).startswith(f"{sharded / FIRST} has no tensor model.extra.weight")


def test_bin_files_load_and_are_named_as_pickle(single):
    engine = basegate.load_candidate(str(as_pickle(single)), device="cpu")
    assert engine.loaded.weights == "pickle"
    assert "pytorch_model.bin" in engine.loaded.files
    engine.close()


class Payload:
    """Runs a command where it is unpickled carelessly."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch '{self.trace}'",)


@pytest.mark.parametrize("way", ["torch", "pickle"])
def test_a_payload_in_a_bin_file_is_not_run(single, tmp_path, way):
    import torch

    trace = tmp_path / "trace"
    path = as_pickle(single) / "pytorch_model.bin"
    if way == "torch":
        torch.save({"model.norm.weight": Payload(trace)}, path)
    else:
        path.write_bytes(pickle.dumps({"model.norm.weight": Payload(trace)}))
    message = refusal(single)
    assert message.startswith(f"{path} holds more than numbers: Python code")
    assert not trace.exists()
    pickle.loads(pickle.dumps(Payload(trace)))
    assert trace.exists(), "the payload would not have left a trace anyway"


def test_a_truncated_bin_file_is_named(single):
    path = as_pickle(single) / "pytorch_model.bin"
    os.truncate(path, path.stat().st_size // 2)
    assert refusal(single).startswith(f"{path} is damaged or cut short (")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_bin_file_cut_anywhere_is_named(tmp_path, zipped):
    import torch

    path = tmp_path / "pytorch_model.bin"
    tensors = {"a": torch.ones(4, 4), "b": torch.ones(3)}
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    assert read_one(path) == {"a", "b"}
    for size in (0, 1, 2, 3, *range(10, len(whole), len(whole) // 60)):
        path.write_bytes(whole[:size])
        with pytest.raises(
            CandidateError, match=r"pytorch_model\.bin (is damaged|holds more than)"
        ):
            read_one(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1], "holds list beside or instead of weights by their names"),
        (None, "holds NoneType beside or instead of"),
        ({"a": 1}, "holds int beside or instead of"),
        ({"model": {}, "step": 3}, "or its `state_dict()` alone"),
    ],
)
def test_a_bin_file_that_holds_no_weights_is_named(tmp_path, content, words):
    import torch

    torch.save(content, tmp_path / "x.bin")
    with pytest.raises(CandidateError) as caught:
        read_one(tmp_path / "x.bin")
    assert str(caught.value).startswith(f"{tmp_path / 'x.bin'} holds ")
    assert words in str(caught.value)


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_weights_that_are_integers_are_named(single, kind):
    import torch

    name = "model.layers.0.mlp.up_proj.weight"
    change_weights(single, lambda weights: weights.update({name: weights[name].to(torch.int8)}))
    if kind == "bin":
        as_pickle(single)
    (path,) = single.glob(f"*model.{kind}")
    assert refusal(single).startswith(f"{path}: the weight {name} is of type ")


@pytest.mark.parametrize(("value", "what"), [(float("nan"), "NaN"), (float("inf"), "an infinite")])
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_the_weight_that_is_no_number_is_named(single, kind, value, what):
    names = [path.name for path in single.iterdir()]
    assert find_non_finite(single, names) is None
    folder = break_weights(single, value)
    if kind == "bin":
        as_pickle(folder)
    names = [path.name for path in folder.iterdir()]
    (path,) = folder.glob(f"*model.{kind}")
    assert find_non_finite(folder, names).startswith(
        f"{path}: the weight model.norm.weight holds {what}"
    )
