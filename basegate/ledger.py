"""The JSON record of one run, and the wire format in which results reach it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import NormalDist
from typing import Literal

from pydantic import Field, FiniteFloat

from basegate.measurement import CandidateFacts, Earlier
from basegate.serialization import FiniteOrNone, Frozen, Interval, MessageField, write_atomically
from basegate.verdict import Reference, Result, VerdictWord


class Comparison(Frozen):
    """The difference of two candidates in one metric, on the same items.

    Attributes:
        first: a candidate.
        second: the other.
        check: the check.
        part: corpus, bank or prompt file.
        metric: what was compared, e.g. `bits_per_char`.
        unit: of which kind both values and their difference are; see `Metric`.
        items: documents, questions, pairs or prompts that both were measured on.
        out_of: how many there are, where asking stopped early for one of them.
        first_value: over these items.
        second_value: likewise.
        difference: `first_value - second_value`.
        standard_error: of the difference; `None` for fewer than two items.
        interval: of the difference, for items drawn anew together, or a confidence sequence where
            asking stopped early; `None` where it cannot be told.
        confidence: the interval's level, 1 - 0.05 / comparisons.
        comparisons: pairs of candidates compared in this metric, which the level allows for.
        best_of: metrics of which each one's better was taken, which interval and p-value allow for.
        p_value: of the exact sign test over items (McNemar's where items are right or wrong),
            adjusted by Holm over these pairs.
        better: which one is significantly better; `None` where neither is.
    """

    first: str
    second: str
    check: str
    part: str
    metric: str
    unit: str
    items: int
    out_of: int | None = None
    first_value: float
    second_value: float
    difference: float
    standard_error: FiniteOrNone = None
    interval: Interval = None
    confidence: float
    comparisons: int
    best_of: int = 1
    p_value: float
    better: Literal["first", "second"] | None = None

    @property
    def winner(self) -> str | None:
        return {"first": self.first, "second": self.second}.get(self.better or "")


class BankPower(Frozen):
    """What a bank or corpus can tell of candidates that were measured on the same items.

    Attributes:
        check: the check.
        part: corpus, bank or prompt file.
        metric: what was compared.
        unit: of which kind differences are; see `Metric`, `points` for those of shares.
        items: the fewest that two candidates are compared on where all is asked.
        asked_in_part: whether asking stopped early for some pair.
        detectable: the smallest difference of two candidates that is found to be significant 80 %
            of the time where all is asked; `None` where there is none, or it cannot be told.
        largest: difference of any two of the candidates.
        signal_to_noise: `largest` by the standard error of a difference.
        told_apart: pairs of candidates of which one is significantly better.
        pairs: that were compared.
    """

    check: str
    part: str
    metric: str
    unit: str
    items: int
    asked_in_part: bool = False
    detectable: FiniteOrNone = None
    largest: float
    signal_to_noise: FiniteOrNone = None
    told_apart: int
    pairs: int


class ValueAndLimit(Frozen):
    """A measured value beside its limit.

    Attributes:
        check: the check.
        item: corpus, bank or prompt file; `bank/question` where a question is judged alone.
        metric: what was measured.
        value: what was found; `None` where there is no number.
        limit: what was asked for.
        direction: `max` or `min`.
        unit: of which kind the number is; see `Metric`.
        n_generated: of a count, samples that were generated.
        interval: of what was found, where it was judged by it.
        confidence: the interval's level.
        standard_error: of the value, where the interval is a confidence sequence; see `Metric`.
        reference: what the limit was computed from, where it is relative to a candidate.
    """

    check: str
    item: str
    metric: str
    value: float | None
    limit: float | None
    direction: Literal["max", "min"] | None
    unit: str
    n_generated: int | None = None
    interval: Interval = None
    confidence: float = 0.95
    standard_error: FiniteOrNone = None
    reference: Reference | None = None

    @property
    def beyond(self) -> tuple[float | None, float]:
        """How far the value is beyond the limit, negative where it meets it, in units that compare.

        Standard errors, `None` where there is no interval: (value - limit) / `standard_error`, or
        else / (half of the interval that faces the limit / normal quantile of its level). And the
        difference as a share of the larger of both, between -1 and 1 where they have one sign: of 6
        right answers out of 8 that were asked for, a quarter of the way is left. Perplexity counts
        by its logarithm, what a token costs, so that both say of it what they say of bits.
        """
        if self.value is None or self.limit is None:
            return None, math.inf
        value, limit = self._counting(self.value), self._counting(self.limit)
        gap = value - limit if self.direction == "max" else limit - value
        share = gap / (max(abs(value), abs(limit)) or 1.0)
        if self.standard_error:
            return gap / self.standard_error, share
        if self.interval is None:
            return None, share
        low, high = map(self._counting, self.interval)
        half = value - low if value > limit else high - value
        quantile = NormalDist().inv_cdf(0.5 + self.confidence / 2)
        return (gap * quantile / half if half > 0 else None), share

    @property
    def rank(self) -> tuple[bool, float]:
        """Sort key, the farthest beyond the limit first; those without standard errors last."""
        errors, share = self.beyond
        return errors is None, -(share if errors is None else errors)

    def _counting(self, number: float) -> float:
        return math.log(number) if self.metric == "perplexity" and number > 0 else number


class ChanceOfPassing(Frozen):
    """How often a model that is right half of the time passes a bank by its counts.

    Attributes:
        check: the check.
        item: the bank.
        chance: that all of its questions pass, taken as independent of each other.
    """

    check: str
    item: str
    chance: float


class AcceptanceConfidence(Frozen):
    """Confidence in an acceptance: what the checks that a candidate passes are based on.

    Attributes:
        by_interval: checks whose limits are all met by whole intervals.
        confidence: the lowest level of these intervals.
        by_count: checks that count right samples.
        by_value: checks with a number that has no interval and meets its limit by itself.
        easiest: of those by count, the bank that a model which is right half of the time is most
            likely to pass.
        chance_of_passing: that such a model passes all those by count, questions taken as
            independent of each other; `None` where none counts.
        relative: limits that follow from the number of another candidate, taken as exact.
    """

    by_interval: int
    confidence: float = 0.95
    by_count: int = 0
    by_value: int = 0
    easiest: ChanceOfPassing | None = None
    chance_of_passing: float | None = None
    relative: int = 0

    @property
    def checks(self) -> int:
        return self.by_interval + self.by_count + self.by_value


class Recommendation(Frozen):
    """The choice that a run supports.

    Attributes:
        candidate: the one to take; `None` where none passes.
        accepted: all that pass every check, in the order of the ledger.
        reason: why this one: `only` (no other passes), `better` (all others that pass are
            eliminated), `smaller` (of those that are left it needs the least memory), `first`
            (memory does not decide either); `none` where none passes.
        eliminated: accepted candidates that another is significantly better than in something, and
            they in nothing.
        tied: accepted candidates that are left beside it.
        better_in_some: accepted candidates that are significantly better than it in something.
        memory: peak bytes of it and of those that are `tied`, by name, as far as known and of one
            kind of device.
        closest: the limit with the smallest margin in standard errors; one without an interval only
            where none has one. Counts of right samples are left out, since sampling stops once they
            meet theirs, and limits that follow from its own number.
        acceptance_confidence: what the checks that it passes are based on.
        nearest: where none passes, of those that were measured the candidate that misses the
            fewest checks, ones that were not run included; `None` where that is one of
            `unfinished`. Beside such a one no candidate that fails is the nearest.
        missed: limits that it misses, the farthest first.
        rejected: candidates that fail a check.
        broken: candidates that fail none, but of which something could not be measured.
        unfinished: candidates that pass what they were judged on, but were not judged on all, or
            on nothing.
    """

    candidate: str | None
    accepted: tuple[str, ...] = ()
    reason: Literal["only", "better", "smaller", "first", "none"]
    eliminated: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    better_in_some: tuple[str, ...] = ()
    memory: dict[str, int] = Field(default_factory=dict)
    closest: ValueAndLimit | None = None
    acceptance_confidence: AcceptanceConfidence | None = None
    nearest: str | None = None
    missed: tuple[ValueAndLimit, ...] = ()
    rejected: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()


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


class ThresholdsFile(Frozen):
    """Which limits the run was judged by.

    Attributes:
        path: of the file, from the folder where the command was given if it lies in there.
        sha256: of its content.
    """

    path: str
    sha256: str


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


class CheckItem(Frozen):
    """A check on one corpus, bank or prompt file.

    Attributes:
        check: the check.
        item: corpus, bank or prompt file.
    """

    check: str
    item: str


class NotJudged(CheckItem):
    """Why a check has no verdict where candidates are judged from a store.

    Attributes:
        why: `undecided`: too few samples are stored for these limits; `missing`: nothing stored
            answers it; `unknown`: its data is not found, so that nothing can be told to be of it.
        command: that measures it; empty where its data is not found.
        reason: why its data is not found; `None` where it is.
    """

    why: Literal["undecided", "missing", "unknown"]
    command: str = ""
    reason: MessageField | None = None


class CandidateEntry(CandidateFacts):
    """A candidate and the worst verdict of its checks.

    Attributes:
        verdict: of the checks that were run: `fail` if any limit is not met, else `invalid` if
            anything could not be measured or all that was run is advisory.
        not_run: the checks of `thresholds.toml` that were not: deselected, or the run was
            stopped, or nothing stored decides them.
        not_judged: why, where candidates are judged from a store; empty after a run.
        compared: empty for a candidate of the run; for one that was taken from the store to be
            compared with, when it was measured: UTC time, ISO 8601. It does not count for the
            exit status.
    """

    verdict: VerdictWord
    not_run: tuple[CheckItem, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    compared: str = ""


class NullFigure(Frozen):
    """The best figure that a null model reaches in a metric that is judged.

    Attributes:
        check: the check.
        item: corpus, bank or prompt file.
        metric: what was measured.
        unit: of which kind the number is; see `Metric`.
        value: the number.
        candidate: the null model.
        asked_in_part: whether the rest was left out, as its verdict was certain.
    """

    check: str
    item: str
    metric: str
    unit: str
    value: FiniteFloat
    candidate: str
    asked_in_part: bool = False


class Ledger(Frozen):
    """One run. Terminal, HTML, JUnit and Markdown are all rendered from it.

    Attributes:
        schema: version of this format.
        suite: what ran.
        environment: where; versions and hardware.
        candidates: in the order of the command line.
        results: by candidate, then in the order of its tests.
        recommendation: the choice that they support; `None` where nothing was judged.
        comparisons: of every two candidates, on the same items.
        power: of every bank that they were compared on.
        absent: candidates that were asked for, but nothing stored answers these limits for them.
        nulls: the best figures of null models, of this run or stored, on the same data.
    """

    schema_: Literal[2] = Field(default=2, serialization_alias="schema")
    suite: Suite
    environment: dict[str, str | None]
    candidates: tuple[CandidateEntry, ...]
    results: tuple[Result, ...]
    recommendation: Recommendation | None = None
    comparisons: tuple[Comparison, ...] = ()
    power: tuple[BankPower, ...] = ()
    absent: tuple[str, ...] = ()
    nulls: tuple[NullFigure, ...] = ()

    def to_json(self) -> str:
        fields = self.model_dump(mode="json", by_alias=True)
        return json.dumps(fields, ensure_ascii=False, indent=1, allow_nan=False)

    def write(self, path: Path) -> None:
        write_atomically(path, self.to_json() + "\n")

    def results_of(self, candidate: str) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.candidate == candidate)
