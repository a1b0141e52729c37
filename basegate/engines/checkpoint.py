"""A folder looked at before anything is loaded from it: is it a checkpoint we can load?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from basegate.architectures import ARCHITECTURES
from basegate.errors import CandidateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from basegate.measurement import WeightFormat

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "tekken.json",
    "*.tiktoken",
)
_WEIGHT_FILES = ("*.safetensors", "*.bin")
_READ = ("*.json", "*.model", "*.tiktoken", "*.jinja", "vocab.txt", "merges.txt")


class Loaded(NamedTuple):
    """What an engine was loaded from.

    Attributes:
        folder: the checkpoint.
        files: names of the files that were read.
        weights: their format.
        code: whether Python code of the checkpoint was run.
    """

    folder: Path
    files: tuple[str, ...]
    weights: WeightFormat
    code: bool


def read_config(folder: Path) -> dict[str, Any]:
    """Return the checkpoint's `config.json`.

    Raises:
        CandidateError: the folder is no checkpoint, or its config cannot be read.
    """
    if not folder.is_dir():
        raise CandidateError(
            f"{folder} is not a folder. Give the folder that holds config.json, the tokenizer and "
            f"the weights (*.safetensors), or a hub id."
        )
    path = folder / "config.json"
    if not path.is_file():
        if (folder / "adapter_config.json").is_file():
            raise CandidateError(
                f"{folder} is an adapter (LoRA or the like), not a whole model. Merge it into its "
                f"base model first (peft: `merge_and_unload`, then `save_pretrained`)."
            )
        held = ", ".join(sorted(each.name for each in folder.iterdir())[:5]) or "nothing"
        raise CandidateError(
            f"{folder} is not a checkpoint: it has no config.json (it holds {held}). Give the "
            f"folder that `save_pretrained` or `hf download` wrote."
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CandidateError(f"{path} is not valid JSON ({error}). Fetch it again.") from None
    if not isinstance(config, dict) or "model_type" not in config:
        raise CandidateError(f"{path} names no model_type, so nobody can tell how to load it.")
    return config


def check_files(folder: Path) -> None:
    """Check that a tokenizer and weights are there.

    Raises:
        CandidateError: one of them is missing.
    """
    if not _any(folder, _TOKENIZER_FILES):
        raise CandidateError(
            f"{folder} has no tokenizer (none of {', '.join(_TOKENIZER_FILES)}). Without it no "
            f"text can be given to the model: copy the tokenizer's files of the base model into "
            f"the folder (`tokenizer.save_pretrained`)."
        )
    if not _any(folder, _WEIGHT_FILES):
        raise CandidateError(
            f"{folder} has no weights (none of {', '.join(_WEIGHT_FILES)}). A download may have "
            f"stopped half way: fetch it again."
        )


def check_architecture(config: dict[str, Any], folder: Path) -> None:
    """Check that transformers or `basegate.architectures` knows the model's kind.

    Raises:
        CandidateError: neither does; the checkpoint would need its own Python code.
    """
    from transformers import CONFIG_MAPPING

    kind = config["model_type"]
    if kind in CONFIG_MAPPING or kind in ARCHITECTURES:
        return
    remote = (
        " The checkpoint brings Python code of its own, which is not run: it is a stranger's "
        "program. If you have read it: pin its commit (revision = in models.toml, or "
        "NAME=SOURCE@COMMIT) and name the candidate in --trust-remote-code."
        if has_code(config)
        else ""
    )
    raise CandidateError(
        f"{folder / 'config.json'}: transformers has no class for model_type {kind!r}, so it "
        f"cannot be loaded. Choose a converted checkpoint, or a newer transformers.{remote}"
    )


def has_code(config: dict[str, Any]) -> bool:
    """Whether a config asks for Python code that the checkpoint brings."""
    return bool(config.get("auto_map"))


def check_code(folder: Path) -> None:
    """Refuse code that the pinned commit does not hold: a config may name another repository's.

    Raises:
        CandidateError: one of the files does.
    """
    for name in ("config.json", "tokenizer_config.json"):
        path = folder / name
        if not path.is_file():
            continue
        for place in _texts(json.loads(path.read_text(encoding="utf-8")).get("auto_map")):
            if "--" in place:
                raise CandidateError(
                    f"{path}: auto_map names code of another repository ({place}), which the "
                    f"pinned commit does not pin. It is not run. Choose a checkpoint that brings "
                    f"all of its code."
                )


def _texts(value: Any) -> Iterator[str]:
    """Give every text within lists and tables."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def files_read(folder: Path, weights: Sequence[str], code: bool) -> tuple[str, ...]:
    """Return the files that a checkpoint is loaded from: config, tokenizer, weights, and code."""
    patterns = [*_READ, *(["*.py"] if code else [])]
    small = {path.name for pattern in patterns for path in folder.glob(pattern)}
    return tuple(sorted({*small, *weights}))


def context_length(config: dict[str, Any]) -> int | None:
    """Return the longest input that the config allows, or `None` where it does not say."""
    for key in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        value = config.get(key) or (config.get("text_config") or {}).get(key)
        if isinstance(value, int) and value > 0:
            return value
    return None


def vocabulary_size(config: dict[str, Any]) -> int | None:
    """Return how many ids the model knows, or `None` where the config does not say."""
    value = config.get("vocab_size") or (config.get("text_config") or {}).get("vocab_size")
    return value if isinstance(value, int) else None


def _any(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(True for pattern in patterns for _ in folder.glob(pattern))
