"""From a measurement to its verdict: the one way, for what was measured now and what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.errors import InvalidMeasurement
from basegate.judging.judge import Verdict, check_valid, invalid
from basegate.judging.relative_limits import judge_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.config.limits import AnyLimit
    from basegate.judging.relative_limits import References
    from basegate.measurement import Measurement


def evaluate(
    measurement: Measurement,
    limits: Sequence[AnyLimit],
    candidate: str,
    references: References,
    *,
    brief: bool = False,
) -> Verdict:
    """Judge a measurement by the limits that apply to its candidate.

    Args:
        measurement: stored, or made now.
        limits: absolute and relative ones.
        candidate: the name it goes by; one checkpoint may have several.
        references: what relative limits are computed from.
        brief: see `judge`.

    Returns:
        A row per metric and limit; where the measurement is beyond a limit of validity, one
        `invalid` row.
    """
    try:
        check_valid(measurement, limits)
    except InvalidMeasurement as error:
        where = (measurement.check, measurement.item)
        row = invalid(candidate, *where, error.message, error.measurement)
        return Verdict(results=(row,))
    return judge_by(measurement, limits, candidate, references, brief=brief)
