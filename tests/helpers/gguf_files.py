"""Small GGUF files of random models, laid out as llama.cpp's converter lays them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.checkpoints import BYTES
from tests.helpers.paths import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

gguf = pytest.importorskip("gguf", reason="needs the extra gguf")

WORDS = (
    "▁",
    "a",
    "b",
    "c",
    "d",
    "e",
    "▁a",
    "ab",
    "香",
    "港",
    "香港",
    "係",
    "好",
    "0",
    "1",
    "2",
    ",",
)
PIECES = ("<unk>", "<s>", "</s>", *BYTES, *WORDS)
CONTROL, NORMAL, BYTE = 3, 1, 6
SMALL = {
    "vocab_size": len(PIECES),
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": None,
}
"""Sizes of a model; wide enough for blocks of 32 numbers."""


def small_model(architecture: str, **changes: Any):
    """A random model of an architecture of GGUF, in float32."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    own = {
        "llama": {"model_type": "llama", "rope_theta": 50_000.0},
        "qwen2": {"model_type": "qwen2", "rope_theta": 1e6},
        "qwen3": {"model_type": "qwen3", "head_dim": 32},
        "gemma2": {
            "model_type": "gemma2",
            "head_dim": 32,
            "query_pre_attn_scalar": 32,
            "sliding_window": 8,
            "attn_logit_softcapping": 20.0,
            "final_logit_softcapping": 10.0,
        },
        "gemma3": {
            "model_type": "gemma3_text",
            "head_dim": 32,
            "query_pre_attn_scalar": 32,
            "sliding_window": 8,
            "num_hidden_layers": 7,
        },
    }[architecture]
    torch.manual_seed(0)
    config = AutoConfig.for_model(**(SMALL | own | changes))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        # Norms and biases begin as constants, and a lost one would not show.
        for weight in model.parameters():
            if weight.ndim == 1:
                weight += 0.3 * torch.randn_like(weight)
            weight.copy_(weight.bfloat16())
    return model.eval()


def write_demo(path: Path, kind: str = "Q8_0") -> None:
    """Write the demonstration `tiny-yue` as a file; its texts are split a little otherwise."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = FIXTURES / "demo/tiny-yue"
    vocabulary = AutoTokenizer.from_pretrained(folder).get_vocab()
    pieces = tuple(sorted(vocabulary, key=vocabulary.__getitem__))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    write_gguf(path, kind=kind, model=model, pieces=pieces)


def write_gguf(
    path: Path,
    architecture: str = "llama",
    kind: str = "F32",
    *,
    model: Any = None,
    change: Callable[[Any, dict[str, np.ndarray]], None] = lambda writer, tensors: None,
    pieces: tuple[str, ...] | None = PIECES,
) -> Any:
    """Write a file with tensors of a kind; return the model that it was made from.

    `change` is given the writer, before anything of the tokenizer is in it, and all tensors.
    """
    model = model or small_model(architecture)
    writer = gguf.GGUFWriter(path, architecture)
    _add_config(writer, model.config, architecture)
    tensors = _tensors(model, architecture)
    change(writer, tensors)
    if pieces is not None:
        _add_tokenizer(writer, pieces)
    for name, values in tensors.items():
        _add_tensor(writer, name, values, kind if values.ndim == 2 else "F32")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _add_config(writer: Any, config: Any, architecture: str) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    if architecture == "llama":
        writer.add_rope_dimension_count(config.head_dim)
        writer.add_vocab_size(config.vocab_size)
    if (
        architecture != "qwen2"
        and config.head_dim * config.num_attention_heads != config.hidden_size
    ):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    if architecture.startswith("gemma"):
        writer.add_sliding_window(config.sliding_window)
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)


def _tensors(model: Any, architecture: str) -> dict[str, np.ndarray]:
    config = model.config
    kind = next(k for k, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    found = {}
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = weight.numpy().copy()
        if architecture == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            key = "num_attention_heads" if "q_proj" in name else "num_key_value_heads"
            values = _permuted(values, getattr(config, key))
        if architecture.startswith("gemma") and name.endswith("norm.weight"):
            values = values + 1
        found[names.get_name(name, try_suffixes=(".weight", ".bias"))] = values
    return found


def _permuted(weights: np.ndarray, heads: int) -> np.ndarray:
    """`LlamaModel.permute` of llama.cpp: halves of a head's positions become neighbours."""
    split = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
    return split.swapaxes(1, 2).reshape(weights.shape)


def _add_tokenizer(writer: Any, pieces: tuple[str, ...]) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores([-float(place) for place in range(len(pieces))])
    writer.add_token_types(
        [CONTROL if p in PIECES[:3] else BYTE if p in BYTES else NORMAL for p in pieces]
    )
    writer.add_bos_token_id(pieces.index("<s>"))
    writer.add_eos_token_id(pieces.index("</s>"))
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)


def _add_tensor(writer: Any, name: str, values: np.ndarray, kind: str) -> None:
    type_ = gguf.GGMLQuantizationType[kind]
    held = gguf.quants.quantize(values, type_)
    writer.add_tensor(name, held, raw_dtype=None if kind in ("F32", "F16") else type_)
