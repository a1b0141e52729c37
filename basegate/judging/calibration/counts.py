"""Limits on how many samples of every question have to be right (k of n)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from basegate.checks.labels import check_label
from basegate.i18n.formatting import format_probability
from basegate.judging.calibration.suggestion import NO_BAD, NOT_MEASURED, Case, Suggested, swapped
from basegate.measurement import Measurement
from basegate.stats.intervals import passing_probability_of_counts

_CONFIDENT = 0.95
"""How often good candidates should pass where no bad one was measured."""
_RARELY = 0.05
"""How often a guesser may pass, if several limits are equally good."""


@dataclass(frozen=True)
class _Counts:
    """Right and generated (`drawn`) samples of a candidate by question; `samples` is n."""

    name: str
    right: tuple[int, ...]
    drawn: tuple[int, ...]
    samples: int

    @property
    def lowest(self) -> int:
        """The highest k that it meets if all samples that were not generated are wrong."""
        return min(self.right)

    @property
    def highest(self) -> int:
        """The highest k that it meets if all of those are right."""
        pairs = zip(self.right, self.drawn, strict=True)
        return min(right + self.samples - drawn for right, drawn in pairs)

    @property
    def share(self) -> float:
        return sum(self.right) / sum(self.drawn)

    @property
    def incomplete(self) -> bool:
        return any(drawn < self.samples for drawn in self.drawn)

    def chance(self, correct: int) -> float:
        return passing_probability_of_counts(self.right, self.drawn, correct, self.samples)

    def __str__(self) -> str:
        pairs = zip(self.right, self.drawn, strict=True)
        right, drawn = min(pairs, key=lambda each: (each[0] / each[1], each[1]))
        weakest = "weakest question " if len(self.right) > 1 else ""
        return f"{self.name} ({weakest}{right} of {drawn})"


def suggest_count(case: Case) -> Suggested:
    """The k of n that good candidates surely meet, bad ones surely do not, and most reliably so.

    Samples that were not generated count as wrong for the good and as right for the bad.
    """
    good, bad = _counts(case, case.good), _counts(case, case.bad)
    if not good:
        return None, NOT_MEASURED
    least = max((each.highest for each in bad), default=0) + 1
    possible = range(least, min(each.lowest for each in good) + 1)
    if not possible:
        return None, _why_none(case, good, bad)
    if bad:
        correct = _most_reliable(case, possible, good, bad)
    else:
        enough = [k for k in possible if _reliability(k, good, ()) >= _CONFIDENT]
        if not enough:
            rarest = min(good, key=lambda each: each.chance(1))
            return None, (
                f"asked anew, good {rarest} would pass less than {_CONFIDENT:.0%} of the time, "
                f"whatever the limit{_missing(case, rarest)}"
            )
        correct = enough[-1]
    return correct, _reason(case, correct, good, bad)


def _most_reliable(
    case: Case, possible: Sequence[int], good: Sequence[_Counts], bad: Sequence[_Counts]
) -> int:
    """The k that separates good and bad most reliably, in whole per cent; the middle of several.

    Of those, one that a guesser rarely meets is preferred.
    """
    chances = {k: round(_reliability(k, good, bad), 2) for k in possible}
    equal = [k for k in possible if chances[k] == max(chances.values())]
    best = [k for k in equal if case.chance_of_guessing(k) <= _RARELY] or equal
    return best[(len(best) - 1) // 2]


def _reliability(correct: int, good: Sequence[_Counts], bad: Sequence[_Counts]) -> float:
    """The lesser of two chances: that the good ones pass, and that the bad ones do not."""
    right = [each.chance(correct) for each in good]
    return min([*right, *(1 - each.chance(correct) for each in bad)])


def _why_none(case: Case, good: Sequence[_Counts], bad: Sequence[_Counts]) -> str:
    """Why no k separates good and bad, and whether further samples could help."""
    weakest = min(good, key=lambda each: each.highest)
    strongest = max(bad, key=lambda each: each.lowest, default=None)
    if weakest.highest > (strongest.lowest if strongest else 0):
        # Further samples could separate them.
        weakest = min(good, key=lambda each: each.lowest)
        strongest = max(bad, key=lambda each: each.highest, default=None)
        missing = _missing(case, weakest, *([strongest] if strongest else []))
    elif strongest and _is_clearly_better(strongest, weakest):
        return swapped(str(weakest), str(strongest))
    else:
        missing = ""
    if strongest is None:
        return f"good {weakest} meets no limit for sure{missing}"
    return f"good {weakest} and bad {strongest} cannot be distinguished{missing}"


def _is_clearly_better(one: _Counts, other: _Counts) -> bool:
    """Whether one has more right over all, and some k would separate the two reliably."""
    best = max(_reliability(k, [one], [other]) for k in range(1, one.samples + 1))
    return one.share > other.share and best >= _CONFIDENT


def _missing(case: Case, *those: _Counts) -> str:
    names = " and ".join(each.name for each in those if each.incomplete)
    if not names:
        return ""
    bank = check_label(case.check.name, case.check.item)
    return f'; samples of {names} are missing: pytest with early = "none" in {bank} adds them'


def _reason(case: Case, correct: int, good: Sequence[_Counts], bad: Sequence[_Counts]) -> str:
    worst = min(good, key=lambda each: each.chance(correct))
    reason = (
        f"asked anew, good {worst} passes {format_probability(worst.chance(correct))} of the time"
    )
    if bad:
        best = max(bad, key=lambda each: each.chance(correct))
        reason += f", bad {best} {format_probability(best.chance(correct))}"
    if case.guessing:
        reason += f", guessing {format_probability(case.chance_of_guessing(correct))}"
    return reason if bad else f"{reason}; {NO_BAD}"


def _counts(case: Case, measured: Mapping[str, Measurement]) -> list[_Counts]:
    found = []
    for name, measurement in measured.items():
        own = [each for each in case.metrics(measurement) if each.drawn and each.count]
        if own:
            right = tuple(round(each.value or 0.0) for each in own)
            drawn = tuple(each.drawn or 0 for each in own)
            found.append(_Counts(name, right, drawn, own[0].count or 0))
    return found
