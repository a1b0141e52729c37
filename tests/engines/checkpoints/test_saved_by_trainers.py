"""Weights as trainers leave them: wrapped, in parts, as adapters, with other heads, saved twice."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
import torch

import basegate
from basegate.data.fingerprint import checkpoint_fingerprint, known_fingerprint
from basegate.engines import loading
from basegate.engines.checkpoints.config_files import read_config
from basegate.engines.checkpoints.weight_files import find_weights, note_on_others, read_tensors
from basegate.errors import CandidateError
from tests.helpers.checkpoints import FIRST, INDEX, as_pickle, change_weights, refusal, shard
from tests.helpers.odd_checkpoints import DEMO, change, copy, renamed

TEXT = "佢哋琴晚喺度食咗飯，唔係咩？"
LORA = "model.layers.0.self_attn.q_proj.lora_A.weight"


def scores(folder, **asked):
    """Return the log-probabilities of a text, and the notes on the checkpoint."""
    engine = basegate.load_candidate(str(folder), device="cpu", quantization="none", **asked)
    [found] = engine.log_likelihoods([TEXT], window=64, context=16)
    notes = engine.loaded.notes
    engine.close()
    return found.logprobs, notes


@pytest.mark.parametrize(
    "wrap",
    [
        lambda name: f"module.{name}",
        lambda name: f"_orig_mod.module.{name}",
        lambda name: name.replace("layers.1.", "layers.1._orig_mod."),
        lambda name: (
            "_fsdp_wrapped_module."
            + name.replace(
                "self_attn.", "_fsdp_wrapped_module._checkpoint_wrapped_module.self_attn."
            )
        ),
    ],
    ids=["DataParallel", "compiled", "compiled_layer", "FSDP"],
)
def test_names_with_a_wrapper_in_them_are_read(tmp_path, wrap):
    found, notes = scores(renamed(copy(tmp_path), wrap))
    np.testing.assert_array_equal(found, scores(DEMO)[0])
    [note] = notes
    assert "begin with random weights in their place: unwrap the model" in note


def test_weights_with_and_without_a_wrapper_are_told_and_how_to_unwrap(single):
    def change_some(weights):
        weights["_orig_mod.model.norm.weight"] = weights["model.norm.weight"].clone()
        del weights["lm_head.weight"]

    said = refusal(change_weights(single, change_some))
    assert "with and without the name of a wrapper in theirs (_orig_mod.model.norm.weight)" in said
    assert "unwrap_model(model).save_pretrained" in said


def test_a_wrapper_is_told_although_a_value_head_stands_beside_it(single):
    renamed(single, lambda name: f"pretrained_model.{name}")
    change_weights(single, lambda held: held.update({"v_head.summary.weight": torch.ones(1, 64)}))
    said = refusal(single)
    assert "the names of all its weights begin with 'pretrained_model.'" in said
    assert "Fetch" not in said


@pytest.mark.parametrize("name", ["model.norm.weight", "model.layers.0.mlp.up_proj.weight"])
def test_what_zero_3_has_saved_of_a_part_is_told_from_damage(tmp_path, name):
    folder = change_weights(copy(tmp_path), lambda held: held.update({name: torch.empty(0)}))
    said = refusal(folder)
    assert f"model.safetensors: the weight {name} is empty (shape 0)" in said
    assert "zero_to_fp32.py" in said
    assert "Fetch" not in said


def test_a_part_in_the_format_of_fsdp_is_named(tmp_path):
    flat = "model.layers.0._fsdp_wrapped_module._flat_param"
    folder = change_weights(copy(tmp_path), lambda held: held.update({flat: torch.ones(8)}))
    assert f"{flat} is a part of FSDP's own format" in refusal(folder)


@pytest.mark.parametrize("whole", [True, False], ids=["beside_its_base", "alone"])
def test_an_adapter_saved_as_a_whole_model_is_told_to_be_merged(tmp_path, whole):
    def add(weights):
        kept = dict(weights) if whole else {}
        weights.clear()
        weights.update(kept, **{LORA: torch.ones(4, 192)})

    said = refusal(change_weights(copy(tmp_path), add))
    assert f"{LORA} is part of an adapter that is not merged" in said
    assert "merge_and_unload" in said


def test_a_file_of_an_adapter_alone_is_told_to_be_merged(tmp_path):
    folder = copy(tmp_path)
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    said = refusal(folder)
    assert "adapter_model.safetensors: that is an adapter (LoRA or the like) alone" in said
    assert "merge_and_unload" in said


def test_shards_of_two_saves_are_told_by_their_numbers(tmp_path):
    folder = shard(copy(tmp_path))
    shutil.copy(folder / FIRST, folder / "model-00003-of-00003.safetensors")
    said = refusal(folder)
    assert said.startswith(f"{folder} holds shards of two saves (")
    assert "model-00003-of-00003.safetensors" in said
    assert "into an empty folder" in said


def test_an_index_of_another_save_than_its_shards_is_told(tmp_path):
    folder = shard(copy(tmp_path))
    other = shard(renamed(copy(tmp_path / "other"), lambda name: f"x.{name}"))
    shutil.copy(other / INDEX, folder / INDEX)
    assert "the index is of another save than the shards" in refusal(folder)


def test_a_tensor_in_two_shards_is_told(tmp_path):
    folder = shard(copy(tmp_path))
    index = json.loads((folder / INDEX).read_text())["weight_map"]
    twice = next(name for name, file in index.items() if file == FIRST)
    path = next(path for path in folder.glob("model-*.safetensors") if path.name != FIRST)
    path.rename(folder / "model.safetensors")
    change_weights(folder, lambda held: held.update({twice: torch.ones(3)}))
    (folder / "model.safetensors").rename(path)
    with pytest.raises(CandidateError, match=f"{twice}, and so does another shard"):
        read_tensors(folder, find_weights(folder))


def test_a_value_head_is_left_out_with_a_note(tmp_path):
    head = {"v_head.summary.weight": torch.ones(1, 192), "v_head.summary.bias": torch.ones(1)}
    found, [note] = scores(change_weights(copy(tmp_path), lambda held: held.update(head)))
    np.testing.assert_array_equal(found, scores(DEMO)[0])
    assert "are not used (2: v_head.summary.bias, v_head.summary.weight)" in note


@pytest.mark.parametrize(
    "name", ["score.weight", "score_head.weight", "regression_layer.weight", "model.rm_head.0.bias"]
)
def test_a_head_that_judges_texts_is_refused(single, name):
    said = refusal(change_weights(single, lambda held: held.update({name: torch.ones(1, 64)})))
    assert f"{name} is of a head that judges texts" in said


@pytest.mark.parametrize(
    "kind",
    [
        "LlamaForSequenceClassification",
        "Qwen2ForTokenClassification",
        "LlamaRewardModel",
        "LlamaForRewardModelWithGating",
        "LlamaModelForScore",
    ],
)
def test_a_model_that_judges_texts_is_refused_by_its_config(tmp_path, kind):
    folder = change(copy(tmp_path), "config.json", architectures=[kind])
    with pytest.raises(CandidateError, match=f"architectures names {kind}, a reward or class"):
        read_config(folder)


@pytest.mark.parametrize(
    "kinds", [None, [], ["LlamaForCausalLM"], ["A", "AForSequenceClassification"], "odd", [1]]
)
def test_a_model_that_writes_is_not(tmp_path, kinds):
    found = read_config(change(copy(tmp_path), "config.json", architectures=kinds))
    assert found["architectures"] == kinds


@pytest.mark.parametrize("others", [["pytorch_model.bin"], [FIRST, INDEX]], ids=["bin", "shards"])
def test_two_sets_of_weights_are_told_with_sizes_and_dates(tmp_path, others):
    folder = copy(tmp_path)
    for name in others:
        (folder / name).write_bytes(bytes(2**26))
        os.utime(folder / name, (1.7e9, 1.7e9))
    [note] = note_on_others(folder, find_weights(folder).files)
    assert "model.safetensors (0.00 GiB, 20" in note
    assert f"{others[0]} (0.06 GiB, 2023-11-1" in note
    assert note_on_others(DEMO, ["model.safetensors"]) == ()


def test_the_file_that_was_chosen_is_loaded_and_identifies_the_checkpoint(tmp_path):
    folder = copy(tmp_path)
    as_pickle(folder)
    shutil.copy(DEMO / "model.safetensors", folder)
    change_weights(folder, lambda held: held["model.norm.weight"].mul_(-1))
    chosen = "pytorch_model.bin"
    found, notes = scores(folder, file=chosen)
    np.testing.assert_array_equal(found, scores(DEMO)[0])
    assert notes == ()
    assert np.abs(scores(folder)[0] - found).max() > 1
    assert checkpoint_fingerprint(folder, file=chosen) != checkpoint_fingerprint(folder)
    assert known_fingerprint(folder, file=chosen) == checkpoint_fingerprint(folder, file=chosen)
    assert find_weights(shard(folder), INDEX).format == "safetensors"
    for wrong in ("model.safetensors", "tokenizer.json"):  # not there, and not of weights
        with pytest.raises(CandidateError, match=f"has no {wrong} of weights, which file = in mod"):
            find_weights(folder, wrong)


def test_the_note_on_two_sets_is_with_the_numbers(tmp_path):
    folder = copy(tmp_path)
    (folder / "pytorch_model.bin").write_bytes(b"not looked at")
    [note] = scores(folder)[1]
    assert "and pytorch_model.bin (" in note


def test_of_the_hubs_cache_there_is_no_note_since_nobody_can_choose_there(tmp_path, monkeypatch):
    folder = copy(tmp_path)
    (folder / "pytorch_model.bin").write_bytes(b"fetched by another program")
    for name in ("download_small_files", "download_weights"):
        monkeypatch.setattr(loading, name, lambda *given, **named: folder)
    monkeypatch.setattr(loading, "resolve_commit", lambda *given: "0" * 40)
    engine = basegate.load_candidate("owner/two", device="cpu", quantization="none")
    assert engine.loaded.notes == ()
    engine.close()
