"""Before anything is measured: broken runs are told from bad models."""

from __future__ import annotations

import json
import random
import shutil
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import basegate
from basegate.engines.lm_head import LMHead
from basegate.engines.padding_probe import PaddingEffect
from basegate.engines.protocol import Draw, TokenScores
from basegate.errors import CandidateError
from basegate.runner import sanity_check as preflight
from tests.helpers.families import FAMILIES, make_family
from tests.helpers.odd_checkpoints import change, copy
from tests.helpers.paths import FIXTURES

DEMO = FIXTURES / "demo"


def passes(engine):
    """Whether an engine was asked for scores and for text; raises where it is not in order."""
    asked = Mock(wraps=engine, vocabulary=engine.vocabulary, precision=engine.precision)
    preflight.check(asked)
    return asked.log_likelihoods.called and asked.sample.called


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny-yue", "tiny-en"])
def test_a_model_that_knows_one_language_is_in_order(name):
    engine = basegate.load_candidate(str(DEMO / name), device="cpu")
    assert passes(engine)


@pytest.mark.parametrize("longest", [48, 64, 256])
def test_a_model_for_short_texts_reads_as_much_as_it_can(tmp_path, longest):
    folder = change(copy(tmp_path), "config.json", max_position_embeddings=longest)
    engine = basegate.load_candidate(str(folder), quantization="none", device="cpu")
    assert engine.context_length == longest
    preflight.check(engine)


def test_a_model_for_a_few_words_is_refused_by_its_context(tmp_path):
    folder = change(copy(tmp_path), "config.json", max_position_embeddings=32)
    engine = basegate.load_candidate(str(folder), quantization="none", device="cpu")
    with pytest.raises(CandidateError, match="made for 32 tokens at once, and the checks after"):
        preflight.check(engine)


def test_random_weights_are_not(tmp_path):
    folder = shutil.copytree(DEMO / "tiny-yue", tmp_path / "random")
    path = folder / "model.safetensors"
    torch.manual_seed(0)
    weights = {name: 0.02 * torch.randn_like(each) for name, each in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    engine = basegate.load_candidate(str(folder), quantization="none", device="cpu")
    with pytest.raises(CandidateError, match="no better than their words in a wrong order"):
        preflight.check(engine)


def test_a_tokenizer_whose_ids_are_in_another_order_is_not(tmp_path):
    """As of another model with as many tokens; this order passes every other check."""
    folder = shutil.copytree(DEMO / "tiny-yue", tmp_path / "mixed")
    table = json.loads((folder / "tokenizer.json").read_text())
    special = {token["content"] for token in table["added_tokens"]}
    vocabulary = table["model"]["vocab"]
    pieces = [piece for piece in vocabulary if piece not in special]
    ids = [vocabulary[piece] for piece in pieces]
    random.Random(0).shuffle(ids)
    vocabulary |= dict(zip(pieces, ids, strict=True))
    (folder / "tokenizer.json").write_text(json.dumps(table))
    said = refusal(folder)
    assert "worse than a guess that" in said
    assert "over its 2459 tokens" in said
    assert "tokenizer belongs to another model" in said


def test_the_tokenizer_of_another_model_is_not(tmp_path):
    """The two share the ids of bytes, which Chinese is made of with the other's tokenizer."""
    folder = shutil.copytree(DEMO / "tiny-yue", tmp_path / "mixed")
    shutil.copy(DEMO / "tiny-en/tokenizer.json", folder)
    said = refusal(folder)
    assert "worse than a guess that" in said
    assert "over its 1500 tokens" in said
    assert "tokenizer belongs to another model" in said


def refusal(folder):
    engine = basegate.load_candidate(str(folder), device="cpu")
    with pytest.raises(CandidateError) as caught:
        preflight.check(engine)
    return str(caught.value)
    engine.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "what"), [(float("nan"), "NaN"), (float("-inf"), "an infinite number")]
)
@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_weight_that_is_no_number_is_named_with_its_file(tmp_path, name, value, what):
    folder = shutil.copytree(DEMO / "tiny-yue", tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.2.mlp.up_proj.weight"][3, 5] = value
    (folder / "model.safetensors").unlink()
    if name.endswith(".bin"):
        torch.save(weights, folder / name)
    else:
        save_file(weights, folder / name, metadata={"format": "pt"})
    engine = basegate.load_candidate(str(folder), device="cpu")
    with pytest.raises(CandidateError) as caught:
        preflight.check(engine)
    assert str(caught.value).startswith(
        f"{folder / name}: the weight model.layers.2.mlp.up_proj.weight holds {what}, so that "
    )
    engine.close()


def test_numbers_that_overflow_though_the_files_are_in_order_are_told_apart():
    engine = basegate.load_candidate(str(DEMO / "tiny-yue"), device="cpu", quantization="none")
    engine.model.model.norm.weight.data.fill_(float("inf"))
    with pytest.raises(CandidateError, match=r"its numbers overflow\. Try another --dtype"):
        preflight.check(engine)
    engine.close()


def test_a_model_whose_code_begins_anew_after_a_prompt_is_not(tmp_path, monkeypatch):
    """Jamba's goes on by one token only: samples and whole texts are right, options are not."""
    settings = {
        "num_experts": 2, "attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 8,
        "max_position_embeddings": 1024,
    }  # fmt: skip
    monkeypatch.setitem(FAMILIES, "jamba", settings)
    engine = basegate.load_candidate(
        str(make_family(tmp_path / "jamba", "jamba")),
        device="cpu",
        quantization="none",
        dtype="float32",  # random weights make little of a beginning
    )
    texts = [preflight.TEXTS[0].text, *(each.beginning for each in preflight.TEXTS[1:])]
    at_once = preflight._score(engine, texts)
    with pytest.raises(CandidateError, match="does not support incremental decoding"):
        preflight._check_kv_cache(engine, texts, at_once)
    engine.close()


def _all_seen(mask):
    return None if mask is None else torch.ones_like(mask)


class FakeEngine:
    """A model that knows English only, one token a character, in order but for what is given."""

    def __init__(
        self,
        *,
        broken=0,
        moved=0.0,
        rounding=0.0,
        leak=0.0,
        anew=0.0,
        lost=0,
        knows=0.5,
        writes="It rained.",
        vocabulary=1000,
        language=0,
        precision="bfloat16",
    ):
        self.broken, self.leak, self.lost = broken, leak, lost
        self.effect, self.precision = PaddingEffect(moved, rounding), precision
        self.anew = anew
        self.knows, self.writes, self.vocabulary = knows, writes, vocabulary
        self.known = preflight.TEXTS[language].text
        self.asked = []

    def lost_share(self, text):
        return self.lost / len(text)

    def log_likelihoods(self, texts, *, window=None, context=0, after=None, progress):
        self.asked += texts
        found = []
        for head, text in zip(after or [""] * len(texts), texts, strict=True):
            each = np.full(len(text), -2.0)
            if head + text == self.known:
                each += self.knows
            if after is not None:
                each -= self.anew
            if len(texts) > 1 and after is not None:
                each -= self.leak
            each[: self.broken] = np.nan
            found.append(TokenScores(each, np.arange(len(text))))
        return found

    def padding_effect(self, text):
        return self.effect

    def sample(self, prompts, *, sampling, progress, is_final=None):
        self.asked.append(sampling.max_new_tokens)
        return [[Draw(self.writes[: sampling.max_new_tokens], 0)] for _ in prompts]


def test_a_model_bad_at_chinese_is_in_order():
    assert passes(FakeEngine())


@pytest.mark.parametrize("language", range(3))
def test_languages_are_read_whole_until_one_is_known(language):
    engine = FakeEngine(language=language)
    assert passes(engine)
    whole = [text for text in engine.asked if text in [each.text for each in preflight.TEXTS]]
    assert whole == [each.text for each in preflight.TEXTS[: language + 1]]


@pytest.mark.parametrize(
    ("writes", "tokens"),
    [("It rained.", [3]), ("aaa and more", [3, 24]), ("   behind spaces", [3, 24])],
)
def test_more_is_written_only_where_the_first_tokens_do_not_tell(writes, tokens):
    engine = FakeEngine(writes=writes)
    assert passes(engine)
    assert [each for each in engine.asked if isinstance(each, int)] == tokens


@pytest.mark.parametrize(
    ("text", "varies"),
    [
        ("It rained", True),
        ("她向他", True),
        ("!!!", False),
        ("the the the", False),
        ("the then", True),
        ("\ufffd a", False),
        (" \n", False),
        ("", False),
    ],
)
def test_three_tokens_that_are_not_one_over_and_over(text, varies):
    assert preflight._varies(text) == varies


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"broken": 2}, "not finite"),
        ({"moved": 0.3}, "differs by 0.30 nats per token with other padding in its batch, and by"),
        ({"moved": float("nan")}, "padding leaks into its numbers"),
        ({"leak": 0.3}, "differs by 0.30 nats per token between a batch with longer"),
        ({"anew": 0.3}, "differs by 0.30 nats per token between incremental decoding"),
        ({"anew": 0.7, "precision": "int8"}, "and rounding to int8 explains 0.6: the model's code"),
        ({"anew": 0.03, "precision": "float32"}, "differs by 0.03 nats per token between incr"),
        ({"lost": 40}, "its tokenizer loses"),
        ({"knows": 0.0}, "no better than their words in a wrong order"),
        ({"vocabulary": 4}, "are English 1.5 and 2.2, written Chinese 2.0 and 2.9, Cantonese"),
        ({"writes": "!!!!!!!!!!!!"}, "one character or token over and over"),
        ({"writes": ""}, "one character or token over and over, or nothing"),
    ],
)
def test_every_fault_is_named(fault, sentence):
    with pytest.raises(CandidateError) as caught:
        preflight.check(FakeEngine(**fault))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"anew": 0.06},  # SmolLM2-135M in bfloat16
        {"anew": 0.32, "precision": "int8"},  # gemma-3-270m
        {"anew": 0.001, "precision": "float32"},
        {"moved": 0.3, "rounding": 0.2},
    ],
)
def test_rounding_is_no_fault(given):
    assert passes(FakeEngine(**given))


@pytest.mark.slow
@pytest.mark.parametrize("quantization", ["none", "nf4", "int8"])
def test_padding_moves_a_text_only_where_its_mask_is_not_heeded(monkeypatch, quantization):
    """In the same batch even LLM.int8, which rounds by the whole of it, rounds alike."""
    engine = basegate.load_candidate(
        str(DEMO / "tiny-yue"), device="cpu", quantization=quantization
    )
    assert passes(engine)
    text = preflight.TEXTS[2].text
    assert engine.padding_effect(text) == (0, 0)
    run = LMHead._run
    monkeypatch.setattr(
        LMHead,
        "_run",
        lambda head, ids, mask, **more: run(head, ids, _all_seen(mask), **more),
    )
    moved, rounding = engine.padding_effect(text)
    assert moved > 10 * preflight.LEAK
    assert rounding == 0
    with pytest.raises(CandidateError, match="padding leaks into its numbers"):
        preflight.check(engine)
    engine.close()


def test_the_side_that_rounding_explains_least_tells():
    noisy, leaking = PaddingEffect(0.5, 0.3), PaddingEffect(0.4, 0.0)
    broken = PaddingEffect(float("nan"), 0.0)
    assert PaddingEffect.worst([noisy, leaking]) is leaking
    assert PaddingEffect.worst([leaking, noisy]) is leaking
    assert PaddingEffect.worst([leaking, broken, noisy]) is broken


@pytest.mark.parametrize("text", preflight.TEXTS, ids=lambda text: text.language)
def test_a_shuffled_text_has_the_same_parts_in_another_order(text):
    shuffled = text.shuffled()
    assert sorted(shuffled) == sorted(text.text)
    assert shuffled != text.text
    assert text.shuffled() == shuffled


def test_no_text_is_cut_in_two():
    """Not even where every byte is a token: the cache is compared with one pass over the text."""
    longest = max(len(each.text.encode()) for each in preflight.TEXTS)
    assert longest + 1 < preflight.WINDOW
