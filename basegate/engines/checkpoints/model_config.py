"""How a checkpoint is loaded: options, `config.json` as transformers reads it, model class."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from basegate.engines.architectures import find, prepare
from basegate.engines.checkpoints.file_reading import readable
from basegate.engines.devices import compute_dtype
from basegate.errors import CandidateError
from basegate.i18n.messages import Message

_QUANTISING = "quantization_config"
_POSITIONS = ("rope_parameters", "rope_scaling", "rope_theta")
_IN, _OUT = 64, 32
"""On the CPU bitsandbytes reads four-bit layers in blocks of so many numbers and rows."""


class LoadOptions(NamedTuple):
    """How to load a model."""

    quantization: str  # `nf4`, `fp4`, `int8` or `none`
    dtype: str  # of the computation and of what is not quantised
    device: str  # `cuda` or `cpu`
    trusted: bool = False  # whether the checkpoint's own Python code may run

    @property
    def compute(self) -> str:
        """The dtype that it computes in."""
        return compute_dtype(self.quantization, self.dtype, self.device)


def model_config(folder: Path, config: Mapping[str, Any], trusted: bool = False) -> Any:
    """The transformers config that a checkpoint is loaded with.

    Raises:
        CandidateError: the config asks for what nobody can build.
    """
    from transformers import AutoConfig

    if not trusted and (family := find(config)) is not None:
        return prepare(family, config, folder)
    try:
        with readable(folder) as clean:
            native = AutoConfig.from_pretrained(
                str(clean), trust_remote_code=trusted, local_files_only=True
            )
    # What a contradiction in a config leads to is anything, from KeyError to RuntimeError.
    except Exception as error:
        raise _unusable(folder, error) from error
    # How to compute and what to return is the gate's own choice. What a config has kept of another
    # machine (flash_attention_2, say) may be absent here, or be fetched from elsewhere.
    native._attn_implementation = native._experts_implementation = None
    native.return_dict = True
    if getattr(native, _QUANTISING, None) is not None:
        delattr(native, _QUANTISING)  # see `note_on_quantization`
    _check_positions(folder, config, native)
    return native


def note_on_quantization(config: Mapping[str, Any]) -> tuple[Message, ...]:
    """A note where a config has kept how weights were quantised for training, which is not done."""
    if not config.get(_QUANTISING):
        return ()
    note = Message(
        "config.json asks for quantisation while loading ({key}, as QLoRA leaves it), and its "
        "weights are whole: they are quantised as this run asks, like any others.",
        key=_QUANTISING,
    )
    return (note,)


def _check_positions(folder: Path, config: Mapping[str, Any], native: Any) -> None:
    """Refuse a config that says twice how positions are encoded, and not the same.

    transformers 5 writes `rope_parameters`, and still reads `rope_theta` and `rope_scaling`; of two
    it takes one, unsaid, and what only the other has is lost.
    """
    nested = config.get("text_config")
    for table in (config, nested if isinstance(nested, dict) else {}):
        made = getattr(native.get_text_config(), "rope_parameters", None) or {}
        told = {key: table[key] for key in _POSITIONS if table.get(key)}
        if "rope_parameters" not in told or len(told) < 2:
            continue
        for key, each in told.items():
            for name, value in (each if isinstance(each, dict) else {key: each}).items():
                # Of each kind of layer there may be a table, which transformers adds to.
                as_made = isinstance(value, dict) or made.get(name, value) == value
                if name != "type" and not as_made:
                    raise CandidateError(
                        f"{folder / 'config.json'}: {key} says {name} = {value}, and another key "
                        f"for positions makes it {made[name]}. Say it once, in rope_parameters, "
                        "and take rope_theta and rope_scaling out."
                    )


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

    alone = not getattr(native, "is_encoder_decoder", False)
    if alone and type(native) in MODEL_FOR_CAUSAL_LM_MAPPING:
        return AutoModelForCausalLM
    if alone and type(native) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
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

    made = model_class(folder, native)
    try:
        with torch.device("meta"):
            # A copy: building a model writes its dtype and kind of attention into the config.
            return made.from_config(copy.deepcopy(native), dtype=getattr(torch, dtype))
    # As above: each family's code meets a contradiction in its own way.
    except Exception as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: Exception) -> CandidateError:
    return CandidateError(
        f"{folder / 'config.json'}: no model can be built from it ({type(error).__name__}: "
        f"{' '.join(str(error).split())[:300]}). Check the option named there, fetch the "
        "checkpoint again, or try a newer transformers."
    )


def quantization_config(options: LoadOptions, model: Any) -> Any:
    """The config of bitsandbytes for an `empty_model`; `None` where nothing is quantised.

    `nf4` and `fp4`: 4 bits, double quantisation. `int8`: LLM.int8(). The LM head stays in `dtype`,
    and so do layers that the CPU could not compute with; `model` is `None` where nobody knows them.
    """
    if options.quantization == "none":
        return None
    _import_bitsandbytes()
    import torch
    from transformers import BitsAndBytesConfig

    if options.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    on_cpu = model is not None and options.device == "cpu"
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=options.quantization,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, options.dtype),
        llm_int8_skip_modules=_layers_left_out(model) if on_cpu else None,
    )


def _import_bitsandbytes() -> None:
    """Import it without torch's compiler, which takes twenty times as long as itself.

    What it would compile, a CPU and a GPU have kernels for, or only training needs.
    """
    key = "TORCHDYNAMO_DISABLE"
    before = os.environ.get(key)
    os.environ[key] = "1"
    try:
        import bitsandbytes  # noqa: F401
    finally:
        del os.environ[key]
        if before is not None:
            os.environ[key] = before


def _layers_left_out(model: Any) -> list[str] | None:
    """Layers that stay unquantised because the CPU could not compute with them, if there is any.

    Falcon-H1's projections into its state have odd numbers of rows, for one. What transformers
    leaves out by itself is in the list, too, since naming some replaces that.
    """
    import torch
    from transformers.quantizers.base import get_keys_to_not_convert

    own = set(get_keys_to_not_convert(model))
    odd = {
        name
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear)
        and (layer.in_features % _IN or layer.out_features % _OUT)
    }
    return sorted(odd | own) if odd - own else None
