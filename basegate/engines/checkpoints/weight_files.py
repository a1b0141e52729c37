"""Weights: their files, whole and of numbers only; and whether what was loaded is all of them."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from basegate.config.gguf_source import SUFFIX
from basegate.engines.checkpoints.config_files import (
    INDEX,
    OUTSIDE,
    WEIGHTS,
    damaged,
    read_index,
    unreadable,
)
from basegate.errors import CandidateError, summary
from basegate.i18n.messages import joined
from basegate.measurement import WeightFormat

_FORMATS: dict[str, WeightFormat] = {".safetensors": "safetensors", ".bin": "pickle"}
_OF_WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".h5", ".msgpack", ".gguf")
"""Endings of files that hold weights, whether or not they are loaded."""
_FLOATS = ("F64", "F32", "F16", "BF16", "float64", "float32", "float16", "bfloat16")
"""As safetensors and torch name them."""
Mismatch = tuple[str, tuple[int, ...], tuple[int, ...]]
"""A weight's name, its shape, and the one that it should have."""
_LAYER = re.compile(r"((?:(?!vision|visual|audio)[a-z_]+\.)+)\d+\.")
"""The beginning of a weight's name, up to the number of its layer."""
_OLD_BUFFER = ".inv_freq"
"""The frequencies of the positions follow from the config; older code saved them, too."""
_ADAPTER = re.compile(r"\.(lora_|base_layer\.)")


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
    held = f"It has {_some(there)}, which nothing loads. " if there else ""
    if any(name.endswith(SUFFIX) for name in there):
        held += "Give a GGUF file itself: NAME=FOLDER/FILE.gguf, NAME=owner/name:FILE.gguf. "
    return CandidateError(
        f"{place} has no weights under a name that is loaded (model.safetensors or "
        f"pytorch_model.bin, or shards of them with their {INDEX}). {held}Fetch what is absent, or "
        "save the model with `save_pretrained`; for files called consolidated… or .pth take the "
        "checkpoint that was converted for transformers (often with -hf in its id)."
    )


def _some(names: list[str]) -> str:
    return joined(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _check_shards(folder: Path, weights: Weights, index: str) -> None:
    """Refuse an index that names files that are absent or elsewhere, or leaves some out."""
    for tensor, name in weights.places.items():
        if not (folder / name).is_file():
            what = f" is missing or no file: {index} says that it holds {tensor}"
            raise damaged(folder / name, what)
        _check_own(folder, folder / name)
    shards = {path.name for path in folder.glob(f"*-of-*{Path(weights.files[0]).suffix}")}
    if left := sorted(shards - set(weights.files)):
        what = f" is not named in {index}, so its weights would be left out"
        raise damaged(folder / left[0], what)


def _check_own(folder: Path, path: Path) -> None:
    """Refuse a link out of the folder, unless into the hub's cache, which keeps files beside it."""
    real = path.resolve()
    cached = real.parent.name == "blobs" and real.parent.parent.name.startswith("models--")
    if not (cached or real.is_relative_to(folder.resolve())):
        raise CandidateError(
            f"{path} is a link out of the checkpoint's folder, to {real}. {OUTSIDE}: put the file "
            "itself into the folder, or give the folder that it is in."
        )


def read_tensors(folder: Path, weights: Weights) -> set[str]:
    """The names of all tensors of a checkpoint, from headers alone.

    Raises:
        CandidateError: a file is damaged, cut short, holds code or weights that are integers, or
            lacks a tensor that the index places in it.
    """
    dtypes_in = _safetensors_dtypes if weights.format == "safetensors" else _pickle_dtypes
    found = set()
    for path in (folder / name for name in weights.files):
        for tensor, dtype in dtypes_in(path).items():
            if tensor.endswith(".weight") and dtype not in _FLOATS:
                raise CandidateError(
                    f"{path}: the weight {tensor} is of type {dtype}: its owner has quantised it, "
                    "and config.json does not say how. Choose the checkpoint that it was made "
                    "from, in 16 or 32 bits."
                )
            found.add(tensor)
    for tensor, name in weights.places.items():
        if tensor not in found:
            raise damaged(folder / name, f" has no tensor {tensor}, which the index says is there")
    return found


def _safetensors_dtypes(path: Path) -> dict[str, str]:
    # Opening checks the header, and that the tensors fill the file to its last byte.
    try:
        with safe_open(path, framework="numpy") as file:  # which does not import torch
            return {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise unreadable(path, error) from None
    except SafetensorError as error:
        raise _cut_short(path, error) from None


def _pickle_dtypes(path: Path) -> dict[str, str]:
    import torch

    try:
        held = _load_pickle(path, "meta")
    except pickle.UnpicklingError as error:
        if "truncated" in str(error):
            raise _cut_short(path, error) from None
        raise CandidateError(
            f"{path} holds more than numbers: Python code that would run while it is read, or it "
            "is damaged. It was not run. Choose a checkpoint with safetensors."
        ) from None
    # What a damaged file leads to is anything.
    except Exception as error:
        raise _cut_short(path, error) from error
    values = held.values() if isinstance(held, dict) else [held]
    for value in values:
        if not isinstance(value, torch.Tensor):
            raise CandidateError(
                f"{path} holds {type(value).__name__} beside or instead of weights by their names, "
                "as a training state does. Save the model with `save_pretrained`, or its "
                "`state_dict()` alone."
            )
    return {str(name): str(value.dtype).removeprefix("torch.") for name, value in held.items()}


def _load_pickle(path: Path, device: str) -> Any:
    import torch

    mapped = zipfile.is_zipfile(path)
    return torch.load(path, map_location=device, weights_only=True, mmap=mapped)


def _cut_short(path: Path, error: Exception) -> CandidateError:
    return damaged(path, f" is damaged or cut short ({summary(error)})")


def find_non_finite(folder: Path, names: Iterable[str]) -> str | None:
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


def check_loaded(
    folder: Path, model: Any, info: Mapping[str, Iterable[Any]], names: Collection[str]
) -> None:
    """Check the loading info of transformers; `names` are those of the tensors in the files.

    Raises:
        CandidateError: a weight is absent (it would be random), of another shape, or has no place
            in a layer that needs it.
    """
    for name, shape, wanted in (*sorted(info.get("mismatched_keys", ())), *_linear_layers(model)):
        if tuple(shape) != tuple(wanted):
            raise damaged(
                folder,
                f": the weight {name} has the shape {_write(shape)}, and by config.json it should "
                f"be {_write(wanted)}; the files are of different models",
            )
    _check_complete(folder, sorted(map(str, info.get("missing_keys", ()))), names)
    _check_unused(folder, model, sorted(map(str, info.get("unexpected_keys", ()))))


def _linear_layers(model: Any) -> Iterator[Mismatch]:
    """Shapes of linear layers, which transformers does not compare where they are quantised."""
    import torch

    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear):
            state = getattr(layer.weight, "quant_state", None)
            shape = tuple(layer.weight.shape if state is None else state.shape)
            yield f"{name}.weight", shape, (layer.out_features, layer.in_features)


def _check_complete(folder: Path, missing: list[str], names: Collection[str]) -> None:
    if not missing:
        return
    lacking = (
        f"the files lack weights that the model needs ({_some(missing)}), which would be random"
    )
    if adapter := next(filter(_ADAPTER.search, sorted(names)), None):
        raise CandidateError(
            f"{folder}: {adapter} is part of an adapter that is not merged; {lacking}. "
            "Merge it first (peft: `merge_and_unload`, then `save_pretrained`)."
        )
    if prefix := _prefix(missing, names):
        raise CandidateError(
            f"{folder}: the names of all weights begin with {prefix!r}, as a wrapper (torch's "
            f"DataParallel, torch.compile, peft) saves them; {lacking}. Save the model without it, "
            f"or take {prefix!r} off every name."
        )
    raise damaged(folder, f": {lacking}")


def _prefix(missing: Iterable[str], names: Iterable[str]) -> str:
    """What all names of the files begin with and the model's do not; empty if nothing."""
    tails = [f".{name}" for name in missing]
    found = {name[: 1 - len(tail)] for name in names for tail in tails if name.endswith(tail)}
    prefix = found.pop() if len(found) == 1 else ""
    return prefix if all(name.startswith(prefix) for name in names) else ""


def _check_unused(folder: Path, model: Any, unused: list[str]) -> None:
    """Refuse a model that leaves out layers, or a bias, scale or adapter of one.

    What stands beside the model, a further head, say, changes nothing of what it writes.
    """
    known = {name for name, _ in model.named_parameters()}
    layers = {found[0] for name in known if (found := _LAYER.match(name))}
    leaves = {name for name, module in model.named_modules() if not any(module.children())}
    for name in unused:
        layer = _LAYER.match(name)
        # Not a part that the layers of some kinds lack, nor a layer of another kind.
        beyond = layer and layer[0] not in layers and _LAYER.sub(r"\g<1>0.", name) in known
        parts = name.split(".")
        within = {".".join(parts[:end]) for end in range(1, len(parts))} & leaves
        if beyond or (within and not name.endswith(_OLD_BUFFER)):
            raise CandidateError(
                f"{folder}: the weight {name} has no place in a model "
                "as config.json describes it. Check that both are of one model, that it asks for "
                "as many layers as there are, and that adapters are merged."
            )


def _write(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape))
