"""Folders and files that are something else than a checkpoint: named by their signs."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file

from basegate.engines.checkpoints.config_files import read_config
from basegate.engines.checkpoints.inspection import check_before_loading
from basegate.errors import CandidateError
from tests.helpers.checkpoints import INDEX, as_pickle, shard
from tests.helpers.odd_checkpoints import copy, rewrite

LINK = "../../blobs/0123"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123456789\n"


def refusal(folder):
    """Return the sentences with which a folder is refused before anything is loaded."""
    with pytest.raises(CandidateError) as caught:
        check_before_loading(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ["global_step5/zero_pp_rank_0_mp_rank_00_model_states.pt", "rng_state_0.pth"],
            "zero_to_f",
        ),
        (["pytorch_model_fsdp_0/__0_0.distcp"], "accelerate merge-weights"),
        (["iter_0000500/mp_rank_00/model_optim_rng.pt"], "Megatron's or NeMo's format"),
        (["hf_model_0001_0.pt"], "torchtune's or LitGPT's format"),
        (["params.json", "consolidated.00.pth"], "the format of Meta or Mistral"),
        (["tf_model.h5"], "which transformers 5 no longer reads"),
        (["model.onnx", "model.onnx_data"], "compiled for another program"),
        (["model.safetensors.part"], "a download that has not finished"),
        ([".cache/huggingface/download/x.incomplete"], "a download that has not finished"),
        (["model-00001-of-00001.safetensors"], "call it model.safetensors"),
        (["model-00001-of-00002.safetensors"], "shards without their index"),
        (["model.fp16.safetensors"], "weights under another name"),
        (["Model.safetensors"], "Model.safetensors: that has to be called model.safetensors"),
        (["optimizer.pt", "trainer_state.json"], "a state of a training"),
        (["checkpoint-5/model.safetensors"], "There is one in checkpoint-5: give that folder"),
    ],
)
@pytest.mark.parametrize("config", [True, False])
def test_what_a_folder_is_instead_is_told(tmp_path, names, words, config):
    folder = copy(tmp_path)
    (folder / "model.safetensors").unlink()
    if not config:
        (folder / "config.json").unlink()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    beside = "one in" in words or words.startswith("Model.")
    assert (words in refusal(folder)) is (config or not beside)


def test_a_folder_of_checkpoints_and_the_hubs_cache_name_those_in_them(tmp_path):
    made = copy(tmp_path)
    for place in ("runs/checkpoint-5", "cache/snapshots/0123"):
        shutil.copytree(made, tmp_path / place)
    assert "There is one in checkpoint-5: give that" in refusal(tmp_path / "runs")
    assert "There is one in snapshots/0123: give that" in refusal(tmp_path / "cache")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_link_that_leads_nowhere_is_told(tmp_path, name):
    folder = copy(tmp_path)
    (folder / name).unlink()
    (folder / name).symlink_to(LINK)
    assert f"{name}: that is a link to a file that is not there" in refusal(folder)


def test_a_shard_that_is_a_link_to_nowhere_is_told(tmp_path):
    folder = shard(copy(tmp_path))
    path = next(folder.glob("*-of-*"))
    path.unlink()
    path.symlink_to(LINK)
    assert refusal(folder).startswith(f"{path} is a link to a file that is not there: {INDEX} says")


PAGE = b"<!doctype html>\n<html><head><title>x</title>"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("model.safetensors", PAGE, "is a web page"),
        ("config.json", PAGE, "is a web page"),
        ("model.safetensors", b"Entry not found", "holds the text 'Entry not found'"),
        ("config.json", b"Access is restricted.", "holds the text 'Access is restricted.'"),
        ("model.safetensors", bytes(9999), "is full of zeros"),
        (
            "model.safetensors",
            b"PK\x03\x04" + bytes(99),
            "is a file of torch, which is called .bin",
        ),
        ("model.safetensors", b"GGUF\x03\0\0\0" + bytes(99), "is a GGUF file"),
    ],
)
def test_a_file_that_is_something_else_is_named(tmp_path, name, data, words):
    folder = copy(tmp_path)
    (folder / name).write_bytes(data)
    said = refusal(folder)
    assert said.startswith(str(folder / name))
    assert words in said
    assert "etch it again" in said


def test_safetensors_called_bin_are_not_taken_for_code(tmp_path):
    from tests.helpers.checkpoints import refusal as loading

    folder = copy(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    said = loading(folder)
    assert "pytorch_model.bin is a safetensors file, which is called .safetensors" in said


def test_an_index_of_bin_files_may_name_safetensors(tmp_path):
    folder = shard(copy(tmp_path))
    (folder / INDEX).rename(folder / "pytorch_model.bin.index.json")
    check_before_loading(folder)


def test_a_download_of_which_parts_are_zeros_is_told(tmp_path):
    folder = copy(tmp_path)
    (folder / "model.safetensors.aria2").write_bytes(b"x")
    assert "has not been fetched to its end (model.safetensors.aria2 is" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pytorch_model.bin", POINTER),
        ("consolidated.safetensors", POINTER),
        ("._tokenizer.json", b"\0\x05\x16\x07mac"),
        ("results.json", "{}".encode("utf-16")),
    ],
)
def test_what_lies_beside_and_is_not_read_may_be_anything(tmp_path, name, data):
    folder = copy(tmp_path)
    (folder / name).write_bytes(data)
    check_before_loading(folder)


def test_a_pointer_among_the_shards_is_still_told(tmp_path):
    folder = shard(copy(tmp_path))
    next(folder.glob("*-of-*")).write_bytes(POINTER)
    assert "is a pointer of Git LFS" in refusal(folder)
    other = as_pickle(copy(tmp_path / "bin"))
    (other / "pytorch_model.bin").write_bytes(POINTER)
    assert "is a pointer of Git LFS" in refusal(other)


def test_a_config_without_a_model_type_is_of_another_program(tmp_path):
    folder = rewrite(copy(tmp_path), "config.json", lambda table: table.pop("model_type"))
    (folder / "model.safetensors").rename(folder / "rank0.safetensors")
    said = refusal(folder)
    assert "config.json has no model_type, so it is not of transformers" in said
    assert "compiled for another program" in said


def test_numbers_as_text_and_unknown_dtypes_are_taken(tmp_path):
    """As YAML, which makes text of 1e-6, or an editor leaves them."""
    folder = copy(tmp_path)

    def as_text(table):
        table |= {"rms_norm_eps": "1e-6", "vocab_size": "2459", "eos_token_id": "1"}
        table |= {"dtype": "bf16", "torch_dtype": "torch.bfloat16", "rope_theta": "1e4"}

    config = read_config(rewrite(folder, "config.json", as_text))
    assert (config["rms_norm_eps"], config["vocab_size"]) == (1e-6, 2459)
    assert (config["eos_token_id"], config["rope_theta"]) == (1, 10000)
    assert "dtype" not in config
    assert "torch_dtype" not in config
    rewrite(folder, "config.json", lambda table: table.update(max_position_embeddings="long"))
    assert 'max_position_embeddings is "long"' in refusal(folder)


@pytest.mark.parametrize("end", ["qweight", "weight_packed"])
def test_weights_that_others_have_quantised_are_named(tmp_path, end):
    from safetensors.torch import save_file

    path = copy(tmp_path) / "model.safetensors"
    held = load_file(path)
    held[f"model.layers.0.mlp.up_proj.{end}"] = torch.ones(3, 3, dtype=torch.int32)
    save_file(held, path)
    assert f"up_proj.{end} is of type I32: its owner has quantised it" in refusal(path.parent)
