"""Knowledge: multiple-choice questions, answered in free text or by likelihood.

    correct = samples whose answer is the right option, of all samples of the question

A sample without a recognisable answer counts as not correct. By default the options take turns:
each sample of a question has them in the next cyclic order, so that a taste for a letter does not
pass. By likelihood (`method = "likelihood"`, the default without `samples`) nothing is written:
see `option_likelihood`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self, cast

from pydantic import Field, model_validator

from basegate.checks.early_stopping import MeasureTask
from basegate.checks.k_of_n import ANSWER_LABELS, PromptItem, count_correct, paired_answers
from basegate.checks.option_likelihood import (
    OPTION_LABELS,
    paired_options,
    score_in_turn,
)
from basegate.config.declaration import CheckDeclaration, LimitRule, register
from basegate.config.settings import (
    DecodingKeys,
    Formulation,
    Normalization,
    OptionSettings,
    Positive,
    QuestionSettings,
    Temperature,
)
from basegate.config.thresholds_schema import AnswersTable, KOfNTable, Name
from basegate.data.banks import Bank
from basegate.data.few_shot import before, identity, prepares
from basegate.data.records import PLACES, Question
from basegate.engines.protocol import Engine
from basegate.i18n.messages import Message, joined
from basegate.measurement import Findings
from basegate.stats.paired import ItemScores

_Sampled = MeasureTask[Bank[Question], QuestionSettings]
_Scored = MeasureTask[Bank[Question], OptionSettings]
_ONLY_SAMPLED = ("samples", "correct", "rotate_options")
_ONLY_SCORED = ("formulation", "normalize")
_ANY_PLACE = re.compile(r"\{\s*\w+\s*\}")
_HEADING = re.compile(r"([^\n}]*[^\n}\s][:：])\s*\{options\}")


class QuestionsTable(AnswersTable):
    """Multiple-choice questions: `[knowledge.banks.NAME]`."""

    fields = ("id", "topic", "context", "question", "options", "answer")

    file_keys = ("questions", "examples")

    questions: str | None = None
    template: str | None = None
    method: Literal["generation", "likelihood"] | None = None
    rotate_options: bool = True
    formulation: Formulation = "both"
    normalize: Normalization = "characters"

    @model_validator(mode="after")
    def _keys_of_the_method(self) -> Self:
        idle = sorted(
            self.model_fields_set & set(_ONLY_SCORED if self.is_sampled else _ONLY_SAMPLED)
        )
        if idle and self.is_sampled:
            raise ValueError(
                f'{idle[0]} has no meaning where answers are sampled. Give method = "likelihood" '
                f"and leave out samples, or leave out {idle[0]}."
            )
        if idle:
            raise ValueError(
                f'{idle[0]} has no meaning with method = "likelihood": nothing is sampled, a '
                f"question's options are scored once. Give min_accuracy and leave out {idle[0]}, "
                'or say method = "generation".'
            )
        if self.formulation == "letters" and "normalize" in self.model_fields_set:
            raise ValueError(
                'normalize has no effect with formulation = "letters", where no text of an option '
                'is scored. Leave it out, or say formulation = "text" or "both".'
            )
        return self

    @model_validator(mode="after")
    def _template_can_be_filled(self) -> Self:
        template = self.template or ""
        for found in _ANY_PLACE.findall(template):
            if found not in PLACES:
                raise ValueError(
                    f"template holds {found}, which nothing is put in for: the model would be "
                    f"shown it as it stands. There are {joined(PLACES)}."
                )
        if self.template is not None and "{question}" not in template:
            raise ValueError("template has no {question}, so nothing would be asked. Add it.")
        heading = _HEADING.search(template)
        if heading and not self.is_sampled and self.formulation != "letters":
            raise ValueError(
                f"template has {heading[1].strip()!r} before {{options}}, and where texts are "
                f'scored (formulation = "{self.formulation}") no option is listed: the model would '
                "be shown a heading of nothing. Leave it out, or ask in two banks: one with "
                'formulation = "letters", one with "text" and a template without {options}.'
            )
        return self

    @model_validator(mode="after")
    def _has_something_to_score(self) -> Self:
        template = self.template or "{options}"
        if (self.is_sampled or self.formulation != "text") and "{options}" not in template:
            raise ValueError(
                "template has no {options}, so the model would not see what it is to choose from. "
                'Add it, or score the texts alone: method = "likelihood" and formulation = "text".'
            )
        if self.normalize == "pmi" and self.template and not self.template.split("}")[-1].strip():
            raise ValueError(
                'normalize = "pmi" compares with the text after the end of the template alone, and '
                "nothing stands there after its last placeholder. Add a cue, such as Answer:."
            )
        return self

    @property
    def is_sampled(self) -> bool:
        if self.method is None:
            return self.samples is not None or self.correct is not None
        return self.method == "generation"

    def metric_of(self, key: str, rule: LimitRule) -> str:
        by_likelihood = key == "min_accuracy" and not self.is_sampled
        return "likelihood_accuracy" if by_likelihood else rule.metric


class KnowledgeTable(KOfNTable):
    """How questions are put: `[knowledge]`."""

    temperature: Temperature = 0.9
    max_new_tokens: Positive = 32
    banks: Annotated[dict[Name, QuestionsTable], Field(min_length=1)]

    @model_validator(mode="after")
    def _draws_something(self) -> Self:
        drawing = {*DecodingKeys.model_fields, "temperature", "max_new_tokens"}
        idle = sorted(self.model_fields_set & drawing)
        if idle and not any(bank.is_sampled for bank in self.banks.values()):
            raise ValueError(
                f"{idle[0]} has no effect: in none of the banks are answers sampled. Leave it out, "
                "or give a bank samples."
            )
        return self

    def settings_of(self, item: QuestionsTable, base: Path) -> QuestionSettings | OptionSettings:
        shared = {
            "source": item.source(base),
            "template": item.template,
            **item.few_shot(base),
        }
        if not item.is_sampled:
            return OptionSettings(**shared, formulation=item.formulation, normalize=item.normalize)
        assert item.samples is not None  # the table was checked
        sampling = self.sampling(item.samples)
        return QuestionSettings(**shared, sampling=sampling, rotate_options=item.rotate_options)


def measure(
    engine: Engine, task: MeasureTask[Bank[Question], QuestionSettings | OptionSettings]
) -> Findings:
    """Ask every question and count right answers, or score the options.

    Raises:
        InvalidMeasurement: the model is numerically unstable (NaN or inf).
    """
    bank, settings = task.data, task.settings
    if isinstance(settings, OptionSettings):
        return score_in_turn(engine, cast("_Scored", task))
    template = settings.template
    shown = before(bank.examples, lambda each: each.laid_out(template) + each.answer)
    asked = [each for question in bank.records for each in _ways(question, shown, settings)]
    return count_correct(engine, asked, cast("_Sampled", task))


def _ways(question: Question, shown: str, settings: QuestionSettings) -> Iterator[PromptItem]:
    """The ways a question is put, the options of each in another cyclic order."""
    from basegate.checks.answers import find_choice, is_choice_final

    for shift in range(len(question.options) if settings.rotate_options else 1):
        turned = question.turned(shift)
        yield PromptItem(
            id=question.id,
            prompt=shown + turned.laid_out(settings.template),
            expected=turned.answer,
            read=partial(find_choice, options=turned.options),
            topic=question.topic,
            is_final=partial(is_choice_final, options=turned.options),
            read_cut=partial(find_choice, options=turned.options, cut=True),
        )


def paired(one: Findings, other: Findings) -> Iterator[tuple[ItemScores, ItemScores]]:
    """Answers in free text, and options by likelihood."""
    yield from paired_answers(one, other)
    yield from paired_options(one, other)


CHECK = register(
    CheckDeclaration(
        name="knowledge",
        doc="How the candidate answers multiple-choice questions.",
        table=KnowledgeTable,
        version=9,
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
