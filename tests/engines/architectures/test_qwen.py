"""The first Qwen: its options and its tokenizer."""

from __future__ import annotations

import pytest

import basegate
from basegate.config.settings import Sampling
from basegate.engines.architectures import qwen
from basegate.errors import CandidateError
from basegate.progress import SILENT
from tests.helpers.originals import copy_reference, refused_with, write_tiktoken


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scale_attn_weights": False}, "scale_attn_weights = False"),
        ({"rotary_pct": 0.5}, "rotary_pct = 0.5"),
        ({"no_bias": False}, "no_bias = False"),
        ({"tie_word_embeddings": True}, "tie_word_embeddings = True"),
        ({"use_cache_quantization": True}, "use_cache_quantization = True"),
        ({"kv_channels": 32}, "kv_channels times num_attention_heads"),
        ({"intermediate_size": 1023}, "intermediate_size is odd"),
        ({"hidden_size": None}, "hidden_size should be a whole number above 0"),
        ({"num_hidden_layers": 0}, "num_hidden_layers should be a whole number above 0"),
        ({"rotary_emb_base": "high"}, "rotary_emb_base should be a number above 0"),
        ({"rotary_emb_base": float("nan")}, "rotary_emb_base should be a number above 0"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_refused(changed, message, tmp_path):
    assert refused_with("qwen", tmp_path / "copy", changed).startswith(message)


def test_beyond_its_length_qwen_is_refused_and_told_why(tmp_path):
    folder = copy_reference("qwen-7b-tiny", tmp_path / "copy")
    engine = basegate.load_candidate(str(folder), device="cpu")
    assert engine.context_length == 8192
    with pytest.raises(CandidateError, match=r"8192 tokens .*\(.*dynamic NTK.*log-n.*\)"):
        engine.log_likelihoods(["a"], window=8193, progress=SILENT)
    sampling = Sampling(samples=1, temperature=0, max_new_tokens=8192)
    with pytest.raises(CandidateError, match=r"8192 tokens .*dynamic NTK"):
        engine.sample(["a"], sampling=sampling, progress=SILENT)


def test_tiktoken_joins_by_rank_within_pieces_of_the_pattern(tmp_path):
    write_tiktoken(tmp_path, b"7 ", b"12", b"o\n", b"wxyz")
    tokenizer = qwen.tokenizer(tmp_path)

    def tokens(text):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids) == text
        return [tokenizer.decode([index]) for index in ids]

    # A space goes with the word after it; digits stand alone, and a letter is not joined to a line.
    assert tokens("the the 127 o\n") == ["the", " the", " ", "1", "2", "7", " ", "o", "\n"]
    # A whole piece is its token even where nothing that is joined gives it.
    assert tokens("wxyz wxyz") == ["wxyz", *" wxyz"]
    assert tokens("<|endoftext|>") == list("<|endoftext|>")
    assert tokenizer.eos_token_id == tokenizer.pad_token_id == 259 + 4
    assert tokenizer.convert_tokens_to_ids("<|extra_204|>") == 263 + 207


def test_tiktoken_texts_are_composed_first(tmp_path):
    write_tiktoken(tmp_path)
    tokenizer = qwen.tokenizer(tmp_path)
    ids = tokenizer("e\u0301")["input_ids"]
    assert ids == list("é".encode())
    assert tokenizer.decode(ids) == "é"


@pytest.mark.parametrize("change", ["cut", "gap", "no byte", "other"])
def test_a_damaged_tiktoken_file_is_named(change, tmp_path):
    path = write_tiktoken(tmp_path)
    lines = path.read_text().splitlines()
    changed = {
        "cut": [*lines[:-1], lines[-1][:3]],
        "gap": [*lines[:100], *lines[101:]],
        "no byte": [*lines[:9], f"bm90 {9}", *lines[10:]],
        "other": ["{}"],
    }[change]
    path.write_text("\n".join(changed))
    with pytest.raises(CandidateError, match=r"qwen\.tiktoken is damaged"):
        qwen.tokenizer(tmp_path)
