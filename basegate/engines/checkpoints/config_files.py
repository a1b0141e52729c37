"""Untrusted checkpoint metadata: small files, checked before any library reads them.

What stands in them was written by a stranger. Whatever would lead out of the checkpoint's folder,
round the checks of its weights, or to another program is refused here, by file and name.
"""

from __future__ import annotations

import codecs
import json
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from basegate.data.fingerprint import CHECKPOINT_FILES
from basegate.errors import CandidateError
from basegate.i18n.messages import joined

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""The names that weights are loaded under, the preferred one first; of shards, with `INDEX`."""
INDEX = ".index.json"
_DEEPEST = 64
"""Tables within tables; real configs have three."""
_MOST = 4096
"""Layers, or experts of a layer, that a config may ask for."""
_COUNT = re.compile(r"(num|n)_(\w+_)?(layers?|experts)|depth")
_KERNEL = re.compile(r"_?(attn|experts)_implementation(_internal)?")
_DISTRIBUTED = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors")
"""Beside any weights, transformers loads files of such names instead."""
_QUANTISED = "weights that its owner has quantised. Choose the checkpoint in 16 or 32 bits"
_REFUSED = {
    "transformers_weights": "weights under a name of its own. Rename them to model.safetensors",
    "configuration_files": "other configs to be read instead. Make the right one config.json",
    "quantization_config": _QUANTISED,
    "compression_config": _QUANTISED,
}
"""Keys of `config.json` at any depth that lead round a check, or would measure another model than
the one that is recorded; and what they ask for."""
_WHOLE = re.compile(
    r"num_\w+|(\w+_)?(size|length|positions|embeddings|layers?|heads?|experts|dim|window|tok|ids?|ctx|embd"
    r"|rank|groups?|replace|step|interval|kernel|conv|state|inner|model|index|tp|topk|k"
    r"|expand|section|scalar|per_\w+|d_\w+)"
)
"""Keys of whole numbers, which some programs write as floats (512.0)."""
_CLASSIFIER = re.compile(
    r"\w*(For(\w*Classification|QuestionAnswering|MultipleChoice|Score|Regression)|Reward\w*)"
)
_READ = re.compile(
    r"(\w*config|[\w.]+\.index|tokenizer|special_tokens_map|added_tokens|vocab)\.json"
)
"""Names of JSON files that are read; in others anything may stand."""
_POINTER = b"version https://git-lfs"
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
        for path in held:
            if any(path.match(pattern) for pattern in CHECKPOINT_FILES) and path.is_file():
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
            f"{joined(names[:5]) or 'nothing'}). Give the folder that `save_pretrained` or `hf "
            "download` wrote; of GGUF files give one itself (NAME=FOLDER/FILE.gguf, "
            "NAME=owner/name:FILE.gguf)."
        )
    for name in filter(_DISTRIBUTED.fullmatch, names):
        raise CandidateError(
            f"{folder / name} is part of a distributed checkpoint, which would be loaded unchecked "
            "instead of model.safetensors. Save the model with `save_pretrained`."
        )


def check_file(path: Path) -> None:
    """Refuse a file that may not be read, is a pointer of Git LFS, or is JSON in UTF-16."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_POINTER))
    except OSError as error:
        raise unreadable(path, error) from None
    if start == _POINTER:
        raise CandidateError(
            f"{path} is a pointer of Git LFS, not the file itself. Run `git lfs pull` in the "
            "repository, or fetch it with `hf download`."
        )
    encoding = json.detect_encoding(start).upper().replace("-LE", "LE").replace("-BE", "BE")
    if _READ.fullmatch(path.name) and not encoding.startswith("UTF-8"):
        raise CandidateError(
            f"{path} is in {encoding}, and every program reads a checkpoint's JSON as UTF-8. Save "
            f'it so (`iconv -f {encoding} -t UTF-8`; on Windows as "UTF-8", not "Unicode").'
        )


def unreadable(path: Path, error: OSError) -> CandidateError:
    what = f" cannot be read: {error.strerror or error}"
    if not isinstance(error, PermissionError):
        return damaged(path, what)
    return CandidateError(
        f"{path}{what}. Run as the user who owns it, or let its owner allow it (`chmod a+rX "
        f"{path}`; the folders above need a+x)."
    )


def damaged(place: Path, what: str) -> CandidateError:
    """The error of a file or folder that only another copy can mend."""
    return CandidateError(f"{place}{what}. Fetch the checkpoint again.")


def read_json(path: Path) -> dict[str, Any]:
    """The table in a JSON file.

    Raises:
        CandidateError: it cannot be read, is no JSON, or is nested too deeply.
    """
    try:
        found = json.loads(path.read_bytes())  # a byte order mark may stand before it
        deep = any(depth > _DEEPEST for depth, _ in _within(found))
    except OSError as error:
        raise unreadable(path, error) from None
    except RecursionError:
        deep = True
    except ValueError as error:
        raise damaged(path, f" is not valid JSON ({error})") from None
    if deep:
        raise damaged(path, f" is nested deeper than {_DEEPEST} levels, which no checkpoint's is")
    if not isinstance(found, dict):
        raise damaged(path, " should hold a table ({...}) and holds none")
    return {key: _whole(value, key) for key, value in found.items()}


def _whole(value: Any, key: str) -> Any:
    """A value in which whole numbers that were written as floats are integers again."""
    if isinstance(value, dict):
        return {name: _whole(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each, key) for each in value]
    whole = isinstance(value, float) and value.is_integer() and _WHOLE.fullmatch(key)
    return int(value) if whole else value


@contextmanager
def readable(folder: Path, without: Collection[str] = ()) -> Iterator[Path]:
    """A checkpoint's folder as transformers can read its small files, without some of its files.

    Where one begins with a byte order mark, config.json writes whole numbers as floats or an index
    has no metadata, it is a folder of links with mended copies, which lasts as long as the context.
    """
    mended = {
        path.name: text for path in folder.glob("*.json") if (text := _mended(path)) is not None
    }
    held = {path.name: path for path in folder.iterdir()}
    if not (mended or held.keys() & {*without}):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="basegate-") as made:
        for name in held.keys() - {*without}:
            place = Path(made, name)
            if name in mended:
                place.write_bytes(mended[name])
            else:
                place.symlink_to(held[name].resolve())
        yield Path(made)


def _mended(path: Path) -> bytes | None:
    """What a file should hold, if that is not what it holds."""
    with path.open("rb") as file:
        marked = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
    if path.name != "config.json" and not path.name.endswith(INDEX):
        return path.read_bytes().removeprefix(codecs.BOM_UTF8) if marked else None
    table = read_json(path)
    if path.name != "config.json":
        table.setdefault("metadata", {})  # which transformers asks for and does not use
    text = json.dumps(table)
    same = not marked and json.dumps(json.loads(path.read_bytes())) == text
    return None if same else text.encode()


def _read(path: Path, rules: type[_Open]) -> dict[str, Any]:
    found = read_json(path)
    try:
        rules.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        within = 2 if first["loc"][0] == "text_config" else 1
        key = ".".join(map(str, first["loc"][:within]))
        raise CandidateError(
            f"{path}: {key} is {_short(first['input'])} ({first['msg']}). Correct it, or fetch the "
            "checkpoint again."
        ) from None
    return found


def _within(value: Any) -> Iterator[tuple[int, Any]]:
    """A value and all that is within it, each with its depth."""
    waiting = [(0, value)]
    while waiting:
        depth, each = waiting.pop()
        yield depth, each
        if isinstance(each, dict | list):
            parts = each.values() if isinstance(each, dict) else each
            waiting.extend((depth + 1, part) for part in parts)


def items(table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every key and value of a table and of those within it."""
    for _, each in _within(table):
        if isinstance(each, dict):
            yield from each.items()


def _check_config(path: Path, config: dict[str, Any]) -> None:
    for key, value in items(config):
        if key in _REFUSED and value is not None:
            raise CandidateError(f"{path}: {key} asks for {_REFUSED[key]}, without that key.")
        if _KERNEL.fullmatch(key) and "/" in json.dumps(value):
            raise CandidateError(
                f"{path}: {key} = {_short(value)} asks for compiled code of another repository, "
                "which is not run. Take the line out: the gate chooses by itself."
            )
        if _COUNT.fullmatch(key) and isinstance(value, int) and value > _MOST:
            raise damaged(path, f": {key} is {value}, and no model has more than {_MOST}")


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


def code_places(folder: Path) -> list[tuple[Path, str]]:
    """The files that ask for Python code of the checkpoint's own, and where that is."""
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
