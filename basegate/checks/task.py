"""The task of a check: data, settings, and how many samples to generate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from basegate.checks.early_stopping import ALL, Draws
from basegate.progress import SILENT

if TYPE_CHECKING:
    from basegate.measurement import Findings
    from basegate.progress import Progress

Data = TypeVar("Data")
Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Task(Generic[Data, Settings]):
    """What `prepare` read, and how to measure; no limit is among it.

    Attributes:
        draws: how many samples of a question are wanted.
        earlier: findings of the same measurement to continue, where not all was generated.
    """

    data: Data
    settings: Settings
    progress: Progress = SILENT
    draws: Draws = ALL
    earlier: Findings | None = None
