"""Reasoning: problems with a number as answer, several samples each, found in free text.

    correct = samples whose number equals the answer, of all samples of the problem

A sample without a recognisable number counts as not correct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.checks.k_of_n import Asked, count_correct
from basegate.data.banks import Bank, Problem, identity, prepares

if TYPE_CHECKING:
    from basegate.checks.task import Task
    from basegate.config.settings import SamplingSettings
    from basegate.engines.protocol import Engine
    from basegate.measurement import Findings

__all__ = ["LIBRARIES", "VERSION", "identity", "measure", "prepare"]

VERSION = 5
LIBRARIES: tuple[str, ...] = ()


prepare = prepares(Problem)


def measure(engine: Engine, task: Task[Bank[Problem], SamplingSettings]) -> Findings:
    """Put every problem and count right answers.

    Raises:
        InvalidMeasurement: the model is numerically unstable (NaN or inf).
    """
    from basegate.checks.answers import is_number_final

    asked = [
        Asked(
            id=problem.id,
            prompt=problem.prompt,
            expected=str(problem.answer),
            read=_read_number,
            topic=problem.family,
            is_final=is_number_final,
        )
        for problem in task.data.records
    ]
    return count_correct(engine, asked, task)


def _read_number(text: str) -> str | None:
    from basegate.checks.answers import find_number

    number = find_number(text)
    return None if number is None else str(number)
