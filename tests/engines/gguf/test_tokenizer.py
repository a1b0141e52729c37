"""Tokenizers in GGUF files: tokens as the model was trained on, or a refusal."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from basegate.engines.gguf.header import Header
from basegate.engines.gguf.tokenizer import write_tokenizer
from basegate.engines.tokenization import PROBES, Encoder, load_tokenizer
from basegate.errors import CandidateError
from tests.helpers.checkpoints import BYTES
from tests.helpers.gguf_files import BYTE, CONTROL, NORMAL, PIECES

pytest.importorskip("gguf", reason="needs the extra gguf")


def header(architecture="llama", **said):
    metadata = {f"tokenizer.ggml.{key}": value for key, value in said.items()}
    return Header((Path("m.gguf"),), {"general.architecture": architecture, **metadata}, ())


def by_pieces(architecture="llama", pieces=PIECES, **said):
    types = [CONTROL if p in pieces[:3] else BYTE if p in BYTES else NORMAL for p in pieces]
    return header(
        architecture,
        **{
            "model": "llama",
            "tokens": list(pieces),
            "scores": [-float(place) for place in range(len(pieces))],
            "token_type": types,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "unknown_token_id": 0,
            "add_space_prefix": False,
        }
        | said,
    )


def by_bytes(split, merges=(), more=(), control=("<|end|>", "<|begin|>"), **said):
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    merged = [merge.replace(" ", "") for merge in merges]
    tokens = [*bytes_to_unicode().values(), *merged, *more, *control]
    types = [NORMAL] * (len(tokens) - len(control)) + [CONTROL] * len(control)
    return header(
        model="gpt2",
        pre=split,
        tokens=tokens,
        merges=list(merges),
        token_type=types,
        eos_token_id=len(tokens) - 2,
        bos_token_id=len(tokens) - 1,
        **said,
    )


def built(given, folder):
    write_tokenizer(given, len(given.metadata["tokenizer.ggml.tokens"]), folder)
    tokenizer, notes = load_tokenizer(folder, False)
    assert notes == ()
    return Encoder(tokenizer, "x")


def pieces_of(encoder, text):
    return encoder.tokenizer.convert_ids_to_tokens(encoder.encode(text).ids)


def refused(given, folder, size=None):
    with pytest.raises(CandidateError) as caught:
        write_tokenizer(given, size or len(given.metadata["tokenizer.ggml.tokens"]), folder)
    return str(caught.value)


@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_texts_come_back_and_text_is_text(tmp_path, architecture):
    encoder = built(by_pieces(architecture), tmp_path)
    for text in (*PROBES, "<s>香港</s> <unk>", " 佢哋\n\n喺度 😀 "):
        ids = encoder.encode(text).ids
        assert encoder.decode(ids) == text
        assert not set(ids) & {0, 1, 2}


@pytest.mark.parametrize(("says", "prefix"), [(True, [1]), (False, [2]), (None, [1])])
def test_bos_stands_where_the_file_or_llama_cpp_puts_it(tmp_path, says, prefix):
    said = {} if says is None else {"add_bos_token": says}
    # Without BOS, a text begins after the end of another.
    assert built(by_pieces(**said), tmp_path).prefix == prefix


@pytest.mark.parametrize(("split", "begins"), [("llama-bpe", True), ("qwen2", False)])
def test_bos_of_bytes_is_llama_cpps_choice_where_the_file_says_nothing(tmp_path, split, begins):
    encoder = built(by_bytes(split), tmp_path)
    assert encoder.prefix_in_words == ("<|begin|>" if begins else "<|end|>")


@pytest.mark.parametrize("said", [None, len(PIECES), -1, "<s>"])
def test_bos_that_is_asked_for_and_is_no_token_is_refused_with_file_and_key(tmp_path, said):
    message = refused(by_pieces(bos_token_id=said), tmp_path)
    assert message.startswith("m.gguf: every text begins with BOS, and which token that is ")
    assert f"(tokenizer.ggml.bos_token_id = {said}) is none of its {len(PIECES)}. Conv" in message
    asked = by_bytes("qwen2", add_bos_token=True)
    del asked.metadata["tokenizer.ggml.bos_token_id"]
    assert "tokenizer.ggml.bos_token_id = None" in refused(asked, tmp_path)
    assert built(by_pieces(bos_token_id=said, add_bos_token=False), tmp_path).prefix == [2]


def sentencepiece(text, pieces):
    """SentencePiece's own way: the neighbours whose piece has the best score are joined first."""
    scores = {piece: -place for place, piece in enumerate(pieces)}
    parts = list(text.replace(" ", "▁"))
    while True:
        pairs = [(scores.get(a + b), at) for at, (a, b) in enumerate(pairwise(parts))]
        known = [(score, -at) for score, at in pairs if score is not None]
        if not known:
            break
        at = -max(known)[1]
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


ROWS = ("▁", *"abcde", "ab", "▁a", "cd", "abc", "▁ab", "de", "cde", "abcde")


@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_merges_follow_the_scores(tmp_path, architecture):
    pieces = (*PIECES[:3], *BYTES, *ROWS)
    encoder = built(by_pieces(architecture, pieces), tmp_path)

    @settings(max_examples=200, deadline=None)
    @given(st.text("abcde ", min_size=1, max_size=12))
    def holds(text):
        assert pieces_of(encoder, text) == sentencepiece(text, pieces)

    holds()


def test_a_space_is_put_first_where_the_file_asks_for_it(tmp_path):
    first = built(by_pieces(add_space_prefix=True), tmp_path / "first")
    assert pieces_of(first, "ab") == ["▁a", "b"]
    assert first.decode(first.encode("ab").ids) == "ab"
    assert pieces_of(built(by_pieces(), tmp_path / "bare"), "ab") == ["ab"]


def test_digits_are_split_as_the_file_says(tmp_path):
    merges = ("1 2", "12 3")
    one = built(by_bytes("smollm", merges), tmp_path / "one")
    assert pieces_of(one, "123") == ["1", "2", "3"]
    three = built(by_bytes("llama-bpe", merges), tmp_path / "three")
    assert pieces_of(three, "1234") == ["123", "4"]
    plain = built(by_bytes("gpt-2", merges), tmp_path / "plain")
    assert pieces_of(plain, "1234") == ["123", "4"]


def test_tokens_that_no_merge_leads_to_are_used_whole_where_llama_3_does(tmp_path):
    whole = built(by_bytes("llama-bpe", more=("abc",)), tmp_path / "whole")
    assert pieces_of(whole, "abc") == ["abc"]
    assert pieces_of(built(by_bytes("gpt-2", more=("abc",)), tmp_path), "abc") == ["a", "b", "c"]


def test_characters_are_composed_where_qwen_does(tmp_path):
    composed = built(by_bytes("qwen2"), tmp_path / "composed")
    assert composed.encode("cafe\u0301").ids == composed.encode("caf\u00e9").ids
    plain = built(by_bytes("gpt-2"), tmp_path / "plain")
    assert plain.encode("cafe\u0301").ids != plain.encode("caf\u00e9").ids


def test_no_special_token_of_a_class_is_added_to_the_vocabulary(tmp_path):
    given = by_bytes("llama-bpe")
    encoder = built(given, tmp_path)
    assert len(encoder.tokenizer) == len(given.metadata["tokenizer.ggml.tokens"])
    assert "<|endoftext|>" not in encoder.tokenizer.get_vocab()


def test_a_tokenizer_that_does_not_fit_is_refused(tmp_path):
    message = refused(by_pieces(), tmp_path, len(PIECES) + 8)
    assert f"has {len(PIECES)} tokens and its model {len(PIECES) + 8} embeddings" in message
    assert "its tokenizer has" in refused(by_pieces(), tmp_path, 100)
    assert "has no tokenizer (tokenizer.ggml.tokens)" in refused(header(model="llama"), tmp_path, 1)
    assert "of the kind 'bert'" in refused(by_pieces(model="bert"), tmp_path)
    message = refused(by_bytes("deepseek-llm"), tmp_path)
    assert "(tokenizer.ggml.pre = 'deepseek-llm') is not known" in message
    assert "tokenizer.ggml.pre = None" in refused(by_bytes(None), tmp_path)
    assert "no tokenizer can be built from it" in refused(by_bytes("gpt-2", ("a b c",)), tmp_path)


def test_added_tokens_are_named_where_transformers_looks_first(tmp_path):
    write_tokenizer(by_pieces(), len(PIECES), tmp_path)
    whole = json.loads((tmp_path / "tokenizer.json").read_text())
    named = json.loads((tmp_path / "tokenizer_config.json").read_text())["added_tokens_decoder"]
    assert named == {str(token.pop("id")): token for token in whole["added_tokens"]}
    assert named
