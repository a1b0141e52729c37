"""Tokenizers as people have them: what is read is the text, the same way every time."""

from __future__ import annotations

import shutil
from functools import partial

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

import basegate
from basegate.config.registry import CandidateSpec
from basegate.config.settings import Sampling
from basegate.engines.architectures import qwen
from basegate.engines.tokenization import Encoder, load_tokenizer
from basegate.errors import CandidateError, InvalidMeasurement
from basegate.progress import SILENT
from basegate.runner import sanity_check
from basegate.runner.transformers_backend import identity
from tests.helpers.odd_checkpoints import (
    WORD,
    change,
    chinese_only,
    copy,
    with_dropout,
    with_word,
    without_ends,
    word_pieces,
)
from tests.helpers.originals import write_tiktoken

TEXT = "佢哋琴晚喺度食咗飯。"


def encoder(folder):
    """Return the encoder of a checkpoint, and the notes on its tokenizer."""
    tokenizer, notes = load_tokenizer(folder, trusted=False)
    return Encoder(tokenizer, "odd"), notes


@pytest.mark.parametrize("kind", ["PreTrainedTokenizerFast", "LlamaTokenizerFast"])
def test_dropout_of_a_tokenizer_is_switched_off_with_a_note(tmp_path, kind):
    plain = change(copy(tmp_path / "plain"), "tokenizer_config.json", tokenizer_class=kind)
    folder = with_dropout(shutil.copytree(plain, tmp_path / "dropout"))
    plain, others = encoder(plain)
    found, notes = encoder(folder)
    [note] = {*notes} - {*others}
    assert len(notes) == len(others) + 1
    assert "asks for dropout = 0.3" in note
    for _ in range(5):
        assert found.encode(TEXT).ids == plain.encode(TEXT).ids


@pytest.mark.parametrize(
    ("make", "again"),
    [
        (with_dropout, True),
        (partial(with_dropout, share=1.0), True),
        (partial(with_dropout, share=1e-5), True),
        (partial(with_dropout, share=0.0), False),
        (with_word, False),
    ],
)
def test_what_was_read_otherwise_before_is_measured_again(tmp_path, make, again):
    folder = make(copy(tmp_path))
    spec = CandidateSpec(name="x", source=str(folder), local=True)
    assert ("tokenization" in identity(spec)) == again


def test_a_tokenizer_that_differs_the_second_time_is_refused(tmp_path, monkeypatch):
    """As with SentencePiece's sampling, which nobody could switch off."""
    monkeypatch.setattr("basegate.engines.tokenization._without_dropout", lambda _: ())
    folder = with_dropout(copy(tmp_path), share=0.5)
    with pytest.raises(CandidateError) as caught:
        load_tokenizer(folder, trusted=False)
    assert "its tokenizer cuts the same text differently every time" in str(caught.value)


@pytest.mark.parametrize("by_list", [False, True], ids=["tokenizer.json", "vocab.txt"])
def test_word_pieces_are_measured_again(tmp_path, by_list):
    folder = word_pieces(tmp_path)
    if by_list:  # as the older ones of the hub
        (folder / "tokenizer.json").unlink()
        (folder / "vocab.txt").write_text("[UNK]\n佢", encoding="utf-8")
    assert "tokenization" in identity(CandidateSpec(name="x", source=str(folder), local=True))


def test_a_tokenizer_that_reads_one_language_is_asked_in_it(tmp_path):
    folder = chinese_only(copy(tmp_path))
    engine = basegate.load_candidate(str(folder), device="cpu", quantization="none")
    shares = [engine.lost_share(each.text) for each in sanity_check.TEXTS]
    assert shares[0] > 0.5
    assert min(shares) == 0
    sanity_check.check(engine)  # raises nothing
    with pytest.raises(InvalidMeasurement, match="makes no token of 'English'"):
        engine.log_likelihoods(["English"], progress=SILENT)
    sampling = Sampling(samples=1, temperature=0.9, max_new_tokens=4)
    with pytest.raises(InvalidMeasurement, match=r"does not know 1 of 22 characters of the promp"):
        engine.sample([TEXT, f"A {TEXT}"], sampling=sampling, progress=SILENT)
    [[draw]] = engine.sample([TEXT], sampling=sampling, progress=SILENT)
    assert draw.text
    engine.close()


def test_a_tokenizer_without_the_letter_a_puts_bos_before_a_text_if_asked(tmp_path):
    folder = change(chinese_only(copy(tmp_path)), "tokenizer.json", post_processor=None)
    for asked, tokens in ((False, "</s>"), (True, "<s>")):
        found, _ = encoder(change(folder, "tokenizer_config.json", add_bos_token=asked))
        assert found.tokenizer("a", add_special_tokens=False)["input_ids"] == []
        assert found.prefix_in_words == tokens
        assert not found.unread(TEXT, found.encode(TEXT).ids)


def test_without_ends_all_tokens_but_the_first_are_scored(tmp_path):
    folder = without_ends(copy(tmp_path))
    engine = basegate.load_candidate(
        str(folder), device="cpu", quantization="none", dtype="float32"
    )
    ids = engine.tokenizer(TEXT)["input_ids"]
    [score] = engine.log_likelihoods([TEXT], progress=SILENT)
    with torch.inference_mode():
        logits = engine.model(torch.tensor([ids])).logits[0].double()
    expected = torch.log_softmax(logits, dim=-1)[range(len(ids) - 1), ids[1:]].numpy()
    np.testing.assert_allclose(score.logprobs, expected, atol=1e-5)
    assert engine.prefix == ""
    assert len(score.starts) == len(ids) - 1
    # Windows: the same tokens, each after another.
    [parts] = engine.log_likelihoods([TEXT], window=4, context=0, progress=SILENT)
    assert len(parts.logprobs) == len(ids) - 1
    [after] = engine.log_likelihoods([TEXT[5:]], after=[TEXT[:5]], progress=SILENT)
    np.testing.assert_allclose(after.logprobs, expected[-len(after.logprobs) :], atol=1e-5)
    for alone in ({"texts": ["佢"]}, {"texts": [TEXT], "after": ["佢"]}):
        with pytest.raises(InvalidMeasurement, match="makes one token, and has none to put befo"):
            engine.log_likelihoods(**alone, progress=SILENT)
    engine.close()


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return word_pieces(tmp_path_factory.mktemp("bert"))


def test_spaces_that_decoding_adds_are_not_in_texts(bert):
    found, _ = encoder(bert)
    text = "我哋去 check 下，好唔好？ we do not"
    ids = found.encode(text).ids
    assert found.decode(ids) == "我哋去check下，好唔好？we do not"
    assert found.lost(text, ids) == 0


def test_spaces_beside_marks_of_both_scripts_stay(bert):
    found, _ = encoder(bert)
    found.tokenizer.add_tokens(["“", "”", "…", "，"])
    text = "we “ do ” not … do，not"
    assert found.decode(found.encode(text).ids) == text


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("我哋 A 下", 1),  # case
        ("我哋鱻鱻下", 2),  # unknown
        ("[UNK] 鱻", 6),  # its name is no word of the vocabulary either
    ],
)
def test_what_word_pieces_lose_is_counted_by_characters(bert, text, lost):
    found, _ = encoder(bert)
    assert found.lost(text, found.encode(text).ids) == lost


@pytest.mark.parametrize(
    ("text", "unread"), [("HELLO", {}), ("鱻 鱻", {"鱻": 2}), ("鱻 a", {"鱻": 1})]
)
def test_another_case_is_read_and_unknown_characters_are_not(bert, text, unread):
    found, _ = encoder(bert)
    assert found.unread(text, found.encode(text).ids) == unread


def test_a_model_of_word_pieces_scores_as_plain_transformers(bert):
    engine = basegate.load_candidate(str(bert), device="cpu", quantization="none", dtype="float32")
    ids = engine.tokenizer(TEXT)["input_ids"][:-1]  # [CLS], the text; [SEP] is no part of it
    with torch.inference_mode():
        logits = engine.model(torch.tensor([ids])).logits[0].double()
    expected = torch.log_softmax(logits, dim=-1)[range(len(ids) - 1), ids[1:]].numpy()
    [score] = engine.log_likelihoods([TEXT], progress=SILENT)
    assert engine.prefix == "[CLS]"
    np.testing.assert_allclose(score.logprobs, expected, atol=1e-5)
    assert score.lost == 0
    engine.close()


def unigram():
    """Return a tokenizer whose vocabulary itself holds the ends of a text, as SentencePiece's."""
    special = [(word, 0.0) for word in ("<unk>", "<s>", "</s>", WORD)]
    characters = [(each, -5.0) for each in dict.fromkeys(TEXT + "</s>|im_end▁")]
    built = Tokenizer(models.Unigram([*special, *characters], unk_id=0))
    built.pre_tokenizer = pre_tokenizers.Metaspace()
    built.decoder = decoders.Metaspace()
    ends = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=built, additional_special_tokens=[WORD], **ends)


def tokenizers(kind, tmp_path):
    if kind == "unigram":
        return unigram()
    if kind == "qwen":
        write_tiktoken(tmp_path)
        return qwen.tokenizer(tmp_path)
    made = copy(tmp_path) if kind == "special" else with_word(copy(tmp_path))
    tokenizer, _ = load_tokenizer(made, trusted=False)
    if kind == "added behind":
        tokenizer.add_tokens(["<tool>"])
    return tokenizer


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        *((kind, word) for kind in ("special", "added", "unigram") for word in ("</s>", WORD)),
        ("added behind", "<tool>"),
        ("qwen", "<|im_start|>"),
        ("qwen", "<|endoftext|>"),
    ],
)
def test_special_tokens_in_a_text_are_characters(tmp_path, kind, word):
    tokenizer = tokenizers(kind, tmp_path)
    found = Encoder(tokenizer, "odd")
    text = f"佢{word}哋"
    encoded = found.encode(text)
    if kind != "special" or word != WORD:  # which that one does not have
        assert tokenizer.convert_tokens_to_ids(word) not in encoded.ids
    assert {0, 1, 2, len(text) - 2, len(text) - 1} <= set(encoded.starts.tolist())
    assert found.decode(encoded.ids) == text
    assert found.lost(text, encoded.ids) == 0
    head, tail = found.encode_after(f"佢{word}", "哋")
    assert [*head, *tail.ids] == encoded.ids


def test_an_end_of_text_that_is_a_word_like_others_stays_where_a_text_begins_with_it(tmp_path):
    folder = change(without_ends(copy(tmp_path)), "tokenizer_config.json", eos_token="，")
    found, _ = encoder(folder)
    [comma] = found.prefix
    encoded = found.encode("，佢")
    assert encoded.ids[0] == comma
    assert encoded.starts.tolist() == [0, 1]


def test_what_else_was_added_stays_a_token(tmp_path):
    tokenizer = tokenizers("added", tmp_path)
    tokenizer.add_tokens(["喺度呀"])
    found = Encoder(tokenizer, "odd")
    last = len(tokenizer) - 1
    assert found.encode("佢喺度呀").ids[-1] == found.encode(f"{WORD}喺度呀").ids[-1] == last


def test_a_word_that_cannot_be_taken_apart_is_named_with_its_text(tmp_path):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(TEXT)]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    found = Encoder(BertTokenizerLegacy(str(tmp_path / "vocab.txt")), "odd")
    with pytest.raises(InvalidMeasurement, match=r"reads '\[SEP\]' in a text .*'佢哋\[SEP\]琴晚'"):
        found.encode("佢哋[SEP]琴晚")
