"""Suggest limits from stored measurements, such that good candidates pass and bad ones do not.

A limit on a number lies halfway between the worst end of a good candidate's interval and the best
end of a bad one's; a k of n is the one that separates good and bad most reliably. Where good and
bad overlap, or nothing was measured, the limit is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from basegate.checks.labels import check_label
from basegate.config.limits import AnyLimit, Limit
from basegate.config.settings import CheckConfig
from basegate.errors import InvalidMeasurement
from basegate.i18n.formatting import FRACTION, format_value
from basegate.judging.calibration.counts import suggest_count
from basegate.judging.calibration.numbers import suggest_number
from basegate.judging.calibration.suggestion import Case, Suggestion
from basegate.judging.judge import check_valid
from basegate.measurement import Findings, Measurement

__all__ = ["Suggestion", "calibrate", "guess_levels", "usable"]

_GUESSED = ("accuracy", "likelihood_accuracy", "preferred_share")


def calibrate(
    check: CheckConfig,
    limits: Iterable[AnyLimit],
    good: Mapping[str, Measurement],
    bad: Mapping[str, Measurement],
    margin: float,
    guessing: Sequence[float] = (),
) -> Iterator[Suggestion]:
    """A suggestion for every limit of a check, but for those of validity.

    Args:
        check: that was measured.
        limits: as they are now.
        good: by name, valid measurements of candidates that should pass.
        bad: likewise of those that should not.
        margin: from the end of the interval of the worst good one, as a share of it, where no bad
            candidate was measured.
        guessing: see `guess_levels`.
    """
    level = math.fsum(guessing) / len(guessing) if guessing else 0.0
    for limit in limits:
        if limit.validity:
            continue
        if not isinstance(limit, Limit):
            yield Suggestion(check, limit, None, f"relative to {limit.candidate}")
            continue
        case = Case(check, limit, good, bad, margin, guessing)
        value, reason = (suggest_count if limit.metric == "correct" else suggest_number)(case)
        if limit.metric in _GUESSED and value is not None and value <= level:
            reason += f"; guessing reaches {format_value(level, FRACTION)}"
        yield Suggestion(check, limit, value, reason)


def guess_levels(findings: Findings) -> tuple[float, ...]:
    """Chance to be right by guessing, of each question with options and each pair measured."""
    options = [1 / len(each.letters or each.texts) for each in findings.choices]
    return (*options, *(0.5 for _ in findings.preferences))


def usable(
    check: CheckConfig, limits: Sequence[AnyLimit], measured: Mapping[str, Measurement | None]
) -> tuple[dict[str, Measurement], list[str]]:
    """Valid measurements by name, and a warning for each candidate that is left out."""
    where = check_label(check.name, check.item)
    valid: dict[str, Measurement] = {}
    warnings: list[str] = []
    for name, measurement in measured.items():
        if measurement is None:
            warnings.append(f"{where}: no stored measurement of {name} answers it.")
            continue
        try:
            check_valid(measurement, limits)
        except InvalidMeasurement as error:
            warnings.append(f"{where}: {name} is left out: {error}")
        else:
            valid[name] = measurement
    return valid, warnings
