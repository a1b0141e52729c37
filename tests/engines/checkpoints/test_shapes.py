"""Weights that are absent, unknown, or of other shapes than the config asks for."""

from __future__ import annotations

import json

import pytest

import basegate
from tests.helpers.checkpoints import change_weights, refusal
from tests.helpers.families import make_family

LAYER = "model.layers.1.mlp.up_proj.weight"


def cut(name, rows):
    """Return what leaves a tensor only so many rows."""
    return lambda weights: weights.update({name: weights[name][:rows].contiguous()})


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
    change_weights(single, cut(tensor, rows))
    assert refusal(single, quantization).startswith(
        f"{single}: the weight {tensor} has the shape {shapes}"
    )


@pytest.mark.parametrize("quantization", ["nf4", "none"])
def test_an_expert_of_another_shape_is_told(tmp_path, quantization):
    """Loading joins the experts of a layer."""
    folder = make_family(tmp_path, "qwen3_moe")
    change_weights(folder, cut("model.layers.1.mlp.experts.1.up_proj.weight", 32))
    assert refusal(folder, quantization).startswith(
        f"{folder}: tensors cannot be joined or split to model.layers.1.mlp.experts.gate_up_proj"
    )


@pytest.mark.parametrize("quantization", ["nf4", "none"])
def test_missing_weights_are_named_and_never_random(single, quantization):
    change_weights(single, lambda weights: weights.pop(LAYER))
    message = refusal(single, quantization)
    assert f"lack weights that the model needs ({LAYER}), which would be random" in message


@pytest.mark.parametrize("prefix", ["base_model.model.", "student."])
def test_names_that_all_begin_with_the_same_are_told(single, prefix):
    rename_weights(single, lambda name: prefix + name)
    message = refusal(single)
    assert f"the names of all its weights begin with {prefix!r}, as a wrapper (peft, a" in message
    assert f"take {prefix!r} off every name" in message


def rename_weights(folder, rename, **more):
    def change(weights):
        named = {rename(name): each for name, each in weights.items()}
        weights.clear()
        weights.update(named, **more)

    change_weights(folder, change)


def test_only_some_names_that_begin_otherwise_are_no_wrapper(single):
    rename_weights(single, lambda name: f"teacher.{name}" if name == "model.norm.weight" else name)
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


def test_layers_that_the_config_does_not_ask_for_are_named(single):
    """A model cut to fewer layers would load, and be another model."""
    config = json.loads((single / "config.json").read_text())
    (single / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    message = refusal(single)
    assert message.startswith(
        f"{single}: the weight model.layers.1.input_layernorm.weight has no p"
    )
    assert "asks for as many layers as there are" in message


@pytest.mark.parametrize(
    "extra",
    ["model.layers.0.self_attn.q_proj.bias", "model.layers.0.mlp.up_proj.weight_scale"],
)
def test_a_weight_within_a_layer_that_does_not_use_it_is_named(single, extra):
    import torch

    change_weights(single, lambda weights: weights.update({extra: torch.ones(64)}))
    assert refusal(single).startswith(f"{single}: the weight {extra} has no place in a model")


def test_a_further_head_beside_the_model_changes_nothing(single):
    import torch

    change_weights(single, lambda weights: weights.update({"v_head.weight": torch.ones(1, 64)}))
    engine = basegate.load_candidate(str(single), quantization="none", device="cpu")
    assert "v_head.weight" not in dict(engine.model.named_parameters())
    engine.close()
