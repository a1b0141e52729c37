"""Base classes for the tables that checks declare: settings, which limits, and data sources."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    model_validator,
)

from basegate.config.declaration import LimitRule, at_least, at_most
from basegate.config.registry import NAME
from basegate.config.settings import (
    AnswerSettings,
    BankSource,
    CheckSettings,
    DatasetKeys,
    DecodingKeys,
    Positive,
    PositiveFloat,
    Sampling,
    Share,
    TableKeys,
    TableSource,
)
from basegate.config.toml_reader import NUMBER, RELATIVE
from basegate.measurement import DROP


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


class Drop(BaseModel):
    """How much worse than a candidate, on the same items: `{ reference, by }`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reference: Name
    by: PositiveFloat


_FORMS = Discriminator(lambda given: RELATIVE if isinstance(given, dict | Relative) else NUMBER)
_Relative = Annotated[Relative, Tag(RELATIVE)]
PositiveLimit = Annotated[Annotated[PositiveFloat, Tag(NUMBER)] | _Relative, _FORMS]
ShareLimit = Annotated[Annotated[Share, Tag(NUMBER)] | _Relative, _FORMS]
DifferenceLimit = Annotated[
    Annotated[float, Field(allow_inf_nan=False), Tag(NUMBER)] | _Relative, _FORMS
]
Confidence = Annotated[float, Field(ge=0.5, le=0.9999, allow_inf_nan=False)]
"""Level of an interval."""


def _advisory(given: object) -> bool | tuple[str, ...]:
    if isinstance(given, bool):
        return given
    if isinstance(given, list | tuple) and all(isinstance(each, str) for each in given):
        return tuple(given)
    raise ValueError('accepted: true, false, or a list of limits of the table, as ["max_gap"].')


class Table(BaseModel):
    """A table of the file: closed, and strict about types (a whole number is a float, too).

    A field whose annotation holds a `LimitRule` is a limit; all others are settings.

    Attributes:
        max_drop: the most that a candidate may be worse than another.
        advisory: which limits of the table are only reported; `True` for all.
        item_tables: of a check's table, the key that holds a table per item (`banks`); empty where
            the check's table is its only item.
        file_keys: the keys that name local files or folders.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    item_tables: ClassVar[str] = ""
    file_keys: ClassVar[tuple[str, ...]] = ()

    max_drop: Annotated[Drop | None, at_most(DROP)] = None
    why: str = ""
    advisory: Annotated[bool | tuple[str, ...], PlainValidator(_advisory)] = False

    @model_validator(mode="after")
    def _advisory_limits(self) -> Self:
        own = [key for key, (rule, _) in self.given_limits(self).items() if not rule.validity]
        if self.advisory is not False and not own:
            raise ValueError(
                "advisory speaks of the limits in its own table, and this one has none. Write it "
                "into the table of the limit."
            )
        if isinstance(self.advisory, tuple):
            for key in self.advisory or ("",):
                if key not in own:
                    raise ValueError(
                        f"advisory: {key!r} is no limit of this table; there are "
                        f"{', '.join(own)}. Accepted: a list of these, or true for all of them."
                    )
        return self

    def is_advisory(self, key: str) -> bool:
        return self.advisory is True or (self.advisory is not False and key in self.advisory)

    @classmethod
    def limit_rules(cls) -> dict[str, LimitRule]:
        rules = {
            key: rule
            for key, field in cls.model_fields.items()
            for rule in field.metadata
            if isinstance(rule, LimitRule)
        }
        # The one that all tables have comes last.
        return dict(sorted(rules.items(), key=lambda each: each[1].metric == DROP))

    @classmethod
    def item_table(cls) -> type[Table]:
        """The type of the tables under `item_tables`; the class itself where there are none."""
        if not cls.item_tables:
            return cls
        kind: type[Table] = get_args(cls.model_fields[cls.item_tables].annotation)[1]
        return kind

    def settings_of(self, item: Any, base: Path) -> CheckSettings:
        """How an item is measured, from the check's table; `item` is its own table, if any."""
        raise NotImplementedError

    def metric_of(self, key: str, rule: LimitRule) -> str:
        return rule.metric

    def given_limits(self, item: Table) -> dict[str, tuple[LimitRule, float | Relative | Drop]]:
        """Its limits that hold for an item, which may be the table itself."""
        return {
            key: (rule, value)
            for key, rule in self.limit_rules().items()
            if (value := getattr(self, key)) is not None
        }

    def given_files(self, base: Path) -> dict[str, Path]:
        return {
            key: place(base, given)
            for key in self.file_keys
            if (given := getattr(self, key)) is not None
        }


_DEGENERATE = at_most("degenerate_share", by_interval=False, validity=True)


class SampledTable(DecodingKeys, Table):
    """How text is drawn: for tables of checks whose candidates write."""

    max_degenerate_share: Annotated[Share, _DEGENERATE] = 0.5

    @model_validator(mode="after")
    def _draws(self) -> Self:
        idle = sorted(self.model_fields_set & {"top_k", "top_p"})
        if idle and getattr(self, "temperature", None) == 0:
            raise ValueError(
                f"{idle[0]} has no effect with temperature = 0, which takes the most probable "
                f"token. Leave out {idle[0]}, or give a temperature above 0."
            )
        return self

    def sampling(self, samples: int) -> Sampling:
        shared = self.model_dump(include=set(Sampling.model_fields) - {"samples"})
        return Sampling(samples=samples, **shared)


def refuse_idle(table: Table, dataset: str | None, of_files: tuple[str, ...]) -> None:
    """Refuse keys that say how something is read which the table does not name.

    Args:
        table: of a corpus or a bank.
        dataset: the data set of the hub that it names, `None` where it names a file or folder.
        of_files: keys that have no meaning for a data set.
    """
    is_copy = getattr(table, "format", None) == "dataset"
    what = "a data set of the hub" if dataset is not None else "a local file or folder"
    of_others = of_files if dataset is not None else ("revision",) if is_copy else _OF_DATASETS
    mend = "Leave it out"
    if dataset is None and not is_copy:
        mend += ', or say format = "dataset" if the folder is a copy of a data set of the hub'
    if idle := [key for key in of_others if key in table.model_fields_set]:
        raise ValueError(f"{idle[0]} has no effect on {what}. {mend}.")


_OF_DATASETS = ("name", "revision", "split")


class BankTable(TableKeys, Table):
    """The keys that say where the records of a bank are; `file_keys` has the one of a local file.

    Attributes:
        fields: of a record.
    """

    fields: ClassVar[tuple[str, ...]]

    def source(self, base: Path) -> BankSource:
        """Where the records are; paths are relative to `base`."""
        file = self._file
        return TableSource(
            path=place(base, file) if file is not None else None,
            **self.model_dump(include=set(TableKeys.model_fields)),
        )

    @property
    def _file(self) -> str | None:
        given: str | None = getattr(self, self.file_keys[0])
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
                f"give either {self.file_keys[0]} = (a local file) or dataset = (a hub id), one of "
                "them."
            )
        self._check_answer_keys()
        idle = ("format", "header") if getattr(self, "examples", None) is None else ()
        refuse_idle(self, self.dataset, idle)

    def _check_answer_keys(self) -> None:
        idle = sorted(self.model_fields_set & {"first_answer", "answers"})
        if idle and "options" not in self.fields:
            raise ValueError(f"{idle[0]} has no effect where there are no options. Leave it out.")
        if "first_answer" in idle and self.answers in ("letter", "text"):
            raise ValueError(
                f'first_answer has no effect with answers = "{self.answers}": it says where '
                'numbers begin. Leave it out, or say answers = "number".'
            )


Early = Literal["sequential", "none"]
"""Whether measuring stops as soon as the verdict is certain, or all is measured."""
MOST_SHOTS = 8
DEFAULT_SHOTS = 5


class AnswersTable(BankTable):
    """A bank of what has a right answer, of which samples are drawn: k of n, or the accuracy."""

    samples: Positive | None = None
    shots: Annotated[int, Field(ge=0, le=MOST_SHOTS, strict=True)] = DEFAULT_SHOTS
    examples: str | None = None
    early: Early = "sequential"
    correct: Annotated[Positive | None, at_least("correct", by_interval=False)] = None
    min_accuracy: Annotated[ShareLimit | None, at_least("accuracy", sequential=True)] = None
    confidence: Confidence = 0.95

    @model_validator(mode="after")
    def _k_of_n(self) -> Self:
        if self.is_sampled and self.samples is None:
            raise ValueError("samples is missing: how many answers are drawn of each.")
        if self.correct is not None and self.samples is not None and self.correct > self.samples:
            raise ValueError(
                f"correct = {self.correct} of samples = {self.samples} cannot be reached. "
                f"Accepted for correct: 1 to {self.samples}."
            )
        return self

    @model_validator(mode="after")
    def _has_examples(self) -> Self:
        if "shots" in self.model_fields_set and self.shots and self.examples is None:
            raise ValueError(
                f"shots = {self.shots} needs examples = (a bank of worked examples, none of which "
                "is asked)."
            )
        if self.examples is not None and not self.shots:
            raise ValueError(
                "examples has no effect with shots = 0. Leave out both, or say how many of them "
                f"stand before every prompt: shots = 1 to {MOST_SHOTS}."
            )
        return self

    @property
    def is_sampled(self) -> bool:
        return True

    def few_shot(self, base: Path) -> dict[str, Any]:
        """`shots` and `examples` of the settings; the examples are laid out as the bank is."""
        if self.examples is None:
            return {"shots": 0, "examples": None}
        # They are in a file, wherever the bank is.
        without = {*DatasetKeys.model_fields, *(["format"] if self.format == "dataset" else [])}
        keys = self.model_dump(include=set(TableKeys.model_fields) - without)
        examples = TableSource(path=place(base, self.examples), **keys)
        return {"shots": self.shots, "examples": examples}


class KOfNTable(SampledTable):
    """How the banks of a check are asked whose answers are right or wrong; it adds `banks`."""

    item_tables = "banks"

    def given_limits(self, item: Table) -> dict[str, tuple[LimitRule, float | Relative | Drop]]:
        limits = super().given_limits(item)
        if isinstance(item, AnswersTable) and not item.is_sampled:
            del limits["max_degenerate_share"]
        return limits

    def settings_of(self, item: Any, base: Path) -> CheckSettings:
        sampling = self.sampling(item.samples)
        return AnswerSettings(source=item.source(base), sampling=sampling, **item.few_shot(base))
