"""The handle that tests hold instead of a model: it loads late and once, and frees its memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from basegate.config.registry import CandidateSpec
from basegate.data.fingerprint import describe_files
from basegate.engines.devices import (
    another_dtype,
    clear_frames,
    peak_memory,
    release_memory,
    reset_peak_memory,
)
from basegate.engines.protocol import Engine
from basegate.errors import CandidateError, InvalidMeasurement
from basegate.i18n.messages import Message, joined
from basegate.measurement import CandidateFacts
from basegate.progress import SILENT, Progress
from basegate.runner.backends import backend_of

Loader = Callable[[CandidateSpec, str, str], "Engine"]

NOT_TRIED = "not measured: "
"""How a text begins that only refers to the candidate's first error."""
NOT_LOADED = f"{NOT_TRIED}the candidate could not be loaded (see its first error)."


class Candidate:
    """One candidate of a run.

    Args:
        device: `auto`, `cuda` or `cpu`.
        memory: file that remembers fingerprints of large local checkpoints.
        window: tokens of the run's longest input, for which there has to be memory.
        revision: its commit or fingerprint, where another process has found it out.
        budget: GiB of memory that it may take; by default what is free.
        load: loads an engine from spec, revision and device; replaced in tests.
    """

    def __init__(
        self,
        spec: CandidateSpec,
        *,
        device: str = "auto",
        memory: Path | None = None,
        progress: Progress = SILENT,
        window: int | None = None,
        revision: str | None = None,
        budget: float | None = None,
        load: Loader | None = None,
    ) -> None:
        self.spec = spec
        self.device = backend_of(spec).resolve_device(device)
        self._memory = memory
        self._progress = progress
        self._load = load or partial(load_engine, window=window, budget=budget, progress=progress)
        self._engine: Engine | None = None
        self._found: dict[str, Any] = {}  # facts that loading told
        self._revision = revision
        self._failure: str | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def compute_dtype(self) -> str | None:
        """The dtype that it computes in, where that is not its own."""
        return another_dtype(self.spec, self.device)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What else of its kind can change its numbers, found out once; see `backends.Backend`."""
        return backend_of(self.spec).identity(self.spec)

    @property
    def loaded(self) -> bool:
        return self._engine is not None

    @property
    def revision(self) -> str:
        """The commit of a hub id, or the fingerprint of a folder or file, found out once.

        Raises:
            CandidateError: it is not supported yet, or cannot be found.
        """
        if self._failure is not None:
            # In full it stands where it happened; once per candidate is enough.
            raise CandidateError(self._failure)
        if self._revision is None:
            try:
                find = backend_of(self.spec).find_revision
                self._revision = find(self.spec, self._memory, self._progress)
            except InvalidMeasurement:
                self._failure = NOT_LOADED
                raise
        return self._revision

    @property
    def known_revision(self) -> str | None:
        """Its revision, if that was found out before it failed."""
        return self._revision

    def engine(self) -> Engine:
        """The loaded candidate; loads it at the first call.

        A failure to load is remembered: trying once per check would take hours. The error itself
        is not kept, since its traceback would keep the half-loaded model.

        Raises:
            CandidateError: it cannot be loaded.
        """
        revision = self.revision
        if self._engine is None:
            start = time.perf_counter()
            whole = self.spec.quantization == "none"
            precision = Message("unquantised") if whole else self.spec.quantization
            loading = Message(
                "{name}: loading {source} ({how})",
                name=self.name,
                source=self.spec.source,
                how=joined([precision, self.spec.dtype, self.device]),
            )
            with self._progress.waiting(loading):
                self._engine = self._try_to_load(revision)
            self._found["load_seconds"] = time.perf_counter() - start
            if (loaded := self._engine.loaded) is not None:
                files = describe_files(loaded.folder, loaded.files, self._memory)
                self._found |= {
                    "weights": loaded.weights,
                    "quantized_before": loaded.quantized_before,
                    "remote_code": loaded.code,
                    "files": files,
                }
        return self._engine

    def _try_to_load(self, revision: str) -> Engine:
        reset_peak_memory(self.device)
        try:
            return self._load(self.spec, revision, self.device)
        # Any error, of the program's own, too: it would come again for every check.
        except Exception as error:
            self._failure = NOT_LOADED
            clear_frames(error)
            release_memory()
            raise

    def facts(self) -> CandidateFacts:
        return CandidateFacts(
            name=self.name,
            source=self.spec.source,
            revision=self._revision,
            engine=self.spec.engine,
            quantization=self.spec.quantization,
            dtype=self.spec.dtype,
            compute_dtype=self.compute_dtype,
            device=self.device,
            # A null model has neither.
            memory_budget_bytes=getattr(self._engine, "memory_limit", None),
            largest_buffer=getattr(self._engine, "largest_buffer", None),
            peak_memory_bytes=peak_memory(self.device) if self._engine is not None else None,
            **self._found,
        )

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def load_engine(
    spec: CandidateSpec,
    revision: str,
    device: str,
    *,
    window: int | None = None,
    budget: float | None = None,
    progress: Progress = SILENT,
) -> Engine:
    """Load a candidate with its engine, which runs the sanity checks that apply to it.

    Raises:
        CandidateError: it cannot be loaded, or its numbers cannot mean anything.
    """
    return backend_of(spec).load(
        spec, revision, device, window=window, budget=budget, progress=progress
    )
