"""Recommend a candidate from verdicts and paired comparisons; if none passes, the closest one.

Of those that pass every check, one is dropped where another is significantly better in something
and it is in nothing. Of several that are left, the one with the least memory is taken, if the
difference exceeds `MEMORY_TOLERANCE`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from basegate.i18n.formatting import FRACTION
from basegate.judging.comparison import ALPHA
from basegate.ledger import (
    AcceptanceConfidence,
    CandidateEntry,
    ChanceOfPassing,
    Comparison,
    Recommendation,
    ValueAndLimit,
)
from basegate.verdict import Result, VerdictWord

_MISSED = ("fail", "inconclusive")
MEMORY_TOLERANCE = 0.05
"""Share by which the peak memory of two runs of one candidate may differ."""


def recommend(
    candidates: Sequence[CandidateEntry],
    results: Sequence[Result],
    comparisons: Sequence[Comparison],
) -> Recommendation:
    results = [row for row in results if not row.advisory]
    judged = {row.candidate for row in results}
    passing = [each for each in candidates if each.verdict == "pass" and each.name in judged]
    others = {
        "rejected": _with(candidates, "fail"),
        "broken": _with([each for each in candidates if each.name in judged], "invalid"),
        "unfinished": tuple(
            each.name
            for each in candidates
            if each.name not in judged or (each in passing and each.not_run)
        ),
    }
    accepted = [each for each in passing if not each.not_run]
    if not accepted:
        nearest, missed = _nearest(candidates, results, others["rejected"], others["unfinished"])
        return Recommendation(
            candidate=None, reason="none", nearest=nearest, missed=missed, **others
        )
    names = [each.name for each in accepted]
    better = _significant(names, comparisons)
    left = _undominated(names, better)
    memory = _memory([each for each in accepted if each.name in left])
    smallest = _smallest(memory) if len(memory) == len(left) else None
    chosen = smallest or left[0]
    own = [row for row in results if row.candidate == chosen]
    return Recommendation(
        candidate=chosen,
        accepted=tuple(names),
        reason=_reason(names, left, smallest is not None),
        eliminated=tuple(name for name in names if name not in left),
        tied=tuple(name for name in left if name != chosen),
        better_in_some=tuple(name for name in names if (name, chosen) in better),
        memory=memory,
        closest=_closest(own),
        acceptance_confidence=acceptance_confidence(own),
        **others,
    )


def _with(candidates: Iterable[CandidateEntry], verdict: VerdictWord) -> tuple[str, ...]:
    return tuple(each.name for each in candidates if each.verdict == verdict)


def _memory(candidates: Sequence[CandidateEntry]) -> dict[str, int]:
    """Peak bytes by name; empty if devices differ: GPU and process memory do not compare."""
    if len({each.device for each in candidates}) > 1:
        return {}
    return {
        each.name: each.peak_memory_bytes
        for each in candidates
        if each.peak_memory_bytes is not None
    }


def _closest(rows: Iterable[Result]) -> ValueAndLimit | None:
    """The limit with the smallest margin; counts and limits of a row's own number have none."""
    telling = (row for row in rows if not (row.counts or row.is_its_own or row.value is None))
    return min(map(_beside_limit, telling), key=lambda each: each.rank, default=None)


def _smallest(memory: Mapping[str, int]) -> str | None:
    """The candidate that needs the least memory, if by more than runs differ."""
    first, *others = sorted(memory, key=memory.__getitem__)
    clearly = others and memory[first] * (1 + MEMORY_TOLERANCE) < memory[others[0]]
    return first if clearly else None


def _reason(
    names: Sequence[str], left: Sequence[str], by_memory: bool
) -> Literal["only", "better", "smaller", "first"]:
    if len(names) == 1:
        return "only"
    if len(left) == 1:
        return "better"
    return "smaller" if by_memory else "first"


def _significant(names: Sequence[str], comparisons: Iterable[Comparison]) -> set[tuple[str, str]]:
    """Pairs of which the first is significantly better on an item.

    p-values are adjusted for the pairs on their item; a choice looks at all items (Bonferroni).
    """
    own = [each for each in comparisons if {each.first, each.second} <= set(names)]
    looks = len({(each.check, each.part, each.metric) for each in own})
    return {
        (each.first, each.second) if each.better == "first" else (each.second, each.first)
        for each in own
        if is_significant(each, looks)
    }


def is_significant(comparison: Comparison, looks: int = 1) -> bool:
    """Whether a difference is significant where so many items are looked at (Bonferroni)."""
    return comparison.better is not None and comparison.p_value * looks < ALPHA


def _undominated(names: Sequence[str], better: Collection[tuple[str, str]]) -> list[str]:
    """The candidates that no other is better than without being worse in something."""
    fallen = {other for one, other in better if (other, one) not in better}
    # Where they beat each other in a circle, none is dropped.
    return [name for name in names if name not in fallen] or list(names)


def _nearest(
    candidates: Sequence[CandidateEntry],
    results: Sequence[Result],
    rejected: Collection[str],
    unfinished: Collection[str],
) -> tuple[str | None, tuple[ValueAndLimit, ...]]:
    """The candidate that misses the fewest checks, by the least, and what it misses.

    Checks that are invalid or were not run count as missed. One that is `unfinished`, having met
    all limits so far, may yet pass; one that fails may not.
    """
    open_ = {
        each.name: [row for row in results if row.candidate == each.name and row.verdict != "pass"]
        for each in candidates
    }
    missed = {name: [r for r in rows if r.verdict in _MISSED] for name, rows in open_.items()}
    left = {each.name: len(each.not_run) for each in candidates}
    failing = rejected if unfinished else ()
    known = [name for name, rows in missed.items() if rows and name not in failing]

    def far(name: str) -> tuple[int, float, float]:
        checks = {(row.check, row.part) for row in open_[name]}
        ranks = [_beside_limit(row).rank for row in missed[name]]
        with_errors = max((-far for without, far in ranks if not without), default=0.0)
        return len(checks) + left[name], with_errors, max((-far for _, far in ranks), default=0.0)

    nearest = min([*unfinished, *known], key=far, default=None)
    if nearest is None or nearest in unfinished:
        return None, ()
    return nearest, tuple(map(_beside_limit, sorted(missed[nearest], key=_by_distance)))


_PLAINNESS = {
    "cantonese_share": 0,
    "accuracy": 0,
    "correct": 2,
    "bits_per_char": 3,
    "gap": 3,
    "perplexity": 5,
}
"""Rank of metrics, the plainest first; other shares are 1, and any other metric is 4."""


def plainest_of(rows: Iterable[Result]) -> ValueAndLimit | None:
    """The row with a number that is easiest to understand; `None` if there is none.

    Failed before inconclusive; shares, then counts, then bits, then perplexity of tokens; then the
    one farther from its limit (`rank`).
    """
    known = [row for row in rows if row.value is not None and row.limit is not None]
    return _beside_limit(min(known, key=_by_plainness)) if known else None


def _by_plainness(row: Result) -> tuple[object, ...]:
    rank = _PLAINNESS.get(row.metric, 1 if row.unit == FRACTION else 4)
    return row.verdict != "fail", row.count == 0, rank, *_beside_limit(row).rank


def _by_distance(row: Result) -> tuple[object, ...]:
    """Sort key of rows that are not met: failed before inconclusive, the farthest first.

    A share of nothing is no number, and how far a count is from its limit depends on when sampling
    stopped: these come last.
    """
    return row.verdict != "fail", row.count == 0, row.counts, *_beside_limit(row).rank


def _beside_limit(row: Result) -> ValueAndLimit:
    fields = {name: getattr(row, name) for name in ValueAndLimit.model_fields}
    # A count is judged itself; its interval is one of the chance behind it.
    return ValueAndLimit(**fields | ({"interval": None} if row.counts else {}))


HALF = 0.5
"""Chance of a right answer, of the model whose chance to pass is given for k of n."""


def acceptance_confidence(rows: Iterable[Result]) -> AcceptanceConfidence:
    """Confidence in the acceptance of a candidate, from its rows, each of which passes.

    A limit that is relative to its own number is met whatever that is, and left out.
    """
    by_check: dict[tuple[str, str], list[Result]] = {}
    telling = [row for row in rows if not row.is_its_own]
    for row in telling:
        by_check.setdefault((row.check, row.part), []).append(row)
    counted = {place: own for place, own in by_check.items() if any(row.counts for row in own)}
    others = [own for place, own in by_check.items() if place not in counted]
    shown = [own for own in others if all(row.interval is not None for row in own)]
    chances = [
        ChanceOfPassing(check=check, item=item, chance=_chance_of_passing(own))
        for (check, item), own in counted.items()
    ]
    return AcceptanceConfidence(
        by_interval=len(shown),
        confidence=min((row.confidence for own in shown for row in own), default=0.95),
        by_count=len(counted),
        by_value=len(others) - len(shown),
        easiest=max(chances, key=lambda each: each.chance, default=None),
        chance_of_passing=math.prod(each.chance for each in chances) if chances else None,
        relative=sum(bool(row.reference and not row.reference.is_of_drop) for row in telling),
    )


def _chance_of_passing(rows: Iterable[Result]) -> float:
    """That all counts are met; one without an operating curve lets everything through."""
    return math.prod(dict(row.curve).get(HALF, 1.0) for row in rows if row.counts)
