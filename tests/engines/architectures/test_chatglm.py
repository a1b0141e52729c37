"""ChatGLM3: its options and its tokenizer."""

from __future__ import annotations

import pytest

import basegate
from basegate.engines.architectures import chatglm
from basegate.engines.checkpoints.model_config import model_config
from basegate.errors import CandidateError
from tests.helpers.checkpoints import make_checkpoint
from tests.helpers.originals import (
    REFERENCE,
    read_json,
    refused_with,
    write_json,
    write_sentencepiece,
)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"multi_query_attention": False}, "multi_query_attention = False"),
        ({"multi_query_attention": ...}, "multi_query_attention is absent"),
        ({"rmsnorm": False}, "rmsnorm = False"),
        ({"post_layer_norm": False}, "post_layer_norm = False"),
        (
            {"apply_residual_connection_post_layernorm": True},
            "apply_residual_connection_post_layernorm = True",
        ),
        ({"add_bias_linear": True}, "add_bias_linear = True"),
        ({"original_rope": False}, "original_rope = False"),
        ({"interleaved_qkv": True}, "interleaved_qkv = True"),
        ({"quantization_bit": 4}, "quantization_bit = 4"),
        ({"pre_seq_len": 128}, "pre_seq_len = 128"),
        ({"tie_word_embeddings": True}, "tie_word_embeddings = True"),
        ({"kv_channels": 32}, "kv_channels times num_attention_heads"),
        ({"multi_query_group_num": 3}, "multi_query_group_num does not divide"),
        (
            {"padded_vocab_size": ...},
            "padded_vocab_size should be a whole number above 0, and it is absent",
        ),
        ({"rope_ratio": 0}, "rope_ratio should be a number above 0"),
        ({"rope_ratio": float("inf")}, "rope_ratio should be a number above 0"),
        ({"rope_ratio": 16, "seq_length": 32768}, "rope_ratio = 16 is none of ChatGLM3's"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_refused(changed, message, tmp_path):
    assert refused_with("chatglm", tmp_path / "copy", changed).startswith(message)


def test_another_kind_by_these_names_is_refused(tmp_path):
    """The first ChatGLM calls itself the same and is another model: it has no grouped queries."""
    folder = make_checkpoint(tmp_path)
    write_json(folder / "config.json", {"model_type": "chatglm", "position_encoding_2d": True})
    with pytest.raises(CandidateError, match="multi_query_attention is absent"):
        basegate.load_candidate(str(folder), device="cpu")


def test_what_a_config_leaves_out_is_as_in_the_original_code(tmp_path):
    config = read_json(REFERENCE / "chatglm3-6b-32k-tiny/config.json")
    assert model_config(tmp_path, config).rope_parameters["rope_theta"] == 500_000
    for name in ("rope_ratio", "layernorm_epsilon", "rmsnorm", "add_qkv_bias", "original_rope"):
        del config[name]
    native = model_config(tmp_path, config)
    assert native.rope_parameters["rope_theta"] == 10_000
    assert native.rms_norm_eps == 1e-5
    assert not native.attention_bias
    # Those of GLM are ids that this vocabulary does not have.
    assert (native.eos_token_id, native.pad_token_id) == (2, None)


def test_sentencepiece_joins_by_score_and_falls_back_on_bytes(tmp_path):
    write_sentencepiece(tmp_path)
    tokenizer = chatglm.tokenizer(tmp_path)

    def tokens(text):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids) == text
        return tokenizer.convert_ids_to_tokens(ids)

    # `▁t` is joined before `th`: the highest score first, not the longest piece.
    assert tokens("the athe") == ["▁t", "h", "e", "▁", "a", "the"]
    assert tokens("  香港屋") == ["▁▁", "▁", "香港", "<0xE5>", "<0xB1>", "<0x8B>"]
    assert tokens("</s><0x0A>\n")[:5] == ["▁", "<", "/", "s", ">"]
    assert tokens("</s><0x0A>\n")[-2:] == [">", "<0x0A>"]
    assert tokens("") == []


def test_joining_never_gives_a_mark_of_sentencepiece(tmp_path):
    write_sentencepiece(tmp_path, pieces=[("</", -90.0, 1), ("s>", -91.0, 1)])
    tokenizer = chatglm.tokenizer(tmp_path)
    ids = tokenizer("</s>", add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["▁", "</", "s>"]


def test_chatglm_puts_its_prefix_before_every_text(tmp_path):
    write_sentencepiece(tmp_path)
    tokenizer = chatglm.tokenizer(tmp_path)
    first = tokenizer.convert_tokens_to_ids("[MASK]")
    assert tokenizer("")["input_ids"] == [first + 1, first + 3]
    assert tokenizer("a")["input_ids"][:2] == [first + 1, first + 3]
    assert tokenizer.convert_ids_to_tokens([first + 1, first + 3]) == ["[gMASK]", "sop"]
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.bos_token_id) == (2, 0, None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"training": {3: 1}}, "no byte-pair model"),
        ({"training": {35: 0}}, "no bytes to fall back on"),
        ({"training": {24: 1}}, "spaces after words"),
        ({"normalizing": {2: b"map"}}, "rewrites characters"),
        ({"normalizing": {3: 0}}, "treats spaces in another way"),
        ({"normalizing": {4: 1}}, "treats spaces in another way"),
        ({"pieces": [("香", -99.0, 1)]}, "a piece twice"),
        ({"pieces": [("user", 0.0, 4)]}, "no SentencePiece model"),
    ],
)
def test_another_kind_of_sentencepiece_is_refused(changed, message, tmp_path):
    write_sentencepiece(tmp_path, **changed)
    with pytest.raises(CandidateError, match=rf"tokenizer\.model.*{message}"):
        chatglm.tokenizer(tmp_path)


def test_a_damaged_sentencepiece_model_is_named(tmp_path):
    path = write_sentencepiece(tmp_path)
    whole = path.read_bytes()
    for damaged in (b"", whole[:-9], whole[:40], b"IQ== 0\nIg== 1\n", b"\xff" * 40):
        path.write_bytes(damaged)
        with pytest.raises(CandidateError, match=r"tokenizer\.model is no SentencePiece model"):
            chatglm.tokenizer(tmp_path)
