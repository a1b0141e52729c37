"""Tensors in files of weights: their names, whether the files are whole, and NaN in them."""

from __future__ import annotations

import pickle
import zipfile
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from basegate.engines.checkpoints.config_files import unreadable
from basegate.errors import CandidateError, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from basegate.engines.checkpoints.weight_files import Weights

_FLOATS = ("F64", "F32", "F16", "BF16", "float64", "float32", "float16", "bfloat16")
"""As safetensors and torch name them."""


def read_tensors(folder: Path, weights: Weights) -> dict[str, Path]:
    """Every tensor of a checkpoint and its file, from headers alone.

    Raises:
        CandidateError: a file is damaged, cut short, holds code or weights that are integers, or
            lacks a tensor that the index places in it.
    """
    dtypes_in = _safetensors_dtypes if weights.format == "safetensors" else _pickle_dtypes
    files: dict[str, Path] = {}
    for path in (folder / name for name in weights.files):
        for tensor, dtype in dtypes_in(path).items():
            if tensor.endswith(".weight") and dtype not in _FLOATS:
                raise CandidateError(
                    f"{path}: the weight {tensor} is of type {dtype}: its owner has quantised it, "
                    "and config.json does not say how. Read as it is it would be another model. "
                    "Choose the checkpoint that it was made from, in 16 or 32 bits."
                )
            files[tensor] = path
    for tensor, name in weights.places.items():
        if tensor not in files:
            raise CandidateError(
                f"{folder / name} has no tensor {tensor}, which the index says is there. Index "
                "and files are of different versions: fetch the checkpoint again."
            )
    return files


def _safetensors_dtypes(path: Path) -> dict[str, str]:
    # Opening checks the header, and that the tensors fill the file to its last byte.
    try:
        with safe_open(path, framework="numpy") as file:  # which does not import torch
            return {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise unreadable(path, error) from None
    except SafetensorError as error:
        raise _damaged(path, error) from None


def _pickle_dtypes(path: Path) -> dict[str, str]:
    import torch

    try:
        held = _load_pickle(path, "meta")
    except pickle.UnpicklingError as error:
        if "truncated" in str(error):
            raise _damaged(path, error) from None
        raise CandidateError(
            f"{path} holds more than numbers: Python code that would run while it is read, or it "
            "is damaged. It was not run. Choose a checkpoint with safetensors, which cannot hold "
            "code."
        ) from None
    # What a damaged file leads to is anything.
    except Exception as error:
        raise _damaged(path, error) from error
    values = held.values() if isinstance(held, dict) else [held]
    for value in values:
        if not isinstance(value, torch.Tensor):
            raise CandidateError(
                f"{path} holds {type(value).__name__} beside or instead of weights by their names, "
                "as a training state does, so nobody can tell what is to be loaded. Save the model "
                "with `save_pretrained`, or its `state_dict()` alone."
            )
    return {str(name): str(value.dtype).removeprefix("torch.") for name, value in held.items()}


def _load_pickle(path: Path, device: str) -> Any:
    import torch

    mapped = zipfile.is_zipfile(path)
    return torch.load(path, map_location=device, weights_only=True, mmap=mapped)


def _damaged(path: Path, error: Exception) -> CandidateError:
    return CandidateError(
        f"{path} is damaged or cut short ({summary(error)}). Fetch the checkpoint again."
    )


def place_of(folder: Path, files: Mapping[str, Path], name: str) -> Path:
    """The file of a weight by the model's name for it; the folder where that is not certain.

    transformers renames weights as it loads them, most often only their beginnings.
    """
    if len(found := set(files.values())) == 1:
        return found.pop()
    parts = name.split(".")
    for begin in range(len(parts)):
        tail = f".{'.'.join(parts[begin:])}"
        if found := {path for known, path in files.items() if f".{known}".endswith(tail)}:
            return found.pop() if len(found) == 1 else folder
    return folder


def find_broken(folder: Path, names: Iterable[str]) -> str | None:
    """The first weight that holds NaN or an infinite number, in words; reads all files."""
    for path in (folder / name for name in sorted(names)):
        for tensor, values in _values(path):
            if values.is_floating_point() and not bool(values.isfinite().all()):
                what = "NaN" if bool(values.isnan().any()) else "an infinite number"
                return f"{path}: the weight {tensor} holds {what}"
    return None


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118
                yield name, file.get_tensor(name)
    elif path.suffix == ".bin":
        yield from _load_pickle(path, "cpu").items()
