"""The JSON record of one run, and the wire format in which results reach it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from basegate.files import write_atomically
from basegate.i18n.formatting import place, short_path
from basegate.judging.comparison import Comparison
from basegate.judging.recommendation import Recommendation, recommend
from basegate.measurement import CandidateFacts, Earlier
from basegate.serialization import Frozen
from basegate.verdict import Reason, Result, VerdictWord, worst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from basegate.config.thresholds import Thresholds


class Record(Frozen):
    """What one acceptance test found; travels as a JSON string in `user_properties`.

    Attributes:
        candidate: how it was loaded.
        results: a row per metric and limit.
        earlier: what earlier runs had done of its measurement. No part of the ledger, which is the
            same whichever run measured.
    """

    candidate: CandidateFacts
    results: tuple[Result, ...]
    earlier: Earlier | None = None

    def to_json(self) -> str:
        """Return the record as text, the only form that crosses between processes."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Return the record that `to_json` wrote."""
        return cls.model_validate_json(text)


class ThresholdsFile(Frozen):
    """Which limits the run was judged by.

    Attributes:
        path: of the file, from the folder where the command was given if it lies in there.
        sha256: of its content.
    """

    path: str
    sha256: str

    @classmethod
    def of(cls, thresholds: Thresholds) -> ThresholdsFile:
        """Return what is recorded of the limits that a run judges by."""
        return cls(path=short_path(thresholds.path), sha256=thresholds.sha256)


class Suite(Frozen):
    """What ran.

    Attributes:
        version: of basegate.
        thresholds: by which limits.
        command: the command line.
        interrupted: whether it was stopped (Ctrl-C, `-x`) before all of it had run.
    """

    version: str | None
    thresholds: ThresholdsFile
    command: str
    interrupted: bool = False


class NotJudged(Frozen):
    """Why a check has no verdict where candidates are judged from a store.

    Attributes:
        check: the check.
        item: corpus, bank or prompt file.
        why: `undecided`: too few samples are stored for these limits; `missing`: nothing stored
            answers it; `unknown`: its data is not found, so that nothing can be told to be of it.
        command: that measures it; empty where its data is not found.
        reason: why its data is not found; `None` where it is.
    """

    check: str
    item: str
    why: Literal["undecided", "missing", "unknown"]
    command: str = ""
    reason: Reason | None = None


class CandidateEntry(CandidateFacts):
    """A candidate and the worst verdict of its checks.

    Attributes:
        verdict: of the checks that were run.
        not_run: the checks of `thresholds.toml` that were not, as `check item`: deselected, or
            the run was stopped, or nothing stored decides them.
        not_judged: why, where candidates are judged from a store; empty after a run.
        compared: empty for a candidate of the run; for one that was taken from the store to be
            compared with, when it was measured: UTC time, ISO 8601. It does not count for the
            exit status.
    """

    verdict: VerdictWord
    not_run: tuple[str, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    compared: str = ""


class Ledger(Frozen):
    """One run. Terminal, HTML, JUnit and Markdown are all rendered from it.

    Attributes:
        schema_: version of this format.
        suite: what ran.
        environment: where; versions and hardware.
        candidates: in the order of the command line.
        results: by candidate, then in the order of its tests.
        recommendation: the choice that they support; `None` where nothing was judged.
        comparisons: of every two candidates, on the same items.
        absent: candidates that were asked for, but nothing stored answers these limits for them.
    """

    schema_: Literal[1] = 1
    suite: Suite
    environment: dict[str, str | None]
    candidates: tuple[CandidateEntry, ...]
    results: tuple[Result, ...]
    recommendation: Recommendation | None = None
    comparisons: tuple[Comparison, ...] = ()
    absent: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the ledger as JSON text."""
        fields = self.model_dump(mode="json")
        return json.dumps(
            {"schema": fields.pop("schema_"), **fields},
            ensure_ascii=False,
            indent=1,
            allow_nan=False,
        )

    def write(self, path: Path) -> None:
        """Write the ledger as a JSON file."""
        write_atomically(path, self.to_json() + "\n")

    def results_of(self, candidate: str) -> tuple[Result, ...]:
        """Return the rows of one candidate."""
        return tuple(result for result in self.results if result.candidate == candidate)


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
        not_run=tuple(place(*each) for each in checks if each not in run),
        not_judged=tuple(not_judged),
        compared=compared,
    )
