"""A config.json that says other things than the weights beside it, or than itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import basegate
from basegate.config.registry import CandidateSpec
from basegate.engines.checkpoints.config_files import read_config
from basegate.engines.checkpoints.model_config import model_class, model_config
from basegate.errors import CandidateError
from basegate.progress import SILENT
from basegate.runner import transformers_backend
from tests.helpers.checkpoints import change_weights, refusal
from tests.helpers.odd_checkpoints import DEMO, change, copy, renamed

TEXT = "佢哋琴晚喺度食咗飯，唔係咩？"
EMBEDDINGS = "model.embed_tokens.weight"
QLORA = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}


def scores(folder, quantization="none"):
    """Return the log-probabilities of a text, and the notes on the checkpoint."""
    engine = basegate.load_candidate(str(folder), device="cpu", quantization=quantization)
    [found] = engine.log_likelihoods([TEXT], window=64, context=16)
    engine.close()
    return found.logprobs, engine.loaded.notes


@pytest.mark.parametrize("rows", [37, -2])
def test_embeddings_of_another_length_than_the_vocabulary(tmp_path, rows):
    def resize(weights):
        held = weights[EMBEDDINGS]
        more = torch.zeros(max(rows, 0), held.shape[1], dtype=held.dtype)
        weights[EMBEDDINGS] = torch.cat([held, more])[: len(held) + rows].contiguous()

    said = refusal(change_weights(copy(tmp_path), resize), "none")
    assert f"{EMBEDDINGS} has the shape {2459 + rows} x 192" in said
    assert f'write "vocab_size": {2459 + rows} in config.json' in said


def test_another_shape_is_put_down_to_the_config(tmp_path):
    said = refusal(change(copy(tmp_path), "config.json", intermediate_size=640), "none")
    assert "that config.json is of another model, or was changed" in said


@pytest.mark.parametrize("saved", ["embeddings", "head"])
def test_one_of_embeddings_and_head_alone_without_the_word_that_they_are_tied(tmp_path, saved):
    folder = change(copy(tmp_path), "config.json", tie_word_embeddings=False)
    if saved == "head":
        renamed(folder, lambda name: "lm_head.weight" if name == EMBEDDINGS else name)
    said = refusal(folder, "none")
    assert 'write "tie_word_embeddings": true in config.json if it was trained so' in said


def test_a_head_of_its_own_where_the_config_ties_it_is_used_and_noted(tmp_path):
    def own(weights):
        weights["lm_head.weight"] = weights[EMBEDDINGS] * 0.5

    found, [note] = scores(change_weights(copy(tmp_path), own))
    assert "its files hold a head of their own, which is used" in note
    untied = change(copy(tmp_path / "untied"), "config.json", tie_word_embeddings=False)
    expected, notes = scores(change_weights(untied, own))
    np.testing.assert_array_equal(found, expected)
    assert notes == ()


def test_layers_that_were_not_saved_are_put_down_to_the_config(tmp_path):
    said = refusal(change(copy(tmp_path), "config.json", num_hidden_layers=6), "none")
    assert "asks for more than was saved (num_hidden_layers" in said


def test_names_of_another_kind_of_model_are_shown_beside_those_that_are_absent(tmp_path):
    folder = renamed(copy(tmp_path), lambda name: name.replace("model.", "model.language_model."))
    said = refusal(folder, "none")
    assert "and hold others that it has no place for (model.language_model.embed_tokens" in said


@pytest.mark.parametrize("quantization", ["nf4", "none"])
def test_what_qlora_has_left_in_a_config_changes_nothing_and_is_noted(tmp_path, quantization):
    folder = change(copy(tmp_path), "config.json", quantization_config=QLORA)
    found, [note] = scores(folder, quantization)
    assert "they are quantised as this run asks" in note
    np.testing.assert_array_equal(found, scores(DEMO, quantization)[0])


def test_weights_that_bitsandbytes_has_quantised_are_refused(tmp_path):
    folder = change(copy(tmp_path), "config.json", quantization_config=QLORA)
    name = "model.layers.0.mlp.up_proj.weight"
    few = torch.zeros(9, 1, dtype=torch.uint8)
    said = refusal(change_weights(folder, lambda weights: weights.update({name: few})))
    assert f"{name} is of type U8: its owner has quantised it" in said


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"rope_theta": 500000.0}, "rope_theta says rope_theta = 500000.0"),
        ({"rope_scaling": {"type": "linear", "factor": 4.0}}, "says rope_type = default"),
    ],
)
def test_positions_that_are_said_twice_and_not_the_same(tmp_path, config, words):
    folder = change(copy(tmp_path), "config.json", **config)
    said = refusal(folder)
    assert words in said
    assert "Say it once, in rope_parameters" in said


@pytest.mark.parametrize("config", [{"rope_theta": 10000}, {"rope_scaling": None}])
def test_positions_that_are_said_twice_the_same(tmp_path, config):
    folder = change(copy(tmp_path), "config.json", **config)
    expected = {"rope_type": "default", "rope_theta": 10000.0}
    assert model_config(folder, read_config(folder)).rope_parameters == expected


def test_a_model_that_fills_gaps_is_refused_by_its_config(tmp_path):
    folder = change(copy(tmp_path), "config.json", architectures=["BertForMaskedLM"])
    assert "BertForMaskedLM: it was trained to fill gaps" in refusal(folder)


def test_an_encoder_with_a_decoder_is_refused(tmp_path):
    from transformers import BartConfig

    with pytest.raises(CandidateError, match="'bart' does not write text from left to right"):
        model_class(tmp_path, BartConfig())


@pytest.mark.parametrize("quantization", ["nf4", "none"])
def test_a_layer_of_zeros_is_noted(tmp_path, quantization):
    def empty(weights):
        for name in weights:
            if "layers.2." in name:
                weights[name].zero_()

    _, [note] = scores(change_weights(copy(tmp_path), empty), quantization)
    assert "one number throughout, such as zeros (7: model.layers.2.self_attn.q_proj" in note


def test_what_was_noted_is_told_with_a_refusal_afterwards(tmp_path):
    def empty(weights):
        for each in weights.values():
            each.zero_()

    folder = change_weights(copy(tmp_path), empty)
    spec = CandidateSpec(name="x", source=str(folder), local=True, quantization="none")
    with pytest.raises(CandidateError, match=r"wrong order.*Noted as it was loaded: weights that"):
        transformers_backend.load(spec, "", "cpu", progress=SILENT)
