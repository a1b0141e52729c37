"""Reasoning: problems with a number as answer, several samples each, found in free text.

    correct = samples whose number equals the answer, of all samples of the problem

A sample without a recognisable number counts as not correct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.answers import find_number, number_is_settled
from basegate.banks import Bank, Problem, bank_identity, load_bank
from basegate.measures.counting import Asked, count_correct

if TYPE_CHECKING:
    from basegate.engines.protocol import Engine
    from basegate.measurement import Findings
    from basegate.progress import Progress
    from basegate.settings import SamplingSettings

VERSION = 3
LIBRARIES: tuple[str, ...] = ()


def prepare(settings: SamplingSettings) -> Bank[Problem]:
    """Read the problems. See `load_bank` for errors."""
    return load_bank(settings.source, Problem)


def identity(settings: SamplingSettings) -> str:
    """Return what identifies the problems. See `bank_identity` for errors."""
    return bank_identity(settings.source)


def measure(
    engine: Engine, bank: Bank[Problem], settings: SamplingSettings, progress: Progress
) -> Findings:
    """Put every problem and count right answers.

    Raises:
        InvalidMeasurement: the model's numbers broke.
    """
    asked = [
        Asked(
            id=problem.id,
            prompt=problem.prompt,
            expected=str(problem.answer),
            read=_read_number,
            topic=problem.family,
            settled=number_is_settled,
        )
        for problem in bank.records
    ]
    return count_correct(engine, asked, bank, settings.sampling, progress)


def _read_number(text: str) -> str | None:
    number = find_number(text)
    return None if number is None else str(number)
