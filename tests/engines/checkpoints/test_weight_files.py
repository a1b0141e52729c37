"""Files of weights that are damaged, incomplete, elsewhere, of other shapes, or hold code."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys

import pytest

import basegate
from basegate.engines.checkpoints.config_files import read_config
from basegate.engines.checkpoints.tensor_headers import Held, read_header, read_pickle, read_shapes
from basegate.engines.checkpoints.weight_files import find_weights, place_of
from basegate.errors import CandidateError
from tests.helpers.families import make_family

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
    ("text", "what"),
    [
        ("{", "is not valid JSON"),
        ("[]", "should hold a table"),
        ("{}", "is no index of weights"),
        ('{"weight_map": []}', "is no index of weights"),
        ('{"weight_map": {}}', "is no index of weights"),
        ('{"weight_map": {"a": 1}}', "is no index of weights"),
    ],
)
def test_an_index_that_is_none_is_named(sharded, text, what):
    (sharded / INDEX).write_text(text)
    assert refusal(sharded).startswith(f"{sharded / INDEX} {what}")


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
        read_config(sharded)


def test_a_link_that_leads_out_of_the_folder_is_refused(sharded, tmp_path):
    shutil.move(sharded / FIRST, tmp_path / "elsewhere")
    (sharded / FIRST).symlink_to(tmp_path / "elsewhere")
    message = refusal(sharded)
    assert message.startswith(f"{sharded / FIRST} is a link out of the checkpoint's folder, to ")
    assert str(tmp_path / "elsewhere") in message


def test_a_single_file_that_is_a_link_out_of_the_folder_is_refused(single, tmp_path):
    shutil.move(single / "model.safetensors", tmp_path / "elsewhere")
    (single / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    assert "model.safetensors is a link out of the checkpoint's folder, to " in refusal(single)


def test_a_folder_in_the_place_of_a_shard_is_named(sharded):
    (sharded / FIRST).unlink()
    (sharded / FIRST).mkdir()
    assert refusal(sharded).startswith(f"{sharded / FIRST} is no file: {INDEX} says that it holds")


@pytest.mark.parametrize(
    "entry",
    [
        1,
        {"dtype": "F32", "shape": [4], "data_offsets": [0]},
        {"dtype": "F32", "shape": [float("inf")], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [4], "data_offsets": [0, -16]},
        {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]},
        {"dtype": "F32", "shape": "44", "data_offsets": "64"},
        {"dtype": "F32", "shape": [4.0], "data_offsets": [0, 16]},
    ],
)
def test_a_header_that_makes_no_sense_is_named(tmp_path, entry):
    with pytest.raises(CandidateError, match=r"x\.safetensors is damaged: its header cannot be"):
        read_header(safetensors(tmp_path, json.dumps({"a": entry}).encode()))


def test_a_file_that_may_not_be_read_is_named(tmp_path):
    (tmp_path / "x.safetensors").symlink_to(tmp_path / "x.safetensors")
    with pytest.raises(CandidateError, match=r"x\.safetensors cannot be read: Too many"):
        read_header(tmp_path / "x.safetensors", "model.norm.weight")


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b"[]"])
def test_a_header_that_is_no_table_is_named(tmp_path, text):
    with pytest.raises(CandidateError, match="its header cannot be read"):
        read_header(safetensors(tmp_path, text))


def safetensors(folder, header):
    path = folder / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    return path


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
    message = refusal(single)
    assert "no weights under a name that is loaded (model.safetensors," in message
    assert "It has weights.safetensors, which nothing loads. If it holds all weights" in message


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["consolidated.safetensors"], "the format of the model's own code"),
        (["consolidated.00.pth", "consolidated.01.pth"], "the format of the model's own code"),
        (["model-00001-of-00002.safetensors"], "and model.safetensors.index.json, which says"),
        (["pytorch_model-00002-of-00002.bin"], "and pytorch_model.bin.index.json, which says"),
        (["model-q4.gguf"], "choose a checkpoint with safetensors"),
        (
            ["a.safetensors", "b.safetensors", "c.bin", "d.pt"],
            "It has a.safetensors, b.safetensors",
        ),
        (["training_log.txt"], "single has no weights (model.safetensors,"),
    ],
)
def test_what_there_is_instead_of_weights_is_named(single, names, words):
    (single / "model.safetensors").unlink()
    for name in names:
        (single / name).write_bytes(b"x")
    assert words in refusal(single)


@pytest.mark.parametrize(
    ("prefix", "whose"),
    [
        ("module.", " (as torch's DataParallel saves them)"),
        ("_orig_mod.", " (as torch.compile saves them)"),
        ("base_model.model.", " (as peft saves them)"),
        ("student.", ""),
    ],
)
def test_names_that_all_begin_with_the_same_are_told(single, prefix, whose):
    rename_weights(single, lambda name: prefix + name)
    message = refusal(single)
    assert f"the names of all weights begin with {prefix!r}{whose}, and by these" in message
    assert f"take {prefix!r} off every name" in message


def rename_weights(folder, rename, **more):
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = {rename(name): each for name, each in load_file(path).items()}
    save_file({**weights, **more}, path, metadata={"format": "pt"})


def test_only_some_names_that_begin_otherwise_are_no_wrapper(single):
    rename_weights(single, lambda name: f"module.{name}" if name == "model.norm.weight" else name)
    message = refusal(single)
    assert "the files lack weights that the model needs (model.norm.weight)" in message
    assert "begin with" not in message


def test_an_adapter_that_is_not_merged_is_told(single):
    import torch

    def wrapped(name):
        return "base_model.model." + name.replace("q_proj.", "q_proj.base_layer.")

    lora = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight"
    rename_weights(single, wrapped, **{lora: torch.zeros(4, 64)})
    message = refusal(single)
    assert "is part of an adapter that is not merged" in message
    assert "merge_and_unload" in message


def test_bytes_after_the_last_tensor_are_told(single):
    with (single / "model.safetensors").open("ab") as file:
        file.write(b"x" * 100)
    message = refusal(single)
    assert message.startswith(f"{single / 'model.safetensors'} is damaged: 100 bytes follow its")


@pytest.mark.parametrize("key", ["rope_parameters", "rope_scaling"])
def test_positions_that_transformers_does_not_know_are_named(single, key):
    path = single / "config.json"
    config = json.loads(path.read_text())
    del config["rope_parameters"]
    kind = "rope_type" if key == "rope_parameters" else "type"
    table = {kind: "magic", "factor": 2.0, "rope_theta": 10000.0}
    path.write_text(json.dumps({**config, key: table}))
    assert refusal(single).startswith(f"{path}: rope_type 'magic' is a way of counting positions")


@pytest.mark.slow
def test_transformers_does_not_speak_of_positions_beside_us(single):
    path = single / "config.json"
    config = json.loads(path.read_text())
    config["rope_parameters"] = {"rope_type": "magic", "factor": 2.0, "rope_theta": 10000.0}
    path.write_text(json.dumps(config))
    # In a process of its own, to hear it.
    code = f"""
import basegate
try:
    basegate.load_candidate({str(single)!r}, device="cpu")
except basegate.errors.CandidateError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'magic'" in done.stdout
    assert done.stderr == "", "transformers speaks beside us"


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


def test_a_truncated_bin_file_is_named_with_a_tensor_of_it(sharded):
    import torch
    from safetensors.torch import load_file

    places = {}
    for file in (FIRST, SECOND):
        weights = load_file(sharded / file)
        torch.save(weights, sharded / file.replace("safetensors", "bin"))
        places |= dict.fromkeys(weights, file.replace("safetensors", "bin"))
        (sharded / file).unlink()
    (sharded / INDEX).unlink()
    (sharded / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    path = sharded / SECOND.replace("safetensors", "bin")
    os.truncate(path, path.stat().st_size // 2)
    tensor = next(name for name, file in places.items() if file == path.name)
    message = refusal(sharded)
    assert message.startswith(f"{path} is damaged: it is cut short")
    assert f"By its index {tensor} is in it" in message


@pytest.mark.parametrize("zipped", [True, False])
def test_a_bin_file_cut_anywhere_is_named(tmp_path, zipped):
    import torch

    path = tmp_path / "pytorch_model.bin"
    tensors = {"a": torch.ones(4, 4), "b": torch.ones(3)}
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    assert read_pickle(path) == {"a": (4, 4), "b": (3,)}
    for size in (0, 1, 2, 3, *range(10, len(whole), len(whole) // 60)):
        path.write_bytes(whole[:size])
        with pytest.raises(
            CandidateError, match=r"pytorch_model\.bin (is damaged|holds more than)"
        ):
            read_pickle(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1], "holds a list, not a table of weights by their names"),
        (5, "holds an int, not a table"),
        ("x", "holds a str, not a table"),
        (None, "holds nothing, not a table"),
        ({"a": 1}, "holds an int by the name of 'a' beside or instead of weights"),
        ({"model": {}, "step": 3}, "Save what is in 'model' alone, or the model with `save_"),
    ],
)
def test_a_bin_file_that_holds_no_weights_is_named(tmp_path, content, words):
    import torch

    torch.save(content, tmp_path / "x.bin")
    with pytest.raises(CandidateError) as caught:
        read_pickle(tmp_path / "x.bin")
    assert str(caught.value).startswith(f"{tmp_path / 'x.bin'} holds ")
    assert words in str(caught.value)


@pytest.mark.parametrize("quantization", ["nf4", "none"])
def test_an_expert_of_another_shape_is_named(tmp_path, quantization):
    """Loading joins the experts of a layer, and could not tell which is the wrong one."""
    from safetensors.torch import load_file, save_file

    folder = make_family(tmp_path, "qwen3_moe")
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = "model.layers.1.mlp.experts.1.up_proj.weight"
    weights[name] = weights[name][:32].contiguous()
    save_file(weights, path, metadata={"format": "pt"})
    assert refusal(folder, quantization).startswith(
        f"{path}: the weight {name} has the shape 32 x 64, and those of the other experts have"
    )


def test_a_weight_that_is_joined_of_others_is_in_the_file_of_its_layer(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    held = {
        "model.layers.0.mlp.experts.0.up_proj.weight": Held(one, (2, 2)),
        "model.layers.1.mlp.experts.0.up_proj.weight": Held(two, (2, 2)),
    }
    assert place_of(tmp_path, held, "model.layers.1.mlp.experts.gate_up_proj") == two
    assert place_of(tmp_path, held, "model.other") == tmp_path
    assert place_of(tmp_path, held, "vision.layers.7.weight") == tmp_path


def test_layers_that_the_config_does_not_ask_for_are_named(single):
    """A model cut to fewer layers would load, and be another model."""
    config = json.loads((single / "config.json").read_text())
    (single / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    message = refusal(single)
    assert message.startswith(f"{single / 'config.json'}: it asks for fewer layers than the files")
    assert "(model.layers.1." in message


@pytest.mark.parametrize(
    "extra",
    [
        "model.layers.0.self_attn.q_proj.bias",
        "model.layers.0.mlp.up_proj.weight_scale",
        "model.layers.0.self_attn.q_proj.lora_A.weight",
    ],
)
def test_a_weight_within_a_layer_that_does_not_use_it_is_named(single, extra):
    import torch
    from safetensors.torch import load_file, save_file

    path = single / "model.safetensors"
    weights = load_file(path)
    save_file({**weights, extra: torch.ones(64)}, path, metadata={"format": "pt"})
    assert refusal(single).startswith(f"{path}: the weight {extra} has no place in a model")


def test_a_further_head_beside_the_model_changes_nothing(single):
    import torch
    from safetensors.torch import load_file, save_file

    path = single / "model.safetensors"
    weights = load_file(path)
    save_file({**weights, "v_head.weight": torch.ones(1, 64)}, path, metadata={"format": "pt"})
    engine = basegate.load_candidate(str(single), quantization="none", device="cpu")
    assert "v_head.weight" not in dict(engine.model.named_parameters())
    engine.close()


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_weights_that_are_integers_are_named(single, kind):
    import torch
    from safetensors.torch import load_file, save_file

    path = single / "model.safetensors"
    weights = load_file(path)
    name = "model.layers.0.mlp.up_proj.weight"
    weights[name] = weights[name].to(torch.int8)
    if kind == "bin":
        path.unlink()
        path = single / "pytorch_model.bin"
        torch.save(weights, path)
    else:
        save_file(weights, path, metadata={"format": "pt"})
    assert refusal(single).startswith(f"{path}: the weight {name} is of type ")


@pytest.mark.parametrize("whose", ["torch's", "Python's"])
def test_memory_that_ends_while_loading_is_no_fault_of_the_checkpoint(single, monkeypatch, whose):
    import torch

    from basegate.engines import loading

    class Class:
        @staticmethod
        def from_pretrained(*_, **given):
            raise torch.OutOfMemoryError("no room") if whose == "torch's" else MemoryError

    monkeypatch.setattr(loading, "model_class", lambda *_: Class)
    said = refusal(single)
    assert "does not fit into the memory that is free" in said
    assert "Use a machine with more memory" in said
    assert "Check that the checkpoint is whole" not in said


def test_memory_that_ends_at_the_first_pass_is_no_fault_of_the_model(tmp_path):
    import torch

    from basegate.engines.loading import How, _check_goes_on

    class Model:
        device = torch.device("cpu")

        def __call__(self, **given):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(CandidateError, match="does not fit into the memory that is free"):
        _check_goes_on(tmp_path, Model(), How("nf4", "bfloat16", "cuda", False))


def test_weights_are_asked_for_as_numbers_only(single, monkeypatch):
    from basegate.engines import loading

    asked = {}

    class Class:
        @staticmethod
        def from_pretrained(*_, **given):
            asked.update(given)
            raise RuntimeError("enough")

    monkeypatch.setattr(loading, "model_class", lambda *_: Class)
    assert "could not be loaded (RuntimeError: enough)" in refusal(single)
    assert asked["weights_only"] is True
    assert asked["trust_remote_code"] is False
    assert asked["local_files_only"] is True


@pytest.mark.parametrize("place", ["cpu", "disk"])
def test_a_model_that_is_partly_beside_the_gpus_is_refused(tmp_path, place):
    from types import SimpleNamespace

    from basegate.engines.loading import How, _check_placed

    model = SimpleNamespace(hf_device_map={"model.layers.0": 0, "model.layers.1": place})
    gpu, cpu = (How("int8", "bfloat16", device, False) for device in ("cuda", "cpu"))
    with pytest.raises(CandidateError, match=r"does not fit into the memory.*--quantization nf4"):
        _check_placed(tmp_path, model, gpu)
    _check_placed(tmp_path, model, cpu)
    _check_placed(tmp_path, SimpleNamespace(hf_device_map={"": 0}), gpu)


def test_shapes_are_read_without_the_numbers(single):
    shapes = {name: held.shape for name, held in read_shapes(single, find_weights(single)).items()}
    pickled = as_pickle(single)
    found = {name: held.shape for name, held in read_shapes(pickled, find_weights(pickled)).items()}
    assert found == shapes
    assert shapes[LAYER] == (128, 64)
