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

from basegate.data.fingerprint import CHECKPOINT_FILES
from basegate.errors import CandidateError
from basegate.i18n.messages import Message, joined

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
_AGAIN = Message("Fetch the checkpoint again.")
_REFUSED = {
    "transformers_weights": Message(
        "weights under a name of its own, which get round every check of the weights. Take the "
        "line out, and give the weights their usual name (model.safetensors)"
    ),
    "configuration_files": Message(
        "other configs to be read instead, which nobody has looked at. Make the right one "
        "config.json, without the line"
    ),
    **dict.fromkeys(
        ("quantization_config", "compression_config"),
        Message(
            "weights that its owner has quantised, and the gate would record another "
            "--quantization than is measured. Choose the checkpoint that it was made from, in 16 "
            "or 32 bits"
        ),
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
                "{folder}: fast_tokenizer_files names {name}, outside the checkpoint's "
                "folder. Such an entry could make the gate read any file of this machine: do "
                "not use this checkpoint, or take the line out.",
                folder=folder / "tokenizer_config.json",
                name=f"{name!r}",
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
            "{folder} is not a folder. Give the folder that holds config.json, the tokenizer "
            "and the weights (*.safetensors), or a hub id.",
            folder=folder,
        )
    whole = "config.json" in held
    if "adapter_config.json" in held:
        raise _adapter(folder, whole)
    for path in filter(_is_pointer, sorted(folder.iterdir())):
        raise CandidateError(
            "{path} is a pointer of Git LFS, not the file itself: the repository was cloned "
            "without its large files. Run `git lfs pull` in it, or fetch it with `hf "
            "download`.",
            path=path,
        )
    if not whole:
        raise _no_checkpoint(folder, held)
    for name in filter(_DISTRIBUTED.fullmatch, held):
        raise CandidateError(
            "{folder} is part of a distributed checkpoint, which would be loaded instead of "
            "model.safetensors without a check. Save the model in the usual way "
            "(`save_pretrained`), or take such files out of the folder.",
            folder=folder / name,
        )


def _adapter(folder: Path, whole: bool) -> CandidateError:
    if whole:
        return CandidateError(
            "{folder} holds an adapter beside a whole model (adapter_config.json). It would "
            "be applied where peft is installed and left out where not, so nobody could "
            "tell what was measured. Merge it (peft: `merge_and_unload`, then "
            "`save_pretrained`), or take its files out of the folder.",
            folder=folder,
        )
    return CandidateError(
        "{folder} is an adapter (LoRA or the like), not a whole model. Merge it into its "
        "base model first (peft: `merge_and_unload`, then `save_pretrained`).",
        folder=folder,
    )


def _no_checkpoint(folder: Path, held: Sequence[str]) -> CandidateError:
    if any(name.endswith(".gguf") for name in held):
        return CandidateError(
            "{folder} holds GGUF files, which are not loaded: they are quantised for other "
            "programs. Give the checkpoint that they were made from (config.json, "
            "tokenizer, *.safetensors).",
            folder=folder,
        )
    return CandidateError(
        "{folder} is not a checkpoint: it has no config.json (it holds {held}). Give the "
        "folder that `save_pretrained` or `hf download` wrote.",
        folder=folder,
        held=joined(held[:5]) or Message("nothing"),
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
        return CandidateError(
            "{path} cannot be read: {error}. {again}",
            path=path,
            error=error.strerror or error,
            again=_AGAIN,
        )
    return CandidateError(
        "{path} cannot be read: this user may not ({strerror}). Without it the checkpoint "
        "cannot be loaded. Run as the user who owns it, or let its owner allow it (`chmod "
        "a+rX {path}`; the folders above need a+x).",
        path=path,
        strerror=error.strerror,
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
        raise CandidateError(
            "{path} is not valid JSON ({error}). {again}", path=path, error=error, again=_AGAIN
        ) from None
    if any(depth > _DEEPEST for depth, _ in _within(found)):
        raise _too_deep(path)
    if not isinstance(found, dict):
        raise CandidateError(
            "{path} should hold a table ({{...}}) and holds none. {again}", path=path, again=_AGAIN
        )
    return found


def _read(path: Path, rules: type[_Open]) -> dict[str, Any]:
    found = read_json(path)
    try:
        rules.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"][:1]))
        held = Message("is absent")
        if key in found:
            held = Message("is {value}", value=_short(found[key]))
        raise CandidateError(
            "{path}: {key} {held} and should be {wanted}. Without it nobody can tell how the "
            "checkpoint is to be loaded. {again}",
            path=path,
            key=key,
            held=held,
            wanted=_WORDS[key],
            again=_AGAIN,
        ) from None
    return found


_WORDS = {
    "model_type": Message("the name of the model's kind"),
    "auto_map": Message("a table of classes and their places"),
    "eos_token_id": Message("an id, or a list of ids"),
    "fast_tokenizer_files": Message("a list of files"),
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
            raise CandidateError(
                "{path}: {key} asks for {what}.", path=path, key=key, what=_REFUSED[key]
            )
        if _KERNEL.fullmatch(key) and "/" in json.dumps(value):
            raise CandidateError(
                "{path}: {key} = {value} asks for compiled code of another repository, which "
                "nothing pins. It is not run. Take the line out: the gate chooses by itself.",
                path=path,
                key=key,
                value=_short(value),
            )
        if _COUNT.fullmatch(key) and isinstance(value, int) and value > _MOST:
            raise CandidateError(
                "{path}: {key} is {value}, and no model has more than {most}: building it "
                "would take all memory. {again}",
                path=path,
                key=key,
                value=value,
                most=_MOST,
                again=_AGAIN,
            )


def _check_context(path: Path, config: dict[str, Any]) -> None:
    inner = config.get("text_config")
    for table, within in ((config, ""), (inner if isinstance(inner, dict) else {}, "text_config.")):
        for key in CONTEXT:
            value = table.get(key)
            if value is not None and (type(value) is not int or value < 1):
                raise CandidateError(
                    "{path}: {within}{key} is {value} and should be a whole number above 0, "
                    "the tokens of the longest input that the model was made for. Without it "
                    "nobody can tell which texts it may be asked: put in what the model's "
                    "card says, or fetch the checkpoint again.",
                    path=path,
                    within=within,
                    key=key,
                    value=_short(value),
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
                "{path}: auto_map names code of another repository ({place}), which the "
                "pinned commit does not pin. It is not run. Choose a checkpoint that brings "
                "all of its code.",
                path=path,
                place=place,
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
            "{path} is no index of weights (a weight_map of tensors and files). {again}",
            path=path,
            again=_AGAIN,
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
            "{index} says that {tensor} is in {name}, in a folder within the checkpoint's, "
            "whose files are not part of its fingerprint: changed weights would pass for the "
            "same. Put the file beside the index, and name it so.",
            index=index,
            tensor=tensor,
            name=f"{name!r}",
        )
    raise CandidateError(
        "{index} says that {tensor} is in {name}, outside the checkpoint's folder. Such an "
        "index could make the gate read any file of this machine: do not use this "
        "checkpoint, or put the file itself into the folder.",
        index=index,
        tensor=tensor,
        name=f"{name!r}",
    )


def _too_deep(path: Path) -> CandidateError:
    return CandidateError(
        "{path} is nested deeper than {deepest} levels, which no checkpoint's is. {again}",
        path=path,
        deepest=_DEEPEST,
        again=_AGAIN,
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
