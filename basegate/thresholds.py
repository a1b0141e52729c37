"""`thresholds.toml` to checks: settings for measuring, limits for judging, kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from basegate.errors import UsageError, did_you_mean
from basegate.limits import RULES, Limit
from basegate.records import Frozen
from basegate.registry import read_toml
from basegate.settings import (
    CorpusSource,
    Natural,
    PerplexitySettings,
    Positive,
    PositiveFloat,
    Sampling,
    SamplingSettings,
    Settings,
    Share,
)
from basegate.toml_errors import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class _Table(BaseModel):
    """A table of the file: closed, and strict about types (a whole number is a float, too)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    why: str = ""

    def given_limits(self) -> dict[str, float]:
        """Return the limit keys of this table that are set."""
        return {
            key: value
            for key in type(self).model_fields
            if key in RULES and (value := getattr(self, key)) is not None
        }


class _Corpus(_Table):
    dataset: str | None = None
    name: str | None = None
    revision: str | None = None
    split: str = "test"
    path: str | None = None
    glob: str = "**/*"
    format: Literal["text", "jsonl", "parquet"] | None = None
    column: str = "text"
    join: str | None = None
    max_bits_per_char: PositiveFloat | None = None
    max_perplexity: PositiveFloat | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.dataset is None) == (self.path is None):
            raise ValueError(
                "give either dataset = (a hub id) or path = (a local file or folder), one of them."
            )
        return self


class _Perplexity(_Table):
    window: Positive = 2048
    context: Natural = 512
    corpora: Annotated[dict[str, _Corpus], Field(min_length=1)]

    @model_validator(mode="after")
    def _room_to_score(self) -> Self:
        if self.context >= self.window - 1:
            raise ValueError(
                f"context = {self.context} leaves no token to score in a window of {self.window}. "
                f"Accepted: 0 to {self.window - 2}."
            )
        return self


class _Sampled(_Table):
    top_k: Natural = 50
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.95
    repetition_penalty: PositiveFloat = 1.0
    seed: Natural = 0


class _Continuation(_Sampled):
    prompts: str
    samples: Positive = 8
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.9
    max_new_tokens: Positive = 100
    min_cantonese_share: Share | None = None
    max_latin_share: Share | None = None
    max_simplified_share: Share | None = None
    max_looping_share: Share | None = None


class _Bank(_Table):
    samples: Positive
    correct: Positive

    @model_validator(mode="after")
    def _k_of_n(self) -> Self:
        if self.correct > self.samples:
            raise ValueError(
                f"correct = {self.correct} of samples = {self.samples} cannot be reached. "
                f"Accepted for correct: 1 to {self.samples}."
            )
        return self


class _Questions(_Bank):
    questions: str


class _Problems(_Bank):
    problems: str


class _Knowledge(_Sampled):
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.9
    max_new_tokens: Positive = 32
    banks: Annotated[dict[str, _Questions], Field(min_length=1)]


class _Reasoning(_Sampled):
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.2
    max_new_tokens: Positive = 24
    banks: Annotated[dict[str, _Problems], Field(min_length=1)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    perplexity: _Perplexity | None = None
    continuation: _Continuation | None = None
    knowledge: _Knowledge | None = None
    reasoning: _Reasoning | None = None
    candidates: None = None  # taken out before; here so that a misspelling of it is recognised


CHECKS: tuple[str, ...] = tuple(name for name in _File.model_fields if name != "candidates")
"""The checks, in the article's order."""


class Check(Frozen):
    """One question that is put to every candidate.

    Attributes:
        check: `perplexity`, `continuation`, `knowledge` or `reasoning`.
        item: the corpus, bank or prompt file.
        settings: what the measure is told; it holds no limit.
        limits: what a measurement is held against.
    """

    check: str
    item: str
    settings: Settings = Field(discriminator=None)
    limits: tuple[Limit, ...]


class Thresholds(Frozen):
    """The checks of a `thresholds.toml`, and the limits that single candidates have of their own.

    Attributes:
        path: the file.
        checks: in the article's order.
        own_limits: by candidate, then by (check, item): all limits that hold for it there.
    """

    path: Path
    checks: tuple[Check, ...]
    own_limits: dict[str, dict[tuple[str, str], tuple[Limit, ...]]] = Field(default_factory=dict)

    def items(self, check: str) -> tuple[str, ...]:
        """Return the items of a check; empty where its table is absent."""
        return tuple(each.item for each in self.checks if each.check == check)

    def find(self, check: str, item: str) -> Check:
        """Return the check on an item; it must exist."""
        return next(each for each in self.checks if (each.check, each.item) == (check, item))

    def limits(self, candidate: str, check: str, item: str) -> tuple[Limit, ...]:
        """Return the limits that hold for a candidate."""
        own = self.own_limits.get(candidate, {}).get((check, item))
        return own if own is not None else self.find(check, item).limits


def load_thresholds(path: Path) -> Thresholds:
    """Read and check `thresholds.toml`.

    Raises:
        UsageError: with file, key and accepted values for whatever is wrong in it.
    """
    tables = read_toml(path)
    own = tables.pop("candidates", {})
    checks = _checks(tables, path)
    if not checks:
        raise UsageError(
            f"{path}: no check is configured, so nothing would be judged. "
            f"Add at least one of the tables {', '.join(f'[{name}]' for name in CHECKS)}."
        )
    for check in checks:
        if not check.limits:
            keys = [key for key in RULES if key in _limit_keys_of(check.check)]
            raise UsageError(
                f"{path}: {check.check} on {check.item} has no limit, so nothing would be judged. "
                f"Add at least one of {', '.join(keys)}."
            )
    if not isinstance(own, dict):
        raise UsageError(f"{path}: candidates = {own!r}: accepted: a table per candidate.")
    own_limits = {name: _own_limits(name, own[name], tables, path) for name in own}
    return Thresholds(path=path, checks=checks, own_limits=own_limits)


def _checks(tables: Mapping[str, Any], path: Path, prefix: str = "") -> tuple[Check, ...]:
    try:
        file = _File.model_validate(dict(tables))
    except ValidationError as error:
        raise UsageError(explain(error, path, _File, prefix)) from None
    return tuple(_flatten(file, path.parent, f"{prefix}." if prefix else ""))


def _flatten(file: _File, base: Path, prefix: str) -> Iterable[Check]:
    if file.perplexity:
        for name, corpus in file.perplexity.corpora.items():
            perplexity = _perplexity_settings(file.perplexity, corpus, base)
            yield _check(perplexity, name, corpus, f"{prefix}perplexity.corpora.{name}")
    if file.continuation:
        continuation = file.continuation
        prompts = base / Path(continuation.prompts).expanduser()
        settings = _sampling_settings("continuation", continuation, prompts, continuation.samples)
        yield _check(settings, prompts.stem, continuation, f"{prefix}continuation")
    if file.knowledge:
        for name, bank in file.knowledge.banks.items():
            questions = base / Path(bank.questions).expanduser()
            settings = _sampling_settings("knowledge", file.knowledge, questions, bank.samples)
            yield _check(settings, name, bank, f"{prefix}knowledge.banks.{name}")
    if file.reasoning:
        for name, problems in file.reasoning.banks.items():
            place = base / Path(problems.problems).expanduser()
            settings = _sampling_settings("reasoning", file.reasoning, place, problems.samples)
            yield _check(settings, name, problems, f"{prefix}reasoning.banks.{name}")


def _check(settings: Settings, item: str, table: _Table, where: str) -> Check:
    limits = tuple(
        Limit(key=f"{where}.{key}", value=value, why=table.why, **RULES[key].model_dump())
        for key, value in table.given_limits().items()
    )
    return Check(check=settings.check, item=item, settings=settings, limits=limits)


def _perplexity_settings(table: _Perplexity, corpus: _Corpus, base: Path) -> PerplexitySettings:
    fields = corpus.model_dump(include=set(CorpusSource.model_fields) - {"path"})
    place = base / Path(corpus.path).expanduser() if corpus.path is not None else None
    return PerplexitySettings(
        corpus=CorpusSource(**fields, path=place), window=table.window, context=table.context
    )


def _sampling_settings(
    check: Literal["continuation", "knowledge", "reasoning"],
    table: _Continuation | _Knowledge | _Reasoning,
    path: Path,
    samples: int,
) -> SamplingSettings:
    shared = table.model_dump(include=set(Sampling.model_fields) - {"samples"})
    return SamplingSettings(check=check, path=path, sampling=Sampling(samples=samples, **shared))


def _limit_keys_of(check: str) -> set[str]:
    tables: dict[str, type[_Table]] = {
        "perplexity": _Corpus,
        "continuation": _Continuation,
        "knowledge": _Questions,
        "reasoning": _Problems,
    }
    return set(tables[check].model_fields)


def _own_limits(
    name: str, own: object, tables: Mapping[str, Any], path: Path
) -> dict[tuple[str, str], tuple[Limit, ...]]:
    """Return the limits of one candidate: its own where given, the common ones elsewhere."""
    where = f"candidates.{name}"
    if not isinstance(own, dict):
        raise UsageError(f"{path}: {where} = {own!r}: accepted: a table.")
    merged = _merge(tables, own, where, path)
    return {
        (check.check, check.item): check.limits for check in _checks(merged, path, prefix=where)
    }


def _merge(
    common: Mapping[str, Any], own: Mapping[str, Any], where: str, path: Path
) -> dict[str, Any]:
    """Lay one candidate's limits over the common tables.

    Only limits may differ: a setting of its own would make candidates incomparable.
    """
    merged = dict(common)
    if any(key in RULES for key in own):
        merged["why"] = ""  # the common reason speaks of the common limit
    for key, value in own.items():
        place = f"{where}.{key}"
        if isinstance(value, dict):
            below = common.get(key)
            if not isinstance(below, dict):
                hint = did_you_mean(key, [k for k, v in common.items() if isinstance(v, dict)])
                raise UsageError(f"{path}: {place}: there is no table of that name above.{hint}")
            merged[key] = _merge(below, value, place, path)
        elif key in RULES or key == "why":
            merged[key] = value
        else:
            hint = did_you_mean(key, [*RULES, "why"])
            raise UsageError(
                f"{path}: {place}: a candidate's own table may only hold limits and why, since "
                f"settings have to be the same for all.{hint}"
            )
    return merged
