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
    from basegate.judging.checkpoint_identity import Origin
    from basegate.judging.from_store import StoredJudgement
    from basegate.measurement import CandidateFacts
    from basegate.store.folder import Store

ALL = "all"


@dataclass(frozen=True)
class Compared:
    """What the store says of candidates that are no part of a run.

    Attributes:
        candidates: how each was loaded, the verdicts on it, and when it was measured.
        missing: a sentence for each name that was asked for and that nothing is shown of.
    """

    candidates: tuple[CandidateRecords, ...]
    missing: tuple[str, ...]


def check_stored(
    store: Store, names: Sequence[str], specs: Mapping[str, CandidateSpec] = MappingProxyType({})
) -> None:
    """Refuse names and groups of which nothing is stored, before hours of measuring.

    Args:
        store: of the run.
        names: see `from_store`.
        specs: the known candidates by name, which groups are made of.

    Raises:
        UsageError: there is one, or no such group.
    """
    known = {measurement.candidate.name for measurement in store}
    for name in names:
        if name != ALL and not known & _meant_by(name, specs):
            raise UsageError(
                f"--compare {name}: nothing of it is stored in "
                f"{store.folder}.{did_you_mean(name, known)} Stored: "
                f"{', '.join(sorted(known)) or 'nothing'}."
            )


def _meant_by(name: str, specs: Mapping[str, CandidateSpec]) -> set[str]:
    """The names that a value of `--compare` means; `all` stands for itself."""
    if name == ALL or not is_group(name):
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
    """Judge stored candidates by the limits of a run.

    Args:
        store: of the run.
        thresholds: of the run.
        names: of the candidates, `@TAG` for a group, or `all` for all that are stored.
        run: the run's own candidates, which are left out; held in another way they are others.
        origins: see `judge_stored`.
        specs: the known candidates by name, which groups are made of.
    """
    judged = judge_stored(store, thresholds, ThresholdQuery.of(thresholds), origins=origins)
    meant = {name: _meant_by(name, specs) for name in names}
    every = set().union(*meant.values())
    chosen = [each for each in judged if _is_meant(each, every) and not _is_of(each, run)]
    return Compared(
        candidates=tuple(
            CandidateRecords(each.facts, each.records, each.measured_at) for each in chosen
        ),
        missing=(
            *(
                _missing(name, own, judged, run)
                for name, own in meant.items()
                if not any(_is_meant(each, own) for each in chosen)
            ),
            *(
                _absent(name, own, judged)
                for name, own in meant.items()
                if _lacks(name, own, judged)
            ),
        ),
    )


def _lacks(name: str, members: Collection[str], judged: Sequence[StoredJudgement]) -> list[str]:
    """The members of a group that nothing is stored of; of a name see `check_stored`."""
    if name == ALL or not is_group(name):
        return []
    return sorted(each for each in members if not any(_is_called(one, {each}) for one in judged))


def _absent(name: str, members: Collection[str], judged: Sequence[StoredJudgement]) -> str:
    return f"--compare {name}: nothing is stored of {', '.join(_lacks(name, members, judged))}."


def _missing(
    name: str,
    meant: Collection[str],
    judged: Sequence[StoredJudgement],
    run: Sequence[CandidateFacts],
) -> str:
    """Say why nothing is shown of a name."""
    called = [each for each in judged if _is_called(each, meant)]
    others = [each for each in called if not _is_of(each, run)]
    if any(each.undecided for each in others):
        why = (
            "too few of its samples are stored for these limits; `pytest --model` with its name "
            "draws the others"
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
        why = "it is a candidate of this run, and not stored as held in another way"
    return f"--compare {name} shows nothing: {why}."


def _is_called(each: StoredJudgement, names: Collection[str]) -> bool:
    return bool({ALL, each.name, *each.others} & set(names))


def _is_meant(each: StoredJudgement, names: Collection[str]) -> bool:
    return bool(each.records) and _is_called(each, names)


def _is_of(each: StoredJudgement, run: Sequence[CandidateFacts]) -> bool:
    """Whether a stored candidate is one of a run's own, or cannot be told from one by its name."""
    names = {each.name, *each.others}
    return any(
        own.name == each.facts.name or (own.name in names and own.held == each.facts.held)
        for own in run
    )
