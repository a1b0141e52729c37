"""Puts the records of a run together into its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.i18n.formatting import short_path
from basegate.judging.recommendation import recommend
from basegate.ledger import CandidateEntry, CheckItem, Ledger, ThresholdsFile
from basegate.verdict import worst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from basegate.config.thresholds import Thresholds
    from basegate.ledger import Comparison, NotJudged, Record, Suite
    from basegate.measurement import CandidateFacts
    from basegate.verdict import Result


def thresholds_file(thresholds: Thresholds) -> ThresholdsFile:
    """What is recorded of the limits that a run judges by."""
    return ThresholdsFile(path=short_path(thresholds.path), sha256=thresholds.sha256)


def build_ledger(
    suite: Suite,
    environment: dict[str, str | None],
    expected: Iterable[CandidateFacts],
    checks: Sequence[tuple[str, str]],
    records: Iterable[Record],
    *,
    compared: Mapping[str, str] | None = None,
    compare: Callable[[Sequence[Result]], Sequence[Comparison]] = lambda results: (),
    choose: bool = True,
    not_judged: Mapping[str, Sequence[NotJudged]] | None = None,
    absent: Sequence[str] = (),
) -> Ledger:
    """Put the records of a run together.

    Args:
        suite: what ran.
        environment: of the machine that judges.
        expected: the candidates of the run, for those without any record; they are `invalid`.
        checks: the checks and items that the thresholds ask for.
        records: as they came in.
        compared: of the candidates that were taken from the store, when they were measured.
        compare: returns from the rows the comparisons of every two candidates.
        choose: whether a choice is recommended.
        not_judged: of candidates that are judged from a store, what it does not decide.
        absent: candidates that were asked for, but nothing stored is of use for them.
    """
    kept = list(records)
    entries: list[CandidateEntry] = []
    results: list[Result] = []
    for facts in expected:
        # By candidate: records of several workers come in mixed.
        own = [record for record in kept if record.candidate.name == facts.name]
        found = [result for record in own for result in record.results]
        results.extend(found)
        measured = (compared or {}).get(facts.name, "")
        left = (not_judged or {}).get(facts.name, ())
        entries.append(_entry(_best_known(own, facts), found, checks, measured, left))
    comparisons = tuple(compare(results))
    return Ledger(
        suite=suite,
        environment=environment,
        candidates=tuple(entries),
        results=tuple(results),
        recommendation=recommend(entries, results, comparisons) if choose and results else None,
        comparisons=comparisons,
        absent=tuple(absent),
    )


def _best_known(own: Iterable[Record], facts: CandidateFacts) -> CandidateFacts:
    """Return what the record that tells most says of a candidate; `facts` where there is none."""
    return max(
        (record.candidate for record in own),
        key=lambda each: (each.revision is not None, each.peak_memory_bytes or 0),
        default=facts,
    )


def _entry(
    facts: CandidateFacts,
    found: Sequence[Result],
    checks: Sequence[tuple[str, str]],
    compared: str,
    not_judged: Sequence[NotJudged],
) -> CandidateEntry:
    """Return a candidate with the verdict of its rows, and the checks that have none."""
    run = {(result.check, result.part) for result in found}
    return CandidateEntry(
        **facts.model_dump(),
        verdict=worst(result.verdict for result in found),
        not_run=tuple(
            CheckItem(check=check, item=item) for check, item in checks if (check, item) not in run
        ),
        not_judged=tuple(not_judged),
        compared=compared,
    )
