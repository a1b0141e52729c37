"""The tensors in files of weights: their shapes, whether they are whole, what is broken in them.

For the shapes only headers are read, so that a damaged file shows before gigabytes are loaded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from basegate.engines.checkpoints.config_files import unreadable
from basegate.errors import CandidateError, summary
from basegate.i18n.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from basegate.engines.checkpoints.weight_files import Weights

_REAL = ("F64", "F32", "F16", "BF16")
"""Types of weights, as safetensors names them."""
_MOST_HEADER = 100 * 2**20
"""A header of more bytes than this is none; safetensors' own limit."""


class Held(NamedTuple):
    """Where a tensor is, and its shape."""

    path: Path
    shape: tuple[int, ...]


def read_shapes(folder: Path, weights: Weights) -> dict[str, Held]:
    """Return every tensor of a checkpoint, whose files are whole; only headers are read.

    Raises:
        CandidateError: a file is damaged, cut short or holds code, or lacks what the index says it
            holds; names file and tensor.
    """
    read = read_header if weights.format == "safetensors" else read_pickle
    # A damaged file may not tell what is in it; the index does.
    first = {name: tensor for tensor, name in reversed(weights.places.items())}
    held: dict[str, Held] = {}
    for name in weights.files:
        for tensor, shape in read(folder / name, first.get(name, "")).items():
            held[tensor] = Held(folder / name, shape)
    for tensor, name in weights.places.items():
        if tensor not in held:
            raise CandidateError(
                "{path} has no tensor {tensor}, which the index says is there. Index and "
                "files are of different versions: fetch the checkpoint again.",
                path=folder / name,
                tensor=tensor,
            )
    return held


def read_header(path: Path, tensor: str = "") -> dict[str, tuple[int, ...]]:
    """Return the shapes of a safetensors file's tensors, whose bytes are all there.

    Args:
        path: of the file.
        tensor: one that should be in it, for the message; empty where that is not known.

    Raises:
        CandidateError: the file is damaged or cut short.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(_MOST_HEADER, size - 8):
                how = Message("it ends within its header, after {size} bytes", size=size)
                raise _damaged(path, how, tensor)
            text = file.read(length)
    except OSError as error:
        raise unreadable(path, error) from None
    try:
        entries = json.loads(text)
        entries.pop("__metadata__", None)
        tensors = {name: _tensor(entry) for name, entry in entries.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise _damaged(path, Message("its header cannot be read"), tensor) from None
    for name, entry in entries.items():
        if name.endswith(".weight") and entry.get("dtype") not in _REAL:
            raise _integers(path, name, str(entry.get("dtype")))
    for name, (_, end) in sorted(tensors.items(), key=lambda item: item[1][1]):
        if 8 + length + end > size:
            how = Message(
                "it is cut short within {name}: {size} bytes of {whole}",
                name=name,
                size=size,
                whole=_whole(tensors, length),
            )
            raise _damaged(path, how)
    if (beyond := size - _whole(tensors, length)) > 0:
        how = Message(
            "{beyond} bytes follow its last tensor, and its header knows nothing of them",
            beyond=beyond,
        )
        raise _damaged(path, how)
    return {name: shape for name, (shape, _) in tensors.items()}


def _tensor(entry: dict[str, Any]) -> tuple[tuple[int, ...], int]:
    begin, end = entry["data_offsets"]
    numbers = (*entry["shape"], begin, end)
    if not all(type(number) is int and number >= 0 for number in numbers) or begin > end:
        raise ValueError("sizes and places are whole numbers")
    return tuple(entry["shape"]), end


def _whole(tensors: dict[str, tuple[tuple[int, ...], int]], length: int) -> int:
    return 8 + length + max((end for _, end in tensors.values()), default=0)


def _real_types() -> set[Any]:
    import torch

    return {torch.float64, torch.float32, torch.float16, torch.bfloat16}


def _integers(path: Path, name: str, dtype: str) -> CandidateError:
    return CandidateError(
        "{path}: the weight {name} is of type {dtype}: numbers that its owner has "
        "quantised, and config.json does not say how. Read as they are they would be "
        "another model. Choose the checkpoint that it was made from, in 16 or 32 bits.",
        path=path,
        name=name,
        dtype=dtype,
    )


def _damaged(path: Path, how: str, tensor: str = "") -> CandidateError:
    within = Message(" By its index {tensor} is in it.", tensor=tensor) if tensor else ""
    return CandidateError(
        "{path} is damaged: {how}.{within} Fetch the checkpoint again.",
        path=path,
        how=how,
        within=within,
    )


def read_pickle(path: Path, tensor: str = "") -> dict[str, tuple[int, ...]]:
    """Return the shapes of a `.bin` file's tensors; the numbers are not read, and no code is run.

    Args:
        path: of the file.
        tensor: one that should be in it, for the message; empty where that is not known.

    Raises:
        CandidateError: the file is damaged, or holds more than tensors.
    """
    import pickle

    import torch

    try:
        found = torch.load(path, map_location="meta", weights_only=True, mmap=_is_zip(path))
        _check_table(path, found)
        for name, held in found.items():
            if str(name).endswith(".weight") and held.dtype not in _real_types():
                raise _integers(path, str(name), str(held.dtype).removeprefix("torch."))
        return {str(name): tuple(held.shape) for name, held in found.items()}
    except CandidateError:
        raise
    except pickle.UnpicklingError as error:
        if "truncated" in str(error):
            raise _damaged(path, Message("it is cut short"), tensor) from None
        raise CandidateError(
            "{path} holds more than numbers: Python code that would run while it is read, or "
            "it is damaged. It was not run. Choose a checkpoint with safetensors, which "
            "cannot hold code.",
            path=path,
        ) from None
    # What a damaged file leads to is anything.
    except Exception as error:
        how = Message("it is cut short, or was never such a file ({error})", error=summary(error))
        raise _damaged(path, how, tensor) from error


def _check_table(path: Path, found: Any) -> None:
    """Refuse what was saved in another form than a table of weights by their names."""
    import torch

    kind = type(found).__name__
    if not isinstance(found, dict):
        raise CandidateError(
            "{path} holds {kind}, not a table of weights by their names, so nobody can "
            "tell which weight is which. Save the model with `save_pretrained`, or its "
            "`state_dict()`.",
            path=path,
            kind=_article(kind),
        )
    inner = next((key for key, value in found.items() if isinstance(value, dict)), None)
    for name, value in found.items():
        if not isinstance(value, torch.Tensor):
            alone = (
                Message("what is in {name} alone, or ", name=repr(inner))
                if inner is not None
                else ""
            )
            raise CandidateError(
                "{path} holds {kind} by the name of {name} beside or instead of weights, "
                "as a state of training does, and nobody can tell what is to be loaded. Save "
                "{alone}the model with `save_pretrained`.",
                path=path,
                kind=_article(type(value).__name__),
                name=f"{name!r}",
                alone=alone,
            )


def _article(kind: str) -> str:
    if kind == "NoneType":
        return Message("nothing")
    if kind[0] in "aeiou":
        return Message("an {kind}", kind=kind)
    return Message("a {kind}", kind=kind)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


class Broken(NamedTuple):
    """A tensor that holds what is no number."""

    path: Path
    tensor: str
    what: str


def find_broken(folder: Path, files: Iterable[str]) -> Broken | None:
    """Return the first tensor that holds NaN or an infinite number, in files that can be read.

    All weights are read for it: to be called where something is wrong already.

    Args:
        folder: the checkpoint.
        files: names within it; those that hold no weights are left aside.
    """
    import torch

    for name in sorted(files):
        for tensor, numbers in _tensors(folder / name):
            if numbers.is_floating_point() and not bool(torch.isfinite(numbers).all()):
                nan = bool(torch.isnan(numbers).any())
                what = Message("NaN") if nan else Message("an infinite number")
                return Broken(folder / name, tensor, what)
    return None


def _tensors(path: Path) -> Iterator[tuple[str, Any]]:
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118
                yield name, file.get_tensor(name)
    elif path.suffix == ".bin":
        import torch

        held = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
        yield from held.items()
