"""Files of weights that are damaged, incomplete, elsewhere, of other shapes, or hold code."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import pytest

import basegate
from basegate.engines.weights import check_indexes, find_weights, read_shapes
from basegate.errors import CandidateError

LAYER = "model.layers.1.mlp.up_proj.weight"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


@pytest.fixture
def single(checkpoint, tmp_path):
    """A checkpoint of one file."""
    return shutil.copytree(checkpoint, tmp_path / "single")


@pytest.fixture
def sharded(single):
    """The same in two files with an index."""
    from safetensors.torch import load_file, save_file

    weights = load_file(single / "model.safetensors")
    (single / "model.safetensors").unlink()
    names = sorted(weights)
    parts = {FIRST: names[: len(names) // 2], SECOND: names[len(names) // 2 :]}
    for file, held in parts.items():
        save_file({name: weights[name] for name in held}, single / file, metadata={"format": "pt"})
    write_index(single, {name: file for file, held in parts.items() for name in held})
    return single


def write_index(folder, places):
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))


def read_index(folder):
    return json.loads((folder / INDEX).read_text())["weight_map"]


def refusal(folder, quantization="nf4"):
    with pytest.raises(CandidateError) as caught:
        basegate.load_candidate(str(folder), device="cpu", quantization=quantization)
    return str(caught.value)


def test_shards_load_as_one_file_does(sharded):
    engine = basegate.load_candidate(str(sharded), device="cpu")
    assert engine.loaded.weights == "safetensors"
    assert {FIRST, SECOND, INDEX, "config.json", "tokenizer.json"} <= set(engine.loaded.files)
    engine.close()


def test_a_truncated_shard_is_named_with_the_tensor_that_is_cut(sharded):
    path = sharded / SECOND
    size = path.stat().st_size
    os.truncate(path, size - 100)
    message = refusal(sharded)
    assert message.startswith(f"{path} is damaged: it is cut short within model.")
    assert f"{size - 100} bytes of {size}" in message


@pytest.mark.parametrize("size", [0, 5, 60])
def test_a_shard_that_ends_within_its_header_is_named(sharded, size):
    os.truncate(sharded / FIRST, size)
    assert refusal(sharded).startswith(f"{sharded / FIRST} is damaged: it ends within its header")


def test_a_shard_that_is_no_safetensors_file_is_named(sharded):
    (sharded / FIRST).write_bytes((9).to_bytes(8, "little") + b"not JSON!" + b"x" * 9)
    assert refusal(sharded).startswith(f"{sharded / FIRST} is damaged: its header cannot be read")


def test_a_shard_that_is_missing_is_named_with_a_tensor_of_it(sharded):
    tensor = next(name for name, file in read_index(sharded).items() if file == SECOND)
    (sharded / SECOND).unlink()
    assert refusal(sharded).startswith(
        f"{sharded / SECOND} is missing: {INDEX} says that it holds {tensor}"
    )


def test_a_shard_that_the_index_leaves_out_is_named(sharded):
    write_index(sharded, {n: f for n, f in read_index(sharded).items() if f == FIRST})
    assert refusal(sharded).startswith(f"{sharded / SECOND} is not named in {INDEX}")


def test_a_tensor_that_is_not_where_the_index_says_is_named(sharded):
    write_index(sharded, {**read_index(sharded), "model.extra.weight": FIRST})
    assert refusal(sharded).startswith(f"{sharded / FIRST} has no tensor model.extra.weight")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}']
)
def test_an_index_that_is_none_is_named(sharded, text):
    (sharded / INDEX).write_text(text)
    assert refusal(sharded).startswith(f"{sharded / INDEX} is no index of weights")


@pytest.mark.parametrize(
    "name", ["../other/secret.safetensors", "/etc/secret", "..\\secret", "C:x"]
)
def test_an_index_that_names_a_file_elsewhere_is_refused(sharded, tmp_path, name):
    (tmp_path / "other").mkdir()
    shutil.copy(sharded / FIRST, tmp_path / "other" / "secret.safetensors")
    write_index(sharded, {**read_index(sharded), "model.norm.weight": name})
    message = refusal(sharded)
    assert message.startswith(
        f"{sharded / INDEX} says that model.norm.weight is in {name!r}, outside"
    )
    with pytest.raises(CandidateError, match="outside"):
        check_indexes(sharded)


def test_a_link_that_leads_out_of_the_folder_is_refused(sharded, tmp_path):
    shutil.move(sharded / FIRST, tmp_path / "elsewhere")
    (sharded / FIRST).symlink_to(tmp_path / "elsewhere")
    assert "outside the checkpoint's folder" in refusal(sharded)


def test_the_links_of_the_hubs_cache_are_fine(sharded, tmp_path):
    repo = tmp_path / "models--owner--name"
    (repo / "blobs").mkdir(parents=True)
    snapshot = shutil.copytree(sharded, repo / "snapshots" / ("0" * 40))
    for path in snapshot.iterdir():
        shutil.move(path, repo / "blobs" / f"blob-of-{path.name}")
        path.symlink_to(f"../../blobs/blob-of-{path.name}")
    assert find_weights(snapshot).files == (FIRST, SECOND)
    basegate.load_candidate(str(snapshot), device="cpu").close()


def change_shape(folder, tensor, rows):
    """Give a tensor more or fewer rows."""
    import torch
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    weights[tensor] = torch.ones((rows, *weights[tensor].shape[1:]), dtype=torch.bfloat16)
    save_file(weights, path, metadata={"format": "pt"})


@pytest.mark.parametrize("quantization", ["nf4", "int8", "none"])
@pytest.mark.parametrize(
    ("tensor", "rows", "shapes"),
    [
        (LAYER, 64, "64 x 64, and by config.json it should be 128 x 64"),
        ("model.norm.weight", 32, "32, and by config.json it should be 64"),
    ],
)
def test_a_tensor_of_another_shape_is_named(single, quantization, tensor, rows, shapes):
    """transformers does not look at the shapes of layers that it quantises."""
    change_shape(single, tensor, rows)
    assert refusal(single, quantization).startswith(
        f"{single / 'model.safetensors'}: the weight {tensor} has the shape {shapes}"
    )


def test_weights_under_another_name_say_which_names_are_loaded(single):
    (single / "model.safetensors").rename(single / "weights.safetensors")
    assert "no weights under a name that is loaded (model.safetensors," in refusal(single)


def as_pickle(folder):
    """Turn the weights into a `.bin` file."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def test_bin_files_load_and_are_named_as_pickle(single):
    engine = basegate.load_candidate(str(as_pickle(single)), device="cpu")
    assert engine.loaded.weights == "pickle"
    assert "pytorch_model.bin" in engine.loaded.files
    engine.close()


def test_safetensors_come_before_bin_files(single):
    (single / "pytorch_model.bin").write_bytes(b"anything")
    assert find_weights(single).files == ("model.safetensors",)


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
    assert refusal(single).startswith(f"{path} ")


def test_shapes_are_read_without_the_numbers(single):
    shapes = {name: held.shape for name, held in read_shapes(single, find_weights(single)).items()}
    pickled = as_pickle(single)
    found = {name: held.shape for name, held in read_shapes(pickled, find_weights(pickled)).items()}
    assert found == shapes
    assert shapes[LAYER] == (128, 64)
