"""`thresholds.toml` to checks: settings for measuring, limits for judging, kept apart."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from basegate.config.limits import RULES, AnyLimit, Limit, RelativeLimit
from basegate.config.settings import (
    BankSource,
    CheckConfig,
    CorpusSource,
    PairSettings,
    PerplexitySettings,
    Sampling,
    SamplingSettings,
    Settings,
    TableSource,
)
from basegate.config.thresholds_schema import (
    Continuation,
    Corpus,
    File,
    Knowledge,
    Pairs,
    Perplexity,
    Problems,
    Questions,
    Reasoning,
    Relative,
    Table,
    place,
)
from basegate.config.toml_reader import explain, read_toml
from basegate.errors import UsageError, did_you_mean
from basegate.serialization import Frozen, hash_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


CHECKS: tuple[str, ...] = tuple(name for name in File.model_fields if name != "candidates")
"""The checks, in the article's order."""


Limits = dict[tuple[str, str], tuple[AnyLimit, ...]]
"""By check and item."""


class Thresholds(Frozen):
    """The checks of a `thresholds.toml`, and beside them the limits to judge by.

    Attributes:
        path: the file.
        sha256: of its bytes as they were read.
        checks: in the article's order.
        common_limits: those of every candidate that has none of its own.
        own_limits: by candidate, all limits that hold for it.
    """

    path: Path
    sha256: str
    checks: tuple[CheckConfig, ...]
    common_limits: Limits = Field(default_factory=dict)
    own_limits: dict[str, Limits] = Field(default_factory=dict)

    def items(self, check: str) -> tuple[str, ...]:
        return tuple(each.item for each in self.checks if each.name == check)

    def all_items(self) -> tuple[str, ...]:
        return tuple(each.item for each in self.checks)

    @property
    def window(self) -> int | None:
        """Tokens of the longest window that any check asks for; `None` where none does."""
        windows = [getattr(each.settings, "window", None) for each in self.checks]
        return max((each for each in windows if each), default=None)

    def find(self, check: str, item: str) -> CheckConfig:
        return next(each for each in self.checks if (each.name, each.item) == (check, item))

    def limits(self, candidate: str, check: str, item: str) -> tuple[AnyLimit, ...]:
        """The limits of a candidate: its own where it has any, else the common ones."""
        return self.own_limits.get(candidate, self.common_limits)[check, item]

    @property
    def relative(self) -> tuple[RelativeLimit, ...]:
        """All limits that are relative to a candidate."""
        every = (self.common_limits, *self.own_limits.values())
        groups = (group for limits in every for group in limits.values())
        return tuple(each for group in groups for each in group if isinstance(each, RelativeLimit))


def load_thresholds(path: Path) -> Thresholds:
    """Read and check `thresholds.toml`.

    Raises:
        UsageError: with file, key and accepted values for whatever is wrong in it.
    """
    tables = read_toml(path)
    own = tables.pop("candidates", {})
    checks, common = _checks(tables, path)
    if not checks:
        raise UsageError(
            f"{path}: no check is configured, so nothing would be judged. Add at least one of the "
            f"tables {', '.join(f'[{name}]' for name in CHECKS)}."
        )
    for (check, item), limits in common.items():
        if all(limit.validity for limit in limits):
            judging = [key for key, rule in RULES.items() if not rule.validity]
            keys = [key for key in judging if key in _limit_keys_of(check)]
            raise UsageError(
                f"{path}: {check} on {item} has no limit, so nothing would be judged. "
                f"Add at least one of {', '.join(keys)}."
            )
    if not isinstance(own, dict):
        raise UsageError(f"{path}: candidates = {own!r}: accepted: a table per candidate.")
    by_key = {limit.key: limit for limits in common.values() for limit in limits}
    own_limits = {name: _own_limits(name, own[name], tables, path, by_key) for name in own}
    return Thresholds(
        path=path,
        sha256=hash_file(path),
        checks=checks,
        common_limits=common,
        own_limits=own_limits,
    )


def _checks(
    tables: Mapping[str, Any], path: Path, prefix: str = ""
) -> tuple[tuple[CheckConfig, ...], Limits]:
    try:
        file = File.model_validate(dict(tables))
    except ValidationError as error:
        raise UsageError(explain(error, path, File, prefix)) from None
    found = list(_flatten(file, path.parent, f"{prefix}." if prefix else ""))
    checks = tuple(check.model_copy(update={"origin": path.name}) for check, _ in found)
    return checks, {(check.name, check.item): limits for check, limits in found}


def _flatten(
    file: File, base: Path, prefix: str
) -> Iterable[tuple[CheckConfig, tuple[AnyLimit, ...]]]:
    if file.perplexity:
        for name, corpus in file.perplexity.corpora.items():
            perplexity = _perplexity_settings(file.perplexity, corpus, base)
            yield _check(perplexity, name, corpus, f"{prefix}perplexity.corpora.{name}")
    if file.minimal_pairs:
        for name, pairs in file.minimal_pairs.banks.items():
            pair_settings = PairSettings(source=pairs.source(base))
            yield _check(pair_settings, name, pairs, f"{prefix}minimal_pairs.banks.{name}")
    if file.continuation:
        continuation = file.continuation
        prompts = place(base, continuation.prompts)
        source = TableSource(path=prompts)
        settings = _sampling_settings("continuation", continuation, source, continuation.samples)
        yield _check(settings, prompts.stem, continuation, f"{prefix}continuation")
    if file.knowledge:
        for name, bank in file.knowledge.banks.items():
            where = bank.source(base)
            settings = _sampling_settings("knowledge", file.knowledge, where, bank.samples)
            at = f"{prefix}knowledge"
            yield _check(settings, name, bank, f"{at}.banks.{name}", {at: file.knowledge})
    if file.reasoning:
        for name, problems in file.reasoning.banks.items():
            where = problems.source(base)
            settings = _sampling_settings("reasoning", file.reasoning, where, problems.samples)
            at = f"{prefix}reasoning"
            yield _check(settings, name, problems, f"{at}.banks.{name}", {at: file.reasoning})


def _check(
    settings: Settings,
    item: str,
    table: Table,
    where: str,
    shared: Mapping[str, Table] = MappingProxyType({}),
) -> tuple[CheckConfig, tuple[AnyLimit, ...]]:
    """A check, and the limits of its table and of those that hold for all its siblings."""
    tables = {where: table, **shared}
    limits = tuple(
        _limit(f"{place}.{key}", key, value, given)
        for place, given in tables.items()
        for key, value in given.given_limits().items()
    )
    check = CheckConfig(
        name=settings.check,
        item=item,
        settings=settings,
        stop_early=any(getattr(given, "stop_early", False) for given in tables.values()),
        files=dict(_files(settings, table, where)),
    )
    return check, limits


def _files(settings: Settings, table: Table, where: str) -> Iterator[tuple[str, Path]]:
    if isinstance(settings, PerplexitySettings):
        named = {"path": settings.corpus.path, "parallel": settings.corpus.parallel}
    else:
        path = getattr(settings.source, "path", None)
        named = {getattr(table, "file_key", ""): path}
    yield from ((f"{where}.{key}", path) for key, path in named.items() if path is not None)


def _limit(where: str, key: str, value: float | Relative, table: Table) -> AnyLimit:
    fields: dict[str, Any] = {
        **RULES[key].model_dump(),
        "key": where,
        "metric": table.metric(key),
        "confidence": getattr(table, "confidence", 0.95),
        "why": table.why,
    }
    if isinstance(value, Relative):
        relation = {"candidate": value.reference, "factor": value.factor, "plus": value.plus}
        return RelativeLimit(**fields, **relation)
    return Limit(**fields, value=value)


def _perplexity_settings(table: Perplexity, corpus: Corpus, base: Path) -> PerplexitySettings:
    fields = corpus.model_dump(include=set(CorpusSource.model_fields) - {"path", "parallel"})
    path, parallel = (
        place(base, given) if given is not None else None
        for given in (corpus.path, corpus.parallel)
    )
    return PerplexitySettings(
        corpus=CorpusSource(**fields, path=path, parallel=parallel),
        window=table.window,
        context=table.context,
    )


def _sampling_settings(
    check: Literal["continuation", "knowledge", "reasoning"],
    table: Continuation | Knowledge | Reasoning,
    source: BankSource,
    samples: int,
) -> SamplingSettings:
    shared = table.model_dump(include=set(Sampling.model_fields) - {"samples"})
    return SamplingSettings(
        check=check, source=source, sampling=Sampling(samples=samples, **shared)
    )


def _limit_keys_of(check: str) -> set[str]:
    tables: dict[str, type[Table]] = {
        "perplexity": Corpus,
        "minimal_pairs": Pairs,
        "continuation": Continuation,
        "knowledge": Questions,
        "reasoning": Problems,
    }
    return set(tables[check].model_fields)


def _own_limits(
    name: str, own: object, tables: Mapping[str, Any], path: Path, common: Mapping[str, AnyLimit]
) -> Limits:
    """The limits of one candidate: its own where given, the common ones elsewhere."""
    where = f"candidates.{name}"
    if not isinstance(own, dict):
        raise UsageError(f"{path}: {where} = {own!r}: accepted: a table.")
    _, found = _checks(_merge(tables, own, where, path), path, prefix=where)
    return {
        place: tuple(_as_named(limit, where, common) for limit in limits)
        for place, limits in found.items()
    }


def _as_named(limit: AnyLimit, where: str, common: Mapping[str, AnyLimit]) -> AnyLimit:
    """The common limit where a candidate's own table says nothing else.

    Its key is the one that stands in the file, and its reason still speaks of it.
    """
    found = common.get(limit.key.removeprefix(f"{where}."))
    if found is None:
        return limit
    same = {"key": found.key, "why": limit.why or found.why}
    return found if limit.model_copy(update=same) == found else limit


_GROUPS = (".corpora", ".banks")
"""What tables end in whose keys are names."""


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
        if key in RULES and not where.endswith(_GROUPS):
            merged[key] = value
        elif isinstance(value, dict):
            below = common.get(key)
            if not isinstance(below, dict):
                hint = did_you_mean(key, [k for k, v in common.items() if isinstance(v, dict)])
                raise UsageError(f"{path}: {place}: there is no table of that name above.{hint}")
            merged[key] = _merge(below, value, place, path)
        elif key == "why":
            merged[key] = value
        else:
            hint = did_you_mean(key, [*RULES, "why"])
            raise UsageError(
                f"{path}: {place}: a candidate's own table may only hold limits and why, since "
                f"settings have to be the same for all.{hint}"
            )
    return merged
