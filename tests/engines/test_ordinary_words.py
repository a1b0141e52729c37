"""Words of ordinary text that were added as special tokens are read and written; others are not."""

from __future__ import annotations

import math

import pytest

import basegate
from basegate.config.settings import Sampling
from basegate.engines.checkpoints.special_tokens import SpecialTokens, is_ordinary
from basegate.engines.tokenization import Encoder, load_tokenizer
from basegate.progress import SILENT
from tests.helpers.odd_checkpoints import DEMO, copy, with_special
from tests.helpers.paths import FIXTURES

WORDS = ("我哋", "嗰陣", "佢話", "唔好", "一個", "但係")
TEXTS = [
    path.read_text(encoding="utf-8")
    for path in sorted((FIXTURES / "demo/corpora/yue-held-out").glob("*.txt"))[:3]
]


@pytest.mark.parametrize(
    "word",
    [
        "香港",
        "hello",
        "don't",
        "3.14",
        "，",
        "😀",
        "New York",
        "ข้าว",
        "=",
        "12=3",
        "C++",
        "50%",
        "R&B",
        "a < b",
        "a@b.c",
        "x_1",
    ],
)
def test_what_stands_in_texts_is_ordinary(word):
    assert is_ordinary(word)


@pytest.mark.parametrize(
    "word",
    [
        *("<s>", "</s>", "<pad>", "[SEP]", "<|im_end|>", "<｜User｜>", ">>TITLE<<", "__start__"),
        *("|||IP_ADDRESS|||", "▁<PRE>", "\n", "\x00", "\ufffd", " ", ""),
    ],
)
def test_what_looks_like_a_control_token_is_not(word):
    assert not is_ordinary(word)


def loaded(folder):
    return basegate.load_candidate(str(folder), device="cpu", quantization="none", dtype="float32")


def bits(engine):
    scored = engine.log_likelihoods(TEXTS, window=512, context=128, progress=SILENT)
    nats = -sum(float(each.logprobs.sum()) for each in scored)
    return nats / math.log(2) / sum(map(len, TEXTS))


def test_they_are_read_as_the_tokens_that_they_are(tmp_path, monkeypatch):
    """Cut into characters, the same texts cost 7.72 bits a character instead of 7.44."""
    whole = loaded(DEMO)
    engine = loaded(with_special(copy(tmp_path), *WORDS))
    [note] = engine.loaded.notes
    assert "special tokens (6: 一個, 但係, 佢話 and 3 more)" in note
    for text in TEXTS:
        own = engine.tokenizer(text, add_special_tokens=False, split_special_tokens=False)
        assert engine._encoder.encode(text).ids == own["input_ids"]
    expected = bits(whole)
    assert bits(engine) == pytest.approx(expected, abs=0.03)
    engine.close()
    monkeypatch.setattr("basegate.engines.tokenization.read_ordinary_words", lambda _: ())
    engine = loaded(tmp_path / "odd")
    assert bits(engine) > expected + 0.2
    engine.close()
    whole.close()


def test_they_are_written(tmp_path):
    whole = loaded(DEMO)
    engine = loaded(with_special(copy(tmp_path), *WORDS))
    asked = Sampling(samples=8, temperature=0.9, max_new_tokens=60)
    expected, found = (
        [draw.text for draw in each.sample(["佢去咗"], sampling=asked, progress=SILENT)[0]]
        for each in (whole, engine)
    )
    assert found == expected
    assert any(word in text for word in WORDS for text in found)
    engine.close()
    whole.close()


def test_tokens_with_a_role_and_those_before_a_text_stay_special(tmp_path):
    folder = with_special(copy(tmp_path), *WORDS, "，")
    tokenizer, _ = load_tokenizer(folder, trusted=False)
    added = tokenizer.added_tokens_decoder.values()
    assert {each.content for each in added if each.special} == {"<s>", "</s>"}
    assert SpecialTokens(folder).ordinary() == sorted([*WORDS, "，"])
    table = (folder / "tokenizer_config.json").read_text()
    (folder / "tokenizer_config.json").write_text(table.replace("{", '{"mask_token": "，",', 1))
    tokenizer, [note] = load_tokenizer(folder, trusted=False)
    assert "，" in {
        each.content for each in tokenizer.added_tokens_decoder.values() if each.special
    }
    assert "(6: " in note
    assert SpecialTokens(folder).ordinary() == sorted(WORDS)


def test_signs_that_were_added_as_special_are_read(tmp_path):
    tokenizer, [note] = load_tokenizer(with_special(copy(tmp_path), "="), trusted=False)
    assert "(1: =)" in note
    found = Encoder(tokenizer, "one")
    assert found.decode(found.encode("12=3").ids) == "12=3"


def test_a_word_that_is_named_for_padding_is_written_all_the_same(tmp_path):
    folder = with_special(copy(tmp_path), "，")
    table = (folder / "tokenizer_config.json").read_text()
    (folder / "tokenizer_config.json").write_text(table.replace("{", '{"pad_token": "，",', 1))
    tokenizer, [note] = load_tokenizer(folder, trusted=False)
    assert "(1: ，)" in note
    ids = tokenizer("你，我", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "你，我"
    assert SpecialTokens(folder).ordinary() == ["，"]
