"""`thresholds.toml` to checks: settings for measuring, limits for judging, kept apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from basegate.config.declaration import (
    DECLARE_IT,
    CheckDeclaration,
    LimitRule,
    check_names,
    declaration_of,
    declarations,
)
from basegate.config.limits import AnyLimit, DropLimit, Limit, RelativeLimit
from basegate.config.settings import CheckConfig
from basegate.config.thresholds_schema import Drop, Relative, Table
from basegate.config.toml_reader import explain, read_toml
from basegate.errors import UsageError, did_you_mean
from basegate.measurement import DROP
from basegate.serialization import hash_file

Limits = dict[tuple[str, str], tuple[AnyLimit, ...]]
"""By check and item."""


@dataclass(frozen=True)
class Thresholds:
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
    common_limits: Limits = field(default_factory=dict)
    own_limits: dict[str, Limits] = field(default_factory=dict)

    def items(self, check: str) -> tuple[str, ...]:
        return tuple(each.item for each in self.checks if each.name == check)

    def all_items(self) -> tuple[str, ...]:
        return tuple(each.item for each in self.checks)

    @property
    def window(self) -> int | None:
        """Tokens of the longest window that any check needs; `None` where none does."""
        windows = [each.settings.window_needed for each in self.checks]
        return max((each for each in windows if each), default=None)

    def find(self, check: str, item: str) -> CheckConfig:
        return next(each for each in self.checks if (each.name, each.item) == (check, item))

    def limits(self, candidate: str, check: str, item: str) -> tuple[AnyLimit, ...]:
        return self.own_limits.get(candidate, self.common_limits)[check, item]

    @property
    def relative(self) -> tuple[RelativeLimit | DropLimit, ...]:
        """The limits that need a measurement of another candidate."""
        every = (self.common_limits, *self.own_limits.values())
        groups = (group for limits in every for group in limits.values())
        return tuple(each for group in groups for each in group if not isinstance(each, Limit))


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
            f"tables {', '.join(f'[{name}]' for name in check_names())}."
        )
    for (check, item), limits in common.items():
        if all(limit.validity for limit in limits):
            table = declaration_of(check).table
            rules = {**table.item_table().limit_rules(), **table.limit_rules()}
            keys = [key for key, rule in rules.items() if not rule.validity]
            raise UsageError(
                f"{path}: {check} on {item} has no limit, so nothing would be judged. "
                f"Add at least one of {', '.join(keys)}."
            )
    if not isinstance(own, dict):
        raise UsageError(f"{path}: candidates = {own!r}: accepted: a table per candidate.")
    _check_gate(common, str(path))
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
    for name, table in tables.items():
        if isinstance(table, dict) and name not in check_names():
            raise UsageError(
                f"{path}: {name}: no check of that name is declared."
                f"{did_you_mean(name, [*check_names(), 'candidates'])} There are "
                f"{', '.join(check_names())}. {DECLARE_IT}"
            )
    model = _file_model()
    try:
        file = model.model_validate(dict(tables))
    except ValidationError as error:
        raise UsageError(explain(error, path, model, prefix)) from None
    at = f"{prefix}." if prefix else ""
    found = [
        each
        for check in declarations()
        if (table := getattr(file, check.name)) is not None
        for each in _items(check, table, path, f"{at}{check.name}")
    ]
    checks = tuple(check for check, _ in found)
    family = sum(isinstance(each, DropLimit) for _, limits in found for each in limits)
    return checks, {
        (check.name, check.item): tuple(
            replace(each, family=family) if isinstance(each, DropLimit) else each for each in limits
        )
        for check, limits in found
    }


def _check_gate(limits: Limits, where: str) -> None:
    """Raise `UsageError` where no limit could reject a candidate."""
    if all(each.advisory or each.validity for group in limits.values() for each in group):
        raise UsageError(
            f"{where}: every limit is advisory, so that nothing could reject a candidate, and "
            "nothing would be judged. Take advisory away from at least one limit."
        )


def _file_model() -> type[BaseModel]:
    """The whole file: a table per check that is declared; one that is absent does not run."""
    fields: dict[str, Any] = {check.name: (check.table | None, None) for check in declarations()}
    return create_model("File", __config__=ConfigDict(frozen=True, extra="forbid"), **fields)


def _items(
    check: CheckDeclaration, table: Table, path: Path, at: str
) -> Iterator[tuple[CheckConfig, tuple[AnyLimit, ...]]]:
    group = table.item_tables
    items = getattr(table, group) if group else {"": table}
    for name, own in items.items():
        where = f"{at}.{group}.{name}" if group else at
        files = own.given_files(path.parent)
        limits = {where: own, at: table}
        yield (
            CheckConfig(
                name=check.name,
                item=name or next((file.stem for file in files.values()), check.name),
                settings=table.settings_of(own, path.parent),
                stop_early=getattr(own, "early", "none") == "sequential",
                origin=path.name,
                files={f"{where}.{key}": file for key, file in files.items()},
            ),
            tuple(
                _limit(check, path, place, given, own, key, *limit)
                for place, given in limits.items()
                for key, limit in given.given_limits(own).items()
            ),
        )


def _limit(
    check: CheckDeclaration,
    path: Path,
    where: str,
    table: Table,
    item: Table,
    key: str,
    rule: LimitRule,
    value: float | Relative | Drop,
) -> AnyLimit:
    fields: dict[str, Any] = {
        **asdict(rule),
        "key": f"{where}.{key}",
        "metric": table.metric_of(key, rule),
        "confidence": getattr(table, "confidence", 0.95),
        "why": table.why,
        "advisory": not rule.validity and table.is_advisory(key),
    }
    if isinstance(value, Drop):
        if not check.compares:
            raise UsageError(
                f"{path}: {where}.{key}: candidates are not compared item by item in {check.name}, "
                "so no drop can be told. Give a limit relative to the reference's number instead: "
                'KEY = { reference = "NAME", plus = -0.05 }.'
            )
        rules = item.limit_rules().items()
        metrics = tuple(item.metric_of(key, rule) for key, rule in rules if rule.metric != DROP)
        return DropLimit(**fields, candidate=value.reference, by=value.by, metrics=metrics)
    if isinstance(value, Relative):
        if rule.validity:
            raise UsageError(
                f"{path}: {where}.{key}: beyond this limit a measurement is invalid, which cannot "
                "depend on another candidate. Give a number."
            )
        return RelativeLimit(
            **fields, candidate=value.reference, factor=value.factor, plus=value.plus
        )
    return Limit(**fields, value=value)


def _own_limits(
    name: str, own: object, tables: Mapping[str, Any], path: Path, common: Mapping[str, AnyLimit]
) -> Limits:
    where = f"candidates.{name}"
    if not isinstance(own, dict):
        raise UsageError(f"{path}: {where} = {own!r}: accepted: a table.")
    merged = dict(tables)
    for check, given in own.items():
        place = f"{path}: {where}.{check}"
        above = _table_above(tables, check, place)
        merged[check] = _merge(declaration_of(check).table, above, given, place)
    _, found = _checks(merged, path, prefix=where)
    _check_gate(found, f"{path}: {where}")
    return {
        place: tuple(_as_named(limit, where, common) for limit in limits)
        for place, limits in found.items()
    }


def _as_named(limit: AnyLimit, where: str, common: Mapping[str, AnyLimit]) -> AnyLimit:
    """A common limit under the key in the candidate's own table, if it stands there.

    Its reason is kept.
    """
    found = common.get(limit.key.removeprefix(f"{where}."))
    if found is None:
        return limit
    return found if replace(limit, key=found.key, why=limit.why or found.why) == found else limit


def _table_above(tables: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    if isinstance(found := tables.get(name), dict):
        return found
    hint = did_you_mean(name, [key for key, value in tables.items() if isinstance(value, dict)])
    raise UsageError(f"{where}: there is no table of that name above.{hint}")


def _merge(
    table: type[Table], common: Mapping[str, Any], own: object, where: str
) -> dict[str, Any]:
    """A candidate's limits over a common table; settings of its own are refused.

    With these, candidates could not be compared.
    """
    if not isinstance(own, dict):
        raise UsageError(f"{where} = {own!r}: accepted: a table.")
    rules, group = table.limit_rules(), table.item_tables
    merged = dict(common)
    if rules.keys() & own:
        merged["why"] = ""  # the common reason speaks of the common limit
    for key, value in own.items():
        place = f"{where}.{key}"
        if key in rules or key in ("why", "advisory"):
            merged[key] = value
        elif key == group and isinstance(value, dict):
            every = common.get(key, {})
            items = {name: _table_above(every, name, f"{place}.{name}") for name in value}
            merged[key] = every | {
                name: _merge(table.item_table(), above, value[name], f"{place}.{name}")
                for name, above in items.items()
            }
        else:
            hint = did_you_mean(key, [*rules, "why", "advisory", *filter(None, [group])])
            raise UsageError(
                f"{place}: a candidate's own table may only hold limits, why and advisory, since "
                f"settings have to be the same for all.{hint}"
            )
    return merged
