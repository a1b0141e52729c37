"""Which candidate to take, from verdicts and comparisons; or how far the nearest is.

Of those that pass every check, one falls out where another is carried over it in something, and it
over that one in nothing. Where several are left, the one that needs the least memory is taken, if
the difference is one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from basegate.i18n.formatting import FRACTION
from basegate.judging.comparison import LEVEL
from basegate.ledger import LimitDistance, Luck, Recommendation, Sureness

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from basegate.ledger import CandidateEntry, Comparison
    from basegate.verdict import Result, VerdictWord

_MISSED = ("fail", "inconclusive")
TOLD = 0.05
"""Share by which the peak memory of two runs of one candidate may differ by itself."""


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
    rank = _PLAINNESS.get(row.metric, 1 if row.unit == FRACTION else 4)
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
        drawn=row.drawn,
        # The interval of a count speaks of the chance behind it; the count itself is judged.
        interval=None if row.counts else row.interval,
        confidence=row.confidence,
        reference=row.reference,
    )


HALF = 0.5
"""Chance of a right answer of the model that a count of right samples is told by."""


def how_sure(rows: Iterable[Result]) -> Sureness:
    """Return how sure the acceptance of a candidate is.

    Args:
        rows: of the candidate, each of which passes. A limit that follows from its own number is
            met whatever that is, and not looked at.
    """
    by_check: dict[tuple[str, str], list[Result]] = {}
    telling = [row for row in rows if not row.is_its_own]
    for row in telling:
        by_check.setdefault((row.check, row.part), []).append(row)
    counted = {place: own for place, own in by_check.items() if any(row.counts for row in own)}
    others = [own for place, own in by_check.items() if place not in counted]
    shown = [own for own in others if all(row.interval is not None for row in own)]
    lucks = [_luck(*place, own) for place, own in counted.items()]
    return Sureness(
        shown=len(shown),
        confidence=min((row.confidence for own in shown for row in own), default=0.95),
        counted=len(counted),
        bare=len(others) - len(shown),
        luckiest=max(lucks, key=lambda each: each.chance, default=None),
        luck=math.prod(each.chance for each in lucks) if lucks else None,
        relative=sum(row.reference is not None for row in telling),
    )


def _luck(check: str, item: str, rows: Iterable[Result]) -> Luck:
    chances = (dict(row.curve).get(HALF) for row in rows if row.counts)
    # A row without a curve tells nothing: as if it let everything through.
    chance = math.prod(1.0 if each is None else each for each in chances)
    return Luck(check=check, item=item, chance=chance)
