"""From a folder or hub id to an engine: weights through transformers, quantised as they load."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

from basegate.config.gguf_source import in_repository, is_gguf
from basegate.config.registry import check_pinned
from basegate.data.hub import resolve_commit
from basegate.engines.architectures import find
from basegate.engines.batching import out_of_memory
from basegate.engines.checkpoints.config_files import check_code, code_places, read_config
from basegate.engines.checkpoints.download import (
    download_gguf,
    download_small_files,
    download_weights,
)
from basegate.engines.checkpoints.file_reading import readable
from basegate.engines.checkpoints.generation_config import check_special_ids, end_of_text
from basegate.engines.checkpoints.inspection import (
    LoadedCheckpoint,
    check_architecture,
    check_files,
    context_length,
    files_read,
    vocabulary_size,
)
from basegate.engines.checkpoints.model_config import (
    LoadOptions,
    empty_model,
    model_class,
    model_config,
    note_on_quantization,
    quantization_config,
)
from basegate.engines.checkpoints.size_estimate import check_fits, describe, measure
from basegate.engines.checkpoints.weight_files import (
    find_weights,
    note_on_others,
    others_than,
    read_tensors,
)
from basegate.engines.checkpoints.weight_names import check_loaded, without_wrappers
from basegate.engines.dequantization import compute_in
from basegate.engines.devices import (
    memory_advice,
    memory_in_use,
    release_memory,
    resolve_device,
    reuse_freed_memory,
)
from basegate.engines.gguf.conversion import Converted, convert
from basegate.engines.kv_cache import repeat
from basegate.engines.memory_budget import MemoryBudget, memory_budget
from basegate.engines.tokenization import check_vocabulary, load_tokenizer
from basegate.engines.transformers_engine import LONGEST, TransformersEngine
from basegate.errors import CandidateError, summary
from basegate.i18n.formatting import GIB
from basegate.i18n.messages import Message, joined
from basegate.progress import SILENT, Progress

# Its notes on absent kernels and on casts come once per layer and token.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def load_candidate(
    source: str,
    *,
    name: str | None = None,
    quantization: str = "nf4",
    dtype: str | None = None,
    device: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
    window: int | None = None,
    local: bool | None = None,
    architecture: str = "",
    file: str | None = None,
    end: Sequence[str] = (),
    memory: float | None = None,
    progress: Progress = SILENT,
) -> TransformersEngine:
    """Load a base model and its tokenizer.

    Args:
        source: a local folder or a hub id, or a GGUF file in one (`owner/name:FILE.gguf`).
        name: what to call it in messages; the source by default.
        quantization: `nf4`, `fp4`, `int8` or `none`.
        dtype: `bfloat16` (the default), `float16` or `float32`, for the computation and for
            weights that are not quantised.
        device: `auto`, `cuda` or `cpu`.
        revision: branch, tag or commit of a hub id.
        trust_remote_code: run Python code that the checkpoint brings; needs a hub id and a full
            commit as `revision`, so that the code is the one that was looked at.
        window: tokens of the longest input, for which there has to be memory, at most as many as
            the model was made for; 2,048 by default.
        local: whether `source` is a folder or file; by default whether there is one of that name.
        architecture: the `model_type` that its `config.json` has to name; by default any.
        file: which weights of a folder to load, such as `pytorch_model.bin`; of shards their index.
        end: tokens that end a text, instead of those that its files name.
        memory: GiB that the process, or the GPUs, may hold in all with it; by default what is free,
            on a CPU less what the machine should keep.
        progress: told of its size and of how far loading is.

    Raises:
        CandidateError: it cannot be found or loaded, or does not fit; the message says what to do.
        UsageError: the arguments do not go together.
    """
    folder = Path(source).expanduser()
    local = folder.exists() if local is None else local
    if trust_remote_code:
        check_pinned(source, revision, local, "trust_remote_code")
    options = LoadOptions(
        quantization, dtype or "bfloat16", resolve_device(device), trust_remote_code
    )
    name = name or source
    commit = None if local else resolve_commit("model", in_repository(source).repo_id, revision)
    budget = memory_budget(options.device, memory)
    check = partial(
        _check_before_weights,
        name=name,
        architecture=architecture,
        window=window,
        end=end,
        options=options,
        budget=budget,
        progress=progress,
    )
    if is_gguf(str(folder) if local else source):
        path = folder if commit is None else download_gguf(source, commit, progress)
        made = convert(path, name, check, progress)
        progress.phase("loading")
        return _load(made.folder, name, options, budget, progress, made, end=end)
    if commit is not None:
        folder = download_small_files(source, commit, code=trust_remote_code)
    check(folder)
    if commit is not None:
        folder = download_weights(source, commit, folder, progress)
    progress.phase("loading")
    local = commit is None
    return _load(folder, name, options, budget, progress, file=file, local=local, end=end)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' bars and notes off the terminal while loading."""
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        transformers.logging.enable_progress_bar()


@_quiet()
def _check_before_weights(
    folder: Path,
    name: str,
    architecture: str,
    window: int | None,
    end: Sequence[str],
    options: LoadOptions,
    budget: MemoryBudget,
    progress: Progress,
) -> None:
    """Refuse what cannot be loaded, by its small files alone."""
    config = read_config(folder)
    if options.trusted:
        check_code(folder)
        if code_places(folder):
            progress.status(
                Message("{name}: its own Python code runs; its size is not known before", name=name)
            )
            return
    check_architecture(config, folder, architecture)
    native = model_config(folder, config)
    values = native.to_dict()
    check_special_ids(folder, config, vocabulary_size(values), end)
    window = window or LONGEST
    # A check with a longer one is invalid by itself, others are not concerned.
    window = min(window, context_length(values) or window)
    size = measure(folder, native, options, window)
    free = budget.room()
    room = Message("; {free} GiB free", free=f"{free / GIB:.1f}") if free else ""
    described = describe(size, options)
    progress.status(Message("{name}: {size}{room}", name=name, size=described, room=room))
    check_fits(name, size, free, options, budget)


@_quiet()
def _load(
    folder: Path,
    name: str,
    options: LoadOptions,
    budget: MemoryBudget,
    progress: Progress,
    made: Converted | None = None,
    file: str | None = None,
    local: bool = False,
    end: Sequence[str] = (),
) -> TransformersEngine:
    """Load what is in a folder: a user's (`local`), the hub's, or one made of a GGUF file."""
    config = read_config(folder)
    check_files(folder)
    code = options.trusted and bool(code_places(folder))
    weights = find_weights(folder, file)
    tensors = read_tensors(folder, weights)
    native = model_config(folder, config, code)
    family = None if code else find(config)
    values = native.to_dict()
    tokenizer, notes = checkpoint_tokenizer(folder, config, code)
    size = vocabulary_size(values)
    beyond = check_vocabulary(folder, tokenizer, size)
    ends, ignored, of_samples = end_of_text(folder, config, tokenizer, size, end)
    before = memory_in_use(options.device)
    step = Message("reading and quantising the weights")
    if options.quantization == "none":
        step = Message("reading the weights")

    def grown() -> str:
        more = max(0, memory_in_use(options.device) - before)
        return Message("{step}, {size} GiB in memory", step=step, size=f"{more / GIB:.1f}")

    with progress.telling(grown):
        options = options._replace(trusted=code)
        model, unused = _load_model(folder, native, options, tensors, ends, file)
        if options.compute != options.dtype:
            room = budget.room()
            # The other half is for batches.
            half = None if room is None else room // 2
            compute_in(model, getattr(torch, options.compute), half)
    if options.device == "cpu":
        release_memory()
        reuse_freed_memory()
    _check_incremental_decoding(folder, model, options)
    others = note_on_others(folder, weights.files) if local and file is None else ()
    notes = (*notes, *beyond, *ignored, *note_on_quantization(config), *others, *unused)
    for note in (*notes, *of_samples):
        progress.status(Message("{name}: {note}", name=name, note=note))
    read = files_read(folder, weights.files, code)
    loaded = LoadedCheckpoint(folder, read, weights.format, code, notes)
    if made:
        loaded = _of_gguf(made, notes)
    return TransformersEngine(
        name,
        model,
        tokenizer,
        context_length(values),
        caveat=family.LONG_CONTEXT_CAVEAT if family else "",
        quantization=options.quantization,
        loaded=loaded._replace(of_samples=of_samples),
        budget=budget,
    )


def checkpoint_tokenizer(
    folder: Path, config: dict[str, Any], code: bool
) -> tuple[Any, tuple[str, ...]]:
    """A checkpoint's tokenizer and notes on it, as its family or `load_tokenizer` reads it."""
    family = None if code else find(config)
    return (family.tokenizer(folder), ()) if family else load_tokenizer(folder, code)


def _of_gguf(made: Converted, notes: tuple[str, ...]) -> LoadedCheckpoint:
    files = tuple(path.name for path in made.files)
    return LoadedCheckpoint(
        made.files[0].parent, files, "gguf", False, notes, made.quantized_before
    )


def _load_model(
    folder: Path,
    native: Any,
    options: LoadOptions,
    tensors: set[str],
    ends: Sequence[int] = (),
    file: str | None = None,
) -> tuple[Any, tuple[str, ...]]:
    """The model of a folder, and notes on its weights."""
    empty = None if options.trusted else empty_model(folder, native, options.dtype)
    auto_class = model_class(folder, native, options.trusted)
    try:
        with readable(folder, others_than(file)) as clean:
            model, info = auto_class.from_pretrained(
                str(clean),
                config=native,
                quantization_config=quantization_config(options, empty),
                dtype=getattr(torch, options.dtype),
                device_map="auto" if options.device == "cuda" else {"": "cpu"},
                trust_remote_code=options.trusted,
                local_files_only=True,
                weights_only=True,
                output_loading_info=True,
                # Else the checkpoint's own is read, which may be refused for what nobody uses.
                generation_config=transformers.GenerationConfig(eos_token_id=list(ends) or None),
                # They are refused all the same, with names: see `check_loaded`.
                ignore_mismatched_sizes=True,
                key_mapping=without_wrappers(tensors),
            )
    # transformers lets through whatever a library below it or a model's own code raises.
    except Exception as error:
        if out_of_memory(error):
            raise _no_room(folder, options, summary(error)) from error
        if names := _not_converted(error):
            raise CandidateError(
                f"{folder}: tensors cannot be joined or split to {names} as config.json asks for "
                "it. The files are of different models: fetch the checkpoint again."
            ) from error
        raise CandidateError(
            f"{folder}: its weights could not be loaded ({summary(error)}). Check that the "
            f"checkpoint is whole and that transformers {transformers.__version__} knows its kind."
        ) from error
    notes = check_loaded(folder, model, info, tensors)
    _check_placed(folder, model, options)
    return model.eval(), notes


def _not_converted(error: Exception) -> str:
    """Weights that transformers could not convert: it logs their names and raises without."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if errors := getattr(frame.f_locals.get("loading_info"), "conversion_errors", None):
            return joined(sorted(map(str, errors))[:3])
    return ""


def _no_room(folder: Path, options: LoadOptions, sign: str) -> CandidateError:
    return CandidateError(
        f"{folder}: the model does not fit into the memory that is free ({sign}); others may have "
        "taken some since loading began. "
        f"{memory_advice(options.quantization, options.device)}"
    )


def _check_placed(folder: Path, model: Any, options: LoadOptions) -> None:
    """Refuse a model of which a part landed beside the GPUs: its numbers would take days."""
    places = set(map(str, (getattr(model, "hf_device_map", None) or {}).values()))
    if options.device == "cuda" and places & {"cpu", "disk"}:
        raise _no_room(folder, options, "a part of it landed beside the GPUs")


def _check_incremental_decoding(folder: Path, model: Any, options: LoadOptions) -> None:
    """Refuse a model without incremental decoding (a KV cache), which options and samples need."""
    ids = torch.zeros((2, 2), dtype=torch.long, device=model.device)
    # The head has no part in it, and of a large vocabulary takes longest; a checkpoint's own code
    # may want to be called as a whole.
    body = model if options.trusted else model.base_model
    try:
        with torch.inference_mode():
            read = body(input_ids=ids[:, :1], use_cache=True).past_key_values
            cache = repeat(read, [1, 2], 1)
            body(input_ids=ids[[0, 1, 1], 1:], past_key_values=cache, use_cache=True)
    # Each family's code fails in its own way where there is no cache or one of another kind.
    except Exception as error:
        if out_of_memory(error):
            raise _no_room(folder, options, summary(error)) from error
        raise CandidateError(
            f"{folder}: a model of model_type {model.config.model_type!r} does not support "
            f"incremental decoding ({summary(error)}), which samples and options after prompts "
            "need. Choose a model of another kind."
        ) from error
