"""Checkpoints of the hub and of folders, GGUF files too, loaded with transformers."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from basegate.checks.identity import installed_version
from basegate.config.gguf_source import in_repository, is_gguf
from basegate.config.registry import CandidateSpec
from basegate.data.fingerprint import checkpoint_fingerprint
from basegate.data.hub import resolve_commit
from basegate.engines.devices import resolve_device
from basegate.engines.gguf import CONVERSION
from basegate.engines.protocol import Engine
from basegate.errors import CandidateError
from basegate.i18n.messages import Message
from basegate.progress import SILENT, Progress

if TYPE_CHECKING:
    from basegate.engines.tokenization import Encoder

__all__ = ["find_revision", "identity", "load", "resolve_device", "tokenizer_here"]


def find_revision(spec: CandidateSpec, memory: Path | None, progress: Progress) -> str:
    """The commit of a hub id, or the fingerprint of a folder or file; see `backends.Backend`."""
    if spec.unsupported:
        raise CandidateError(f"it cannot be loaded yet: {spec.unsupported}")
    if not spec.local:
        return resolve_commit("model", in_repository(spec.source).repo_id, spec.revision)
    folder = Path(spec.source)
    from basegate.engines.checkpoints.file_reading import unreadable
    from basegate.engines.checkpoints.inspection import check_before_loading

    check_before_loading(folder, spec.architecture, spec.file)
    try:
        return checkpoint_fingerprint(folder, memory, spec.file, name=spec.name, progress=progress)
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from None


def identity(spec: CandidateSpec) -> dict[str, Any]:
    from basegate.engines.checkpoints.inspection import read_otherwise

    found = read_otherwise(Path(spec.source)) if spec.local else {}
    if spec.end:
        found["ends"] = sorted(spec.end)
    if spec.trusted:  # another program may compute other numbers from the same files
        found["remote_code"] = True
    if is_gguf(spec.source):  # and another conversion other weights
        found["gguf"] = {"conversion": CONVERSION, "package": installed_version("gguf")}
    return found


def tokenizer_here(spec: CandidateSpec, revision: str) -> tuple[Encoder, int | None] | None:
    """The tokenizer alone and the context length, from files that are here; `None` if they are not.

    Nothing is fetched or converted, and no code of the checkpoint is run.

    Raises:
        CandidateError: its files are damaged.
    """
    from basegate.engines.checkpoints.config_files import code_places, read_config
    from basegate.engines.checkpoints.download import cached_folder
    from basegate.engines.checkpoints.inspection import check_files, context_length
    from basegate.engines.gguf.conversion import converted_folder
    from basegate.engines.loading import checkpoint_tokenizer
    from basegate.engines.tokenization import Encoder

    folder: Path | None = Path(spec.source)
    if not spec.local:
        repo_id, file = in_repository(spec.source)
        folder = cached_folder(repo_id, revision) / file
    if folder is not None and is_gguf(str(folder)):
        folder = converted_folder(folder) if folder.exists() else None
    if folder is None or not (folder / "config.json").is_file():
        return None
    config = read_config(folder)
    if spec.trusted and code_places(folder):
        return None
    check_files(folder)
    tokenizer, _ = checkpoint_tokenizer(folder, config, code=False)
    return Encoder(tokenizer, spec.name), context_length(config)


@contextmanager
def _for_good() -> Iterator[None]:
    """Import what stays: to look for garbage in it takes a sixth of the time, and as much later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def load(
    spec: CandidateSpec,
    revision: str,
    device: str,
    *,
    window: int | None = None,
    budget: float | None = None,
    progress: Progress = SILENT,
) -> Engine:
    """Load a checkpoint, and run the sanity checks on it; see `backends.Backend`."""
    with progress.telling(lambda: Message("reading the small files")):
        with _for_good():
            import transformers.modeling_utils  # noqa: F401  takes longest

            from basegate.engines.loading import load_candidate
            from basegate.runner import sanity_check

        engine = load_candidate(
            spec.source,
            name=spec.name,
            quantization=spec.quantization,
            dtype=spec.dtype,
            device=device,
            revision=None if spec.local else revision,
            trust_remote_code=spec.trusted,
            window=window,
            memory=budget,
            local=spec.local,
            file=spec.file,
            end=spec.end or (),
            architecture=spec.architecture,
            progress=progress,
        )
    try:
        with progress.telling(lambda: Message("checking what it reads and writes")):
            sanity_check.check(engine)
    except CandidateError as error:
        engine.close()
        if engine.loaded and (notes := engine.loaded.notes):
            raise CandidateError(f"{error} Noted as it was loaded: {' '.join(notes)}") from None
        raise
    except BaseException:  # Ctrl-C, too, frees the memory
        engine.close()
        raise
    return engine
