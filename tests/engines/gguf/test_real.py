"""Real GGUF files, where `make real` has installed them: config, tokens and scores."""

from __future__ import annotations

import math

import pytest

import basegate
from basegate.engines.gguf.conversion import convert
from basegate.engines.tokenization import PROBES, Encoder
from fixtures.real.models import gemma, packages_missing
from tests.helpers.paths import FIXTURES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(packages_missing()), reason="make real installs the real models"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return gemma(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def folder(file):
    return convert(file, "gemma", lambda folder: None).folder


def test_the_config_is_the_published_one(folder):
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    published = {
        "model_type": "gemma3_text",
        "vocab_size": 262_144,
        "hidden_size": 640,
        "intermediate_size": 2048,
        "num_hidden_layers": 18,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 256,
        "query_pre_attn_scalar": 256,
        "sliding_window": 512,
        "max_position_embeddings": 32_768,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "layer_types": [
            "sliding_attention" if layer % 6 else "full_attention" for layer in range(1, 19)
        ],
    }
    assert {key: getattr(config, key) for key in published} == published
    thetas = {kind: rope["rope_theta"] for kind, rope in config.rope_parameters.items()}
    assert thetas == {"full_attention": 1e6, "sliding_attention": 1e4}


def test_bits_per_character_are_those_of_a_plain_loop_in_float64(file, folder):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    text = (FIXTURES / "corpora/yue/diary-01.md").read_text(encoding="utf-8")[:200]
    engine = basegate.load_candidate(str(file), quantization="none", dtype="float32", device="cpu")
    found = -float(engine.log_likelihoods([text])[0].logprobs.sum()) / math.log(2) / len(text)
    engine.close()
    theirs = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    ids = theirs(text)["input_ids"]
    assert ids[0] == 2
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    with torch.inference_mode():
        logs = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    bits = -sum(float(logs[place - 1, ids[place]]) for place in range(1, len(ids)))
    assert found == pytest.approx(bits / math.log(2) / len(text), rel=1e-5)


def test_tokens_are_those_of_transformers_own_reading(file, folder):
    from transformers import AutoTokenizer

    theirs = Encoder(AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name), "theirs")
    ours = Encoder(AutoTokenizer.from_pretrained(folder), "ours")
    assert ours.prefix == theirs.prefix == [2]
    for text in (*PROBES, "<bos>佢哋<eos> 喺度\n\n\n好  呀"):
        encoded = ours.encode(text)
        assert encoded.ids == theirs.encode(text).ids
        assert ours.decode(encoded.ids) == text
        assert not set(encoded.ids) & {0, 1, 2, 3}
