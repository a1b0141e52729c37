"""Settings of the checks, without limits, so that limits cannot change a number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from basegate.serialization import Frozen

Positive = Annotated[int, Field(gt=0, strict=True)]
Natural = Annotated[int, Field(ge=0, strict=True)]
Temperature = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Divides the logits; 0 takes the most probable token."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class DatasetKeys(Frozen):
    """Which data set of the hub; the same keys in `thresholds.toml` and in settings.

    Attributes:
        dataset: its hub id.
        name: its configuration.
        revision: branch, tag or commit.
    """

    dataset: str | None = None
    name: str | None = None
    revision: str | None = None
    split: str = "test"


class CorpusKeys(DatasetKeys):
    """How a corpus is read.

    Attributes:
        glob: which files of a local folder.
        format: `text` (a file is a document), `jsonl` or `parquet` (a row is one), or `dataset`
            (the folder is a copy of a data set of the hub); from the file's suffix where left out.
        column: the column or JSON field that holds the text.
        join: what stands between documents when they are read as one text; `None` reads each
            document on its own.
    """

    glob: str = "**/*"
    format: Literal["text", "jsonl", "parquet", "dataset"] | None = None
    column: str = "text"
    join: str | None = None


class CorpusSource(CorpusKeys):
    """Where a corpus is: a data set of the hub, or local files.

    Attributes:
        path: local file or folder.
        parallel: local folder with the same documents in Standard Written Chinese, by file name.
    """

    path: Path | None = None
    parallel: Path | None = None


class DecodingKeys(Frozen):
    """How tokens are drawn, the same for all prompts of a check.

    Attributes:
        top_k: only the k most probable tokens; 0 for all.
        top_p: only the most probable tokens that add up to this probability.
        repetition_penalty: 1 is none. The article used 1.2, which hides loops.
        seed: every sample's own seed is derived from it.
    """

    top_k: Natural = 50
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.95
    repetition_penalty: PositiveFloat = 1.0
    seed: Natural = 0


class Sampling(DecodingKeys):
    """How text is drawn from a model: `samples` per prompt, of at most `max_new_tokens` each."""

    samples: Positive
    temperature: Temperature
    max_new_tokens: Positive


BAD_SHARE = 0.01
"""With a greater share of bad records something is wrong with all of a bank."""


class TableKeys(DatasetKeys):
    """How the records of a bank are read from a table.

    Attributes:
        format: from the file's suffix where left out; `dataset` of a folder that is a copy of a
            data set of the hub.
        header: names of the columns of a CSV file that has no header line.
        columns: field of a record to the column that holds it; `options` to a list of columns.
        first_answer: the number that stands for the first option where answers are numbers;
            `None` is 0, unless no answer is 0.
        answers: whether answers are letters, options' texts or numbers, where it could be several.
        max_bad_share: with a greater share of records that cannot be used the bank is refused.
    """

    format: Literal["jsonl", "json", "csv", "tsv", "dataset"] | None = None
    header: Annotated[tuple[str, ...], Field(min_length=2, strict=False)] | None = None
    columns: dict[str, str | Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=dict
    )
    first_answer: Literal[0, 1] | None = None
    answers: Literal["letter", "text", "number"] | None = None
    max_bad_share: Annotated[float, Field(ge=0, lt=1)] = BAD_SHARE


class TableSource(TableKeys):
    """Where a bank's records are: a local file, or a data set of the hub."""

    path: Path | None = None

    @property
    def place(self) -> str:
        return str(self.dataset or self.path)


class GeneratedSource(Frozen):
    """Problems that are drawn from a seed, so that none can be memorised.

    Attributes:
        generator: module with a function `generate`.
        families: kinds of problems; `None` for all.
        per_family: problems of each kind.
        level: difficulty, from 1.
        seed: of the draw.
    """

    generator: str
    families: tuple[str, ...] | None = None
    per_family: Positive
    level: Positive = 1
    seed: Natural = 0

    # Read like a table whose columns have the names of the fields. No fields of the model, so that
    # they are no part of a measurement's identity.
    columns: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    first_answer: ClassVar[int | None] = None
    answers: ClassVar[Literal["letter", "text", "number"] | None] = None
    max_bad_share: ClassVar[float] = BAD_SHARE

    @property
    def place(self) -> str:
        return self.generator


BankSource = TableSource | GeneratedSource


class CheckSettings(Frozen):
    """How one item of a check is measured; no limit is among it.

    Attributes:
        places: the fields that say where local files are, as `source.path`: they are no part of a
            measurement's identity, what the files hold is.
        formerly: fields that came later, each with the value that measurements made before it
            had; with this value they are no part of the identity, so that those stay valid.
    """

    places: ClassVar[tuple[str, ...]] = ()
    formerly: ClassVar[Mapping[str, object]] = {}

    @property
    def window_needed(self) -> int | None:
        """Tokens that a candidate has to take at once: a check's `window`, where it has one."""
        return getattr(self, "window", None)


class BankSettings(CheckSettings):
    """How one bank is put to a model."""

    places: ClassVar[tuple[str, ...]] = ("source.path", "source.max_bad_share")

    source: BankSource


class SamplingSettings(BankSettings):
    """How a model is sampled on one bank of prompts, questions or problems."""

    sampling: Sampling


class FewShotSettings(BankSettings):
    """How a bank is put whose records have right answers.

    Attributes:
        shots: worked examples before every prompt, in the order of their bank.
        examples: that bank; `None` without examples.
    """

    places: ClassVar[tuple[str, ...]] = (
        *(f"{bank}.{key}" for bank in ("source", "examples") for key in ("path", "max_bad_share")),
    )
    formerly: ClassVar[Mapping[str, object]] = {"shots": 0, "examples": None}

    shots: Natural = 0
    examples: TableSource | None = None


class AnswerSettings(FewShotSettings, SamplingSettings):
    """How answers in free text are drawn."""


class QuestionSettings(AnswerSettings):
    """How multiple-choice questions are answered in free text.

    Attributes:
        template: of a prompt, with `{context}`, `{question}` and `{options}`; `None` for the
            article's.
        rotate_options: whether the next sample has the options in the next cyclic order.
    """

    formerly: ClassVar[Mapping[str, object]] = {
        **FewShotSettings.formerly,
        "template": None,
        "rotate_options": False,
    }

    template: str | None = None
    rotate_options: bool = True


Formulation = Literal["letters", "text", "both"]
Normalization = Literal["characters", "none", "pmi"]


class OptionSettings(FewShotSettings):
    """How the options of multiple-choice questions are scored by likelihood.

    Attributes:
        template: as in `QuestionSettings`.
        formulation: `letters` lists the options and scores their letters (multiple choice), `text`
            lists none and scores their texts (cloze), `both` does both, and the better counts.
        normalize: what a text's log-probability is divided by or reduced by: its `characters`,
            nothing (`none`), or its log-probability without the question (`pmi`).
    """

    template: str | None = None
    formulation: Formulation = "both"
    normalize: Normalization = "characters"


class CheckConfig(Frozen):
    """One question that is put to every candidate: all that measuring is told, and no limit.

    Attributes:
        name: of the check.
        item: the corpus, bank or prompt file.
        settings: how it is measured.
        stop_early: whether measuring may stop where the verdict is certain.
        origin: name of the file that it was read from.
        files: the local files and folders that its table names, each by its key in full.
    """

    name: str
    item: str
    settings: CheckSettings
    stop_early: bool = False
    origin: str = ""
    files: dict[str, Path] = Field(default_factory=dict)

    @property
    def settings_identity(self) -> dict[str, object]:
        """The settings without the places of local files: content identifies those."""
        exclude: dict[str, Any] = {}
        for each in self.settings.places:
            field, _, part = each.partition(".")
            exclude[field] = {**exclude.get(field, {}), part: True} if part else True
        for name, value in self.settings.formerly.items():
            if getattr(self.settings, name) == value:
                exclude[name] = True
        return {"check": self.name, **self.settings.model_dump(mode="json", exclude=exclude)}
