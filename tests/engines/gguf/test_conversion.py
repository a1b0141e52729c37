"""GGUF files to checkpoints: the model that comes out is the one that went in."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import basegate
from basegate.engines.gguf import conversion
from basegate.engines.gguf.conversion import convert
from basegate.errors import CandidateError
from tests.helpers.gguf_files import PIECES, gguf, small_model, write_gguf

ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma2", "gemma3")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "basegate" / "gguf"


def converted(path, check=lambda folder: None):
    return convert(path, "x", check)


def refused(path):
    with pytest.raises(CandidateError) as caught:
        converted(path)
    return str(caught.value)


def logits(model):
    import torch

    ids = torch.arange(40)[None] * 7 % len(PIECES)
    with torch.inference_mode():
        return model(input_ids=ids).logits


def loaded(folder):
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_model_comes_out_as_it_went_in(tmp_path, architecture):
    import torch

    original = write_gguf(tmp_path / "m.gguf", architecture)
    made = converted(tmp_path / "m.gguf")
    assert made.quantized_before == ""
    # Weights that bfloat16 can hold, so that nothing is rounded: not a bit is lost.
    torch.testing.assert_close(logits(loaded(made.folder)), logits(original), rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q4_0"])
@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_quantised_weights_are_those_of_the_file(tmp_path, architecture, kind):
    original = write_gguf(tmp_path / "m.gguf", architecture, kind)
    made = converted(tmp_path / "m.gguf")
    weights = loaded(made.folder).state_dict()
    type_ = gguf.GGMLQuantizationType[kind]
    for name, weight in original.state_dict().items():
        if weight.ndim == 2:
            held = gguf.quants.quantize(weight.numpy(), type_)
            values = gguf.quants.dequantize(held, type_)
            # Blocks run along rows, and only whole rows change their places.
            np.testing.assert_allclose(weights[name].numpy(), values, rtol=2**-8)
    assert bool(made.quantized_before) == kind.startswith("Q")
    assert kind.startswith("Q") == (f" {kind}" in made.quantized_before)


@pytest.mark.parametrize("tied", [True, False])
def test_a_head_of_its_own_is_kept(tmp_path, tied):
    model = small_model("llama", tie_word_embeddings=tied)
    write_gguf(tmp_path / "m.gguf", model=model)
    made = converted(tmp_path / "m.gguf")
    assert loaded(made.folder).config.tie_word_embeddings is tied
    assert np.array_equal(logits(loaded(made.folder)), logits(model))


LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def llama3_factors(head_dim, rope):
    """As `LlamaModel.generate_extra_tensors` of llama.cpp computes them."""
    found = []
    for place in range(0, head_dim, 2):
        wavelength = 2 * np.pi * rope["rope_theta"] ** (place / head_dim)
        old = rope["original_max_position_embeddings"]
        low, high = old / rope["low_freq_factor"], old / rope["high_freq_factor"]
        smooth = (old / wavelength - rope["low_freq_factor"]) / (
            rope["high_freq_factor"] - rope["low_freq_factor"]
        )
        between = 1 / ((1 - smooth) / rope["factor"] + smooth)
        found.append(1 if wavelength < high else rope["factor"] if wavelength > low else between)
    return np.array(found, np.float32)


def test_the_scaled_positions_of_llama_3_are_read_from_their_factors(tmp_path):
    model = small_model("llama", rope_parameters=LLAMA3, head_dim=64, max_position_embeddings=16384)
    factors = llama3_factors(64, LLAMA3)
    assert (factors.min(), factors.max()) == (1, 32)

    write_gguf(
        tmp_path / "m.gguf",
        model=model,
        change=lambda _, tensors: tensors.update({"rope_freqs.weight": factors}),
    )
    rope = loaded(converted(tmp_path / "m.gguf").folder).config.rope_parameters
    assert rope == LLAMA3


def test_other_factors_of_positions_are_refused(tmp_path):
    odd = np.linspace(1, 8, 8).astype(np.float32)
    write_gguf(
        tmp_path / "m.gguf", change=lambda _, tensors: tensors.update({"rope_freqs.weight": odd})
    )
    assert "rope_freqs.weight divides the frequencies" in refused(tmp_path / "m.gguf")


def test_linear_scaling_of_gemmas_full_attention_is_read(tmp_path):
    def scaled(writer, tensors):
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(8.0)

    write_gguf(tmp_path / "m.gguf", "gemma3", change=scaled)
    rope = loaded(converted(tmp_path / "m.gguf").folder).config.rope_parameters
    assert rope["full_attention"] == {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}
    assert rope["sliding_attention"] == {"rope_type": "default", "rope_theta": 1e4}


@pytest.mark.parametrize(("architecture", "layers"), [("gemma2", 46), ("gemma3", 62)])
def test_the_largest_gemmas_scale_queries_by_their_width(tmp_path, architecture, layers):
    model = small_model(architecture, num_hidden_layers=layers, query_pre_attn_scalar=16)
    write_gguf(tmp_path / "m.gguf", model=model, architecture=architecture)
    config = json.loads((converted(tmp_path / "m.gguf").folder / "config.json").read_text())
    assert config["query_pre_attn_scalar"] == 64 // 4


def test_what_transformers_would_leave_out_is_refused_by_name(tmp_path):
    write_gguf(
        tmp_path / "key.gguf",
        change=lambda writer, _: writer.add_rope_scaling_type(gguf.RopeScalingType.YARN),
    )
    assert "llama.rope.scaling.type = 'yarn' is not understood" in refused(tmp_path / "key.gguf")
    write_gguf(tmp_path / "own.gguf", change=lambda writer, _: writer.add_logit_scale(0.5))
    assert "llama.logit_scale = 0.5 is not understood" in refused(tmp_path / "own.gguf")
    write_gguf(tmp_path / "part.gguf", change=lambda writer, _: writer.add_value_length(8))
    assert "differs from the length of a head (16)" in refused(tmp_path / "part.gguf")

    def bias(_, tensors):
        tensors["blk.1.attn_q.bias"] = np.ones(64, np.float32)

    write_gguf(tmp_path / "bias.gguf", change=bias)
    message = refused(tmp_path / "bias.gguf")
    assert "tensors that have no place in a model of architecture 'llama'" in message
    assert "(blk.1.attn_q.bias)" in message


@pytest.mark.parametrize("key", ["eos_token_id", "padding_token_id"])
def test_a_special_id_beyond_the_vocabulary_is_refused_by_the_files_key(tmp_path, monkeypatch, key):
    key = f"tokenizer.ggml.{key}"
    read = conversion.read_header

    def odd(path, *, arrays=False):
        header = read(path, arrays=arrays)
        return header._replace(metadata={**header.metadata, key: 151645})

    write_gguf(tmp_path / "m.gguf")
    monkeypatch.setattr(conversion, "read_header", odd)
    said = refused(tmp_path / "m.gguf")
    assert said.startswith(f"{tmp_path / 'm.gguf'}: {key} is 151645, and the model has ")


def test_missing_and_misshapen_tensors_are_refused_by_name(tmp_path):
    write_gguf(
        tmp_path / "less.gguf", change=lambda _, tensors: tensors.pop("blk.2.ffn_down.weight")
    )
    message = refused(tmp_path / "less.gguf")
    assert "lacks weights that the model needs (model.layers.2.mlp.down_proj.weight)" in message

    def narrow(_, tensors):
        tensors["blk.0.ffn_up.weight"] = tensors["blk.0.ffn_up.weight"][:, :32]

    write_gguf(tmp_path / "narrow.gguf", change=narrow)
    message = refused(tmp_path / "narrow.gguf")
    assert "blk.0.ffn_up.weight has the shape (128, 32)" in message


def test_an_unknown_architecture_is_refused_by_name(tmp_path):
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "mamba9")
    writer.add_tensor("token_embd.weight", np.ones((4, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    message = refused(tmp_path / "m.gguf")
    assert "is of architecture 'mamba9'. GGUF files are read of llama, qwen2" in message


def test_a_file_is_converted_once_and_each_content_by_itself(tmp_path, cache):
    write_gguf(tmp_path / "m.gguf")
    first = converted(tmp_path / "m.gguf").folder
    weights = first / "model.safetensors"
    before = weights.stat().st_mtime_ns
    asked = []
    assert converted(tmp_path / "m.gguf", asked.append).folder == first
    assert (asked, weights.stat().st_mtime_ns) == ([first], before)
    shutil.copy(tmp_path / "m.gguf", tmp_path / "copy.gguf")
    write_gguf(tmp_path / "m.gguf", kind="Q8_0")
    second = converted(tmp_path / "m.gguf").folder
    assert second != first
    assert {path for path in cache.iterdir() if path.is_dir()} == {first, second}


def test_what_a_check_refuses_leaves_nothing(tmp_path, cache):
    write_gguf(tmp_path / "m.gguf")

    def refuse(folder):
        assert {"config.json", "tokenizer.json"} <= {path.name for path in folder.iterdir()}
        raise CandidateError("too large")

    with pytest.raises(CandidateError, match="too large"):
        converted(tmp_path / "m.gguf", refuse)
    assert [path for path in cache.iterdir() if path.is_dir()] == []


def test_a_full_disk_is_told_with_numbers(tmp_path, monkeypatch):
    write_gguf(tmp_path / "m.gguf")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 0))
    message = refused(tmp_path / "m.gguf")
    assert "in bfloat16 its weights take 0.0 GiB" in message
    assert "has 0.0 GiB of disk free. Nothing was converted" in message


def test_weights_of_several_files_are_all_there(tmp_path, monkeypatch):
    import torch

    from basegate.engines.gguf import weights

    monkeypatch.setattr(weights, "_SHARD", 40_000)
    monkeypatch.setattr(weights, "_AT_ONCE", 64 * 10)
    original = write_gguf(tmp_path / "m.gguf")
    folder = converted(tmp_path / "m.gguf").folder
    assert len(list(folder.glob("model-*-of-*.safetensors"))) > 3
    torch.testing.assert_close(logits(loaded(folder)), logits(original), rtol=0, atol=0)


def test_without_the_package_a_user_is_told_what_to_install(tmp_path, monkeypatch):
    import sys

    write_gguf(tmp_path / "m.gguf")
    monkeypatch.setitem(sys.modules, "gguf", None)
    assert 'pip install "basegate[gguf]"' in refused(tmp_path / "m.gguf")


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_a_candidate_is_loaded_and_recorded_as_what_it_is(tmp_path, quantization):
    write_gguf(tmp_path / "m.gguf", kind="Q8_0")
    engine = basegate.load_candidate(
        str(tmp_path / "m.gguf"), quantization=quantization, dtype="float32", device="cpu"
    )
    assert engine.loaded.weights == "gguf"
    assert (engine.loaded.folder, engine.loaded.files) == (tmp_path, ("m.gguf",))
    assert engine.loaded.quantized_before == "23 Q8_0, 7 F32"
    assert np.isfinite(engine.log_likelihoods(["香港係好"])[0].logprobs).all()
    engine.close()
