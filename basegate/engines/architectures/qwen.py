"""Qwen (the first one: Qwen-1.8B, 7B, 14B, 72B) as Qwen2.

Fused projections of queries, keys and values; `w2` is the gate and `w1` the up projection, each
half as wide as `intermediate_size` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from basegate.engines.architectures.config_options import Options
from basegate.engines.architectures.vocabulary_files import fast_tokenizer, merges, read_tiktoken

LONG_CONTEXT_CAVEAT: str = (
    "its own code stretches positions (dynamic NTK) and scales attention (log-n) there, which is "
    "not done here"
)
RENAMED = {
    r"^transformer\.wte\.": "model.embed_tokens.",
    r"^transformer\.ln_f\.": "model.norm.",
    r"^transformer\.h\.": "model.layers.",
    r"\.ln_1\.": ".input_layernorm.",
    r"\.ln_2\.": ".post_attention_layernorm.",
    r"\.attn\.c_proj\.": ".self_attn.o_proj.",
    r"\.mlp\.w1\.": ".mlp.up_proj.",
    r"\.mlp\.w2\.": ".mlp.gate_proj.",
    r"\.mlp\.c_proj\.": ".mlp.down_proj.",
}
FUSED = r"\.attn\.c_attn\."

_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    r"|[^\r\n\p{L}\p{N}]?\p{L}+"
    r"|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)
_END = "<|endoftext|>"
_SPECIAL = (_END, "<|im_start|>", "<|im_end|>", *(f"<|extra_{n}|>" for n in range(205)))


def native_config(config: Mapping[str, Any], folder: Path) -> Any:
    from transformers import Qwen2Config

    options = Options(config, folder)
    _refuse_others(options)
    heads = options.count("num_attention_heads")
    return Qwen2Config(
        vocab_size=options.count("vocab_size"),
        hidden_size=options.count("hidden_size"),
        # Gate and up projection together, as the original counts.
        intermediate_size=options.count("intermediate_size") // 2,
        num_hidden_layers=options.count("num_hidden_layers"),
        num_attention_heads=heads,
        num_key_value_heads=heads,
        hidden_act="silu",
        # Not `max_position_embeddings`, which is how far the stretching may go.
        max_position_embeddings=options.count("seq_length"),
        rms_norm_eps=options.number("layer_norm_epsilon", 1e-6),
        rope_parameters={
            "rope_type": "default",
            "rope_theta": options.number("rotary_emb_base", 10000),
        },
        tie_word_embeddings=False,
    )


def _refuse_others(options: Options) -> None:
    options.require("scale_attn_weights", True, True)
    options.require("rotary_pct", 1.0, 1.0)
    options.require("no_bias", True, True)
    options.require("tie_word_embeddings", False, False)
    options.require("use_cache_quantization", False, False)
    width, heads = options.count("hidden_size"), options.count("num_attention_heads")
    if options.count("kv_channels") * heads != width:
        options.refuse("kv_channels times num_attention_heads is not hidden_size")
    if options.count("intermediate_size") % 2:
        options.refuse("intermediate_size is odd, and it holds two projections")


def tokenizer(folder: Path) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    ranks = read_tiktoken(folder / "qwen.tiktoken")
    written = bytes_to_unicode()

    def text(token: bytes) -> str:
        return "".join(written[byte] for byte in token)

    built = Tokenizer(
        models.BPE(
            vocab={text(token): rank for token, rank in ranks.items()},
            merges=[(text(left), text(right)) for left, right in merges(ranks)],
            # As tiktoken: a piece that is a token is that token, whatever joining would give.
            ignore_merges=True,
        )
    )
    built.normalizer = normalizers.NFC()
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    built.decoder = decoders.ByteLevel()
    return fast_tokenizer(built, _SPECIAL, eos_token=_END, pad_token=_END)
