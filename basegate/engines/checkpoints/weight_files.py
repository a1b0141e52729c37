"""The files that hold a checkpoint's weights: which they are, and whether all are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from basegate.engines.checkpoints.config_files import INDEX, WEIGHTS, read_index
from basegate.errors import CandidateError
from basegate.i18n.messages import joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from basegate.measurement import WeightFormat

_FORMATS: dict[str, WeightFormat] = {".safetensors": "safetensors", ".bin": "pickle"}
_OF_WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".h5", ".msgpack", ".gguf")
"""Endings of files that hold weights, whether or not they are loaded."""


class Weights(NamedTuple):
    """Where the weights are."""

    format: WeightFormat  # `pickle` are `.bin` files
    files: tuple[str, ...]  # names within the folder, in order
    places: dict[str, str]  # by tensor, the file that the index names; empty without an index


def find_weights(folder: Path) -> Weights:
    """The files that transformers would load: safetensors, `.bin` only where none are.

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
            _check_shards(folder, weights, f"{name}{INDEX}")
            return weights
    raise no_weights(str(folder), [path.name for path in folder.iterdir() if path.is_file()])


def no_weights(place: str, names: Iterable[str]) -> CandidateError:
    there = sorted(name for name in names if name.endswith(_OF_WEIGHTS))
    more = f" and {len(there) - 3} more" if len(there) > 3 else ""
    held = f"It has {joined(there[:3])}{more}, which nothing loads. " if there else ""
    return CandidateError(
        f"{place} has no weights under a name that is loaded (model.safetensors or "
        f"pytorch_model.bin, or shards of them with their {INDEX}). {held}Fetch what is absent, or "
        "save the model with `save_pretrained`. Files called consolidated… or .pth are for the "
        "model's own code: take the checkpoint that was converted for transformers (often with -hf "
        "in its id)."
    )


def _check_shards(folder: Path, weights: Weights, index: str) -> None:
    """Refuse an index that names files that are absent or elsewhere, or leaves some out."""
    for tensor, name in weights.places.items():
        if not (folder / name).is_file():
            raise CandidateError(
                f"{folder / name} is missing or no file: {index} says that it holds {tensor}. A "
                "download may have stopped half way: fetch the checkpoint again."
            )
        _check_own(folder, folder / name)
    shards = {path.name for path in folder.glob(f"*-of-*{Path(weights.files[0]).suffix}")}
    if left := sorted(shards - set(weights.files)):
        raise CandidateError(
            f"{folder / left[0]} is not named in {index}, so its weights would be left out. Index "
            "and files are of different versions: fetch the checkpoint again."
        )


def _check_own(folder: Path, path: Path) -> None:
    """Refuse a link out of the folder, unless into the hub's cache, which keeps files beside it."""
    real = path.resolve()
    cached = real.parent.name == "blobs" and real.parent.parent.name.startswith("models--")
    if not (cached or real.is_relative_to(folder.resolve())):
        raise CandidateError(
            f"{path} is a link out of the checkpoint's folder, to {real}. Such a link could make "
            "the gate read any file of this machine: put the file itself into the folder, or give "
            "the folder that it is in."
        )
