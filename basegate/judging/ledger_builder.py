"""Build the ledger of a run from its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from basegate.config.thresholds import Thresholds
from basegate.i18n.formatting import short_path
from basegate.judging.bank_power import bank_power
from basegate.judging.recommendation import recommend
from basegate.ledger import (
    CandidateEntry,
    CheckItem,
    Comparison,
    Ledger,
    NotJudged,
    NullFigure,
    Record,
    Suite,
    ThresholdsFile,
)
from basegate.measurement import CandidateFacts
from basegate.verdict import Result, verdict_of


def thresholds_file(thresholds: Thresholds) -> ThresholdsFile:
    return ThresholdsFile(path=short_path(thresholds.path), sha256=thresholds.sha256)


@dataclass(frozen=True)
class CandidateRecords:
    """What is known of one candidate of a ledger.

    Attributes:
        facts: how it was loaded, as far as known without any record.
        records: what was found, as it came in; those of other candidates are not looked at.
        measured_at: of a candidate of an earlier run, when it was measured: UTC time, ISO 8601.
        not_judged: what the store does not decide, where it was judged from there.
    """

    facts: CandidateFacts
    records: Sequence[Record]
    measured_at: str = ""
    not_judged: Sequence[NotJudged] = ()

    @property
    def own(self) -> list[Record]:
        """Its records: several workers send theirs mixed."""
        return [each for each in self.records if each.candidate.name == self.facts.name]

    @property
    def results(self) -> list[Result]:
        return [row for record in self.own for row in record.results]


def build_ledger(
    suite: Suite,
    environment: dict[str, str | None],
    checks: Sequence[tuple[str, str]],
    candidates: Sequence[CandidateRecords],
    comparisons: Sequence[Comparison] = (),
    *,
    choose: bool = True,
    absent: Sequence[str] = (),
    nulls: Sequence[NullFigure] = (),
) -> Ledger:
    """Put the records of a run together.

    Args:
        suite: what ran.
        environment: of the machine that judges.
        checks: the checks and items that the thresholds ask for.
        candidates: in the order of the ledger; one without any record is `invalid`.
        comparisons: of every two candidates.
        choose: whether a choice is recommended.
        absent: candidates that were asked for, but nothing stored is of use for them.
        nulls: what null models reach.
    """
    entries = tuple(_entry(each, checks) for each in candidates)
    results = tuple(row for each in candidates for row in each.results)
    # A null model is no choice, whatever limits it meets.
    real = [entry for entry in entries if not entry.is_null]
    own = [row for row in results if row.candidate in {entry.name for entry in real}]
    chosen = recommend(real, own, comparisons) if choose and results else None
    return Ledger(
        suite=suite,
        environment=environment,
        candidates=entries,
        results=results,
        recommendation=chosen,
        comparisons=tuple(comparisons),
        power=bank_power(comparisons),
        absent=tuple(absent),
        nulls=tuple(nulls),
    )


def _entry(candidate: CandidateRecords, checks: Sequence[tuple[str, str]]) -> CandidateEntry:
    """A candidate with the verdict of its rows, and the checks that have none."""
    run = {(row.check, row.part) for row in candidate.results}
    # How it was loaded is known best from the record that tells most of it.
    facts = max(
        (record.candidate for record in candidate.own),
        key=lambda each: (each.revision is not None, each.peak_memory_bytes or 0),
        default=candidate.facts,
    )
    return CandidateEntry(
        **facts.model_dump(),
        verdict=verdict_of(candidate.results),
        not_run=tuple(
            CheckItem(check=check, item=item) for check, item in checks if (check, item) not in run
        ),
        not_judged=tuple(candidate.not_judged),
        compared=candidate.measured_at,
    )
