"""The JSON record of one run, and the wire format in which results reach it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from basegate.measurement import CandidateFacts, Earlier
from basegate.serialization import Frozen, Interval, MessageField, write_atomically
from basegate.verdict import Reference, Result, VerdictWord

if TYPE_CHECKING:
    from pathlib import Path


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
        first_value: over these items.
        second_value: likewise.
        difference: `first_value - second_value`.
        interval: of the difference, for items drawn anew together; `None` where it cannot be told.
        confidence: the interval's level, 1 - 0.05 / comparisons.
        comparisons: pairs of candidates compared in this metric, which the level allows for.
        p_value: of the exact sign test over items (McNemar's where items are right or wrong),
            adjusted by Holm over these pairs.
        better: which one is carried as better; `None` where neither is.
    """

    first: str
    second: str
    check: str
    part: str
    metric: str
    unit: str
    items: int
    first_value: float
    second_value: float
    difference: float
    interval: Interval = None
    confidence: float
    comparisons: int
    p_value: float
    better: Literal["first", "second"] | None = None


class LimitDistance(Frozen):
    """What a candidate was found to be, and what was asked for.

    Attributes:
        check: the check.
        item: corpus, bank or prompt file; `bank/question` where a question is judged alone.
        metric: what was measured.
        value: what was found; `None` where there is no number.
        limit: what was asked for.
        direction: `max` or `min`.
        unit: of which kind the number is; see `Metric`.
        drawn: of a count, samples that were drawn.
        interval: of what was found, where it was judged by it.
        confidence: the interval's level.
        reference: what the limit was computed from, where it is relative to a candidate.
    """

    check: str
    item: str
    metric: str
    value: float | None
    limit: float | None
    direction: Literal["max", "min"] | None
    unit: str
    drawn: int | None = None
    interval: Interval = None
    confidence: float = 0.95
    reference: Reference | None = None

    @property
    def distance(self) -> float:
        """How far the value is beyond the limit, as a share of it; infinite without a number.

        Perplexity counts by its logarithm, what a token costs: the bits of a character, which say
        the same, are not to look near where it looks far.
        """
        if self.value is None or self.limit is None:
            return math.inf
        value, limit = self._counting(self.value), self._counting(self.limit)
        beyond = value - limit if self.direction == "max" else limit - value
        return max(0.0, beyond) / (abs(limit) or 1.0)

    @property
    def margin(self) -> float:
        """How far the nearer end of the interval is from the limit, likewise."""
        if self.value is None or self.limit is None:
            return math.inf
        limit = self._counting(self.limit)
        ends = map(self._counting, self.interval or (self.value,))
        return min(abs(end - limit) for end in ends) / (abs(limit) or 1.0)

    def _counting(self, number: float) -> float:
        return math.log(number) if self.metric == "perplexity" and number > 0 else number


class Luck(Frozen):
    """How often a model that is right half of the time passes a bank by its counts.

    Attributes:
        check: the check.
        item: the bank.
        chance: that all of its questions pass, each being asked anew, and independently of the
            others.
    """

    check: str
    item: str
    chance: float


class Sureness(Frozen):
    """What the checks that a candidate passes rest on.

    Attributes:
        shown: checks whose limits are all met by the whole of the intervals.
        confidence: the lowest level of these intervals.
        counted: checks that count right samples, which have to reach their limit as they are.
        bare: checks of which a number has no interval, so that it is met by the value alone.
        luckiest: of those that count, the one that is the easiest to pass by luck.
        luck: how often a model that is right half of the time passes all that count, the chances
            of their questions multiplied: it takes answers to different questions as independent
            of each other, as if knowing one told nothing of another. `None` where none counts.
        relative: limits that follow from the number of another candidate, taken as if it was exact.
    """

    shown: int
    confidence: float = 0.95
    counted: int = 0
    bare: int = 0
    luckiest: Luck | None = None
    luck: float | None = None
    relative: int = 0

    @property
    def checks(self) -> int:
        """All of them."""
        return self.shown + self.counted + self.bare


class Recommendation(Frozen):
    """The choice that a run supports.

    Attributes:
        candidate: the one to take; `None` where none passes.
        accepted: all that pass every check, in the order of the ledger.
        reason: why this one: `only` (no other passes), `better` (comparisons let all others that
            pass fall out), `smaller` (of those that are left it needs the least memory), `first`
            (nor does memory tell); `none` where none passes.
        over: accepted candidates that fall out: another is carried over them in something, and
            they over it in nothing.
        level: accepted candidates that are left beside it.
        mixed: accepted candidates that are carried over it in something.
        memory: bytes that it and those in `level` needed at most, by name, as far as known and of
            one kind of device.
        closest: the limit that it meets by the least, by the end of the interval that is nearer;
            of counts of right samples none, since they are drawn until they just meet theirs, nor
            of limits that follow from its own number.
        sureness: what the checks that it passes rest on.
        nearest: where none passes, of those that were measured the candidate that misses the
            fewest checks, ones that were not run included; `None` where that is one of
            `unfinished`. Beside such a one no candidate that fails is the nearest.
        missed: limits that it misses, the farthest first.
        rejected: candidates that fail a check.
        broken: candidates of which something could not be measured.
        unfinished: candidates that pass what they were judged on, but were not judged on all, or
            on nothing.
    """

    candidate: str | None
    accepted: tuple[str, ...] = ()
    reason: Literal["only", "better", "smaller", "first", "none"]
    over: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()
    memory: dict[str, int] = Field(default_factory=dict)
    closest: LimitDistance | None = None
    sureness: Sureness | None = None
    nearest: str | None = None
    missed: tuple[LimitDistance, ...] = ()
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
        verdict: of the checks that were run.
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

    schema_: Literal[2] = 2
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
