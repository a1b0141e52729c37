"""Whether what was loaded is all of a model, by the names of weights; wrappers' names in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from basegate.engines.checkpoints.other_formats import MERGE
from basegate.engines.checkpoints.weight_files import as_shape
from basegate.errors import CandidateError
from basegate.i18n.messages import Message, joined, some

Mismatch = tuple[str, tuple[int, ...], tuple[int, ...]]
"""A weight's name, its shape, and the one that it should have."""
_LAYER = re.compile(r"((?:(?!vision|visual|audio)[a-z_]+\.)+)\d+\.")
"""The beginning of a weight's name, up to the number of its layer."""
_NUMBERED = re.compile(r"((?:(?!vision|visual|audio)[a-z_]+\.)*layers\.(\d+))\.")
_AHEAD = re.compile(r"((?:model\.)?mtp(?:_\w+)?)\.")
"""What Qwen, MiMo and Ernie call the layers that predict further tokens."""
_OLD_BUFFERS = (".inv_freq", ".masked_bias")
"""Constants (frequencies of the positions, a mask's number) that older code saved, too."""
_ADAPTER = re.compile(r"\.(lora_|base_layer\.|modules_to_save\.|original_module\.)")
_WRAPPER = r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|module)\."
"""What torch.compile, FSDP, activation checkpointing and DataParallel put into a weight's name."""
_JUDGING_HEAD = re.compile(
    r"(model\.)?(score|classifier|classification|reward|rm|regression|qa)"
    r"(_head|_layer|_model|_outputs)?\."
)


def without_wrappers(names: Collection[str]) -> dict[str, str] | None:
    """For transformers: patterns that take wrappers out of weights' names, in turn.

    `None` where there are none, or two weights would have the same name.
    """
    deepest = max((len(re.findall(_WRAPPER, name)) for name in names), default=0)
    if not deepest or len({re.sub(_WRAPPER, "", name) for name in names}) < len(names):
        return None
    # A pattern takes out one of them; a comment makes the next another key.
    return {f"{_WRAPPER}(?#{time})": "" for time in range(deepest)}


def check_loaded(
    folder: Path, model: Any, info: Mapping[str, Iterable[Any]], names: Collection[str]
) -> tuple[Message, ...]:
    """Check the loading info of transformers; `names` are those of the tensors in the files.

    Returns:
        A note where weights are not used.

    Raises:
        CandidateError: a weight is absent (it would be random), of another shape, or has no place
            in a layer that needs it; or it is of an adapter, or of a head that judges texts.
    """
    for name, shape, wanted in (*sorted(info.get("mismatched_keys", ())), *_linear_layers(model)):
        if tuple(shape) != tuple(wanted):
            raise _mismatch(folder, model, (name, tuple(shape), tuple(wanted)))
    missing, unused = (
        sorted(map(str, info.get(f"{kind}_keys", ()))) for kind in ("missing", "unexpected")
    )
    suspects = [*unused, *(sorted(names) if missing else ())]
    if adapter := next(filter(_ADAPTER.search, suspects), None):
        raise CandidateError(
            f"{folder}: {adapter} is part of an adapter that is not merged, so that the model "
            f"would be another than the one that was trained. {MERGE}"
        )
    if head := next(filter(_JUDGING_HEAD.match, unused), None):
        raise CandidateError(
            f"{folder}: {head} is of a head that judges texts: this is a reward or classification "
            "model, and its language head is not what was trained. Choose the model that it was "
            "made from."
        )
    known = {name for name, _ in model.named_parameters()}
    ahead = _layers_ahead(model, {*names, *unused} - known, known)
    unused = [name for name in unused if not name.startswith(tuple(f"{each}." for each in ahead))]
    _check_complete(folder, model, missing, unused, names, known)
    _check_unused(folder, model, unused, known)
    notes = (
        *_note_on_wrappers(names),
        *_note_on_ahead(ahead),
        *_note_on_head(model),
        *_note_on_holes(model),
    )
    if not (left := [name for name in unused if not name.endswith(_OLD_BUFFERS)]):
        return notes
    note = Message(
        "weights in its files that the model has no place for are not used ({count}: {names}), "
        "such as a value head (PPO) that was trained beside it.",
        count=len(left),
        names=some(left),
    )
    return (note, *notes)


def _note_on_wrappers(names: Collection[str]) -> tuple[Message, ...]:
    found = sorted({each for name in names for each in re.findall(_WRAPPER, name)})
    if not found:
        return ()
    note = Message(
        "the names of its weights hold {wrappers}, as torch.compile, FSDP or DataParallel put it "
        "there, and are read without it. Other programs, transformers among them, begin with "
        "random weights in their place: unwrap the model and save it again before you train it.",
        wrappers=joined(found),
    )
    return (note,)


def _layers_ahead(model: Any, names: Collection[str], known: Collection[str]) -> set[str]:
    """The layers for multi-token prediction, of weights without a place.

    DeepSeek-V3 and GLM-4-MoE number them on behind the model's own (`num_nextn_predict_layers`),
    where they have weights that no other layer has (`eh_proj`); others name them so.
    """
    config = model.config.get_text_config()
    first, more = (
        value if isinstance(value := getattr(config, key, 0), int) else 0
        for key in ("num_hidden_layers", "num_nextn_predict_layers")
    )
    own = {name[found.end() :] for name in known if (found := _NUMBERED.match(name))}
    numbered = {
        found[1]
        for name in names
        if (found := _NUMBERED.match(name))
        and int(found[2]) in range(first, first + more)
        and name[found.end() :] not in own
    }
    return numbered | {found[1] for name in names if (found := _AHEAD.match(name))}


def _note_on_ahead(layers: Collection[str]) -> tuple[Message, ...]:
    if not layers:
        return ()
    note = Message(
        "layers that predict further tokens ahead (multi-token prediction: {names}) are not used. "
        "They make drafts for faster decoding, and no number here depends on them.",
        names=some(sorted(layers)),
    )
    return (note,)


def _note_on_head(model: Any) -> tuple[Message, ...]:
    """A note where a config ties the head to the embeddings, and the files hold another head."""
    head, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    tied = getattr(model.config, "tie_word_embeddings", False)
    if not tied or head is None or head.weight is embeddings.weight:
        return ()
    note = Message(
        "config.json says tie_word_embeddings, and its files hold a head of their own, which is "
        "used. Other programs may take the embeddings instead: write false there if it was trained."
    )
    return (note,)


def _note_on_holes(model: Any) -> tuple[Message, ...]:
    """A note where a weight is one number throughout; zeros are so when they are quantised, too."""
    holes = []
    for name, weight in model.named_parameters():
        numbers = weight.data.flatten()
        # The beginning first: all but a few end there, and nothing large is read.
        matrix = name.endswith(".weight") and weight.dim() > 1 and len(numbers) > 0
        some_equal = matrix and bool((numbers[:64] == numbers[0]).all())
        if some_equal and bool((numbers == numbers[0]).all()):
            holes.append(name)
    if not holes:
        return ()
    note = Message(
        "weights that are one number throughout, such as zeros ({count}: {names}): a save or a "
        "download may have left holes, unless a merge switched these layers off.",
        count=len(holes),
        names=some(holes),
    )
    return (note,)


def _mismatch(folder: Path, model: Any, found: Mismatch) -> CandidateError:
    """The error of a weight of another shape; one of a vocabulary's length has its own cause."""
    name, shape, wanted = found
    what = (
        f"{folder}: the weight {name} has the shape {as_shape(shape)}, and by config.json it "
        f"should be {as_shape(wanted)}"
    )
    ids = getattr(model.config.get_text_config(), "vocab_size", None)
    if wanted[0] == ids and shape[1:] == wanted[1:]:
        return CandidateError(
            f"{what}: tokens were added (or rounded up, to 64 say), and only one of the two was "
            f'saved. If the weights are right, write "vocab_size": {shape[0]} in config.json; else '
            "save the model again."
        )
    return CandidateError(
        f"{what}: that config.json is of another model, or was changed. Put back the one that was "
        "saved with these weights, or fetch the checkpoint again."
    )


def _linear_layers(model: Any) -> Iterator[Mismatch]:
    """Shapes of linear layers, which transformers does not compare where they are quantised."""
    import torch

    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear):
            state = getattr(layer.weight, "quant_state", None)
            shape = tuple(layer.weight.shape if state is None else state.shape)
            yield f"{name}.weight", shape, (layer.out_features, layer.in_features)


def _check_complete(
    folder: Path,
    model: Any,
    missing: list[str],
    unused: list[str],
    names: Collection[str],
    known: Collection[str],
) -> None:
    if not missing:
        return
    lacking = (
        f"the files lack weights that the model needs ({some(missing)}), which would be random"
    )
    if prefix := _prefix(missing, names, known):
        raise CandidateError(
            f"{folder}: the names of all its weights begin with {prefix!r}, as a wrapper (peft, a "
            f"trainer's own) saves them; {lacking}. Save the model without it "
            f"(`unwrap_model(model).save_pretrained`), or take {prefix!r} off every name."
        )
    wrapped = [name for name in sorted(names) if re.search(_WRAPPER, name)]
    if wrapped and without_wrappers(names) is None:
        raise CandidateError(
            f"{folder}: the files hold weights with and without the name of a wrapper in theirs "
            f"({some(wrapped)}); {lacking}. Unwrap the model before it is saved "
            "(`accelerator.unwrap_model(model).save_pretrained`; of torch.compile, "
            "`model._orig_mod`)."
        )
    if unused:
        raise CandidateError(
            f"{folder}: {lacking}, and hold others that it has no place for ({some(unused)}): they "
            "are named as another program, or another kind of model, names them. Take the "
            "config.json that was saved with them, or convert them for transformers."
        )
    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    if {name.rpartition(".")[0] for name in missing} <= {
        name for name, module in model.named_modules() if module in ends
    }:
        raise CandidateError(
            f"{folder}: {lacking}. Where embeddings and head are one (tied), they are saved once: "
            'write "tie_word_embeddings": true in config.json if it was trained so. Else it was '
            "saved without its head (AutoModel): save it again, with AutoModelForCausalLM."
        )
    raise CandidateError(
        f"{folder}: {lacking}. Fetch the checkpoint again, or correct config.json where it asks "
        "for more than was saved (num_hidden_layers, attention_bias or the like)."
    )


def _prefix(missing: Iterable[str], names: Iterable[str], known: Collection[str]) -> str:
    """What the names in the files begin with and the model's do not; empty if nothing.

    What is not the model's, a value head, say, may stand beside them without it.
    """
    tails = [f".{name}" for name in missing]
    found = {name[: 1 - len(tail)] for name in names for tail in tails if name.endswith(tail)}
    prefix = found.pop() if len(found) == 1 else ""
    return "" if any(name in known and not name.startswith(prefix) for name in names) else prefix


def _check_unused(folder: Path, model: Any, unused: list[str], known: Collection[str]) -> None:
    """Refuse a model that leaves out layers, or a bias, scale or adapter of one.

    What stands beside the model, a further head, say, changes nothing of what it writes.
    """
    layers = {found[0] for name in known if (found := _LAYER.match(name))}
    leaves = {name for name, module in model.named_modules() if not any(module.children())}
    for name in unused:
        layer = _LAYER.match(name)
        # Not a part that the layers of some kinds lack, nor a layer of another kind.
        beyond = layer and layer[0] not in layers and _LAYER.sub(r"\g<1>0.", name) in known
        parts = name.split(".")
        within = {".".join(parts[:end]) for end in range(1, len(parts))} & leaves
        if beyond or (within and not name.endswith(_OLD_BUFFERS)):
            raise CandidateError(
                f"{folder}: the weight {name} has no place in a model "
                "as config.json describes it. Check that both are of one model, that it asks for "
                "as many layers as there are, and that adapters are merged."
            )
