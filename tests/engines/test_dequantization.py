"""Four bits on a CPU without bfloat16: the same weights, computed in float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn.modules import Linear4bit
from torch import nn

import basegate
from basegate.config.registry import CandidateSpec
from basegate.engines import devices
from basegate.engines.dequantization import PackedLinear, compute_in
from basegate.engines.devices import compute_dtype
from basegate.progress import SILENT
from basegate.runner.candidate import Candidate

TEXT = "香港係我哋嘅屋企。佢哋今日唔得閒，聽日先至得。"


@pytest.mark.parametrize(
    ("quantization", "dtype", "device", "flags", "expected"),
    [
        ("nf4", "bfloat16", "cpu", {"avx2"}, "float32"),
        ("fp4", "float16", "cpu", set(), "float32"),
        ("nf4", "bfloat16", "cpu", {"avx2", "amx_bf16"}, "bfloat16"),
        ("nf4", "bfloat16", "cpu", {"asimd", "bf16"}, "bfloat16"),
        ("nf4", "float16", "cpu", {"avx512_bf16"}, "float32"),
        ("nf4", "float32", "cpu", set(), "float32"),
        ("none", "bfloat16", "cpu", set(), "bfloat16"),
        ("int8", "bfloat16", "cpu", set(), "bfloat16"),
        ("nf4", "bfloat16", "cuda", set(), "bfloat16"),
    ],
)
def test_the_dtype_of_the_computation(monkeypatch, quantization, dtype, device, flags, expected):
    monkeypatch.setattr(devices, "processor_flags", lambda: frozenset(flags))
    assert compute_dtype(quantization, dtype, device) == expected


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 fma\n", {"fpu", "avx2", "fma"}),
        ("processor\t: 0\nFeatures\t: asimd bf16\n", {"asimd", "bf16"}),
        ("Hardware: none\n", set()),
    ],
)
def test_the_instructions_are_those_that_the_system_names(monkeypatch, tmp_path, text, flags):
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(devices, "_PROCESSOR", tmp_path / "cpuinfo")
    assert devices.processor_flags.__wrapped__() == flags


def quantised(kind="nf4", out=96, width=128):
    torch.manual_seed(0)
    layer = Linear4bit(width, out, bias=True, compute_dtype=torch.bfloat16, quant_type=kind)
    layer.weight.data = (torch.randn(out, width) * 0.05).bfloat16()
    return nn.Sequential(layer.to("cpu"), nn.LayerNorm(out).bfloat16()).eval()


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("room", [None, 10**9, 0])
def test_weights_are_those_of_the_four_bits_to_the_bit(kind, room):
    model = quantised(kind)
    before = dequantize_4bit(model[0].weight.data, model[0].weight.quant_state)
    assert before.dtype == torch.bfloat16, "rounded as the packed layer's are"
    assert compute_in(model, torch.float32, room) == (room != 0)
    given = torch.eye(128)
    expected = nn.functional.linear(given, before.float(), model[0].bias)
    assert torch.equal(model[0](given), expected)
    assert isinstance(model[0], PackedLinear if room == 0 else nn.Linear)
    if room != 0:
        assert torch.equal(model[0].weight, before.float())
    assert {each.dtype for each in model.parameters()} == {torch.float32}


def test_a_packed_layer_takes_the_memory_of_four_bits():
    model = quantised()
    compute_in(model, torch.float32, 0)
    assert sum(each.nbytes for each in model[0].buffers()) == 96 * 128 // 2


def logits(folder, ids):
    engine = basegate.load_candidate(str(folder), device="cpu")
    kinds = {type(each) for each in engine.model.modules()}
    with torch.inference_mode():
        found = engine.model(ids).logits
    scored = engine.log_likelihoods([TEXT], window=64, progress=SILENT)[0].logprobs
    engine.close()
    return found, scored, kinds


def test_logits_are_those_of_the_packed_path_within_its_rounding(checkpoint, request, monkeypatch):
    """bfloat16 keeps 8 bits of a number: the packed path is that far from float32, and no more."""
    ids = torch.arange(4, 60)[None]
    request.getfixturevalue("plain_processor")
    plain, scored, kinds = logits(checkpoint, ids)
    assert Linear4bit not in kinds
    monkeypatch.setattr("basegate.engines.loading.compute_in", tight)
    unpacked_late, scored_late, kinds = logits(checkpoint, ids)
    assert PackedLinear in kinds
    assert torch.equal(unpacked_late, plain), "memory decides nothing about numbers"
    np.testing.assert_array_equal(scored_late, scored)
    request.getfixturevalue("packed")
    packed, rounded, kinds = logits(checkpoint, ids)
    assert Linear4bit in kinds
    assert (plain.dtype, packed.dtype) == (torch.float32, torch.bfloat16)
    apart, scale = (plain - packed.float()).square().mean().sqrt(), plain.square().mean().sqrt()
    # Four bits lose a tenth; each of some dozen roundings to bfloat16 a 2**-9th at most.
    assert 0 < apart < scale * 2**-5
    np.testing.assert_allclose(scored, rounded, atol=0.1)


def tight(model, dtype, room):
    return compute_in(model, dtype, 0)


def test_the_dtype_of_the_computation_is_recorded(plain_processor, request):
    spec = CandidateSpec(name="one", source="/none", local=True)
    facts = Candidate(spec, device="cpu").facts()
    assert (facts.dtype, facts.compute_dtype) == ("bfloat16", "float32")
    assert facts.load_config == "nf4, bfloat16 computed in float32, cpu"
    request.getfixturevalue("packed")
    assert Candidate(spec, device="cpu").facts().compute_dtype is None
