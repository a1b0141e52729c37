"""Limits on metrics whose whole interval has to meet them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from basegate.i18n.formatting import FRACTION, format_value
from basegate.judging.calibration.suggestion import NO_BAD, NOT_MEASURED, Case, Suggested, swapped
from basegate.measurement import Measurement

_LEAST_MARGIN = 0.01


@dataclass(frozen=True)
class _Reach:
    """A candidate's value, with both ends of its interval."""

    name: str
    value: float
    better: float
    worse: float
    unit: str

    def at(self, end: float) -> str:
        """Value, and one end of the interval, e.g. `yi-6b 4.10 (to 4.18)`."""
        value, shown = format_value(self.value, self.unit), format_value(end, self.unit)
        if end == self.value:
            return f"{self.name} {value}"
        return f"{self.name} {value} ({'to' if end > self.value else 'from'} {shown})"


def suggest_number(case: Case) -> Suggested:
    """Halfway between the worst good candidate and the best bad one, if their intervals are apart.

    Of a good candidate the worse end of the interval counts, of a bad one the better end.
    """
    sign = 1 if case.limit.direction == "max" else -1  # times it, less is better
    good, bad = _reaches(case, case.good), _reaches(case, case.bad)
    if not good:
        return None, NOT_MEASURED
    worst = max(good, key=lambda each: sign * each.worse)
    if not bad:
        return _beyond(case, worst, sign)
    best = min(bad, key=lambda each: sign * each.better)
    sides = f"good {worst.at(worst.worse)}, bad {best.at(best.better)}"
    if sign * best.better > sign * worst.worse:
        return between(worst.worse, best.better), sides
    # Better is only what is so by the other ends, too: values alone may be luck.
    weak = max(good, key=lambda each: sign * each.better)
    strong = min(bad, key=lambda each: sign * each.worse)
    if sign * strong.worse < sign * weak.better:
        return None, swapped(weak.at(weak.better), strong.at(strong.worse))
    return None, f"{sides}: they overlap"


def _reaches(case: Case, measured: Mapping[str, Measurement]) -> list[_Reach]:
    reaches = []
    for name, measurement in measured.items():
        for metric in case.metrics(measurement):
            assert metric.value is not None
            interval, _ = metric.interval_at(case.limit.confidence)
            better, worse = interval or (metric.value, metric.value)
            if case.limit.direction == "min":
                better, worse = worse, better
            reaches.append(_Reach(name, metric.value, better, worse, metric.unit))
    return reaches


def _beyond(case: Case, worst: _Reach, sign: int) -> Suggested:
    room = max(case.margin * abs(worst.worse), _LEAST_MARGIN)
    value = between(worst.worse, worst.worse + sign * 2 * room)
    reached = f"good {worst.at(worst.worse)}"
    if worst.unit == FRACTION and not 0 < value < 1:
        return None, f"{reached} leaves no share that a limit could exclude"
    return value, f"{reached}; {NO_BAD}"


def between(one: float, other: float) -> float:
    """The middle of two numbers, with as few digits as keep it in the middle fifth."""
    middle, room = (one + other) / 2, abs(other - one) / 10
    most = len(str(int(abs(middle))))
    rounded = (round(middle, digits) for digits in range(-most, 12))
    return next((each for each in rounded if abs(each - middle) <= room), middle)
