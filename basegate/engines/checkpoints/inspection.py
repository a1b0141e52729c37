"""Check a checkpoint folder before anything is loaded from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from basegate.config.gguf_source import is_gguf
from basegate.engines.architectures import ARCHITECTURES
from basegate.engines.checkpoints.config_files import CONTEXT, code_places, read_config
from basegate.engines.checkpoints.generation_config import ends_by_files
from basegate.engines.checkpoints.other_formats import instead
from basegate.engines.checkpoints.special_tokens import SpecialTokens
from basegate.engines.checkpoints.weight_files import find_weights, read_tensors
from basegate.engines.gguf.header import read_header
from basegate.errors import CandidateError
from basegate.i18n.messages import joined
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
TOKENIZATION = 3
"""How texts become tokens and tokens texts; in the key of what that changes."""
_READ_ANEW = re.compile(rb'"type":\s*"WordPiece"|"dropout":\s*(0?\.0*[1-9]|1\.|\d[.\d]*e)')
_READ = ("*.json", "*.model", "*.tiktoken", "*.jinja", "vocab.txt", "merges.txt")


class LoadedCheckpoint(NamedTuple):
    """What an engine was loaded from."""

    folder: Path
    files: tuple[str, ...]  # names of the files that were read
    weights: WeightFormat
    code: bool  # whether Python code of the checkpoint was run
    notes: tuple[str, ...] = ()  # sentences that whoever reads its numbers should read, too
    quantized_before: str = ""  # see `CandidateFacts`
    of_samples: tuple[str, ...] = ()  # notes for whoever reads its samples


def check_before_loading(folder: Path, architecture: str = "", file: str | None = None) -> None:
    """Refuse what the small files and the headers of the weights alone show to be unusable.

    It takes a moment, however large the weights are, and imports neither torch nor transformers.
    `architecture` is the `model_type` that `models.toml` names, empty for any; for `file` see
    `find_weights`. Of a GGUF file the
    header is read.

    Raises:
        CandidateError: names the file, and what is wrong with it.
    """
    if is_gguf(str(folder)):
        read_header(folder)
        return
    config = read_config(folder)
    check_files(folder)
    _check_named(config, folder, architecture)
    weights = find_weights(folder, file)
    # Reading a .bin file takes torch.
    if weights.format == "safetensors":
        read_tensors(folder, weights)


def check_files(folder: Path) -> None:
    if not any(True for pattern in _TOKENIZER_FILES for _ in folder.glob(pattern)):
        raise CandidateError(
            f"{folder} has no tokenizer (none of {joined(_TOKENIZER_FILES)}). "
            f"{instead(folder, _TOKENIZER_FILES[0])}Copy those of the base model into the folder "
            "(`tokenizer.save_pretrained`)."
        )


def check_architecture(config: dict[str, Any], folder: Path, expected: str = "") -> None:
    """Check that transformers or `basegate.engines.architectures` has a class for the `model_type`.

    Raises:
        CandidateError: neither does, so that the checkpoint would need its own Python code; or it
            is of another kind than expected.
    """
    from transformers import CONFIG_MAPPING

    _check_named(config, folder, expected)
    kind = config["model_type"]
    if kind in CONFIG_MAPPING or kind in ARCHITECTURES:
        return
    remote = (
        " The checkpoint brings Python code of its own, a stranger's program, which is not run. If "
        "you have read it: give its id on the hub, pin its commit (revision = in models.toml, or "
        "NAME=SOURCE@COMMIT) and name the candidate in --trust-remote-code. The code of a folder, "
        "which nothing pins, is never run."
    )
    raise CandidateError(
        f"{folder / 'config.json'}: transformers has no class for model_type {kind!r}. Choose a "
        f"converted checkpoint, or a newer transformers.{remote if code_places(folder) else ''}"
    )


def _check_named(config: dict[str, Any], folder: Path, expected: str) -> None:
    if expected and config["model_type"] != expected:
        raise CandidateError(
            f"{folder / 'config.json'}: its model_type is {config['model_type']!r}, and its entry "
            f"in models.toml says architecture = {expected!r}. Correct source or architecture."
        )


def is_read_anew(folder: Path) -> bool:
    """Whether `TOKENIZATION` has changed the numbers of a checkpoint, by its tokenizer's file.

    WordPiece wrote spaces between Chinese characters, and dropout cut texts at random.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return (folder / "vocab.txt").is_file()  # BERT's
    return _READ_ANEW.search(path.read_bytes()) is not None


def read_otherwise(folder: Path) -> dict[str, Any]:
    """What of a folder's tokens is read otherwise than in earlier versions, for its keys alone.

    `tokenization`: see `is_read_anew`; `words`: those of `read_ordinary_words`; `ends`: the ids
    that end a text, where uniting those of its files made them others.
    """
    if not folder.is_dir():
        return {}
    found: dict[str, Any] = {"tokenization": TOKENIZATION} if is_read_anew(folder) else {}
    tokens = SpecialTokens(folder)
    if words := tokens.ordinary():
        found["words"] = words
    if (ends := ends_by_files(folder, read_config(folder), tokens)) is not None:
        found["ends"] = ends
    return found


def files_read(folder: Path, weights: Sequence[str], code: bool) -> tuple[str, ...]:
    patterns = [*_READ, *(["*.py"] if code else [])]
    small = {path.name for pattern in patterns for path in folder.glob(pattern)}
    return tuple(sorted({*small, *weights}))


def context_length(config: dict[str, Any]) -> int | None:
    """The longest input that the config allows, in tokens; `None` where it does not say."""
    found = (_of_text_model(config, key) for key in CONTEXT)
    return next((value for value in found if value is not None and value > 0), None)


def check_window(name: str, window: int, longest: int | None, caveat: str = "") -> None:
    """Refuse a window longer than what a model was made for, if that is known.

    `caveat` says what the original does with more tokens and this does not.
    """
    if longest is not None and window > longest:
        raise CandidateError(
            f"window = {window} in the check's table is longer than the {longest} tokens that "
            f"{name} was made for; beyond them its numbers mean nothing"
            f"{f' ({caveat})' if caveat else ''}. Lower window and, where it has one, context "
            f"(window = {longest}, context = {longest // 4}, say), which hold for every candidate."
        )


def vocabulary_size(config: dict[str, Any]) -> int | None:
    return _of_text_model(config, "vocab_size")


def _of_text_model(config: dict[str, Any], key: str) -> int | None:
    value = config.get(key) or (config.get("text_config") or {}).get(key)
    return value if isinstance(value, int) else None
