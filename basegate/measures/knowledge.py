"""Knowledge: multiple-choice questions, several samples each, the answer found in free text.

    correct = samples whose answer is the right option, of all samples of the question

A sample without a recognisable answer counts as not correct.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from basegate.answers import choice_is_settled, find_choice
from basegate.banks import Bank, Question, bank_identity, load_bank
from basegate.measures.counting import Asked, count_correct

if TYPE_CHECKING:
    from basegate.engines.protocol import Engine
    from basegate.measurement import Findings
    from basegate.progress import Progress
    from basegate.settings import SamplingSettings

VERSION = 2
LIBRARIES: tuple[str, ...] = ()


def prepare(settings: SamplingSettings) -> Bank[Question]:
    """Read the questions. See `load_bank` for errors."""
    return load_bank(settings.source, Question)


def identity(settings: SamplingSettings) -> str:
    """Return what identifies the questions. See `bank_identity` for errors."""
    return bank_identity(settings.source)


def measure(
    engine: Engine, bank: Bank[Question], settings: SamplingSettings, progress: Progress
) -> Findings:
    """Ask every question and count right answers.

    Raises:
        InvalidMeasurement: the model's numbers broke.
    """
    asked = [
        Asked(
            id=question.id,
            prompt=question.prompt,
            expected=question.answer,
            read=partial(find_choice, options=question.options),
            topic=question.topic,
            settled=partial(choice_is_settled, options=question.options),
        )
        for question in bank.records
    ]
    return count_correct(engine, asked, bank, settings.sampling, progress)
