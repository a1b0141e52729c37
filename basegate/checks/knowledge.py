"""Knowledge: multiple-choice questions, answered in free text and by likelihood.

    correct = samples whose answer is the right option, of all samples of the question

A sample without a recognisable answer counts as not correct. Beside it the options are scored
(`option_likelihood`): `method` of `thresholds.toml` says which of the two gates; both are reported.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from basegate.checks import option_likelihood as choices
from basegate.checks.k_of_n import Asked, count_correct, right_samples
from basegate.data.banks import Bank, Question, identity, prepares
from basegate.errors import InvalidMeasurement
from basegate.i18n.messages import Message

if TYPE_CHECKING:
    from basegate.checks.task import Task
    from basegate.config.settings import SamplingSettings
    from basegate.engines.protocol import Engine
    from basegate.measurement import Findings

__all__ = ["LIBRARIES", "VERSION", "identity", "measure", "prepare"]

VERSION = 6
LIBRARIES: tuple[str, ...] = ()


prepare = prepares(Question)


def measure(engine: Engine, task: Task[Bank[Question], SamplingSettings]) -> Findings:
    """Ask every question, count right answers and score the options.

    Raises:
        InvalidMeasurement: the model is numerically unstable (NaN or inf).
    """
    from basegate.checks.answers import find_choice, is_choice_final

    asked = [
        Asked(
            id=question.id,
            prompt=question.prompt,
            expected=question.answer,
            read=partial(find_choice, options=question.options),
            topic=question.topic,
            is_final=partial(is_choice_final, options=question.options),
        )
        for question in task.data.records
    ]
    found = count_correct(engine, asked, task)
    if task.earlier is not None and task.earlier.choices:
        scored = task.earlier.choices
    else:
        try:
            scored = choices.score_options(engine, task.data.records, task.progress)
        except InvalidMeasurement as error:
            # What was sampled stands; only a limit on the likelihood misses its metric.
            why = Message(
                "the options could not be scored by likelihood: {error}", error=error.message
            )
            return found.noting(why)
    found = found.model_copy(
        update={"metrics": (*found.metrics, *choices.summarise(scored)), "choices": scored}
    )
    # Those that every question has whatever they were: later ones were drawn because of these.
    fair = task.draws.wanted(0, 0, task.settings.sampling.samples)
    note = choices.disagreement(_shares(found, fair), scored)
    return found.noting(note) if note else found


def _shares(found: Findings, fair: int) -> list[float]:
    """Return right samples / samples of every question, of its first samples only."""
    own = [[s for s in found.samples if s.item == each.item][:fair] for each in found.choices]
    return [right_samples(samples) / len(samples) for samples in own]
