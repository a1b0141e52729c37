"""A GGUF file's metadata as the config of the transformers class that computes the same.

Most of it is transformers' own mapping of names. What that leaves out changes numbers without a
word (the length of a head, scaled positions, soft caps, the scale of Gemma's queries), so every key
of the architecture is either understood here or refused by name. What llama.cpp's code knows of an
architecture and no file says is added. Architectures whose results were compared with those of
the model that a file was made from are read, and no others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from basegate.engines.checkpoints.generation_config import beyond_vocabulary
from basegate.engines.gguf.header import Header, Tensor
from basegate.errors import CandidateError

EMBEDDINGS = "token_embd.weight"
HEAD = "output.weight"
ROPE_FACTORS = "rope_freqs.weight"
"""What Llama 3.1 divides the frequencies of its positions by: no weight, but its config."""
_NEEDED = (
    "context_length",
    "block_count",
    "embedding_length",
    "feed_forward_length",
    "attention.head_count",
    "attention.layer_norm_rms_epsilon",
)
_UNDERSTOOD = {
    "attention.key_length",
    "attention.value_length",
    "attention.causal",
    "rope.dimension_count",
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "expert_count",
}
"""Keys that are read here, beside those of transformers' mapping."""
_IDS = ("tokenizer.ggml.eos_token_id", "tokenizer.ggml.padding_token_id")
"""Of special tokens that a model is built or asked with."""
_THETA = 10_000.0
"""llama.cpp's, where a file names none."""


class _Family(NamedTuple):
    """What is particular to an architecture."""

    model_type: str
    keys: Mapping[str, str] = {}
    more: Callable[[dict[str, Any]], dict[str, Any]] = lambda config: {}


def _gemma_scale(largest: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The scale of queries: of the head, but in the largest size, of that many layers."""

    def scale(config: dict[str, Any]) -> dict[str, Any]:
        by_width = config["hidden_size"] // config["num_attention_heads"]
        whole = config["num_hidden_layers"] == largest
        return {"query_pre_attn_scalar": by_width if whole else config["head_dim"]}

    return scale


_CAPS = {
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping",
}
FAMILIES = {
    "llama": _Family("llama"),
    "qwen2": _Family("qwen2"),
    "qwen3": _Family("qwen3"),
    "gemma2": _Family("gemma2", _CAPS, _gemma_scale(46)),
    "gemma3": _Family(
        "gemma3_text", {**_CAPS, "rope.freq_base_swa": "rope_local_base_freq"}, _gemma_scale(62)
    ),
}


def config_of(header: Header, factors: Callable[[Tensor], np.ndarray]) -> dict[str, Any]:
    """The values of `config.json`; `factors` reads a small tensor.

    Raises:
        CandidateError: of an architecture that is not read, with a key that is not understood, or
            with a special token's id beyond its vocabulary.
    """
    from transformers.modeling_gguf_pytorch_utils import GGUF_TO_TRANSFORMERS_MAPPING

    name, place = header.architecture, header.paths[0]
    family = FAMILIES.get(name)
    if family is None:
        raise CandidateError(
            f"{place} is of architecture {name!r}. GGUF files are read of {', '.join(FAMILIES)}, "
            "each of which was compared with the model that it was made from; transformers would "
            "guess at others. Take the checkpoint that it was made from, in safetensors."
        )
    names: Any = GGUF_TO_TRANSFORMERS_MAPPING["config"]
    own = {**{k: v for k, v in names[name].items() if v is not None}, **family.keys}
    given = _own_keys(header)
    _check_understood(header, given, own)
    config = {own[key]: value for key, value in given.items() if key in own}
    for key, meant in names["tokenizer"].items():
        config[meant] = header.metadata.get(f"tokenizer.{key}")
    tensors = {tensor.name: tensor for tensor in header.tensors}
    config |= {
        "model_type": family.model_type,
        "head_dim": _head_dim(header, given),
        "num_key_value_heads": given.get("attention.head_count_kv", given["attention.head_count"]),
        "rope_theta": given.get("rope.freq_base", _THETA),
        "rope_scaling": _scaling(header, given),
        "tie_word_embeddings": HEAD not in tensors,
        "dtype": "bfloat16",
    }
    if EMBEDDINGS in tensors:
        size = config["vocab_size"] = tensors[EMBEDDINGS].shape[0]
        for key in _IDS:
            if isinstance(found := header.metadata.get(key), int) and found >= size:
                raise beyond_vocabulary(place, key, found, size)
    if ROPE_FACTORS in tensors:
        config["rope_scaling"] = _llama3(header, config, factors(tensors[ROPE_FACTORS]))
    return config | family.more(config)


def _own_keys(header: Header) -> dict[str, Any]:
    """The metadata of the architecture, without its name before each key."""
    prefix = f"{header.architecture}."
    given = {
        key.removeprefix(prefix): value
        for key, value in header.metadata.items()
        if key.startswith(prefix)
    }
    for key in _NEEDED:
        if not isinstance(given.get(key), int | float):
            raise CandidateError(
                f"{header.paths[0]} does not say {prefix}{key}, or not as one number. Without it "
                "the model would be built of another size. Convert it again with a newer "
                "llama.cpp."
            )
    return given


def _check_understood(header: Header, given: dict[str, Any], own: Mapping[str, str]) -> None:
    for key, value in given.items():
        if key in own or (key in _UNDERSTOOD and not (key == "expert_count" and value)):
            continue
        raise _refused(header, key, value, "is not understood")


def _refused(header: Header, key: str, value: Any, why: str) -> CandidateError:
    return CandidateError(
        f"{header.paths[0]}: {header.architecture}.{key} = {value!r} {why}, and without it the "
        "numbers would be those of another model. Take the checkpoint that the file was made from, "
        "in safetensors."
    )


def _head_dim(header: Header, given: dict[str, Any]) -> int:
    by_width = given["embedding_length"] // given["attention.head_count"]
    size = int(given.get("attention.key_length", by_width))
    for key in ("attention.value_length", "rope.dimension_count"):
        if given.get(key, size) != size:
            raise _refused(header, key, given[key], f"differs from the length of a head ({size})")
    return size


def _scaling(header: Header, given: dict[str, Any]) -> dict[str, Any] | None:
    """Positions divided by a factor, as of long contexts; `None` where they are not."""
    kind = given.get("rope.scaling.type", "none")
    if kind == "none":
        return None
    if kind != "linear" or "rope.scaling.factor" not in given:
        raise _refused(header, "rope.scaling.type", kind, "is not understood")
    return {"rope_type": "linear", "factor": given["rope.scaling.factor"]}


def _llama3(header: Header, config: dict[str, Any], factors: np.ndarray) -> dict[str, Any]:
    """The settings of Llama 3.1 and later from which the file's factors follow."""
    settings = {
        "rope_type": "llama3",
        "factor": round(float(factors.max()), 4),
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    expected = _llama3_factors(config["head_dim"], config["rope_theta"], settings)
    if factors.shape != expected.shape or not np.allclose(factors, expected, rtol=1e-4):
        raise CandidateError(
            f"{header.paths[0]}: {ROPE_FACTORS} divides the frequencies of positions in another "
            "way than Llama 3.1, and nothing else in the file says how. Take the checkpoint that "
            "it was made from, in safetensors."
        )
    return settings


def _llama3_factors(head_dim: int, theta: float, settings: Mapping[str, Any]) -> np.ndarray:
    """What llama.cpp's converter writes for settings: 1 for high frequencies, `factor` for low.

    Between them 1 / ((1 - s) / factor + s), s rising from 0 to 1 with the frequency.
    """
    frequencies = theta ** -(np.arange(0, head_dim, 2) / head_dim)
    turns = settings["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    low, high = settings["low_freq_factor"], settings["high_freq_factor"]
    share = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return np.asarray(1 / ((1 - share) / settings["factor"] + share))
