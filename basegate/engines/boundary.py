"""A checkpoint's small files, read and held against rules before any library sees them.

What stands in them was written by a stranger. Whatever would lead out of the checkpoint's folder,
round the checks of its weights, or to another program is refused here, by file and name.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from basegate.errors import CandidateError
from basegate.fingerprint import CHECKPOINT_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""The names that weights are loaded under, the preferred one first; of shards, with `INDEX`."""
INDEX = ".index.json"
CONTEXT = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length")
"""What configs call the longest input."""
_DEEPEST = 64
"""Tables within tables; real configs have three."""
_MOST = 4096
"""Layers, or experts of a layer, that a config may ask for."""
_COUNT = re.compile(r"(num|n)_(\w+_)?(layers?|experts)|depth")
_KERNEL = re.compile(r"_?(attn|experts)_implementation(_internal)?")
_DISTRIBUTED = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors")
"""Beside any weights, transformers loads files of such names instead."""
_AGAIN = "Fetch the checkpoint again."
_REFUSED = {
    "transformers_weights": "weights under a name of its own, which get round every check of the "
    "weights. Take the line out, and give the weights their usual name (model.safetensors)",
    "configuration_files": "other configs to be read instead, which nobody has looked at. Make "
    "the right one config.json, without the line",
    **dict.fromkeys(
        ("quantization_config", "compression_config"),
        "weights that its owner has quantised, and the gate would record another --quantization "
        "than is measured. Choose the checkpoint that it was made from, in 16 or 32 bits",
    ),
}
"""Keys of `config.json` at any depth, and what they ask for."""

_POINTER = b"version https://git-lfs"
_LARGEST_POINTER = 1024

Ids = int | list[int] | None


class _Open(BaseModel):
    """A table of which some keys are known; strict about types."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Config(_Open):
    model_type: Annotated[str, Field(min_length=1)]
    auto_map: dict[str, Any] | None = None
    eos_token_id: Ids = None


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
    """Return a checkpoint's `config.json`, all of whose small files keep the rules.

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
    for name in read.get("tokenizer_config.json", {}).get("fast_tokenizer_files", ()):
        if not is_plain(name):
            raise CandidateError(
                f"{folder / 'tokenizer_config.json'}: fast_tokenizer_files names {name!r}, outside "
                f"the checkpoint's folder. Such an entry could make the gate read any file of this "
                f"machine: do not use this checkpoint, or take the line out."
            )
    for name in WEIGHTS:
        if (folder / f"{name}{INDEX}").exists():
            read_index(folder / f"{name}{INDEX}")
    return read["config.json"]


def _check_folder(folder: Path) -> None:
    """Refuse what is no checkpoint, or holds files that would be loaded unasked."""
    try:
        held = sorted(each.name for each in folder.iterdir()) if folder.is_dir() else None
        for name in held or ():
            _check_readable(folder / name)
    except OSError as error:
        raise unreadable(folder, error) from None
    if held is None:
        raise CandidateError(
            f"{folder} is not a folder. Give the folder that holds config.json, the tokenizer and "
            f"the weights (*.safetensors), or a hub id."
        )
    whole = "config.json" in held
    if "adapter_config.json" in held:
        raise _adapter(folder, whole)
    for path in filter(_is_pointer, sorted(folder.iterdir())):
        raise CandidateError(
            f"{path} is a pointer of Git LFS, not the file itself: the repository was cloned "
            f"without its large files. Run `git lfs pull` in it, or fetch it with `hf download`."
        )
    if not whole:
        raise _no_checkpoint(folder, held)
    for name in filter(_DISTRIBUTED.fullmatch, held):
        raise CandidateError(
            f"{folder / name} is part of a distributed checkpoint, which would be loaded instead "
            f"of model.safetensors without a check. Save the model in the usual way "
            f"(`save_pretrained`), or take such files out of the folder."
        )


def _adapter(folder: Path, whole: bool) -> CandidateError:
    if whole:
        return CandidateError(
            f"{folder} holds an adapter beside a whole model (adapter_config.json). It would be "
            f"applied where peft is installed and left out where not, so nobody could tell what "
            f"was measured. Merge it (peft: `merge_and_unload`, then `save_pretrained`), or take "
            f"its files out of the folder."
        )
    return CandidateError(
        f"{folder} is an adapter (LoRA or the like), not a whole model. Merge it into its "
        f"base model first (peft: `merge_and_unload`, then `save_pretrained`)."
    )


def _no_checkpoint(folder: Path, held: Sequence[str]) -> CandidateError:
    if any(name.endswith(".gguf") for name in held):
        return CandidateError(
            f"{folder} holds GGUF files, which are not loaded: they are quantised for other "
            f"programs. Give the checkpoint that they were made from (config.json, tokenizer, "
            f"*.safetensors)."
        )
    return CandidateError(
        f"{folder} is not a checkpoint: it has no config.json (it holds "
        f"{', '.join(held[:5]) or 'nothing'}). Give the folder that `save_pretrained` or "
        f"`hf download` wrote."
    )


def _check_readable(path: Path) -> None:
    """Refuse a file that may not be read: libraries would speak of another fault."""
    if any(path.match(pattern) for pattern in CHECKPOINT_FILES) and path.is_file():
        try:
            path.open("rb").close()
        except OSError as error:
            raise unreadable(path, error) from None


def unreadable(path: Path, error: OSError) -> CandidateError:
    """Return the error to raise where a file or folder could not be read."""
    if not isinstance(error, PermissionError):
        return CandidateError(f"{path} cannot be read: {error.strerror or error}. {_AGAIN}")
    return CandidateError(
        f"{path} cannot be read: this user may not ({error.strerror}). Without it the checkpoint "
        f"cannot be loaded. Run as the user who owns it, or let its owner allow it (`chmod a+rX "
        f"{path}`; the folders above need a+x)."
    )


def _is_pointer(path: Path) -> bool:
    """Whether a file only says where Git LFS keeps another."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_POINTER:
            return False
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:
        return False  # what cannot be read is complained about where it is needed


def read_json(path: Path) -> dict[str, Any]:
    """Return the table in a JSON file.

    Raises:
        CandidateError: it cannot be read, is no JSON, or is nested out of all reason.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from None
    except RecursionError:
        raise _too_deep(path) from None
    except ValueError as error:
        raise CandidateError(f"{path} is not valid JSON ({error}). {_AGAIN}") from None
    if any(depth > _DEEPEST for depth, _ in _within(found)):
        raise _too_deep(path)
    if not isinstance(found, dict):
        raise CandidateError(f"{path} should hold a table ({{...}}) and holds none. {_AGAIN}")
    return found


def _read(path: Path, rules: type[_Open]) -> dict[str, Any]:
    found = read_json(path)
    try:
        rules.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"][:1]))
        is_ = "is absent" if key not in found else f"is {_short(found[key])}"
        raise CandidateError(
            f"{path}: {key} {is_} and should be {_WORDS[key]}. Without it nobody can tell how the "
            f"checkpoint is to be loaded. {_AGAIN}"
        ) from None
    return found


_WORDS = {
    "model_type": "the name of the model's kind",
    "auto_map": "a table of classes and their places",
    "eos_token_id": "an id, or a list of ids",
    "fast_tokenizer_files": "a list of files",
}


def _within(value: Any) -> Iterator[tuple[int, Any]]:
    """Give a value and all that is within it, each with its depth."""
    waiting = [(0, value)]
    while waiting:
        depth, each = waiting.pop()
        yield depth, each
        if isinstance(each, dict | list):
            parts = each.values() if isinstance(each, dict) else each
            waiting.extend((depth + 1, part) for part in parts)


def items(table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give every key and value of a table and of those within it."""
    for _, each in _within(table):
        if isinstance(each, dict):
            yield from each.items()


def _check_config(path: Path, config: dict[str, Any]) -> None:
    _check_context(path, config)
    for key, value in items(config):
        if key in _REFUSED and value is not None:
            raise CandidateError(f"{path}: {key} asks for {_REFUSED[key]}.")
        if _KERNEL.fullmatch(key) and "/" in json.dumps(value):
            raise CandidateError(
                f"{path}: {key} = {_short(value)} asks for compiled code of another repository, "
                f"which nothing pins. It is not run. Take the line out: the gate chooses by itself."
            )
        if _COUNT.fullmatch(key) and isinstance(value, int) and value > _MOST:
            raise CandidateError(
                f"{path}: {key} is {value}, and no model has more than {_MOST}: building it would "
                f"take all memory. {_AGAIN}"
            )


def _check_context(path: Path, config: dict[str, Any]) -> None:
    inner = config.get("text_config")
    for table, within in ((config, ""), (inner if isinstance(inner, dict) else {}, "text_config.")):
        for key in CONTEXT:
            value = table.get(key)
            if value is not None and (type(value) is not int or value < 1):
                raise CandidateError(
                    f"{path}: {within}{key} is {_short(value)} and should be a whole number above "
                    f"0, the tokens of the longest input that the model was made for. Without it "
                    f"nobody can tell which texts it may be asked: put in what the model's card "
                    f"says, or fetch the checkpoint again."
                )


def code_places(folder: Path) -> list[tuple[Path, str]]:
    """Return the files that ask for Python code of the checkpoint's own, and where that is."""
    return [
        (folder / name, place)
        for name in CODE_FILES
        if (folder / name).is_file()
        for key, value in items(read_json(folder / name))
        if key == "auto_map"
        for _, place in _within(value)
        if isinstance(place, str)
    ]


def check_code(folder: Path) -> None:
    """Refuse code that the pinned commit does not hold: a config may name another repository's.

    Raises:
        CandidateError: one of the files does.
    """
    for path, place in code_places(folder):
        if "--" in place:
            raise CandidateError(
                f"{path}: auto_map names code of another repository ({place}), which the pinned "
                f"commit does not pin. It is not run. Choose a checkpoint that brings all of its "
                f"code."
            )


def read_index(path: Path) -> dict[str, str]:
    """Return by tensor the file that an index names.

    Raises:
        CandidateError: it is damaged, or names a file that is not directly in its folder.
    """
    try:
        places = _Index.model_validate(read_json(path)).weight_map
    except ValidationError:
        raise CandidateError(
            f"{path} is no index of weights (a weight_map of tensors and files). {_AGAIN}"
        ) from None
    for tensor, name in places.items():
        if not is_plain(name):
            refuse_place(path, tensor, name)
    return places


def is_plain(name: str) -> bool:
    """Whether a name is that of a file directly in the folder, on any system."""
    return name not in ("", ".", "..") and not re.search(r"[/\\:\0]", name)


def refuse_place(index: Path, tensor: str, name: str) -> NoReturn:
    """Raise the error for an index that names a file elsewhere."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if name and not parts.is_absolute() and ".." not in parts.parts and len(parts.parts) > 1:
        raise CandidateError(
            f"{index} says that {tensor} is in {name!r}, in a folder within the checkpoint's, "
            f"whose files are not part of its fingerprint: changed weights would pass for the "
            f"same. Put the file beside the index, and name it so."
        )
    raise CandidateError(
        f"{index} says that {tensor} is in {name!r}, outside the checkpoint's folder. Such an "
        f"index could make the gate read any file of this machine: do not use this checkpoint, or "
        f"put the file itself into the folder."
    )


def _too_deep(path: Path) -> CandidateError:
    return CandidateError(
        f"{path} is nested deeper than {_DEEPEST} levels, which no checkpoint's is. {_AGAIN}"
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
