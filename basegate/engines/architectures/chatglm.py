"""ChatGLM3 (base, chat, 32k) as GLM, and ChatGLM2-6B, which has the same `model_type`.

Grouped queries, fused with keys and values; rotary embedding on half of each head; gate and up
projection are fused in the order in which GLM fuses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from basegate.engines.architectures.config_options import Options
from basegate.engines.architectures.vocabulary_files import (
    Kind,
    fast_tokenizer,
    merges,
    read_pieces,
)

LONG_CONTEXT_CAVEAT = ""
RENAMED = {
    r"^transformer\.embedding\.word_embeddings\.": "model.embed_tokens.",
    r"^transformer\.encoder\.final_layernorm\.": "model.norm.",
    r"^transformer\.output_layer\.": "lm_head.",
    r"^transformer\.encoder\.layers\.": "model.layers.",
    r"\.self_attention\.dense\.": ".self_attn.o_proj.",
    r"\.mlp\.dense_h_to_4h\.": ".mlp.gate_up_proj.",
    r"\.mlp\.dense_4h_to_h\.": ".mlp.down_proj.",
}
FUSED = r"\.self_attention\.query_key_value\."

_RATIOS = (1, 50, 500)
"""`rope_ratio` as published with ChatGLM3-6B, its 32k and its 128k, whose base is multiplied by it.
ChatGLM2-6B-32K has 16 and divides positions by it; nothing else in its config tells it apart."""

_PREFIX = ("[gMASK]", "sop")
_ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
_SPECIAL = ("[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", *_ROLES)
"""Not in the SentencePiece model: their ids follow its own."""


def native_config(config: Mapping[str, Any], folder: Path) -> Any:
    from transformers import GlmConfig

    options = Options(config, folder)
    _refuse_others(options)
    return GlmConfig(
        vocab_size=options.count("padded_vocab_size"),
        hidden_size=options.count("hidden_size"),
        intermediate_size=options.count("ffn_hidden_size"),
        num_hidden_layers=options.count("num_layers"),
        num_attention_heads=options.count("num_attention_heads"),
        num_key_value_heads=options.count("multi_query_group_num"),
        head_dim=options.count("kv_channels"),
        hidden_act="silu",
        max_position_embeddings=options.count("seq_length"),
        rms_norm_eps=options.number("layernorm_epsilon", 1e-5),
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10000 * options.number("rope_ratio", 1),
            "partial_rotary_factor": 0.5,
        },
        attention_bias=bool(config.get("add_qkv_bias", False)),
        tie_word_embeddings=False,
        # The defaults of GLM are ids that this vocabulary does not have.
        pad_token_id=None,
        eos_token_id=2,
    )


def _refuse_others(options: Options) -> None:
    options.require("multi_query_attention", True, False)
    options.require("rmsnorm", True, True)
    options.require("post_layer_norm", True, True)
    options.require("apply_residual_connection_post_layernorm", False, False)
    options.require("add_bias_linear", False, False)
    options.require("original_rope", True, True)
    options.require("interleaved_qkv", False, False)
    options.require("quantization_bit", 0, 0)
    options.require("pre_seq_len", None, None)
    options.require("tie_word_embeddings", False, False)
    if (ratio := options.number("rope_ratio", 1)) not in _RATIOS:
        options.refuse(
            f"rope_ratio = {ratio:g} is none of ChatGLM3's (1, 50, 500), and ChatGLM2-6B-32K "
            "means another stretching of positions by it, which is not supported"
        )
    width, heads = options.count("hidden_size"), options.count("num_attention_heads")
    if options.count("kv_channels") * heads != width:
        options.refuse("kv_channels times num_attention_heads is not hidden_size")
    if heads % options.count("multi_query_group_num"):
        options.refuse("multi_query_group_num does not divide num_attention_heads")


def tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, processors

    pieces = read_pieces(folder / "tokenizer.model")
    # Only ordinary pieces can come of joining: `</s>` or `<0x0A>` written in a text is text.
    ordinary = {piece.text: -piece.score for piece in pieces if piece.kind is Kind.ORDINARY}
    built = Tokenizer(
        models.BPE(
            vocab={piece.text: index for index, piece in enumerate(pieces)},
            merges=merges(ordinary),
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    built.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    built.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1, right=0),
        ]
    )
    built.post_processor = processors.TemplateProcessing(
        single=[*_PREFIX, "$A"],
        pair=[*_PREFIX, "$A", "$B"],
        special_tokens=[(token, len(pieces) + _SPECIAL.index(token)) for token in _PREFIX],
    )
    return fast_tokenizer(built, _SPECIAL, unk_token="<unk>", pad_token="<unk>", eos_token="</s>")
