"""From a folder or hub id to an engine: weights through transformers, quantised as they load."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from basegate.engines.checkpoint import (
    check_architecture,
    check_files,
    context_length,
    read_config,
)
from basegate.engines.local import TransformersEngine
from basegate.environment import resolve_device
from basegate.errors import CandidateError, UsageError
from basegate.hub import COMMIT, download_model, resolve_commit

# Its notes on absent kernels and on casts come once per layer and token.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def load_candidate(
    source: str,
    *,
    name: str | None = None,
    quantization: str = "nf4",
    dtype: str | None = None,
    device: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> TransformersEngine:
    """Load a base model and its tokenizer.

    Args:
        source: a local folder or a hub id.
        name: what to call it in messages; the source by default.
        quantization: `nf4`, `fp4`, `int8` or `none`.
        dtype: `bfloat16` (the default), `float16` or `float32`, for the computation and for
            weights that are not quantised.
        device: `auto`, `cuda` or `cpu`.
        revision: branch, tag or commit of a hub id.
        trust_remote_code: run Python code that the checkpoint brings; needs a full commit as
            `revision`, so that the code is the one that was looked at.

    Raises:
        CandidateError: it cannot be found or loaded; the message says what to do.
        UsageError: the arguments do not go together.
    """
    if trust_remote_code and not (revision and COMMIT.fullmatch(revision)):
        raise UsageError(
            "trust_remote_code needs revision = a full commit: code that may change tomorrow "
            "cannot be trusted today."
        )
    folder = Path(source).expanduser()
    if not folder.exists():
        folder = download_model(source, resolve_commit("model", source, revision))
    config = read_config(folder)
    if not trust_remote_code:
        check_architecture(config, folder)
    check_files(folder)
    kind = resolve_device(device)
    label = name or source
    with _quiet():
        tokenizer = _load_tokenizer(folder, trust_remote_code)
        model = _load_model(folder, quantization, dtype or "bfloat16", kind, trust_remote_code)
    return TransformersEngine(label, model, tokenizer, context_length(config))


def quantization_config(quantization: str, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """Return how bitsandbytes holds the weights; `None` for `none`.

    `nf4` and `fp4`: 4 bits, double quantisation. `int8`: LLM.int8().
    """
    if quantization == "none":
        return None
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


class _quiet:
    """Keep transformers' bars and notes off the terminal while loading."""

    def __enter__(self) -> None:
        self.level = transformers.logging.get_verbosity()
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        transformers.logging.set_verbosity(self.level)
        transformers.logging.enable_progress_bar()


def _load_tokenizer(folder: Path, trust_remote_code: bool) -> Any:
    try:
        return AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=trust_remote_code, local_files_only=True
        )
    except Exception as error:
        raise CandidateError(
            f"{folder}: its tokenizer could not be loaded ({_summary(error)}). Check the "
            f"tokenizer's files, or fetch them again."
        ) from error


def _load_model(
    folder: Path, quantization: str, dtype: str, kind: str, trust_remote_code: bool
) -> Any:
    number_type: torch.dtype = getattr(torch, dtype)
    loaded: Any
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            str(folder),
            quantization_config=quantization_config(quantization, number_type),
            dtype=number_type,
            device_map="auto" if kind == "cuda" else {"": "cpu"},
            trust_remote_code=trust_remote_code,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:
        raise CandidateError(f"{folder}: {_why_not_loaded(error)}") from error
    model, info = loaded
    _check_complete(folder, info)
    _check_placed(folder, model, kind)
    return model.eval()


def _why_not_loaded(error: Exception) -> str:
    """Say what kept the weights from loading, and what to do."""
    if "ignore_mismatched_sizes" in str(error):
        return (
            "config.json does not fit the weights: some have other shapes than it says. The files "
            "are of different models: fetch the checkpoint again."
        )
    if type(error).__name__ == "SafetensorError":
        return f"a file of weights is damaged ({_summary(error)}). Fetch the checkpoint again."
    return (
        f"its weights could not be loaded ({_summary(error)}). Check that the checkpoint is whole "
        f"and that transformers {transformers.__version__} knows its kind."
    )


def _check_complete(folder: Path, info: dict[str, Any]) -> None:
    """Refuse a model some of whose weights were not in the files: they would be random."""
    missing = sorted(map(str, [*info.get("missing_keys", ()), *info.get("mismatched_keys", ())]))
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise CandidateError(
            f"{folder}: the files lack weights that the model needs ({', '.join(missing[:3])}"
            f"{more}); they would be random numbers. Fetch the checkpoint again."
        )


def _check_placed(folder: Path, model: Any, kind: str) -> None:
    """Refuse a model of which a part landed beside the GPUs: its numbers would take days."""
    places = set(map(str, (getattr(model, "hf_device_map", None) or {}).values()))
    if kind == "cuda" and places & {"cpu", "disk"}:
        raise CandidateError(
            f"{folder}: the model does not fit into the memory of the GPUs here. Use a larger "
            f"GPU, or a smaller --quantization."
        )


def _summary(error: Exception) -> str:
    """Return the first sentence of an error that a library wrote, without its advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    return f"{type(error).__name__}: {text[:200]}"
