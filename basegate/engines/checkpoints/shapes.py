"""Whether the weights have the shapes that the config asks for, before and after loading."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from basegate.engines.checkpoints.weight_files import place_of
from basegate.errors import CandidateError
from basegate.i18n.messages import Message, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from basegate.engines.checkpoints.tensor_headers import Held

Shape = tuple[int, ...]
Mismatch = tuple[str, Shape, Shape]
"""A weight's name, its shape, and the one that it should have."""
_LAYER = re.compile(r"((?:(?!vision|visual|audio)[a-z_]+\.)+)\d+\.")
"""The beginning of a weight's name, up to the number of its layer."""
_OLD_BUFFER = ".inv_freq"
"""The frequencies of the positions follow from the config; older code saved them, too."""
_ADAPTER = re.compile(r"\.(lora_|base_layer\.)")
_WRAPPERS = {
    "module.": Message(" (as torch's DataParallel saves them)"),
    "_orig_mod.": Message(" (as torch.compile saves them)"),
    "base_model.model.": Message(" (as peft saves them)"),
}
_AGAIN = Message("Fetch the checkpoint again.")


def check_headers(folder: Path, expected: Mapping[str, Shape], held: Mapping[str, Held]) -> None:
    """Check that the files hold just the weights that the config asks for.

    Args:
        folder: the checkpoint.
        expected: every weight and its shape, by the names of the files.
        held: what is there; see `tensors.read_shapes`.

    Raises:
        CandidateError: a tensor is absent, unknown or of another shape; names file and tensor.
    """
    for name, wanted in expected.items():
        if name not in held:
            raise CandidateError(
                "{folder}: the weight {name} is in no file. {again}",
                folder=folder,
                name=name,
                again=_AGAIN,
            )
        _refuse_other(held[name].path, name, held[name].shape, wanted)
    for name, each in held.items():
        if name not in expected and not name.endswith(_OLD_BUFFER):
            raise _without_place(each.path, name, _AGAIN)


def check_experts(held: Mapping[str, Held]) -> None:
    """Check that the experts of a layer are alike; loading joins them, and could not say which.

    Args:
        held: the tensors of the files.

    Raises:
        CandidateError: one has another shape than the others; names file and tensor.
    """
    groups: dict[str, list[str]] = {}
    for name in held:
        if (group := re.sub(r"\.experts\.\d+\.", ".experts.*.", name)) != name:
            groups.setdefault(group, []).append(name)
    for names in groups.values():
        usual = Counter(held[name].shape for name in names).most_common(1)[0][0]
        for name in names:
            if held[name].shape != usual:
                raise CandidateError(
                    "{path}: the weight {name} has the shape {held}, and those of the other "
                    "experts have {usual}. The files are of different models. {again}",
                    path=held[name].path,
                    name=name,
                    held=_write(held[name].shape),
                    usual=_write(usual),
                    again=_AGAIN,
                )


def check_complete(folder: Path, missing: Iterable[str], held: Mapping[str, Held]) -> None:
    """Refuse a model some of whose weights were not in the files: they would be random.

    Args:
        folder: the checkpoint.
        missing: names of the weights that the model needs and the files lack.
        held: the tensors of the files.

    Raises:
        CandidateError: there are such; says whether they are there under longer names.
    """
    names = sorted(map(str, missing))
    if not names:
        return
    more = Message(" and {count} more", count=len(names) - 3) if len(names) > 3 else ""
    lacking = Message(
        "the files lack weights that the model needs ({names}{more})",
        names=joined(names[:3]),
        more=more,
    )
    if adapter := next((name for name in held if _ADAPTER.search(name)), None):
        raise CandidateError(
            "{path}: {adapter} is part of an adapter that is not merged, so that {lacking}, "
            "and these would be random numbers. Merge it first (peft: `merge_and_unload`, "
            "then `save_pretrained`).",
            path=held[adapter].path,
            adapter=adapter,
            lacking=lacking,
        )
    if prefix := _prefix(names, held):
        raise CandidateError(
            "{folder}: the names of all weights begin with {prefix}{wrapper}, and by these names "
            "the model would not find them: its own would be random numbers. Save the model "
            "without what is wrapped round it, or take {prefix} off every name.",
            folder=folder,
            prefix=f"{prefix!r}",
            wrapper=_WRAPPERS.get(prefix, ""),
        )
    raise CandidateError(
        "{folder}: {lacking}; they would be random numbers. Fetch the checkpoint again.",
        folder=folder,
        lacking=lacking,
    )


def _prefix(missing: Iterable[str], held: Mapping[str, Held]) -> str:
    """Return what all names of the files begin with and the model's do not; empty if nothing."""
    tails = [f".{name}" for name in missing]
    found = {known[: 1 - len(tail)] for known in held for tail in tails if known.endswith(tail)}
    prefix = found.pop() if len(found) == 1 else ""
    return prefix if all(known.startswith(prefix) for known in held) else ""


def check_loaded(
    folder: Path, model: Any, mismatched: Iterable[Mismatch], held: Mapping[str, Held]
) -> None:
    """Check the shapes of all weights that were loaded.

    Args:
        folder: the checkpoint.
        model: as loaded.
        mismatched: names and shapes that transformers found to differ; it does not look at linear
            layers that are quantised, which are looked at here.
        held: the tensors of the files, to name the one that is meant.

    Raises:
        CandidateError: one has another shape than its layer.
    """
    for name, shape, wanted in (*mismatched, *_layers(model)):
        if tuple(shape) != tuple(wanted):
            place = place_of(folder, held, name)
            _refuse_other(place, name, tuple(shape), tuple(wanted))


def check_unused(folder: Path, model: Any, unused: Iterable[str], held: Mapping[str, Held]) -> None:
    """Refuse a model that does not use weights of its own layers: without them it is another.

    What stands beside the model, a further head, say, changes nothing of what it writes.

    Args:
        folder: the checkpoint.
        model: as loaded.
        unused: names of the weights that have no place in it.
        held: the tensors of the files, to name the one that is meant.

    Raises:
        CandidateError: the config asks for fewer layers than there are, or a layer leaves a bias, a
            scale or an adapter out.
    """
    known = {name for name, _ in model.named_parameters()}
    layers = {found[0] for name in known if (found := _LAYER.match(name))}
    leaves = {name for name, module in model.named_modules() if not any(module.children())}
    for name in sorted(map(str, unused)):
        layer = _LAYER.match(name)
        # Not a part that the layers of some kinds lack, nor a layer of another kind.
        if layer and layer[0] not in layers and _LAYER.sub(r"\g<1>0.", name) in known:
            raise CandidateError(
                "{path}: it asks for fewer layers than the files hold ({name} has no place "
                "in the model), and with these alone the model would compute something else. "
                "{again}",
                path=folder / "config.json",
                name=name,
                again=_AGAIN,
            )
        parts = name.split(".")
        within = {".".join(parts[:end]) for end in range(1, len(parts))}
        if within & leaves and not name.endswith(_OLD_BUFFER):
            raise _without_place(
                place_of(folder, held, name),
                name,
                Message(
                    "Check that config.json and weights are of one model and adapters are merged."
                ),
            )


def _without_place(path: Path, name: str, advice: str) -> CandidateError:
    return CandidateError(
        "{path}: the weight {name} has no place in a model as config.json describes it; "
        "without it the model would compute something else. {advice}",
        path=path,
        name=name,
        advice=advice,
    )


def _layers(model: Any) -> Iterator[Mismatch]:
    """Give every linear layer's weight, its shape and the one that the layer was built for."""
    import torch

    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear):
            state = getattr(layer.weight, "quant_state", None)
            shape = tuple(layer.weight.shape if state is None else state.shape)
            yield f"{name}.weight", shape, (layer.out_features, layer.in_features)


def _refuse_other(path: Path, name: str, held: Shape, wanted: Shape) -> None:
    if held != wanted:
        raise CandidateError(
            "{path}: the weight {name} has the shape {held}, and by config.json it should "
            "be {wanted}. The files are of different models. {again}",
            path=path,
            name=name,
            held=_write(held),
            wanted=_write(wanted),
            again=_AGAIN,
        )


def _write(shape: Shape) -> str:
    return " x ".join(map(str, shape))
