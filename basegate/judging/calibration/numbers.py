"""Limits on numbers that are held against them with all of their interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from basegate.i18n.catalogue import LATER
from basegate.i18n.formatting import format_value, is_share
from basegate.i18n.messages import Message
from basegate.judging.calibration.proposal import NONE_GIVEN, NONE_MEASURED, exchanged, unmeasured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from basegate.judging.calibration.proposal import Case, Proposal
    from basegate.measurement import Measurement

_LEAST = 0.01
"""The least margin from an end of an interval."""


@dataclass(frozen=True)
class _Reach:
    """What one candidate reaches, and the end of its interval that counts."""

    name: str
    value: float
    end: float
    unit: str

    @property
    def told(self) -> str:
        value, end = (format_value(each, self.unit, say=LATER) for each in (self.value, self.end))
        if self.end == self.value:
            return Message("{name} {value}", name=self.name, value=value)
        if self.end > self.value:
            return Message("{name} {value} (to {end})", name=self.name, value=value, end=end)
        return Message("{name} {value} (from {end})", name=self.name, value=value, end=end)


def propose_number(case: Case) -> Proposal:
    """Propose a limit on a number that is held against it with all of its interval."""
    up = case.limit.direction == "max"

    def poorness(each: _Reach) -> float:
        return each.end if up else -each.end

    good = list(_reaches(case, case.good, upper=up))
    bad = list(_reaches(case, case.bad, upper=not up))
    if not good:
        return case.kept(Message("it was not measured on any good candidate"))
    worst = max(good, key=poorness)
    if not bad:
        return _beyond(case, worst, NONE_MEASURED if case.bad_are_given else "")
    best = min(bad, key=poorness)
    if poorness(best) <= poorness(worst):
        # Better is only what is so by the other ends, too: values alone may be luck.
        weak = max(_reaches(case, case.good, upper=not up), key=poorness)
        strong = min(_reaches(case, case.bad, upper=up), key=poorness)
        if poorness(strong) < poorness(weak):
            return case.kept(exchanged(weak.told, strong.told), weak.unit)
        reason = Message("good {good} and bad {bad} overlap", good=worst.told, bad=best.told)
        return case.kept(reason, worst.unit)
    value = between(worst.end, best.end)
    away = away_from(worst.unit, *(abs(value - each.end) for each in (worst, best)))
    why = Message("good {good}, bad {bad}: {away}", good=worst.told, bad=best.told, away=away)
    return case.proposed(value, why)


def away_from(unit: str, *margins: float) -> str:
    """Return how far ends of intervals are from a limit; of shares in percentage points."""
    one, *others = (format_value(each, unit).removesuffix(" %") for each in margins)
    if is_share(unit):
        if others:
            return Message("{one} and {other} points away", one=one, other=others[0])
        if one == "1":
            return Message("1 point away")
        return Message("{one} points away", one=one)
    if others:
        return Message("{one} and {other} away", one=one, other=others[0])
    return Message("{one} away", one=one)


def _reaches(case: Case, measured: Mapping[str, Measurement], *, upper: bool) -> Iterator[_Reach]:
    """Yield what candidates reach, with the upper or the lower end of their intervals."""
    for name, measurement in measured.items():
        for metric in case.metrics(measurement):
            assert metric.value is not None
            interval, _ = metric.interval_at(case.limit.confidence)
            low, high = interval or (metric.value, metric.value)
            yield _Reach(name, metric.value, high if upper else low, metric.unit)


def _beyond(case: Case, worst: _Reach, remark: str) -> Proposal:
    """Propose a limit at a margin from the worst good candidate."""
    room = max(case.margin * abs(worst.end), _LEAST)
    sign = 1 if case.limit.direction == "max" else -1
    value = between(worst.end, worst.end + sign * 2 * room)
    if is_share(worst.unit) and not 0 < value < 1:
        reason = Message("good {good} leaves no share that a limit could exclude", good=worst.told)
        return case.kept(reason, worst.unit)
    away = away_from(worst.unit, abs(value - worst.end))
    because = remark or NONE_GIVEN
    why = Message("good {good}: {away}; {because}", good=worst.told, away=away, because=because)
    proposed = case.proposed(value, why)
    return unmeasured(proposed) if remark else proposed


def between(one: float, other: float) -> float:
    """Return the middle of two numbers, with as few digits as keep it in the middle fifth."""
    middle, room = (one + other) / 2, abs(other - one) / 10
    most = len(str(int(abs(middle))))
    rounded = (round(middle, digits) for digits in range(-most, 12))
    return next((each for each in rounded if abs(each - middle) <= room), middle)
