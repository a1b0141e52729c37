"""How sure an acceptance is: which checks are met by a whole interval, and which could be luck."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from basegate.serialization import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from basegate.verdict import Result

HALF = 0.5
"""Chance of a right answer of the model that a count of right samples is told by."""


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
