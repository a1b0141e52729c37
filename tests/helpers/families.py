"""A tiny random checkpoint of every architecture that `models.toml` names, from a config alone.

Widths are multiples of 64, which bitsandbytes' NF4 needs on the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.helpers.checkpoints import BYTES, make_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

BASE = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "max_position_embeddings": 128, "initializer_range": 0.2,
    "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": None,
}  # fmt: skip
HEAD = {"head_dim": 32}
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 32, "mamba_d_state": 16, "mamba_n_groups": 1}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 64}
VISION = {
    "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
    "image_size": 28, "patch_size": 14,
}  # fmt: skip
SLIDING = {"sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]}
LINEAR = {
    "layer_types": ["linear_attention", "full_attention"], "linear_num_value_heads": 2,
    "linear_num_key_heads": 2, "linear_key_head_dim": 32, "linear_value_head_dim": 32,
}  # fmt: skip
"""By `model_type`, what differs from `BASE`; of models for images, too, by part."""
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": HEAD,
    "qwen3_moe": {**HEAD, **EXPERTS, "num_experts": 4},
    "qwen3_5": {
        "text_config": {**HEAD, **LINEAR, "rope_parameters": {
            "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5,
            "mrope_section": [4, 2, 2],
        }},
        "vision_config": {"hidden_size": 64, "intermediate_size": 64, "depth": 1, "num_heads": 2,
                          "out_hidden_size": 64},
    },
    "gemma2": {**HEAD, "sliding_window": 16, "query_pre_attn_scalar": 32},
    "gemma3_text": {**HEAD, **SLIDING, "query_pre_attn_scalar": 32},
    "gemma3": {
        "text_config": {**HEAD, **SLIDING, "query_pre_attn_scalar": 32},
        "vision_config": VISION,
        "mm_tokens_per_image": 4,
    },
    "gemma4": {
        "text_config": {
            **HEAD, "global_head_dim": 64, "sliding_window": 16, "num_hidden_layers": 4,
            "layer_types": ["sliding_attention", "full_attention"] * 2, "num_kv_shared_layers": 2,
            "hidden_size_per_layer_input": 64,
            "pad_token_id": 2,
        },
        "vision_config": {**VISION, "head_dim": 32, "num_key_value_heads": 2},
        "audio_config": None,
    },
    "mistral": {"sliding_window": None},
    "mistral3": {"text_config": {"model_type": "ministral3", **HEAD}, "vision_config": {
        **VISION, "model_type": "pixtral", "head_dim": 32,
    }},
    "deepseek_v2": {
        **EXPERTS, "kv_lora_rank": 64, "q_lora_rank": None, "qk_nope_head_dim": 32,
        "qk_rope_head_dim": 32, "v_head_dim": 32, "n_routed_experts": 4, "n_shared_experts": 1,
        "first_k_dense_replace": 1,
    },
    "glm": HEAD,
    "glm4": HEAD,
    "seed_oss": HEAD,
    "hunyuan_v1_dense": HEAD,
    "smollm3": {},
    "granite": {"logits_scaling": 7.0},
    "granitemoehybrid": {
        "layer_types": ["mamba", "attention"], "num_local_experts": 4, "num_experts_per_tok": 2,
        "shared_intermediate_size": 64, **MAMBA, "mamba_n_heads": 4, "mamba_expand": 2,
    },
    "falcon_h1": {**MAMBA, "mamba_d_ssm": 128},
    "ernie4_5": HEAD,
    "ernie4_5_moe": {"moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": 64,
                     "moe_num_shared_experts": 1, "moe_layer_start_index": 1},
    "olmo3": {**SLIDING},
    "apertus": {},
}  # fmt: skip


def make_family(folder: Path, model_type: str) -> Path:
    """Write a random checkpoint of an architecture with its tokenizer and return the folder."""
    import torch
    from transformers import GenerationConfig

    from basegate.engines.checkpoints.model_config import model_class

    tokenizer = make_tokenizer()
    config = family_config(model_type, len(tokenizer))
    torch.manual_seed(0)
    model = model_class(folder, config).from_config(config, dtype=torch.bfloat16)
    with torch.no_grad():
        # As in `make_checkpoint`: special tokens and bytes are unlikely, so that samples are text.
        head = model.get_output_embeddings().weight
        head[: len(BYTES) + 3] = 0
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def family_config(model_type: str, vocabulary: int) -> Any:
    """Return the tiny config of an architecture."""
    from transformers import CONFIG_MAPPING

    return CONFIG_MAPPING[model_type](**_settings(model_type, vocabulary))


def _settings(model_type: str, vocabulary: int) -> dict[str, Any]:
    given = FAMILIES[model_type]
    base = {**BASE, "vocab_size": vocabulary, "tie_word_embeddings": False}
    if "text_config" not in given:
        return {**base, **given}
    if model_type == "gemma4":
        base["vocab_size_per_layer_input"] = vocabulary
    return {
        **given,
        "text_config": {**base, **given["text_config"]},
        # Ids that no text has.
        "image_token_id": vocabulary - 1,
        "tie_word_embeddings": False,
    }
