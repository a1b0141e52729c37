"""Checkpoints of the hub and of folders, GGUF files too, loaded with transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from basegate.checks.identity import installed_version
from basegate.config.gguf_source import in_repository, is_gguf
from basegate.config.registry import CandidateSpec
from basegate.data.fingerprint import checkpoint_fingerprint
from basegate.data.hub import resolve_commit
from basegate.engines.devices import resolve_device
from basegate.engines.gguf import CONVERSION
from basegate.engines.protocol import Engine
from basegate.errors import CandidateError
from basegate.progress import SILENT, Progress

__all__ = ["find_revision", "identity", "load", "resolve_device"]


def find_revision(spec: CandidateSpec, memory: Path | None, progress: Progress) -> str:
    """The commit of a hub id, or the fingerprint of a folder or file; see `backends.Backend`."""
    if spec.unsupported:
        raise CandidateError(f"it cannot be loaded yet: {spec.unsupported}")
    if not spec.local:
        return resolve_commit("model", in_repository(spec.source).repo_id, spec.revision)
    folder = Path(spec.source)
    from basegate.engines.checkpoints.config_files import unreadable
    from basegate.engines.checkpoints.inspection import check_before_loading

    check_before_loading(folder, spec.architecture)
    try:
        return checkpoint_fingerprint(folder, memory, name=spec.name, progress=progress)
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from None


def identity(spec: CandidateSpec) -> dict[str, Any]:
    from basegate.engines.checkpoints.inspection import TOKENIZATION, is_read_anew

    found: dict[str, Any] = {}
    if spec.local and is_read_anew(Path(spec.source)):
        found["tokenization"] = TOKENIZATION
    if spec.trusted:  # another program may compute other numbers from the same files
        found["remote_code"] = True
    if is_gguf(spec.source):  # and another conversion other weights
        found["gguf"] = {"conversion": CONVERSION, "package": installed_version("gguf")}
    return found


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
        architecture=spec.architecture,
        progress=progress,
    )
    try:
        sanity_check.check(engine)
    except BaseException:  # Ctrl-C, too, frees the memory
        engine.close()
        raise
    return engine
