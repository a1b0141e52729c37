"""Families whose configs or weights say something that most do not: each is right, or named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import basegate
from basegate.errors import CandidateError
from basegate.progress import SILENT
from tests.helpers.checkpoints import change_weights, refusal
from tests.helpers.families import EXPERTS, FAMILIES, HEAD, make_family
from tests.helpers.odd_checkpoints import change

TEXT = "香港係我哋嘅，唔係佢哋嘅。abc"
MPT = {
    "d_model": 64, "n_heads": 2, "n_layers": 2, "expansion_ratio": 2, "max_seq_len": 32,
    "max_position_embeddings": None,
}  # fmt: skip
ROUTED = {**EXPERTS, "n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1,
          "n_group": 1, "topk_group": 1, "num_nextn_predict_layers": 1}  # fmt: skip
AHEAD = {
    "deepseek_v3": {**ROUTED, "kv_lora_rank": 64, "q_lora_rank": None, "qk_nope_head_dim": 32,
                    "qk_rope_head_dim": 32, "v_head_dim": 32},
    "glm4_moe": {**ROUTED, **HEAD},
}  # fmt: skip


@pytest.fixture
def family(tmp_path, monkeypatch):
    """Write a checkpoint of a `model_type` with its settings."""

    def make(model_type, settings):
        monkeypatch.setitem(FAMILIES, model_type, settings)
        return make_family(tmp_path / model_type, model_type)

    return make


def loaded(folder):
    return basegate.load_candidate(str(folder), device="cpu", quantization="none", dtype="float32")


def scores(engine, text=TEXT, **asked):
    [found] = engine.log_likelihoods([text], progress=SILENT, **asked)
    return found.logprobs


def in_one_pass(engine, text=TEXT):
    ids = [*engine.prefix_ids, *engine.tokenizer(text, add_special_tokens=False)["input_ids"]]
    with torch.inference_mode():
        logprobs = engine.model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return [float(logprobs[at - 1, ids[at]]) for at in range(1, len(ids))]


def test_mpt_reads_no_more_than_its_max_seq_len(family):
    """Its positions are in a table of so many: beyond, transformers ends in a RuntimeError."""
    engine = loaded(family("mpt", MPT))
    assert engine.context_length == 32
    np.testing.assert_allclose(scores(engine), in_one_pass(engine), atol=1e-5)
    assert np.isfinite(scores(engine, TEXT * 4)).all()
    with pytest.raises(
        CandidateError, match="window = 64 in the check's table is longer than the 32"
    ):
        scores(engine, TEXT * 4, window=64)
    engine.close()


@pytest.mark.parametrize("is_moe", [False, True])
def test_the_experts_of_doge_are_rows_of_a_table(family, is_moe):
    settings = {"num_experts": 16384, "is_moe": is_moe, "num_experts_per_tok": 4}
    engine = loaded(family("doge", settings))
    np.testing.assert_allclose(scores(engine), in_one_pass(engine), atol=1e-5)
    engine.close()


def test_thousands_of_its_layers_are_refused(family):
    folder = change(family("doge", {"num_experts": 16384}), "config.json", num_hidden_layers=9999)
    assert "num_hidden_layers is 9999, and no model has more than 4096" in refusal(folder)


def further_layer(weights, begin="model.layers.1.", end="model.layers.2."):
    """As DeepSeek-V3 and GLM-4-MoE save it: a layer, and what joins it to the one before."""
    ahead = {name.replace(begin, end): each.clone() for name, each in weights.items()
             if name.startswith(begin)}  # fmt: skip
    weights |= ahead
    for name in ("enorm", "hnorm", "shared_head.norm"):
        weights[f"{end}{name}.weight"] = weights["model.norm.weight"].clone()
    weights[f"{end}eh_proj.weight"] = weights["lm_head.weight"][:64].repeat(1, 2)
    for name in ("embed_tokens", "shared_head.head"):
        weights[f"{end}{name}.weight"] = weights["lm_head.weight"].clone()


@pytest.mark.parametrize("model_type", AHEAD)
def test_layers_for_multi_token_prediction_are_left_out_by_name(family, model_type):
    folder = family(model_type, AHEAD[model_type])
    engine = loaded(folder)
    expected = scores(engine)
    assert engine.loaded.notes == ()
    engine.close()
    engine = loaded(change_weights(folder, further_layer))
    [note] = engine.loaded.notes
    assert "(multi-token prediction: model.layers.2) are not used" in note
    np.testing.assert_array_equal(scores(engine), expected)
    engine.close()
    # Not announced by the config, it is a layer that is left out.
    change(folder, "config.json", num_nextn_predict_layers=0)
    assert "model.layers.2." in refusal(folder, "none")


def test_a_layer_like_any_other_is_none_for_multi_token_prediction(family):
    """As of a config that asks for too few layers; without `eh_proj` nothing joins it."""
    folder = family("llama", {})
    change(folder, "config.json", num_hidden_layers=1, num_nextn_predict_layers=1)
    assert "has no place in a model as config.json describes it" in refusal(folder, "none")


def test_such_layers_with_a_name_of_their_own(family):
    folder = family("qwen3", HEAD)
    change_weights(folder, lambda weights: further_layer(weights, end="mtp.layers.0."))
    engine = loaded(folder)
    [note] = engine.loaded.notes
    assert "(multi-token prediction: mtp) are not used" in note
    engine.close()
