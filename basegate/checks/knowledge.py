"""Knowledge: multiple-choice questions, answered in free text and by likelihood.

    correct = samples whose answer is the right option, of all samples of the question

A sample without a recognisable answer counts as not correct. Beside it the options are scored
(`option_likelihood`): `method` of `thresholds.toml` says which of the two gates; both are reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from basegate.checks.early_stopping import MeasureTask
from basegate.checks.k_of_n import (
    ANSWER_LABELS,
    PromptItem,
    count_correct,
    paired_answers,
    right_samples,
)
from basegate.checks.option_likelihood import (
    OPTION_LABELS,
    disagreement,
    right_by_text,
    score_options,
    summarise,
)
from basegate.config.declaration import CheckDeclaration, LimitRule, register
from basegate.config.settings import Positive, SamplingSettings, Temperature
from basegate.config.thresholds_schema import AnswersTable, KOfNTable, Name
from basegate.data.banks import Bank, Question, identity, prepares
from basegate.engines.protocol import Engine
from basegate.errors import InvalidMeasurement
from basegate.i18n.messages import Message
from basegate.measurement import Findings, ItemScores


class QuestionsTable(AnswersTable):
    """Multiple-choice questions: `[knowledge.banks.NAME]`."""

    fields = ("id", "topic", "context", "question", "options", "answer")

    file_keys = ("questions",)

    questions: str | None = None
    method: Literal["generation", "likelihood"] = "generation"

    @model_validator(mode="after")
    def _method_and_limit(self) -> Self:
        if self.method == "likelihood" and self.correct is not None:
            raise ValueError(
                'correct counts samples, and method = "likelihood" has none: a question\'s '
                "options are scored once. Give min_accuracy, or leave method out."
            )
        return self

    def metric_of(self, key: str, rule: LimitRule) -> str:
        by_likelihood = self.method == "likelihood" and key == "min_accuracy"
        return "likelihood_accuracy" if by_likelihood else rule.metric


class KnowledgeTable(KOfNTable):
    """How questions are put: `[knowledge]`."""

    temperature: Temperature = 0.9
    max_new_tokens: Positive = 32
    banks: Annotated[dict[Name, QuestionsTable], Field(min_length=1)]


def measure(engine: Engine, task: MeasureTask[Bank[Question], SamplingSettings]) -> Findings:
    """Ask every question, count right answers and score the options.

    Raises:
        InvalidMeasurement: the model is numerically unstable (NaN or inf).
    """
    from basegate.checks.answers import find_choice, is_choice_final

    asked = [
        PromptItem(
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
    scored = task.earlier.choices if task.earlier is not None else ()
    if not scored:
        try:
            scored = score_options(engine, task.data.records, task.progress)
        except InvalidMeasurement as error:
            # What was sampled stands; only a limit on the likelihood misses its metric.
            why = Message(
                "the options could not be scored by likelihood: {error}", error=error.message
            )
            return found.noting(why)
    found = found.model_copy(
        update={"metrics": (*found.metrics, *summarise(scored)), "choices": scored}
    )
    # Those that every question has whatever they were: later ones were drawn because of these.
    fair = task.stopping.still_needed(0, 0, task.settings.sampling.samples)
    note = disagreement(_shares(found, fair), scored)
    return found.noting(note) if note else found


def _shares(found: Findings, fair: int) -> list[float]:
    """Right samples / samples of every question, of its first samples only."""
    own = [[s for s in found.samples if s.item == each.item][:fair] for each in found.choices]
    return [right_samples(samples) / len(samples) for samples in own]


def paired(one: Findings, other: Findings) -> Iterator[tuple[ItemScores, ItemScores]]:
    """Answers in free text, and options by likelihood."""
    yield from paired_answers(one, other)
    yield right_by_text(one), right_by_text(other)


CHECK = register(
    CheckDeclaration(
        name="knowledge",
        doc="How the candidate answers multiple-choice questions.",
        table=KnowledgeTable,
        version=6,
        measure=measure,
        prepare=prepares(Question),
        identity=identity,
        counted="questions",
        evidence=("samples", "choices"),
        compare=paired,
        label=Message("knowledge"),
        labels={**ANSWER_LABELS, **OPTION_LABELS},
    )
)
