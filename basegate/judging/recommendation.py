"""Which candidate to take, from verdicts and comparisons; or how far the nearest is.

Of those that pass every check, one falls out where another is carried over it in something, and it
over that one in nothing. Where several are left, the one that needs the least memory is taken, if
the difference is one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from basegate.config.limits import Reference
from basegate.i18n.formatting import is_share
from basegate.judging.comparison import LEVEL
from basegate.judging.sureness import Sureness, how_sure
from basegate.serialization import Frozen, Interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from basegate.judging.comparison import Comparison
    from basegate.ledger import CandidateEntry
    from basegate.verdict import Result, VerdictWord

_MISSED = ("fail", "inconclusive")
TOLD = 0.05
"""Share by which the peak memory of two runs of one candidate may differ by itself."""


class LimitDistance(Frozen):
    """What a candidate was found to be, and what was asked for.

    Attributes:
        check: the check.
        item: corpus, bank or prompt file; `bank/question` where a question is judged alone.
        metric: what was measured.
        value: what was found; `None` where there is no number.
        limit: what was asked for.
        direction: `max` or `min`.
        unit: in words.
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


def recommend(
    candidates: Sequence[CandidateEntry],
    results: Sequence[Result],
    comparisons: Sequence[Comparison],
) -> Recommendation:
    """Return the choice that verdicts and comparisons support.

    Args:
        candidates: of the ledger.
        results: its rows.
        comparisons: of every two candidates.
    """
    judged = {row.candidate for row in results}
    passing = [each for each in candidates if each.verdict == "pass" and each.name in judged]
    others = {
        "rejected": _with(results, "fail"),
        "broken": _with(results, "invalid"),
        "unfinished": tuple(
            each.name
            for each in candidates
            if each.name not in judged or (each in passing and each.not_run)
        ),
    }
    accepted = [each for each in passing if not each.not_run]
    if not accepted:
        nearest, missed = _nearest(candidates, results, others["unfinished"])
        return Recommendation(
            candidate=None, reason="none", nearest=nearest, missed=missed, **others
        )
    names = [each.name for each in accepted]
    better = _carried(names, comparisons)
    left = _undominated(names, better)
    memory = _memory([each for each in accepted if each.name in left])
    smallest = _smallest(memory) if len(memory) == len(left) else None
    chosen = smallest or left[0]
    own = [row for row in results if row.candidate == chosen]
    return Recommendation(
        candidate=chosen,
        accepted=tuple(names),
        reason=_reason(names, left, smallest is not None),
        over=tuple(name for name in names if name not in left),
        level=tuple(name for name in left if name != chosen),
        mixed=tuple(name for name in names if (name, chosen) in better),
        memory=memory,
        closest=_closest(own),
        sureness=how_sure(own),
        **others,
    )


def _with(results: Iterable[Result], verdict: VerdictWord) -> tuple[str, ...]:
    """Return the candidates that have a row of such a verdict."""
    return tuple(dict.fromkeys(row.candidate for row in results if row.verdict == verdict))


def _memory(candidates: Sequence[CandidateEntry]) -> dict[str, int]:
    """Return what candidates needed; nothing where GPUs and processes would stand side by side."""
    if len({each.device for each in candidates}) > 1:
        return {}
    return {
        each.name: each.peak_memory_bytes
        for each in candidates
        if each.peak_memory_bytes is not None
    }


def _closest(rows: Sequence[Result]) -> LimitDistance | None:
    """Return the limit that is met by the least, of those that tell how near a candidate is."""
    telling = (row for row in rows if not row.counts and not row.is_its_own)
    return min(
        (_distance(row) for row in telling if row.value is not None),
        key=lambda each: each.margin,
        default=None,
    )


def _smallest(memory: Mapping[str, int]) -> str | None:
    """Return who needs the least memory, if by more than runs differ in by themselves."""
    first, *others = sorted(memory, key=memory.__getitem__)
    told = others and memory[first] * (1 + TOLD) < memory[others[0]]
    return first if told else None


def _reason(
    names: Sequence[str], left: Sequence[str], by_memory: bool
) -> Literal["only", "better", "smaller", "first"]:
    if len(names) == 1:
        return "only"
    if len(left) == 1:
        return "better"
    return "smaller" if by_memory else "first"


def _carried(names: Sequence[str], comparisons: Iterable[Comparison]) -> set[tuple[str, str]]:
    """Return who is carried over whom in something, allowing for all that was compared.

    A comparison allows for the pairs on its item; a choice looks at all items.
    """
    own = [each for each in comparisons if {each.first, each.second} <= set(names)]
    looks = len({(each.check, each.part, each.metric) for each in own})
    return {
        (each.first, each.second) if each.better == "first" else (each.second, each.first)
        for each in own
        if is_carried(each, looks)
    }


def is_carried(comparison: Comparison, looks: int = 1) -> bool:
    """Whether a comparison tells two candidates apart where so many items are looked at."""
    return comparison.better is not None and comparison.p_value * looks < LEVEL


def _undominated(names: Sequence[str], better: Collection[tuple[str, str]]) -> list[str]:
    """Return the candidates that no other is better than without being worse in something."""
    fallen = {other for one, other in better if (other, one) not in better}
    # Where they beat each other in a circle, none of them falls out.
    return [name for name in names if name not in fallen] or list(names)


def _nearest(
    candidates: Sequence[CandidateEntry],
    results: Sequence[Result],
    unfinished: Collection[str],
) -> tuple[str | None, tuple[LimitDistance, ...]]:
    """Return the candidate that misses the fewest checks, by the least, and what it misses.

    One of which something is broken, or that was not judged on all, may miss more than is known.
    One that met all that it was judged on may yet pass, one that fails may not.

    Args:
        candidates: of the ledger.
        results: its rows.
        unfinished: candidates that met all that they were judged on, which was not everything.
    """
    missed = {
        each.name: [row for row in results if row.candidate == each.name and row.verdict in _MISSED]
        for each in candidates
    }
    open_ = {each.name: len(each.not_run) + (each.verdict == "invalid") for each in candidates}
    failing = _with(results, "fail") if unfinished else ()
    known = [name for name, rows in missed.items() if rows and name not in failing]

    def far(name: str) -> tuple[int, float]:
        checks = {(row.check, row.part) for row in missed[name]}
        distances = (_distance(row).distance for row in missed[name])
        return len(checks) + open_[name], max(distances, default=0.0)

    nearest = min([*unfinished, *known], key=far, default=None)
    if nearest is None or nearest in unfinished:
        return None, ()
    return nearest, tuple(map(_distance, sorted(missed[nearest], key=_by_distance)))


_PLAINNESS = {
    "cantonese_share": 0,
    "accuracy": 0,
    "correct": 2,
    "bits_per_char": 3,
    "gap": 3,
    "perplexity": 5,
}
"""Rank of metrics, the plainest first; other shares are 1, and any other metric is 4."""


def plainest_of(rows: Iterable[Result]) -> LimitDistance | None:
    """Return of rows with a number the one that says best to anybody what is wrong.

    What fails stands before what is open, a share before a count, a count before bits, and the
    perplexity of tokens last; of two that are as plain, the one that is farther from its limit.
    `None` without any number.
    """
    known = [row for row in rows if row.value is not None and row.limit is not None]
    return _distance(min(known, key=_by_plainness)) if known else None


def _by_plainness(row: Result) -> tuple[bool, bool, int, float]:
    rank = _PLAINNESS.get(row.metric, 1 if is_share(row.unit) else 4)
    return row.verdict != "fail", row.count == 0, rank, -_distance(row).distance


def _by_distance(row: Result) -> tuple[bool, bool, bool, float]:
    """Return what sorts rows that are not met, the farthest from its limit first.

    What fails stands before what is open. A share of nothing is no number, and how far a count is
    from its limit depends on when sampling stopped: these stand behind others.
    """
    return row.verdict != "fail", row.count == 0, row.counts, -_distance(row).distance


def _distance(row: Result) -> LimitDistance:
    return LimitDistance(
        check=row.check,
        item=row.item,
        metric=row.metric,
        value=row.value,
        limit=row.limit,
        direction=row.direction,
        unit=row.unit,
        # The interval of a count speaks of the chance behind it; the count itself is judged.
        interval=None if row.counts else row.interval,
        confidence=row.confidence,
        reference=row.reference,
    )
