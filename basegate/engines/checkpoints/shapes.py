"""Check a loaded model: all weights there, in the shapes that its config asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from basegate.engines.checkpoints.weight_files import file_of_tensor
from basegate.errors import CandidateError
from basegate.i18n.messages import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

Mismatch = tuple[str, tuple[int, ...], tuple[int, ...]]
"""A weight's name, its shape, and the one that it should have."""
_LAYER = re.compile(r"((?:(?!vision|visual|audio)[a-z_]+\.)+)\d+\.")
"""The beginning of a weight's name, up to the number of its layer."""
_OLD_BUFFER = ".inv_freq"
"""The frequencies of the positions follow from the config; older code saved them, too."""
_ADAPTER = re.compile(r"\.(lora_|base_layer\.)")


def check_loaded(
    folder: Path, model: Any, info: Mapping[str, Iterable[Any]], files: Mapping[str, Path]
) -> None:
    """Check the loading info of transformers; `files` has the file of every tensor.

    Raises:
        CandidateError: a weight is absent (it would be random), of another shape, or has no place
            in a layer that needs it.
    """
    for name, shape, wanted in (*sorted(info.get("mismatched_keys", ())), *_linear_layers(model)):
        if tuple(shape) != tuple(wanted):
            raise CandidateError(
                f"{file_of_tensor(folder, files, name)}: the weight {name} has the shape "
                f"{_write(shape)}, and by config.json it should be {_write(wanted)}. The files are "
                "of different models. Fetch the checkpoint again."
            )
    _check_complete(folder, sorted(map(str, info.get("missing_keys", ()))), files)
    _check_unused(folder, model, sorted(map(str, info.get("unexpected_keys", ()))), files)


def _linear_layers(model: Any) -> Iterator[Mismatch]:
    """Shapes of linear layers, which transformers does not compare where they are quantised."""
    import torch

    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear):
            state = getattr(layer.weight, "quant_state", None)
            shape = tuple(layer.weight.shape if state is None else state.shape)
            yield f"{name}.weight", shape, (layer.out_features, layer.in_features)


def _check_complete(folder: Path, missing: list[str], files: Mapping[str, Path]) -> None:
    if not missing:
        return
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    lacking = (
        f"the files lack weights that the model needs ({joined(missing[:3])}{more}), which would "
        "be random numbers"
    )
    if adapter := next((name for name in files if _ADAPTER.search(name)), None):
        raise CandidateError(
            f"{files[adapter]}: {adapter} is part of an adapter that is not merged; {lacking}. "
            "Merge it first (peft: `merge_and_unload`, then `save_pretrained`)."
        )
    if prefix := _prefix(missing, files):
        raise CandidateError(
            f"{folder}: the names of all weights begin with {prefix!r}, as a wrapper (torch's "
            f"DataParallel, torch.compile, peft) saves them; {lacking}. Save the model without "
            f"what is wrapped round it, or take {prefix!r} off every name."
        )
    raise CandidateError(f"{folder}: {lacking}. Fetch the checkpoint again.")


def _prefix(missing: Iterable[str], names: Iterable[str]) -> str:
    """What all names of the files begin with and the model's do not; empty if nothing."""
    tails = [f".{name}" for name in missing]
    found = {name[: 1 - len(tail)] for name in names for tail in tails if name.endswith(tail)}
    prefix = found.pop() if len(found) == 1 else ""
    return prefix if all(name.startswith(prefix) for name in names) else ""


def _check_unused(folder: Path, model: Any, unused: list[str], files: Mapping[str, Path]) -> None:
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
                f"{file_of_tensor(folder, files, name)}: the weight {name} has no place in a model "
                "as config.json describes it; without it the model would compute something else. "
                "Check that config.json and weights are of one model, that it asks for as many "
                "layers as there are, and that adapters are merged."
            )


def _write(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape))
