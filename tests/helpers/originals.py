"""Small checkpoints and tokenizer files in the original formats of Qwen and ChatGLM."""

from __future__ import annotations

import base64
import json
import shutil
import struct
from typing import TYPE_CHECKING

import pytest

from basegate.errors import CandidateError
from tests.helpers.checkpoints import BYTES, CHARACTERS
from tests.helpers.paths import DATA

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = DATA / "reference"
"""Random weights in the original formats, with the logits that the original code computes."""

KINDS = {"qwen": "qwen-7b-tiny", "chatglm": "chatglm3-6b-tiny"}
SMALLER = {
    "qwen": {"hidden_size": 64, "kv_channels": 32, "num_attention_heads": 2, "seq_length": 128,
             "intermediate_size": 256, "num_hidden_layers": 2},
    "chatglm": {"hidden_size": 64, "kv_channels": 32, "num_attention_heads": 2, "seq_length": 128,
                "multi_query_group_num": 1, "ffn_hidden_size": 128, "num_layers": 2},
}  # fmt: skip
VOCABULARY = {"qwen": "vocab_size", "chatglm": "padded_vocab_size"}


def copy_reference(name: str, folder: Path, *, tokenizer: bool = True) -> Path:
    """Copy a reference checkpoint, with a small tokenizer of its format, and return the folder."""
    shutil.copytree(REFERENCE / name, folder)
    (folder / "expected_logits.safetensors").unlink()
    if tokenizer:
        write_tokenizer(folder, read_json(folder / "config.json")["model_type"])
    return folder


def make_original(folder: Path, kind: str, vocabulary: int) -> Path:
    """Write a small random checkpoint with the original names and return the folder."""
    import torch
    from safetensors.torch import save_file

    from basegate.engines.architectures import ARCHITECTURES

    config = read_json(REFERENCE / KINDS[kind] / "config.json")
    config |= {**SMALLER[kind], VOCABULARY[kind]: vocabulary}
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config)
    native = ARCHITECTURES[kind].native_config(config, folder)
    shapes = (_qwen_shapes if kind == "qwen" else _chatglm_shapes)(native)
    torch.manual_seed(0)
    weights = {
        name: (torch.randn(shape) * 0.2).to(torch.bfloat16) for name, shape in shapes.items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _qwen_shapes(native) -> dict[str, tuple[int, ...]]:
    width, inner = native.hidden_size, native.intermediate_size
    layer = {
        "ln_1.weight": (width,),
        "attn.c_attn.weight": (3 * width, width),
        "attn.c_attn.bias": (3 * width,),
        "attn.c_proj.weight": (width, width),
        "ln_2.weight": (width,),
        "mlp.w1.weight": (inner, width),
        "mlp.w2.weight": (inner, width),
        "mlp.c_proj.weight": (width, inner),
    }
    layers = range(native.num_hidden_layers)
    return {
        "transformer.wte.weight": (native.vocab_size, width),
        "transformer.ln_f.weight": (width,),
        "lm_head.weight": (native.vocab_size, width),
        **{f"transformer.h.{at}.{name}": shape for at in layers for name, shape in layer.items()},
    }


def _chatglm_shapes(native) -> dict[str, tuple[int, ...]]:
    width, inner = native.hidden_size, native.intermediate_size
    heads, groups = native.num_attention_heads, native.num_key_value_heads
    fused = (heads + 2 * groups) * native.head_dim
    layer = {
        "input_layernorm.weight": (width,),
        "self_attention.query_key_value.weight": (fused, width),
        "self_attention.query_key_value.bias": (fused,),
        "self_attention.dense.weight": (width, heads * native.head_dim),
        "post_attention_layernorm.weight": (width,),
        "mlp.dense_h_to_4h.weight": (2 * inner, width),
        "mlp.dense_4h_to_h.weight": (width, inner),
    }
    layers = range(native.num_hidden_layers)
    return {
        "transformer.embedding.word_embeddings.weight": (native.vocab_size, width),
        "transformer.encoder.final_layernorm.weight": (width,),
        "transformer.output_layer.weight": (native.vocab_size, width),
        **{
            f"transformer.encoder.layers.{at}.{name}": shape
            for at in layers
            for name, shape in layer.items()
        },
    }


def refused_with(kind: str, folder: Path, changed) -> str:
    """Return how a reference checkpoint is refused by its changed config; `...` removes a key."""
    import basegate

    copy_reference(KINDS[kind], folder)
    config = read_json(folder / "config.json") | changed
    config = {key: value for key, value in config.items() if value is not ...}
    write_json(folder / "config.json", config)
    with pytest.raises(CandidateError) as caught:
        basegate.load_candidate(str(folder), device="cpu")
    prefix = f"{folder / 'config.json'}: "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def write_tokenizer(folder: Path, kind: str) -> None:
    if kind == "qwen":
        write_tiktoken(folder)
    else:
        write_sentencepiece(folder)


def write_tiktoken(folder: Path, *more: bytes) -> Path:
    """Write a vocabulary of every byte and some joined ones."""
    tokens = [*(bytes([value]) for value in range(256)), b"th", b"the", b" the", *more]
    lines = [f"{base64.b64encode(token).decode()} {rank}" for rank, token in enumerate(tokens)]
    path = folder / "qwen.tiktoken"
    path.write_text("\n".join(lines) + "\n")
    return path


def write_sentencepiece(
    folder: Path,
    *,
    training: dict[int, int] | None = None,
    normalizing: dict[int, int | bytes] | None = None,
    pieces: list[tuple[str, float, int]] | None = None,
) -> Path:
    """Write a vocabulary of bytes, characters and some joined ones.

    Args:
        folder: where to.
        training: fields of the trainer's settings that differ.
        normalizing: fields of the normaliser's settings that differ.
        pieces: more pieces: text, score and kind.
    """
    joined = ["▁t", "th", "the", "▁▁", "香港"]
    plain = [*dict.fromkeys(CHARACTERS.replace(" ", "▁").replace("\n", "")), "<", "/", ">"]
    held = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    held += [(text, 0.0, 6) for text in BYTES]
    held += [(text, -float(place), 1) for place, text in enumerate([*joined, *plain])]
    data = b"".join(
        _field(1, _field(1, text.encode()) + _field(2, score) + _field(3, kind))
        for text, score, kind in [*held, *(pieces or [])]
    )
    data += _field(2, _fields({3: 2, 35: 1, **(training or {})}))
    data += _field(3, _fields({1: b"identity", 3: 1, 4: 0, 5: 1, **(normalizing or {})}))
    path = folder / "tokenizer.model"
    path.write_bytes(data)
    return path


def read_json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, values) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


def _fields(values) -> bytes:
    return b"".join(_field(number, value) for number, value in values.items())


def _field(number: int, value: int | float | bytes) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(value, bytes):
        return _varint(number << 3 | 2) + _varint(len(value)) + value
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts = [value & 0x7F]
    while value := value >> 7:
        parts[-1] |= 0x80
        parts.append(value & 0x7F)
    return bytes(parts)
