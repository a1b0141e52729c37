"""What a check is given to measure with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from basegate.checks.early_stopping import ALL, Draws
from basegate.progress import SILENT

if TYPE_CHECKING:
    from basegate.measurement import Findings
    from basegate.progress import Progress

Data = TypeVar("Data")
Told = TypeVar("Told")


@dataclass(frozen=True)
class Task(Generic[Data, Told]):
    """Data, settings, and how far to go.

    Attributes:
        data: what `prepare` read.
        settings: how to measure; no limit is among them.
        progress: told of the work.
        draws: how many samples of a question are wanted.
        earlier: findings of the same measurement to go on from, where not all was drawn.
    """

    data: Data
    settings: Told
    progress: Progress = SILENT
    draws: Draws = ALL
    earlier: Findings | None = None
