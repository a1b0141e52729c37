"""Reasoning: problems with a number as answer, several samples each, found in free text.

    correct = samples whose number equals the answer, of all samples of the problem

A sample without a recognisable number counts as not correct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.answers import find_number
from basegate.banks import Problem, bank_identity, load_bank
from basegate.measures.counting import Asked, count_correct

if TYPE_CHECKING:
    from basegate.engines.protocol import Engine
    from basegate.measurement import Findings
    from basegate.progress import Progress
    from basegate.settings import SamplingSettings

VERSION = 1


def prepare(settings: SamplingSettings) -> tuple[Problem, ...]:
    """Read the problems. See `load_bank` for errors."""
    return load_bank(settings.path, Problem)


def identity(settings: SamplingSettings) -> str:
    """Return what identifies the problems. See `bank_identity` for errors."""
    return bank_identity(settings.path)


def measure(
    engine: Engine, problems: tuple[Problem, ...], settings: SamplingSettings, progress: Progress
) -> Findings:
    """Put every problem and count right answers.

    Raises:
        InvalidMeasurement: the model's numbers broke.
    """
    asked = [
        Asked(id=problem.id, prompt=problem.prompt, expected=str(problem.answer), read=_read_number)
        for problem in problems
    ]
    return count_correct(engine, asked, settings.sampling, progress)


def _read_number(text: str) -> str | None:
    number = find_number(text)
    return None if number is None else str(number)
