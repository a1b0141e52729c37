"""Whether a candidate fits is known before its weights are read."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import closing
from functools import partial

import pytest

import basegate
from basegate.config.settings import Sampling
from basegate.engines import devices, memory_budget
from basegate.engines.checkpoints import size_estimate
from basegate.engines.checkpoints.model_config import LoadOptions
from basegate.engines.checkpoints.size_estimate import Size, check_fits, describe, measure
from basegate.errors import CandidateError
from basegate.progress import SILENT, Progress
from tests.helpers.checkpoints import make_tokenizer
from tests.helpers.families import make_family

GIB = 2**30
YI = {
    "model_type": "llama", "vocab_size": 64000, "hidden_size": 4096, "intermediate_size": 11008,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
}  # fmt: skip


def options(quantization, device="cpu"):
    return LoadOptions(quantization, "bfloat16", device)


def yi(folder, quantization="nf4", window=2048):
    from transformers import LlamaConfig

    return measure(folder, LlamaConfig(**YI), options(quantization), window)


def test_the_size_of_yi_6b_is_that_of_its_published_weights(tmp_path, packed):
    """6,061,035,520 parameters; two embeddings of 64,000 x 4,096 and norms stay as they are."""
    size = yi(tmp_path)
    assert size.parameters == 6_061_035_520
    assert size.quantised == 6_061_035_520 - 2 * 64000 * 4096 - 65 * 4096
    # 4 bits and a 64th of a byte, and a bit, per weight.
    quantised = size.quantised * (0.5 + 1 / 64 + 4 / 64 / 256)
    assert size.weights == pytest.approx(quantised + (2 * 64000 * 4096 + 65 * 4096) * 2, rel=1e-6)
    # Keys and values of 4 heads of 128 numbers of two bytes in 32 layers.
    assert size.cache == 2048 * 2 * 4 * 128 * 2 * 32


@pytest.mark.parametrize(("quantization", "gib"), [("none", 11.29), ("int8", 6.14)])
def test_other_ways_of_holding_it_take_more(tmp_path, quantization, gib):
    assert yi(tmp_path, quantization).weights / GIB == pytest.approx(gib, abs=0.01)


def test_it_is_told_in_words(tmp_path, packed):
    assert describe(yi(tmp_path), options("nf4")) == (
        "6.1 B parameters, 5.5 B of them in nf4, the rest in bfloat16: 3.6 GiB; KV cache of a "
        "window of 2048 tokens: 0.1 GiB"
    )


def test_what_keys_and_values_take_may_not_be_known_before():
    size = SIZE._replace(cache=None)
    assert size.needed == size.weights
    assert describe(size, options("nf4")).endswith("of 2048 tokens: not known before")


BUDGET = memory_budget.MemoryBudget("cpu", None)
SIZE = Size(parameters=6 * 10**9, quantised=5 * 10**9, weights=4 * GIB, cache=GIB, window=2048)


@pytest.mark.parametrize("free", [5 * GIB, None])
def test_what_fits_is_not_refused(free):
    assert SIZE.needed == 5 * GIB
    check_fits("yi", SIZE, free, options("nf4", "cuda"), BUDGET)  # raises nothing


def test_what_does_not_fit_is_refused_with_numbers():
    with pytest.raises(CandidateError) as caught:
        check_fits("yi", SIZE, 5 * GIB - 1, options("nf4", "cuda"), BUDGET)
    message = str(caught.value)
    assert message.startswith("yi does not fit. It needs 5.0 GiB (6.0 B parameters, 5.0 B of them")
    assert "4.0 GiB; KV cache of a window of 2048 tokens: 1.0 GiB; work on one sequence" in message
    assert "included: 0.0 MiB), and the GPUs here have 5.0 GiB of memory free. Nothing" in message
    assert message.endswith(
        "Use more or larger GPUs, a smaller model (nf4 is the smallest --quantization there is) or "
        "a smaller [perplexity] window."
    )


def test_what_no_smaller_window_would_help_is_not_told_to_use_one():
    with pytest.raises(CandidateError) as caught:
        check_fits("yi", SIZE, 4 * GIB - 1, options("int8"), BUDGET)
    assert str(caught.value).endswith("Use a machine with more memory or --quantization nf4.")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (None, "this machine has 2.0 GiB of memory free for it (2.0 GiB are left to everything"),
        (3, "2.0 GiB are left of the 3.0 GiB of --memory (libraries take the rest). Nothing was"),
        # More than is free: no other number of --memory would help.
        (64, "this machine has 4.0 GiB of memory free for it. Nothing was loaded. End what else"),
    ],
)
def test_another_memory_is_advised_only_where_there_is_more(machine_of, asked, said):
    assert f", and {said}" in machine_of(4 * GIB, asked)


def test_the_memory_that_would_do_is_named(machine_of):
    assert "(libraries take the rest): --memory=6.0 would do. Nothing" in machine_of(5 * GIB, 3)


@pytest.fixture
def machine_of(monkeypatch):
    """What is said of a budget where so much is free, and 1 GiB is held."""
    return partial(refusal_with, monkeypatch)


def refusal_with(monkeypatch, free, asked):
    monkeypatch.setattr(memory_budget, "free_memory", lambda device: free)
    for module in (memory_budget, size_estimate):
        monkeypatch.setattr(module, "memory_held", lambda device: GIB)
    budget = memory_budget.memory_budget("cpu", asked)
    with pytest.raises(CandidateError) as caught:
        check_fits("yi", SIZE, budget.room(), options("nf4"), budget)
    return str(caught.value)


@pytest.mark.parametrize(
    ("quantization", "advice"),
    [
        ("none", "--quantization int8 or nf4."),
        ("int8", "--quantization nf4."),
        ("nf4", "a smaller model (nf4 is the smallest --quantization there is)."),
        ("fp4", "a smaller model (fp4 is the smallest --quantization there is)."),
    ],
)
def test_fewer_bits_are_advised_only_where_there_are_fewer(quantization, advice):
    assert devices.memory_advice(quantization, "cuda") == f"Use more or larger GPUs or {advice}"


@pytest.fixture
def lines():
    return io.StringIO()


def load(folder, lines, **given):
    return basegate.load_candidate(
        str(folder), name="one", device="cpu", progress=Progress(lines), **given
    )


def test_the_size_is_said_when_a_candidate_loads(checkpoint, lines):
    load(checkpoint, lines, window=64).close()
    [line] = [each for each in lines.getvalue().splitlines() if "parameters" in each]
    assert line.startswith("one: 0.1 M parameters, 0.1 M of them in nf4, the rest in bfloat16: ")
    assert "a window of 64 tokens: " in line
    assert line.endswith(" GiB free")


def test_a_window_is_no_longer_than_the_model_was_made_for(checkpoint, lines):
    load(checkpoint, lines).close()
    assert "a window of 128 tokens" in lines.getvalue()


def test_a_longer_window_is_refused_where_a_check_asks_for_it_alone(checkpoint, lines):
    with closing(load(checkpoint, lines, window=129)) as engine:
        assert "a window of 128 tokens" in lines.getvalue()
        with pytest.raises(CandidateError) as caught:
            engine.log_likelihoods(["香港"], window=129, progress=SILENT)
        assert str(caught.value).startswith(
            "window = 129 in the check's table is longer than the 128 tokens that one was made "
            "for; beyond them its numbers mean nothing. Lower window and, where it has one, "
            "context (window = 128, context = 32"
        )
        assert len(engine.log_likelihoods(["香港"], window=128, progress=SILENT)) == 1


def test_it_is_refused_before_any_weight_is_read(checkpoint, tmp_path, monkeypatch, lines):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    (folder / "model.safetensors").write_bytes(b"no weights at all")
    monkeypatch.setattr(memory_budget, "free_memory", lambda device: 1000)
    with pytest.raises(CandidateError, match="one does not fit"):
        load(folder, lines)


def test_a_config_that_contradicts_itself_is_named(checkpoint, tmp_path, lines):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "unheard-of"}))
    with pytest.raises(CandidateError, match=r"config\.json: no model can be built.*unheard-of"):
        load(folder, lines)


def make(folder, model_type, **settings):
    """Write a random checkpoint of a kind that is not in the registry."""
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    tokenizer = make_tokenizer()
    config = CONFIG_MAPPING[model_type](
        vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=1, **settings
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


SMALL = {"hidden_size": 64, "num_hidden_layers": 2}
BIOGPT = {**SMALL, "num_attention_heads": 2, "intermediate_size": 128}
JETMOE = {**SMALL, "num_key_value_heads": 2, "kv_channels": 32, "intermediate_size": 128,
          "num_local_experts": 4, "num_experts_per_tok": 2}  # fmt: skip


@pytest.mark.parametrize(("model_type", "settings"), [("biogpt", BIOGPT), ("jetmoe", JETMOE)])
def test_a_model_whose_pass_needs_numbers_loads_all_the_same(tmp_path, model_type, settings, lines):
    engine = load(make(tmp_path, model_type, **settings), lines)
    assert "KV cache of a window of" in lines.getvalue()
    assert "not known before" in lines.getvalue()
    sampling = Sampling(samples=2, temperature=0.9, max_new_tokens=3)
    assert [len(draws) for draws in engine.sample(["abc", "ab"], sampling=sampling)] == [2, 2]
    engine.close()


@pytest.mark.parametrize(
    ("model_type", "settings"),
    [
        ("mamba", SMALL),
        ("openai-gpt", {"n_embd": 64, "n_layer": 2, "n_head": 2}),
        ("minimax", {**SMALL, "num_attention_heads": 2, "num_key_value_heads": 2,
                     "intermediate_size": 128, "num_local_experts": 2}),
    ],
)  # fmt: skip
def test_a_model_that_cannot_go_on_from_its_cache_is_refused(tmp_path, model_type, settings, lines):
    with pytest.raises(CandidateError, match=rf"model_type '{model_type}' does not support inc"):
        load(make(tmp_path, model_type, **settings), lines, quantization="none")


@pytest.mark.parametrize(
    "given",
    [{"return_dict": False}, {"attn_implementation": "flash_attention_2"}, {"use_cache": False}],
)
def test_how_to_compute_is_the_gates_own_choice(checkpoint, tmp_path, given, lines):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **given}))
    engine = load(folder, lines)
    (found,) = engine.log_likelihoods(["abc"], window=16)
    assert len(found.logprobs) == 3
    engine.close()


def test_a_model_that_does_not_write_is_named(checkpoint, tmp_path, lines):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    (folder / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(CandidateError, match=r"model_type 'vit' does not write text"):
        load(folder, lines)


def test_layers_that_the_cpu_cannot_compute_with_stay_as_they_are(tmp_path, packed):
    """A projection of Falcon-H1 has 292 rows here, which are not blocks of 32."""
    import bitsandbytes

    engine = basegate.load_candidate(str(make_family(tmp_path, "falcon_h1")), device="cpu")
    layers = dict(engine.model.named_modules())
    four = {name for name, layer in layers.items() if isinstance(layer, bitsandbytes.nn.Linear4bit)}
    assert "model.layers.0.mamba.in_proj" not in four
    assert "model.layers.0.self_attn.q_proj" in four
    assert "lm_head" not in four
    engine.close()


def test_the_memory_of_the_machine_is_known_here():
    assert devices.free_memory("cpu") > 2**20


def test_a_containers_limit_counts_as_the_machines(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 100000\n")
    monkeypatch.setattr(devices, "_GROUP", tmp_path)
    assert devices.free_memory("cpu") == 400000
    (tmp_path / "memory.max").write_text("max\n")
    assert devices.free_memory("cpu") > 2**20


def test_memory_in_use_grows_with_what_is_held():
    before = devices.memory_in_use("cpu")
    held = bytearray(b"x" * 2**26)
    assert devices.memory_in_use("cpu") > before + 2**25
    assert len(held) == 2**26
