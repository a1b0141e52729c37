"""Candidates of earlier runs beside those of this one, as `--compare` asks."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from basegate.config.selection import is_group, of_group
from basegate.errors import UsageError, did_you_mean
from basegate.judging.from_store import ThresholdQuery, judge_stored
from basegate.judging.ledger_builder import CandidateRecords

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from basegate.config.registry import CandidateSpec
    from basegate.config.thresholds import Thresholds
    from basegate.judging.from_store import StoredJudgement
    from basegate.judging.relative_limits import Origin
    from basegate.measurement import CandidateFacts
    from basegate.store.folder import Store

ALL = "all"


@dataclass(frozen=True)
class Compared:
    """Stored candidates to show beside a run's own; why others that were asked for are missing."""

    candidates: tuple[CandidateRecords, ...]
    missing: tuple[str, ...]


def check_stored(
    store: Store, names: Sequence[str], specs: Mapping[str, CandidateSpec] = MappingProxyType({})
) -> None:
    """Raise `UsageError` for names and groups of which nothing is stored, before hours of work."""
    known = {measurement.candidate.name for measurement in store}
    for name in names:
        if name != ALL and not known & _members(name, specs):
            raise UsageError(
                f"--compare {name}: nothing of it is stored in "
                f"{store.folder}.{did_you_mean(name, known)} Stored: "
                f"{', '.join(sorted(known)) or 'nothing'}."
            )


def _members(name: str, specs: Mapping[str, CandidateSpec]) -> set[str]:
    """The names in a group `@TAG`; anything else, `all` included, stands for itself."""
    if not _is_tag(name):
        return {name}
    return {spec.name for spec in of_group(name, specs, "--compare")}


def from_store(
    store: Store,
    thresholds: Thresholds,
    names: Sequence[str],
    run: Sequence[CandidateFacts],
    origins: Mapping[str, Origin] | None = None,
    specs: Mapping[str, CandidateSpec] = MappingProxyType({}),
) -> Compared:
    """Judge stored candidates by the limits of a run, but for those of the run itself.

    `names` holds names, `@TAG`, or `all`. A candidate of the run that is stored with another
    quantization, dtype or device is another candidate.
    """
    judged = judge_stored(store, thresholds, ThresholdQuery.of(thresholds), origins=origins)
    requested = {name: _members(name, specs) for name in names}
    others = [each for each in judged if not _is_of(each, run)]
    every = set().union(*requested.values())
    shown = [each for each in others if each.records and _is_called(each, every)]
    missing = [
        _why_missing(name, [each for each in others if _is_called(each, members)])
        for name, members in requested.items()
        if not any(_is_called(each, members) for each in shown)
    ]
    for name, members in requested.items():
        absent = [each for each in members if not any(_is_called(one, {each}) for one in judged)]
        if _is_tag(name) and absent:  # of a single name see `check_stored`
            missing.append(f"--compare {name}: nothing is stored of {', '.join(sorted(absent))}.")
    candidates = (CandidateRecords(each.facts, each.records, each.measured_at) for each in shown)
    return Compared(tuple(candidates), tuple(missing))


def _is_tag(name: str) -> bool:
    return name != ALL and is_group(name)


def _why_missing(name: str, others: Sequence[StoredJudgement]) -> str:
    """Why nothing is shown of a name; `others`: what is stored under it beside the run's own."""
    if any(each.undecided for each in others):
        why = (
            "too few of its samples are stored for these limits; `pytest --model` with its name "
            "generates the others"
        )
    elif others:
        why = (
            "what is stored of it is of other checks, settings, data or versions of the measures "
            "than those of this thresholds file; `pytest --model` with its name measures it anew"
        )
    elif name == ALL:
        why = "no candidate is stored but those of this run"
    elif is_group(name):
        why = "no candidate of it is stored but those of this run"
    else:
        why = (
            "it is a candidate of this run, and not stored with another quantization, dtype or "
            "device"
        )
    return f"--compare {name} shows nothing: {why}."


def _is_called(each: StoredJudgement, names: Collection[str]) -> bool:
    return bool({ALL, each.name, *each.others} & set(names))


def _is_of(each: StoredJudgement, run: Sequence[CandidateFacts]) -> bool:
    """Whether a stored candidate is one of a run's own, or has a name and precision of one."""
    names = {each.name, *each.others}
    return any(
        own.name == each.facts.name
        or (own.name in names and own.load_config == each.facts.load_config)
        for own in run
    )
