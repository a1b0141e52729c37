"""A GGUF file's tensors as the weights of a transformers model, one at a time.

Names are llama.cpp's, layouts are undone by transformers, which drops a tensor that it has no place
for without a word; here every tensor has to arrive and every weight to be filled.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from basegate.engines.checkpoints.config_files import INDEX
from basegate.engines.checkpoints.file_reading import damaged
from basegate.engines.gguf.config import EMBEDDINGS, HEAD, ROPE_FACTORS
from basegate.engines.gguf.header import Header, Tensor, cut_short
from basegate.errors import CandidateError
from basegate.i18n.messages import some

if TYPE_CHECKING:
    import torch

_SHARD = 2**30
"""Bytes of a file of weights, which is in memory as a whole while it is written."""
_AT_ONCE = 2**24
"""Numbers of a table of embeddings that are in float32 at once."""
_FLOATS = ("F32", "F16", "BF16", "F64")


class Source(NamedTuple):
    """The tensor that becomes a weight."""

    tensor: Tensor
    shape: tuple[int, ...]  # of the weight

    @property
    def bytes(self) -> int:
        """Of the weight in bfloat16."""
        return 2 * math.prod(self.shape)


def sources_of(header: Header, model: Any, config: Mapping[str, Any]) -> dict[str, Source]:
    """By weight of an empty model, its tensor.

    Raises:
        CandidateError: a tensor has no place in the model, or a weight no tensor.
    """
    shapes = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    places = _places(header, config["num_hidden_layers"], shapes)
    lost = [each.name for each in header.tensors if each.name not in {*places, ROPE_FACTORS}]
    if lost:
        raise CandidateError(
            f"{header.paths[0]} holds tensors that have no place in a model of architecture "
            f"{header.architecture!r} as transformers computes it ({some(lost)}). Without "
            "them the numbers would be those of another model. Take the checkpoint that the file "
            "was made from."
        )
    tied = set(model.all_tied_weights_keys) if config["tie_word_embeddings"] else set()
    found = {
        places[each.name]: Source(each, shapes[places[each.name]])
        for each in header.tensors
        if each.name != ROPE_FACTORS
    }
    if missing := sorted(shapes.keys() - found.keys() - tied):
        raise damaged(header.paths[0], f" lacks weights that the model needs ({some(missing)})")
    return found


def _places(header: Header, layers: int, names: Iterable[str]) -> dict[str, str]:
    """By tensor of llama.cpp, the name of the weight in transformers' model."""
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    kind = next(key for key, name in MODEL_ARCH_NAMES.items() if name == header.architecture)
    known = get_tensor_name_map(kind, layers)
    found = {known.get_name(name, try_suffixes=(".weight", ".bias")): name for name in names}
    return {tensor: name for tensor, name in found.items() if tensor is not None}


def _processor(header: Header, config: Mapping[str, Any]) -> Any:
    from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor

    made: Any = TENSOR_PROCESSORS.get(header.architecture, TensorProcessor)
    return made(config=dict(config))


def check_whole(header: Header) -> None:
    """Refuse a file that ends before its last tensor does, and types that nothing reads."""
    from gguf.quants import quant_shape_to_byte_shape

    sizes = {path: path.stat().st_size for path in header.paths}
    for tensor in header.tensors:
        try:
            size = math.prod(quant_shape_to_byte_shape(tensor.shape, _type(tensor)))
        except ValueError as error:
            raise damaged(tensor.path, f": {tensor.name} has a wrong shape ({error})") from None
        if tensor.offset + size > sizes[tensor.path]:
            raise cut_short(tensor.path, f"it ends within {tensor.name}")


def read(tensor: Tensor) -> np.ndarray:
    """A tensor's values in float32."""
    return next(_pieces(tensor, None))


def _pieces(tensor: Tensor, rows: int | None) -> Iterator[np.ndarray]:
    """Its values in float32, so many rows at a time; all at once for `None`."""
    from gguf.quants import dequantize, quant_shape_to_byte_shape

    shape = quant_shape_to_byte_shape(tensor.shape, _type(tensor))
    held = np.memmap(tensor.path, np.uint8, "r", tensor.offset, tuple(shape))
    step = rows or len(held)
    for start in range(0, len(held), step):
        try:
            values = dequantize(np.array(held[start : start + step]), _type(tensor))
        except NotImplementedError:
            raise _unread(tensor, _type(tensor).name) from None
        yield np.asarray(values, np.float32)


def _type(tensor: Tensor) -> Any:
    from gguf import GGMLQuantizationType

    try:
        return GGMLQuantizationType(tensor.kind)
    except ValueError:
        raise _unread(tensor, f"number {tensor.kind}") from None


def _unread(tensor: Tensor, kind: str) -> CandidateError:
    return CandidateError(
        f"{tensor.path}: {tensor.name} is of the type {kind}, which the installed package gguf "
        "does not read. Install a newer gguf, or take the model in another quantisation."
    )


def write_weights(
    header: Header,
    sources: Mapping[str, Source],
    config: Mapping[str, Any],
    folder: Path,
    wrote: Callable[[int], None],
) -> None:
    """Write all weights in bfloat16; `wrote` is told of bytes that are done."""
    import torch
    from huggingface_hub import split_torch_state_dict_into_shards
    from safetensors.torch import save_file

    process = _processor(header, config).process
    empty = {
        name: torch.empty(source.shape, dtype=torch.bfloat16, device="meta")
        for name, source in sources.items()
    }
    plan = split_torch_state_dict_into_shards(empty, max_shard_size=_SHARD)
    for file, names in plan.filename_to_tensors.items():
        shard = {}
        for name in names:
            shard[name] = _weight(name, sources[name], process)
            wrote(shard[name].nbytes)
        save_file(shard, folder / file, metadata={"format": "pt"})
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        (folder / f"model.safetensors{INDEX}").write_text(json.dumps(index), encoding="utf-8")


def _weight(name: str, source: Source, process: Callable[..., Any]) -> torch.Tensor:
    import torch

    tensor = source.tensor
    weight = torch.empty(tensor.shape, dtype=torch.bfloat16)
    if tensor.name in (EMBEDDINGS, HEAD):  # no family lays them out otherwise, and they are large
        rows = max(1, _AT_ONCE // tensor.shape[-1])
        start = 0
        for piece in _pieces(tensor, rows):
            weight[start : start + len(piece)] = torch.from_numpy(piece)
            start += len(piece)
    else:
        laid = process(weights=read(tensor), name=tensor.name).weights
        weight = torch.from_numpy(np.ascontiguousarray(laid)).to(torch.bfloat16)
    if weight.shape != source.shape:
        raise damaged(
            tensor.path,
            f": {tensor.name} has the shape {tuple(weight.shape)}, and by its metadata {name} "
            f"should have {source.shape}",
        )
    return weight


def quantisation(header: Header) -> str:
    """How a file's weights were quantised, e.g. `Q4_K_M: 109 F32, 27 Q4_K`; empty if not at all."""
    from gguf import LlamaFileType

    types = Counter(_type(tensor).name for tensor in header.tensors)
    if types.keys() <= set(_FLOATS):
        return ""
    counts = ", ".join(f"{count} {name}" for name, count in types.most_common())
    try:
        whole = LlamaFileType(header.metadata.get("general.file_type", LlamaFileType.GUESSED)).name
    except ValueError:
        return counts
    return counts if whole == "GUESSED" else f"{whole.removeprefix('MOSTLY_')}: {counts}"
