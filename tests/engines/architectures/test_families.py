"""Every architecture of the registry, as a tiny random checkpoint, through all that is asked of it.

The two that transformers has no class for are in `test_architectures.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

import basegate
from basegate.config.registry import load_registry
from basegate.config.settings import Sampling
from basegate.engines.architectures import ARCHITECTURES
from basegate.progress import SILENT
from tests.helpers.families import FAMILIES, make_family
from tests.helpers.paths import ROOT

REGISTRY = load_registry(ROOT / "models.toml")
TEXT = "香港係我哋嘅屋企，唔係咩？一二三 abc。"
PROMPTS = ["香港係我哋", "一二三四五六七八九十香港"]


def test_every_architecture_of_the_registry_is_tried():
    named = {spec.architecture for spec in REGISTRY.values()}
    assert named == FAMILIES.keys() | ARCHITECTURES.keys()


def test_transformers_or_basegate_has_a_class_for_every_architecture():
    from transformers import CONFIG_MAPPING

    for spec in REGISTRY.values():
        assert spec.architecture in CONFIG_MAPPING or spec.architecture in ARCHITECTURES, spec.name


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    """A tiny checkpoint of the architecture."""
    return make_family(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module", params=["nf4", pytest.param("none", marks=pytest.mark.slow)])
def engine(request, folder):
    """It on the CPU: as it is used, and in full, where small mistakes show."""
    engine = basegate.load_candidate(
        str(folder), device="cpu", dtype="float32", quantization=request.param
    )
    engine.close_to = {"nf4": 0.05, "none": 2e-4}[request.param]
    yield engine
    engine.close()


def plain(engine, ids):
    """Return the log-probabilities of all next tokens, by one pass over all of a text."""
    import torch

    with torch.inference_mode():
        logits = engine.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    return torch.log_softmax(logits.double(), dim=-1).numpy()


def ids_of(engine, text):
    return [*engine.prefix_ids, *engine.tokenizer(text, add_special_tokens=False)["input_ids"]]


def test_perplexity_is_that_of_a_plain_pass(engine):
    (short, found) = engine.log_likelihoods(
        [TEXT[:9], TEXT], window=120, context=16, progress=SILENT
    )
    ids = ids_of(engine, TEXT)
    assert len(ids) <= 120
    expected = [plain(engine, ids)[at - 1, ids[at]] for at in range(1, len(ids))]
    np.testing.assert_allclose(found.logprobs, expected, atol=engine.close_to)
    np.testing.assert_allclose(
        short.logprobs, expected[: len(short.logprobs)], atol=engine.close_to
    )


def test_padding_does_not_reach_a_text(engine):
    assert engine.padding_effect(TEXT) == (0, 0)


def test_options_after_prompts_are_scored_as_parts_of_the_whole(engine):
    """Prompts of two lengths share a batch, and each is read once for its options."""
    asked = [(prompt, text) for prompt in PROMPTS for text in ("九", "唔係咩？")]
    found = engine.log_likelihoods(
        [text for _, text in asked], after=[prompt for prompt, _ in asked], window=120,
        progress=SILENT,
    )  # fmt: skip
    for (prompt, text), scores in zip(asked, found, strict=True):
        ids, begin = ids_of(engine, prompt + text), len(ids_of(engine, prompt))
        expected = [plain(engine, ids)[at - 1, ids[at]] for at in range(begin, len(ids))]
        np.testing.assert_allclose(scores.logprobs, expected, atol=engine.close_to)


def test_samples_are_the_likeliest_tokens_at_temperature_zero(engine):
    sampling = Sampling(samples=2, temperature=0, max_new_tokens=6)
    drawn = engine.sample(PROMPTS, sampling=sampling, progress=SILENT)
    for prompt, draws in zip(PROMPTS, drawn, strict=True):
        ids = ids_of(engine, prompt)
        begin = len(ids)
        for _ in range(6):
            ids.append(int(plain(engine, ids)[-1].argmax()))
        expected = engine.tokenizer.decode(ids[begin:], skip_special_tokens=True)
        assert [draw.text for draw in draws] == [expected] * 2


@pytest.mark.slow
def test_its_size_is_told_from_its_config_alone(folder, packed):
    """Against the tensors that there are once it is loaded: weights, scales, a window's cache."""
    import torch

    from basegate.engines.checkpoints.config_files import read_config
    from basegate.engines.checkpoints.model_config import LoadOptions, model_config
    from basegate.engines.checkpoints.size_estimate import measure
    from basegate.engines.kv_cache import bytes_of

    native = model_config(folder, read_config(folder))
    size = measure(folder, native, LoadOptions("nf4", "bfloat16", "cpu"), 40)
    engine = basegate.load_candidate(str(folder), device="cpu")
    held = quantised = 0
    for weight in engine.model.parameters():
        state = getattr(weight, "quant_state", None)
        held += weight.nbytes
        if state is not None:
            assert (state.quant_type, weight.dtype) == ("nf4", torch.uint8)
            quantised += weight.numel() * 2
            # bitsandbytes unpacks the scales on the CPU when a layer is first used.
            held += -(-weight.numel() * 2 // 64) + 4 * -(-weight.numel() * 2 // 64 // 256)
    assert (size.weights, size.quantised) == (held, quantised)
    assert size.quantised > 0
    with torch.inference_mode():
        ids = torch.zeros((1, 40), dtype=torch.long)
        done = engine.model(input_ids=ids, use_cache=True)
    assert size.cache == sum(bytes_of(done.past_key_values)) > 0
    engine.close()
