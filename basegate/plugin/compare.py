"""Candidates of earlier runs beside those of this one, as `--compare` asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from basegate.config.selection import is_group, of_group
from basegate.judging.from_store import StoredJudgement, ThresholdQuery, judge_stored
from basegate.judging.ledger_builder import CandidateRecords
from basegate.store.inventory import require_stored

if TYPE_CHECKING:
    from basegate.config.registry import CandidateSpec
    from basegate.measurement import CandidateFacts
    from basegate.plugin.session import GateSession
    from basegate.store.folder import Store

ALL = "all"


def check_stored(store: Store, names: Sequence[str], specs: Mapping[str, CandidateSpec]) -> None:
    """Raise `UsageError` for names and groups of which nothing is stored, before hours of work."""
    known = {measurement.candidate.name for measurement in store}
    for name in names:
        if name != ALL:
            members = _members(name, specs)
            require_stored(sorted(members), known, members, "--compare")


def _members(name: str, specs: Mapping[str, CandidateSpec]) -> set[str]:
    """The names in a group `@TAG`; anything else, `all` included, stands for itself."""
    if name == ALL or not is_group(name):
        return {name}
    return {spec.name for spec in of_group(name, specs, "--compare")}


def stored_beside(
    gate: GateSession, run: Sequence[CandidateFacts]
) -> tuple[list[CandidateRecords], list[str]]:
    """Stored candidates to show beside a run's own; why others that were asked for are missing.

    They are judged by the limits of the run. A candidate of the run that is stored with another
    quantization, dtype or device is another candidate.
    """
    thresholds = gate.options.thresholds
    judged = judge_stored(
        gate.store, thresholds, ThresholdQuery.of(thresholds), origins=gate.origins
    )
    others = [each for each in judged if not _is_of(each, run)]
    requested = {name: _members(name, gate.options.known) for name in gate.options.compare}
    every = set().union(*requested.values())
    shown = [each for each in others if each.records and _is_called(each, every)]
    missing = []
    for name, members in requested.items():
        if not any(_is_called(each, members) for each in shown):
            why = _why_missing([each for each in others if _is_called(each, members)])
            missing.append(f"--compare {name} shows nothing: {why}.")
        absent = [each for each in members if not any(_is_called(one, {each}) for one in judged)]
        if name not in members and absent:  # of a single name see `check_stored`
            missing.append(f"--compare {name}: nothing is stored of {', '.join(sorted(absent))}.")
    candidates = [CandidateRecords(each.facts, each.records, each.measured_at) for each in shown]
    return candidates, missing


def _why_missing(others: Sequence[StoredJudgement]) -> str:
    """Why nothing is shown of a name; `others`: what is stored under it beside the run's own."""
    if any(each.undecided for each in others):
        return (
            "too few of its samples are stored for these limits; `pytest --model` with its name "
            "generates the others"
        )
    if others:
        return (
            "what is stored of it is of other checks, settings, data or versions of the measures "
            "than those of this thresholds file; `pytest --model` with its name measures it anew"
        )
    return (
        "nothing of it is stored but what this run judges; with another quantization, dtype or "
        "device it would be another candidate"
    )


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
