"""One file per check: plain functions, numbers in, `Findings` out.

No limit is seen here, but for when enough samples were drawn (`Draws`).

Each module has `VERSION` (raised when the same input would give another number), `LIBRARIES`
(whose versions can change its numbers, beside the engine's), `prepare` (reads the data), `identity`
(says what the data is, cheaply) and `measure`. What only `measure` needs and takes long to import
is imported there: whoever judges what is stored asks for `identity` alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from basegate.checks.task import Task
    from basegate.engines.protocol import Engine
    from basegate.measurement import Findings


class Measure(Protocol):
    """What every module of this package offers."""

    VERSION: int
    LIBRARIES: tuple[str, ...]

    def prepare(self, settings: Any) -> Any:
        """Read the data; raise `DataError` before any model is loaded."""
        ...

    def identity(self, settings: Any) -> str:
        """Return what identifies the data's content; raise `DataError` if there is none."""
        ...

    def measure(self, engine: Engine, task: Task[Any, Any]) -> Findings:
        """Measure; raise `InvalidMeasurement` if the result would mean nothing."""
        ...


def measure_for(check: str) -> Measure:
    """Return the module that measures a check."""
    return cast("Measure", importlib.import_module(f"basegate.checks.{check}"))
