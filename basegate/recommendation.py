"""Which candidate to take, from verdicts and comparisons; or how far the nearest is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from basegate.records import Frozen


class Shortfall(Frozen):
    """A limit that a candidate does not meet.

    Attributes:
        check: the check.
        item: corpus, bank or prompt file; `bank/question` where a question is judged alone.
        metric: what was measured.
        value: what was found; `None` where there is no number.
        limit: what was asked for.
        direction: `max` or `min`.
        unit: in words.
    """

    check: str
    item: str
    metric: str
    value: float | None
    limit: float | None
    direction: Literal["max", "min"] | None
    unit: str


class Recommendation(Frozen):
    """The choice that a run supports.

    Attributes:
        candidate: the one to take; `None` where none passes.
        accepted: all that pass every check, in the order of the ledger.
        reason: why this one: `only` (no other passes), `better` (comparisons carry it over some
            other that passes, and no other over it), `smaller` (comparisons carry nothing;
            it needs the least memory), `first` (nor is memory known); `none` where none passes.
        over: for `better`, the accepted candidates that it is better than.
        memory: for `smaller`, GiB that the accepted candidates needed at most, by name.
        nearest: where none passes, the candidate that misses fewest checks.
        missed: limits that it misses, the farthest first.
        unfinished: candidates that were not judged on every check, so that they cannot be taken.
    """

    candidate: str | None
    accepted: tuple[str, ...] = ()
    reason: Literal["only", "better", "smaller", "first", "none"]
    over: tuple[str, ...] = ()
    memory: dict[str, float] = Field(default_factory=dict)
    nearest: str | None = None
    missed: tuple[Shortfall, ...] = ()
    unfinished: tuple[str, ...] = ()
