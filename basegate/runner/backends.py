"""Which code answers for a candidate: a module for each `engine`, imported where it is needed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol, cast

from basegate.config.registry import CandidateSpec
from basegate.engines.protocol import Engine
from basegate.progress import Progress

BACKENDS = {
    "transformers": "basegate.runner.transformers_backend",
    "null": "basegate.engines.null_models",
}
"""Modules by the `engine` of a candidate; each has the functions of `Backend`."""


class Backend(Protocol):
    """How candidates of one engine are found and loaded."""

    def resolve_device(self, requested: str) -> str:
        """Where the engine computes, `cuda` or `cpu`, if `auto`, `cuda` or `cpu` is asked for.

        Raises:
            UsageError: there is no such device.
        """
        ...

    def find_revision(self, spec: CandidateSpec, memory: Path | None, progress: Progress) -> str:
        """What identifies its content; `memory`: file that remembers fingerprints.

        Raises:
            CandidateError: it cannot be found, or is not supported yet.
        """
        ...

    def identity(self, spec: CandidateSpec) -> dict[str, Any]:
        """What else can change its numbers, for keys of measurements; mostly nothing."""
        ...

    def load(
        self,
        spec: CandidateSpec,
        revision: str,
        device: str,
        *,
        window: int | None,
        progress: Progress,
    ) -> Engine:
        """Load it, and run whatever sanity checks apply to the engine.

        Raises:
            CandidateError: it cannot be loaded, or its numbers cannot mean anything.
        """
        ...


def backend_of(spec: CandidateSpec) -> Backend:
    return cast("Backend", importlib.import_module(BACKENDS[spec.engine]))
