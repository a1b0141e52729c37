"""The files that hold a checkpoint's weights: which they are, and whether all are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from basegate.engines.checkpoints.config_files import INDEX, WEIGHTS, read_index
from basegate.errors import CandidateError
from basegate.i18n.messages import Message, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from basegate.engines.checkpoints.tensor_headers import Held
    from basegate.measurement import WeightFormat

_FORMATS: dict[str, WeightFormat] = {".safetensors": "safetensors", ".bin": "pickle"}
_OF_WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".h5", ".msgpack", ".gguf")
"""Endings of files that hold weights, whether or not they are loaded."""
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.)")


class Weights(NamedTuple):
    """Where the weights are.

    Attributes:
        format: `pickle` are `.bin` files.
        files: names within the folder, in order.
        places: by tensor, the file that the index names; empty without an index.
    """

    format: WeightFormat
    files: tuple[str, ...]
    places: dict[str, str]


def find_weights(folder: Path) -> Weights:
    """Return the files that transformers would load: safetensors, `.bin` only where none are.

    Raises:
        CandidateError: there are none, or the index is damaged, or names what is not there or not
            in the folder.
    """
    for name in WEIGHTS:
        format_ = _FORMATS[Path(name).suffix]
        if (folder / name).is_file():
            _check_own(folder, folder / name)
            return Weights(format_, (name,), {})
        if (folder / f"{name}{INDEX}").is_file():
            places = read_index(folder / f"{name}{INDEX}")
            weights = Weights(format_, tuple(sorted(set(places.values()))), places)
            _check_there(folder, weights, f"{name}{INDEX}")
            return weights
    raise no_weights(str(folder), [path.name for path in folder.iterdir() if path.is_file()])


def no_weights(place: str, names: Iterable[str]) -> CandidateError:
    """Return the error to raise where there are no weights under a name that is loaded.

    Args:
        place: a folder or a hub id.
        names: of the files in it.
    """
    loaded = Message(
        "model.safetensors, model.safetensors{index}, or the same of pytorch_model.bin",
        index=INDEX,
    )
    there = sorted(name for name in names if name.endswith(_OF_WEIGHTS))
    if not there:
        return CandidateError(
            "{place} has no weights ({loaded}). A download may have stopped half way: fetch "
            "it again.",
            place=place,
            loaded=loaded,
        )
    more = Message(" and {count} more", count=len(there) - 3) if len(there) > 3 else ""
    return CandidateError(
        "{place} has no weights under a name that is loaded ({loaded}). It has "
        "{names}{more}, which nothing loads. {remedy}",
        place=place,
        loaded=loaded,
        names=joined(there[:3]),
        more=more,
        remedy=_remedy(there),
    )


def _remedy(there: list[str]) -> str:
    """Say what to do with files of weights that are not loaded."""
    first = there[0]
    if shard := next((name for name in there if _SHARD.search(name)), None):
        base = _SHARD.sub("", shard)
        return Message(
            "These are parts, and {index}, which says what is in which, is absent: fetch it, too.",
            index=f"{base}{INDEX}",
        )
    if first.startswith("consolidated") or first.endswith(".pth"):
        return Message(
            "That is the format of the model's own code, with other names for its weights: take "
            "the checkpoint that was converted for transformers (often with -hf in its id), or "
            "convert it."
        )
    if len(there) == 1 and first.endswith(".safetensors"):
        return Message(
            "If it holds all weights, by the names that `save_pretrained` gives them, rename it to "
            "model.safetensors."
        )
    return Message(
        "Save the model with `save_pretrained`, or choose a checkpoint with safetensors."
    )


def _check_there(folder: Path, weights: Weights, index: str) -> None:
    """Refuse an index that names files that are absent or elsewhere, or leaves some out."""
    for tensor, name in weights.places.items():
        if not (folder / name).is_file():
            there = (folder / name).exists()
            what = Message("is no file") if there else Message("is missing")
            raise CandidateError(
                "{path} {what}: {index} says that it holds {tensor}. A download may have "
                "stopped half way: fetch the checkpoint again.",
                path=folder / name,
                what=what,
                index=index,
                tensor=tensor,
            )
        _check_own(folder, folder / name)
    suffix = Path(weights.files[0]).suffix
    shards = {path.name for path in folder.glob(f"*-of-*{suffix}")}
    if left := sorted(shards - set(weights.files)):
        raise CandidateError(
            "{path} is not named in {index}, so its weights would be left out. Index and "
            "files are of different versions: fetch the checkpoint again.",
            path=folder / left[0],
            index=index,
        )


def _inside(folder: Path, path: Path) -> bool:
    """Whether a file is the folder's own; the hub's cache keeps links to files beside it."""
    real = path.resolve()
    if real.is_relative_to(folder.resolve()):
        return True
    return real.parent.name == "blobs" and real.parent.parent.name.startswith("models--")


def _check_own(folder: Path, path: Path) -> None:
    if not _inside(folder, path):
        raise CandidateError(
            "{path} is a link out of the checkpoint's folder, to {target}. Such a link "
            "could make the gate read any file of this machine: put the file itself into the "
            "folder, or give the folder that it is in.",
            path=path,
            target=path.resolve(),
        )


def place_of(folder: Path, held: Mapping[str, Held], name: str) -> Path:
    """Return the file of a weight by the model's name for it, which files may begin otherwise.

    Args:
        folder: what is returned where no file, or more than one, could be meant.
        held: the tensors of the checkpoint.
        name: e.g. `model.layers.1.mlp.up_proj.weight`.
    """
    parts = name.split(".")
    for begin in range(len(parts)):
        tail = ".".join(parts[begin:])
        meant = {each.path for known, each in held.items() if f".{known}".endswith(f".{tail}")}
        if meant:
            return meant.pop() if len(meant) == 1 else folder
    # What is joined of others has at least its beginning in common with them.
    for end in range(len(parts) - 1, 1, -1):
        head = ".".join(parts[:end])
        meant = {each.path for known, each in held.items() if f".{head}." in f".{known}"}
        if meant:
            return meant.pop() if len(meant) == 1 else folder
    return folder
