"""Untrusted checkpoint metadata: small files, checked before any library reads them.

What stands in them was written by a stranger. Whatever would lead out of the checkpoint's folder,
round the checks of its weights, or to another program is refused here, by file and name.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from basegate.data.fingerprint import CHECKPOINT_FILES
from basegate.engines.checkpoints.file_reading import (
    check_file,
    damaged,
    items,
    read_json,
    unreadable,
    within,
)
from basegate.engines.checkpoints.other_formats import instead
from basegate.errors import CandidateError
from basegate.i18n.messages import joined

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""The names that weights are loaded under, the preferred one first; of shards, with `INDEX`."""
INDEX = ".index.json"
_MOST = 4096
"""Layers, or experts of a layer, that a config may ask for."""
_OF_ROWS = {"doge"}
"""By `model_type`, whose experts are rows of a table: thousands are no more layers."""
_COUNT = re.compile(r"(num|n)_(\w+_)?(layers?|experts)|depth")
_KERNEL = re.compile(r"_?(attn|experts)_implementation(_internal)?")
_DISTRIBUTED = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors")
"""Beside any weights, transformers loads files of such names instead."""
_QUANTISED = (
    "weights that its owner has quantised. Choose the checkpoint in 16 or 32 bits; if this is it, "
    "take the key out, which was left over"
)
_REFUSED = {
    "transformers_weights": "weights under a name of its own. Call them model.safetensors, "
    "and take the key out",
    "configuration_files": "other configs to be read instead. Make the right one config.json, and "
    "take the key out",
    "quantization_config": _QUANTISED,
    "compression_config": _QUANTISED,
}
"""Keys of `config.json` at any depth that lead round a check, or would measure another model than
the one that is recorded; and what they ask for."""
_CLASSIFIER = re.compile(
    r"\w*(For(\w*Classification|QuestionAnswering|MultipleChoice|Score|Regression)|Reward\w*)"
)
_FILLS_GAPS = re.compile(r"\w*(ForMaskedLM|ForPreTraining)")
_NOT_LOADED = re.compile(r"\..*|(?!(pytorch_)?model[.-]).*\.(safetensors|bin)")
"""Weights under other names, and what macOS writes beside each file (`._config.json`)."""
OUTSIDE = "So the gate could be made to read any file of this machine"

Ids = int | list[int] | None
Length = Annotated[int, Field(gt=0)] | None


class _Open(BaseModel, strict=True):
    """A table of which some keys are known; strict about types."""


class _Lengths(_Open):
    """What configs call the longest input."""

    max_position_embeddings: Length = None
    n_positions: Length = None
    max_sequence_length: Length = None
    seq_length: Length = None
    max_seq_len: Length = None


CONTEXT = tuple(_Lengths.model_fields)


class _Config(_Lengths):
    model_type: Annotated[str, Field(min_length=1)]
    auto_map: dict[str, Any] | None = None
    eos_token_id: Ids = None
    text_config: Annotated[
        _Lengths | None, BeforeValidator(lambda table: table if isinstance(table, dict) else None)
    ] = None


class _GenerationConfig(_Open):
    eos_token_id: Ids = None


class _TokenizerConfig(_Open):
    auto_map: dict[str, Any] | list[Any] | None = None
    fast_tokenizer_files: list[str] = []


class _Index(_Open):
    weight_map: Annotated[dict[str, str], Field(min_length=1)]


_RULES: dict[str, type[_Open]] = {
    "config.json": _Config,
    "tokenizer_config.json": _TokenizerConfig,
    "generation_config.json": _GenerationConfig,
}
CODE_FILES = (*_RULES, "processor_config.json", "preprocessor_config.json")
"""Where a checkpoint may name Python code of its own."""


def read_config(folder: Path) -> dict[str, Any]:
    """A checkpoint's `config.json`, once all of its small files have been checked.

    Raises:
        CandidateError: the folder is no checkpoint, or one of them is damaged or asks for what
            is not done; names the file and what it says.
    """
    _check_folder(folder)
    read = {
        name: _read(folder / name, rules)
        for name, rules in _RULES.items()
        if name == "config.json" or (folder / name).exists()
    }
    _check_config(folder / "config.json", read["config.json"])
    _check_trained_to_write(folder / "config.json", read["config.json"])
    for name in read.get("tokenizer_config.json", {}).get("fast_tokenizer_files", ()):
        if not is_plain(name):
            raise CandidateError(
                f"{folder / 'tokenizer_config.json'}: fast_tokenizer_files names {name!r}, outside "
                f"the folder. {OUTSIDE}: do not use this checkpoint, or take the line out."
            )
    for name in WEIGHTS:
        if (folder / f"{name}{INDEX}").exists():
            read_index(folder / f"{name}{INDEX}")
    return read["config.json"]


def _check_folder(folder: Path) -> None:
    """Refuse what is no checkpoint, or holds files that would be loaded unasked."""
    try:
        if not folder.is_dir():
            raise CandidateError(
                f"{folder} is not a folder. Give the folder that holds config.json, or a hub id."
            )
        held = sorted(folder.iterdir())
        safe = any(folder.glob(f"{WEIGHTS[0]}*"))
        for path in held:
            unused = _NOT_LOADED.fullmatch(path.name) or (safe and path.suffix == ".bin")
            if any(map(path.match, CHECKPOINT_FILES)) and path.is_file() and not unused:
                check_file(path)
    except OSError as error:
        raise unreadable(folder, error) from None
    names = [path.name for path in held]
    if "adapter_config.json" in names:
        raise CandidateError(
            f"{folder} holds an adapter (LoRA or the like), which would be applied only where peft "
            "is installed. Merge it into its base model (peft: `merge_and_unload`, then "
            "`save_pretrained`), or take its files out of the folder."
        )
    if "config.json" not in names:
        raise CandidateError(
            f"{folder} is not a checkpoint: it has no config.json (it holds "
            f"{joined(names[:5]) or 'nothing'}). {instead(folder, 'config.json')}Give the folder "
            "that `save_pretrained` or `hf download` wrote."
        )
    for name in filter(_DISTRIBUTED.fullmatch, names):
        raise CandidateError(
            f"{folder / name} is part of a distributed checkpoint, which would be loaded unchecked "
            "instead of model.safetensors. Save the model with `save_pretrained`."
        )


def _read(path: Path, rules: type[_Open]) -> dict[str, Any]:
    found = read_json(path)
    try:
        rules.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        within = 2 if first["loc"][0] == "text_config" else 1
        key = ".".join(map(str, first["loc"][:within]))
        if first["type"] == "missing":
            raise CandidateError(
                f"{path} has no {key}, so it is not of transformers, or was written by hand. "
                f"{instead(path.parent, path.name)}Give the checkpoint that was saved for "
                f"transformers, with its own {path.name}."
            ) from None
        raise CandidateError(
            f"{path}: {key} is {_short(first['input'])} ({first['msg']}). Correct it, or fetch the "
            "checkpoint again."
        ) from None
    return found


def _check_config(path: Path, config: dict[str, Any]) -> None:
    left = config.get("quantization_config") if _quantised_while_loading(path, config) else None
    for key, value in items(config):
        if key in _REFUSED and value is not None and value is not left:
            raise CandidateError(f"{path}: {key} asks for {_REFUSED[key]}.")
        if _KERNEL.fullmatch(key) and "/" in json.dumps(value):
            raise CandidateError(
                f"{path}: {key} = {_short(value)} asks for compiled code of another repository, "
                "which is not run. Take the line out: the gate chooses by itself."
            )
        counted = _COUNT.fullmatch(key) and not (
            "experts" in key and config["model_type"] in _OF_ROWS
        )
        if counted and isinstance(value, int) and value > _MOST:
            raise damaged(path, f": {key} is {value}, and no model has more than {_MOST}")


def _quantised_while_loading(path: Path, config: dict[str, Any]) -> bool:
    """Whether a folder's config has kept how it was trained (QLoRA), which says nothing of weights.

    Of bitsandbytes alone: weights that it has quantised are no floats, and refused as such.
    """
    asked = config.get("quantization_config")
    bits = isinstance(asked, dict) and asked.get("quant_method") == "bitsandbytes"
    return bits and any(path.with_name(name).is_file() for name in _weights_or_index())


def _weights_or_index() -> list[str]:
    return [f"{name}{end}" for name in WEIGHTS for end in ("", INDEX)]


def _check_trained_to_write(path: Path, config: dict[str, Any]) -> None:
    """Refuse a model that was trained to judge texts: what it writes, nobody has trained."""
    named = config.get("architectures")
    kinds = [each for each in named if isinstance(each, str)] if isinstance(named, list) else []
    if kinds and all(map(_CLASSIFIER.fullmatch, kinds)):
        raise CandidateError(
            f"{path}: architectures names {joined(kinds)}, a reward or classification model: a "
            "head that judges texts was trained, and its language head, if there is one, is left "
            "over from the model that it was made from. Choose that model, or correct "
            "architectures where it does write text."
        )
    if kinds and all(map(_FILLS_GAPS.fullmatch, kinds)):
        raise CandidateError(
            f"{path}: architectures names {joined(kinds)}: it was trained to fill gaps, and sees "
            "the words after each, so that a text's probability means nothing. Choose a causal "
            "language model."
        )


def code_places(folder: Path) -> list[tuple[Path, str]]:
    """The files that ask for Python code of the checkpoint's own, and where that is."""
    return [
        (folder / name, place)
        for name in CODE_FILES
        if (folder / name).is_file()
        for key, value in items(read_json(folder / name))
        if key == "auto_map"
        for _, place in within(value)
        if isinstance(place, str)
    ]


def tokenizer_advice(folder: Path, trusted: bool, error: Exception) -> str:
    """What to do about a tokenizer that cannot be loaded."""
    if not trusted and "tokenizer_config.json" in [path.name for path, _ in code_places(folder)]:
        return (
            "It is Python code of the checkpoint's own, which is not run. Choose a converted "
            "checkpoint, or read the code, pin its commit and name the candidate in "
            "--trust-remote-code."
        )
    if not (folder / "tokenizer.json").is_file() and find_spec("sentencepiece") is None:
        return (
            "Without tokenizer.json it takes SentencePiece: `pip install sentencepiece protobuf`."
        )
    if "untagged enum" in str(error):
        return (
            "It is damaged, or was written by a newer version of tokenizers than the "
            f"{version('tokenizers')} here: `pip install -U tokenizers transformers`."
        )
    return "Check the tokenizer's files, or fetch them again."


def check_code(folder: Path) -> None:
    """Refuse code that the pinned commit does not hold: a config may name another repository's."""
    for path, place in code_places(folder):
        if "--" in place:
            raise CandidateError(
                f"{path}: auto_map names code of another repository ({place}), which no commit "
                "pins. It is not run. Choose a checkpoint that brings all of its code."
            )


def read_index(path: Path) -> dict[str, str]:
    """By tensor, the file that an index names.

    Raises:
        CandidateError: it is damaged, or names a file that is not directly in its folder.
    """
    try:
        places = _Index.model_validate(read_json(path)).weight_map
    except ValidationError:
        what = " is no index of weights (a weight_map of tensors and files)"
        raise damaged(path, what) from None
    for tensor, name in places.items():
        if not is_plain(name):
            raise CandidateError(
                f"{path} says that {tensor} is in {name!r}, which is no file beside it. {OUTSIDE}"
                ": do not use this checkpoint, or put the file itself beside the index."
            )
    return places


def is_plain(name: str) -> bool:
    """Whether a name is that of a file directly in the folder, on any system."""
    return name not in ("", ".", "..") and not re.search(r"[/\\:\0]", name)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
