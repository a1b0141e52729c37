"""Reasoning: problems with a number as answer, several samples each, found in free text.

    correct = samples whose number equals the answer, of all samples of the problem

A sample without a recognisable number counts as not correct.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from basegate.checks.early_stopping import MeasureTask
from basegate.checks.k_of_n import ANSWER_LABELS, PromptItem, count_correct, paired_answers
from basegate.config.declaration import CheckDeclaration, register
from basegate.config.settings import (
    AnswerSettings,
    BankSource,
    GeneratedSource,
    Natural,
    Positive,
    TableKeys,
    Temperature,
)
from basegate.config.thresholds_schema import AnswersTable, KOfNTable, Name
from basegate.data.banks import Bank
from basegate.data.few_shot import before, identity, prepares
from basegate.data.records import Problem
from basegate.engines.protocol import Engine
from basegate.i18n.messages import Message
from basegate.measurement import Findings


class ProblemsTable(AnswersTable):
    """Problems, in a file or generated: `[reasoning.banks.NAME]`."""

    fields = ("id", "family", "prompt", "answer")

    file_keys = ("problems", "examples")

    problems: str | None = None
    generator: str | None = None
    families: Annotated[list[str], Field(min_length=1)] | None = None
    per_family: Positive = 4
    level: Positive = 1
    seed: Natural = 0

    def source(self, base: Path) -> BankSource:
        if self.generator is None:
            return super().source(base)
        return GeneratedSource(
            families=tuple(self.families) if self.families else None,
            **self.model_dump(include={"generator", "per_family", "level", "seed"}),
        )

    def _check_source(self) -> None:
        if self.generator is None:
            super()._check_source()
            self._refuse("generator", "families", "per_family", "level", "seed")
        elif self.problems is not None or self.dataset is not None:
            raise ValueError("give either generator = (a module) or problems, one of them.")
        else:
            self._refuse("problems or dataset", *TableKeys.model_fields)

    def _refuse(self, what: str, *keys: str) -> None:
        """Refuse keys that would change nothing without another."""
        idle = sorted(set(keys) & self.model_fields_set)
        if idle:
            raise ValueError(f"{idle[0]} has no meaning here without {what}.")


class ReasoningTable(KOfNTable):
    """How problems are put: `[reasoning]`."""

    temperature: Temperature = 0.2
    max_new_tokens: Positive = 24
    banks: Annotated[dict[Name, ProblemsTable], Field(min_length=1)]


def measure(engine: Engine, task: MeasureTask[Bank[Problem], AnswerSettings]) -> Findings:
    """Put every problem and count right answers.

    Raises:
        InvalidMeasurement: the model is numerically unstable (NaN or inf).
    """
    from basegate.checks.answers import is_number_final

    shown = before(task.data.examples, _answered)
    asked = [
        PromptItem(
            id=problem.id,
            prompt=shown + problem.prompt,
            expected=str(problem.answer),
            read=partial(_read_number, prompt=problem.prompt),
            topic=problem.family,
            is_final=partial(is_number_final, prompt=problem.prompt),
            read_cut=partial(_read_number, prompt=problem.prompt, cut=True),
        )
        for problem in task.data.records
    ]
    return count_correct(engine, asked, task)


def _answered(example: Problem) -> str:
    space = " " if example.prompt[-1].isascii() and not example.prompt[-1].isspace() else ""
    return f"{example.prompt}{space}{example.answer}"


def _read_number(text: str, *, prompt: str = "", cut: bool = False) -> str | None:
    from basegate.checks.answers import find_number

    number = find_number(text, prompt, cut=cut)
    return None if number is None else str(number)


CHECK = register(
    CheckDeclaration(
        name="reasoning",
        doc="How the candidate solves problems.",
        table=ReasoningTable,
        version=6,
        measure=measure,
        prepare=prepares(Problem),
        identity=identity,
        counted="problems",
        compare=paired_answers,
        label=Message("reasoning"),
        labels=ANSWER_LABELS,
    )
)
