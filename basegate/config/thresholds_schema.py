"""The tables of `thresholds.toml` as types: which keys there are, and what they accept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from basegate.config.limits import RULES
from basegate.config.settings import (
    BankSource,
    GeneratedSource,
    Natural,
    Positive,
    PositiveFloat,
    Share,
    TableSource,
)
from basegate.config.tags import NAME
from basegate.config.toml_reader import NUMBER, RELATIVE


def place(base: Path, given: str) -> Path:
    """A path of the file, relative to the file's folder, without `..` in it."""
    return Path(os.path.normpath(base / Path(given).expanduser()))


Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
"""Of a corpus or bank: it becomes a part of test ids."""


class Relative(BaseModel):
    """A limit that is relative to what was measured on a candidate: `{ reference, factor }`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reference: Name
    factor: PositiveFloat | None = None
    plus: Annotated[float, Field(allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_relation(self) -> Self:
        if (self.factor is None) == (self.plus is None):
            raise ValueError(
                "give either factor = (what the reference's number is multiplied with) or plus = "
                "(what is added to it), one of them."
            )
        return self


_FORMS = Discriminator(lambda given: RELATIVE if isinstance(given, dict | Relative) else NUMBER)
_Relative = Annotated[Relative, Tag(RELATIVE)]
PositiveLimit = Annotated[Annotated[PositiveFloat, Tag(NUMBER)] | _Relative, _FORMS]
ShareLimit = Annotated[Annotated[Share, Tag(NUMBER)] | _Relative, _FORMS]
DifferenceLimit = Annotated[
    Annotated[float, Field(allow_inf_nan=False), Tag(NUMBER)] | _Relative, _FORMS
]


class Table(BaseModel):
    """A table of the file: closed, and strict about types (a whole number is a float, too)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    why: str = ""

    def metric(self, key: str) -> str:
        return RULES[key].metric

    def given_limits(self) -> dict[str, float | Relative]:
        return {
            key: value
            for key in type(self).model_fields
            if key in RULES and (value := getattr(self, key)) is not None
        }


class Corpus(Table):
    """A text, and what it may cost: `[perplexity.corpora.NAME]`."""

    dataset: str | None = None
    name: str | None = None
    revision: str | None = None
    split: str = "test"
    path: str | None = None
    glob: str = "**/*"
    format: Literal["text", "jsonl", "parquet"] | None = None
    column: str = "text"
    parallel: str | None = None
    join: str | None = None
    max_gap: DifferenceLimit | None = None
    max_bits_per_char: PositiveLimit | None = None
    max_perplexity: PositiveLimit | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.dataset is None) == (self.path is None):
            raise ValueError(
                "give either dataset = (a hub id) or path = (a local file or folder), one of them."
            )
        return self

    @model_validator(mode="after")
    def _pairs_of_files(self) -> Self:
        if self.parallel is not None and (self.path is None or self.join is not None):
            raise ValueError(
                "parallel = (a folder) goes with path = (a folder of text files) and without "
                "join: files of the same name belong together."
            )
        if self.max_gap is not None and self.parallel is None:
            raise ValueError("max_gap needs parallel = (a folder): there is no gap without it.")
        if isinstance(self.max_gap, Relative) and self.max_gap.plus is None:
            raise ValueError(
                "max_gap: a gap may be 0 or less, where a factor has no meaning. Give plus."
            )
        return self


class Perplexity(Table):
    """How text is scored: `[perplexity]`."""

    window: Positive = 2048
    context: Natural = 512
    corpora: Annotated[dict[Name, Corpus], Field(min_length=1)]

    @model_validator(mode="after")
    def _room_to_score(self) -> Self:
        if self.context >= self.window - 1:
            raise ValueError(
                f"context = {self.context} leaves no token to score in a window of {self.window}. "
                f"Accepted: 0 to {self.window - 2}."
            )
        return self


Confidence = Annotated[float, Field(ge=0.5, le=0.9999, allow_inf_nan=False)]
"""Level of an interval."""


class _Sampled(Table):
    top_k: Natural = 50
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.95
    repetition_penalty: PositiveFloat = 1.0
    seed: Natural = 0
    max_degenerate_share: Share = 0.5


class Continuation(_Sampled):
    """Prompts to go on with: `[continuation]`."""

    file_key: ClassVar[str] = "prompts"

    prompts: str
    samples: Positive = 8
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.9
    max_new_tokens: Positive = 100
    min_cantonese_share: ShareLimit | None = None
    max_latin_share: ShareLimit | None = None
    max_simplified_share: ShareLimit | None = None
    max_looping_share: ShareLimit | None = None


class _Source(Table):
    """The keys that say where the records of a bank are."""

    fields: ClassVar[tuple[str, ...]]
    file_key: ClassVar[str]
    """The key that names a local file."""

    dataset: str | None = None
    name: str | None = None
    revision: str | None = None
    split: str = "test"
    format: Literal["jsonl", "json", "csv", "tsv"] | None = None
    header: Annotated[list[str], Field(min_length=2)] | None = None
    columns: dict[str, str | list[str]] = Field(default_factory=dict)
    first_answer: Literal[0, 1] | None = None
    answers: Literal["letter", "text", "number"] | None = None

    def source(self, base: Path) -> BankSource:
        """Where the records are; paths are relative to `base`."""
        file = self._file
        columns = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in self.columns.items()
        }
        return TableSource(
            path=place(base, file) if file is not None else None,
            header=tuple(self.header) if self.header else None,
            columns=columns,
            **self.model_dump(include=_SAME_IN_SOURCE),
        )

    @property
    def _file(self) -> str | None:
        given: str | None = getattr(self, self.file_key)
        return given

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        self._check_source()
        return self

    def _check_source(self) -> None:
        unknown = sorted(set(self.columns) - set(self.fields))
        if unknown:
            raise ValueError(
                f"columns: {unknown[0]!r} is no field of a record; there are "
                f'{", ".join(self.fields)}. Write field = "column".'
            )
        if (self.dataset is None) == (self._file is None):
            raise ValueError(
                f"give either {self.file_key} = (a local file) or dataset = (a hub id), one of "
                "them."
            )


_SAME_IN_SOURCE = {"dataset", "name", "revision", "split", "format", "first_answer", "answers"}


class _Bank(_Source):
    samples: Positive
    correct: Positive | None = None
    min_accuracy: ShareLimit | None = None
    confidence: Confidence = 0.95

    @model_validator(mode="after")
    def _k_of_n(self) -> Self:
        if self.correct is not None and self.correct > self.samples:
            raise ValueError(
                f"correct = {self.correct} of samples = {self.samples} cannot be reached. "
                f"Accepted for correct: 1 to {self.samples}."
            )
        return self


class Questions(_Bank):
    """Multiple-choice questions: `[knowledge.banks.NAME]`."""

    fields = ("id", "topic", "context", "question", "options", "answer")

    file_key = "questions"

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

    def metric(self, key: str) -> str:
        by_likelihood = self.method == "likelihood" and key == "min_accuracy"
        return "likelihood_accuracy" if by_likelihood else super().metric(key)


class Problems(_Bank):
    """Problems, in a file or generated: `[reasoning.banks.NAME]`."""

    fields = ("id", "family", "prompt", "answer")

    file_key = "problems"

    problems: str | None = None
    generator: str | None = None
    families: Annotated[list[str], Field(min_length=1)] | None = None
    per_family: Positive = 4
    level: Positive = 1
    seed: Natural = 0

    def source(self, base: Path) -> BankSource:
        """Where the problems are, or how they are generated."""
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
            self._refuse("problems or dataset", *_SAME_IN_SOURCE, "header", "columns")

    def _refuse(self, what: str, *keys: str) -> None:
        """Refuse keys that would change nothing without another."""
        idle = sorted(set(keys) & self.model_fields_set)
        if idle:
            raise ValueError(f"{idle[0]} has no meaning here without {what}.")


class Pairs(_Source):
    """Minimal pairs: `[minimal_pairs.banks.NAME]`."""

    fields = ("id", "kind", "right", "wrong")

    file_key = "pairs"

    pairs: str | None = None
    min_preferred: ShareLimit | None = None
    confidence: Confidence = 0.95


class MinimalPairs(Table):
    """`[minimal_pairs]`."""

    banks: Annotated[dict[Name, Pairs], Field(min_length=1)]


class Knowledge(_Sampled):
    """How questions are put: `[knowledge]`."""

    stop_early: bool = True
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.9
    max_new_tokens: Positive = 32
    banks: Annotated[dict[Name, Questions], Field(min_length=1)]


class Reasoning(_Sampled):
    """How problems are put: `[reasoning]`."""

    stop_early: bool = True
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.2
    max_new_tokens: Positive = 24
    banks: Annotated[dict[Name, Problems], Field(min_length=1)]


class File(BaseModel):
    """The whole file. A check whose table is absent does not run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    perplexity: Perplexity | None = None
    minimal_pairs: MinimalPairs | None = None
    continuation: Continuation | None = None
    knowledge: Knowledge | None = None
    reasoning: Reasoning | None = None
    candidates: None = None  # taken out before; here so that a misspelling of it is recognised
