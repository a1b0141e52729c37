"""`config.json` as a configuration of transformers, and the class that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from basegate.engines.architectures import find, prepare
from basegate.errors import CandidateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def model_config(folder: Path, config: Mapping[str, Any], trusted: bool = False) -> Any:
    """The transformers config that a checkpoint is loaded with.

    Raises:
        CandidateError: the config asks for what nobody can build.
    """
    from transformers import AutoConfig

    if not trusted and (family := find(config)) is not None:
        return prepare(family, config, folder)
    try:
        native = AutoConfig.from_pretrained(
            str(folder), trust_remote_code=trusted, local_files_only=True
        )
    # What a contradiction in a config leads to is anything, from KeyError to RuntimeError.
    except Exception as error:
        raise _unusable(folder, error) from error
    # How to compute and what to return is the gate's own choice. What a config has kept of another
    # machine (flash_attention_2, say) may be absent here, or be fetched from elsewhere.
    native._attn_implementation = native._experts_implementation = None
    native.return_dict = True
    return native


def model_class(folder: Path, native: Any, trusted: bool = False) -> Any:
    """The auto class for a config. Models made for images, too, come as what they are.

    Raises:
        CandidateError: there is none that writes text, as for a model that only classifies.
    """
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
    )

    if type(native) in MODEL_FOR_CAUSAL_LM_MAPPING:
        return AutoModelForCausalLM
    if type(native) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return AutoModelForImageTextToText
    if trusted:
        return AutoModelForCausalLM
    raise CandidateError(
        f"{folder / 'config.json'}: a model of model_type {native.model_type!r} does not write "
        "text from left to right, which every check needs. Choose a causal language model."
    )


def empty_model(folder: Path, native: Any, dtype: str) -> Any:
    """The model of a config without its weights (on `meta`): it takes no memory.

    Raises:
        CandidateError: the config contradicts itself.
    """
    import copy

    import torch

    try:
        with torch.device("meta"):
            # A copy: building a model writes its dtype and kind of attention into the config.
            return model_class(folder, native).from_config(
                copy.deepcopy(native), dtype=getattr(torch, dtype)
            )
    except CandidateError:
        raise
    # As above: each family's code meets a contradiction in its own way.
    except Exception as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: Exception) -> CandidateError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return CandidateError(
        f"{folder / 'config.json'}: no model can be built from it ({type(error).__name__}: "
        f"{' '.join(lines)[:300]}). Check the option named there, fetch the checkpoint again, or "
        "try a newer transformers."
    )
