"""Files of weights: which they are, whole and of numbers only."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from basegate.engines.checkpoints.config_files import INDEX, OUTSIDE, WEIGHTS, read_index
from basegate.engines.checkpoints.file_reading import check_file, damaged, unreadable
from basegate.engines.checkpoints.other_formats import instead, of_other_programs, really
from basegate.errors import CandidateError, summary
from basegate.i18n.formatting import GIB
from basegate.i18n.messages import Message, joined, some
from basegate.measurement import WeightFormat

_FORMATS: dict[str, WeightFormat] = {".safetensors": "safetensors", ".bin": "pickle"}
_LOADED = tuple(f"{name}{end}" for name in WEIGHTS for end in ("", INDEX))
_OF_WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".h5", ".msgpack", ".gguf")
"""Endings of files that hold weights, whether or not they are loaded."""
_FLOATS = ("F64", "F32", "F16", "BF16", "float64", "float32", "float16", "bfloat16")
"""As safetensors and torch name them."""
_NAMED = re.compile(r"(pytorch_)?model(-\d+-of-(?P<total>\d+))?\.(safetensors|bin)")
"""Files of weights as `save_pretrained` names them."""
Header = tuple[str, tuple[int, ...]]
"""A tensor's dtype and shape."""
_QUANTISED = re.compile(r"(.*\.)?(qweight|weight_packed|W_q|SCB|absmax)")
"""Names of weights that GPTQ, AWQ, compressed-tensors, HQQ or bitsandbytes have quantised."""
_SAVE_AGAIN = "Save the model again into an empty folder, or fetch the checkpoint again."


class Weights(NamedTuple):
    """Where the weights are."""

    format: WeightFormat  # `pickle` are `.bin` files
    files: tuple[str, ...]  # names within the folder, in order
    places: dict[str, str]  # by tensor, the file that the index names; empty without an index


def find_weights(folder: Path, file: str | None = None) -> Weights:
    """The files that transformers would load: safetensors, `.bin` only where none are.

    `file` names others: one of `WEIGHTS`, or the index of shards.

    Raises:
        CandidateError: there are none, or the index is damaged, or names what is not there or not
            in the folder.
    """
    if file is not None and not (file in _LOADED and (folder / file).is_file()):
        raise CandidateError(
            f"{folder} has no {file} of weights, which file = in models.toml asks for. It names "
            f"one of {joined(_LOADED)}. Correct it, or leave it out."
        )
    for name in WEIGHTS:
        format_ = _FORMATS[Path(name).suffix]
        if file in (None, name) and (folder / name).is_file():
            _check_own(folder, folder / name)
            return Weights(format_, (name,), {})
        if file in (None, f"{name}{INDEX}") and (folder / f"{name}{INDEX}").is_file():
            places = read_index(folder / f"{name}{INDEX}")
            files = tuple(sorted(set(places.values())))
            weights = Weights(_FORMATS.get(Path(files[0]).suffix, format_), files, places)
            _check_shards(folder, weights, f"{name}{INDEX}")
            return weights
    names = [path.name for path in folder.iterdir() if path.is_file()]
    raise no_weights(str(folder), names, instead(folder, WEIGHTS[0]))


def no_weights(place: str, names: Iterable[str], sign: str = "") -> CandidateError:
    """The error of a place without weights; `sign` tells what is there, else `names` may."""
    there = sorted(name for name in names if name.endswith(_OF_WEIGHTS))
    held = f"It has {some(there)}, which nothing loads. " if there else ""
    sign = sign or of_other_programs(there)
    mend = "Fetch what is absent, or save the model with `save_pretrained`."
    return CandidateError(
        f"{place} has no weights under a name that is loaded (model.safetensors or "
        f"pytorch_model.bin, or shards of them with their {INDEX}). {held}{sign or mend}".rstrip()
    )


def _check_shards(folder: Path, weights: Weights, index: str) -> None:
    """Refuse an index that names files that are absent or elsewhere, or leaves some out."""
    shards = {path.name for path in folder.glob(f"*-of-*{Path(weights.files[0]).suffix}")}
    totals = {
        found["total"]: name
        for name in sorted({*shards, *weights.files})
        if (found := _NAMED.fullmatch(name)) and found["total"]
    }
    if len(totals) > 1:
        raise CandidateError(
            f"{folder} holds shards of two saves ({joined(totals.values())}; {index} names "
            f"{some([*weights.files])}). Keep the shards of one save, with its own index, or save "
            "the model again into an empty folder."
        )
    for tensor, name in weights.places.items():
        if not (folder / name).is_file():
            lost = (folder / name).is_symlink()
            what = " is a link to a file that is not there" if lost else " is missing or no file"
            raise damaged(folder / name, f"{what}: {index} says that it holds {tensor}")
    for name in weights.files:
        _check_own(folder, folder / name)
    if left := sorted(shards - set(weights.files)):
        what = f" is not named in {index}, so its weights would be left out"
        raise damaged(folder / left[0], what)


def _check_own(folder: Path, path: Path) -> None:
    """Refuse a file that has not come whole, or a link out of the folder.

    Links into the hub's cache are none: it keeps files beside the folder.
    """
    check_file(path)
    if (unfinished := path.with_name(f"{path.name}.aria2")).exists():
        raise CandidateError(
            f"{path} has not been fetched to its end ({unfinished.name} is beside it): parts of it "
            "are zeros. Start the same download again, which goes on where it broke off."
        )
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
        CandidateError: a file is damaged, cut short, holds code, weights that are integers or
            empty, or a tensor of another file, too, or lacks one that the index places in it.
    """
    headers_of = _safetensors_headers if weights.format == "safetensors" else _pickle_headers
    found: set[str] = set()
    for path in (folder / name for name in weights.files):
        for tensor, (dtype, shape) in headers_of(path).items():
            _check_gathered(path, tensor, shape)
            if tensor in found:
                raise CandidateError(
                    f"{path} holds the tensor {tensor}, and so does another shard: they are of two "
                    f"saves. {_SAVE_AGAIN}"
                )
            weight = tensor.endswith(".weight") and dtype not in _FLOATS
            if weight or _QUANTISED.fullmatch(tensor):
                raise CandidateError(
                    f"{path}: the weight {tensor} is of type {dtype}: its owner has quantised it. "
                    "Choose the checkpoint that it was made from, in 16 or 32 bits."
                )
            found.add(tensor)
    for tensor, name in weights.places.items():
        if tensor not in found:
            raise CandidateError(
                f"{folder / name} has no tensor {tensor}, which the index says is there: the index "
                f"is of another save than the shards. {_SAVE_AGAIN}"
            )
    return found


def _check_gathered(path: Path, tensor: str, shape: tuple[int, ...]) -> None:
    """Refuse what a training on several GPUs has saved of its own part alone."""
    if 0 in shape and tensor.endswith(".weight"):
        raise CandidateError(
            f"{path}: the weight {tensor} is empty (shape {as_shape(shape)}): it was saved while "
            "DeepSpeed's ZeRO-3 (or FSDP) held the numbers in parts. Consolidate them: `python "
            "zero_to_fp32.py . FOLDER`, which DeepSpeed puts into its checkpoints, or train with "
            "stage3_gather_16bit_weights_on_model_save."
        )
    if tensor.rpartition(".")[2] in ("flat_param", "_flat_param"):
        raise CandidateError(
            f"{path}: {tensor} is a part of FSDP's own format, not a weight. Save the full "
            "state_dict (FSDP: FullStateDictConfig; accelerate: `accelerate merge-weights`)."
        )


def _safetensors_headers(path: Path) -> dict[str, Header]:
    # Opening checks the header, and that the tensors fill the file to its last byte.
    try:
        with safe_open(path, framework="numpy") as file:  # which does not import torch
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {
                name: (each.get_dtype(), tuple(each.get_shape())) for name, each in slices.items()
            }
    except OSError as error:
        raise unreadable(path, error) from None
    except SafetensorError as error:
        raise _cut_short(path, error) from None


def _pickle_headers(path: Path) -> dict[str, Header]:
    import torch

    try:
        held = _load_pickle(path, "meta")
    except pickle.UnpicklingError as error:
        if "truncated" in str(error) or really(path):
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
    return {
        str(name): (str(value.dtype).removeprefix("torch."), tuple(value.shape))
        for name, value in held.items()
    }


def _load_pickle(path: Path, device: str) -> Any:
    import torch

    mapped = zipfile.is_zipfile(path)
    return torch.load(path, map_location=device, weights_only=True, mmap=mapped)


def _cut_short(path: Path, error: Exception) -> CandidateError:
    if sign := really(path):
        return CandidateError(f"{path}{sign}. Fetch it again, or give it the name of what it is.")
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


def others_than(file: str | None) -> set[str]:
    """The names of weights that transformers must not see, where one was chosen."""
    return {*_LOADED} - {file} if file else set()


def note_on_others(folder: Path, taken: Collection[str]) -> tuple[Message, ...]:
    """A note where a folder holds weights beside those that are loaded."""
    held = {path.name for path in folder.iterdir() if _NAMED.fullmatch(path.name)}
    if not (left := sorted(held - set(taken))):
        return ()
    note = Message(
        "its folder holds more weights than one model's: {taken} was loaded, since safetensors go "
        "before .bin and a single file before shards, and {left} was not. file = in models.toml "
        "chooses between them; or move away what is not meant.",
        taken=_told(folder, taken),
        left=_told(folder, left),
    )
    return (note,)


def _told(folder: Path, names: Collection[str]) -> str:
    """Files, their size together, and when the last of them was written."""
    found = [(folder / name).stat() for name in names]
    size = sum(each.st_size for each in found) / GIB
    date = datetime.fromtimestamp(max(each.st_mtime for each in found))
    return f"{some(sorted(names))} ({size:.2f} GiB, {date:%Y-%m-%d %H:%M})"


def as_shape(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape))
