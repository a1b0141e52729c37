"""How much worse a candidate is than a reference on the same items: `max_drop`.

Non-inferiority: the limit is met where the whole interval of the drop lies below it, not met where
all of it lies above, and undecided between. Several such limits of one candidate are several tests:

- one is met by its interval at the usual level. All have to be met for an acceptance, so that a
  candidate which is worse by more than any limit is accepted no more often than by that one alone;
- one is not met by its interval at the level 1 - 0.05 / limits, the first step of Holm's
  procedure. Any one rejects, so what rejects is what is found in that step: its further steps
  could only name more of what a rejected candidate does not meet. And they would need all checks to
  be measured before the first is judged.

Source: Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 24, 1982
(all have to be met); Holm, A simple sequentially rejective multiple test procedure, 1979.
"""

from __future__ import annotations

from basegate.config.declaration import declaration_of
from basegate.config.limits import DropLimit, Limit
from basegate.errors import InvalidMeasurement
from basegate.i18n.formatting import FRACTION, POINTS
from basegate.judging.comparison import difference_intervals, ratio_of, shared
from basegate.measurement import DROP, Measurement, Metric
from basegate.stats.paired import ItemScores
from basegate.verdict import Reference


def drop_from(limit: DropLimit, own: Measurement, reference: Measurement) -> tuple[Limit, Metric]:
    """The drop with its interval as a metric, and the limit on it; both with their evidence.

    Raises:
        InvalidMeasurement: it cannot be told, or every candidate would meet the limit.
    """
    ours, theirs = _scores(limit, own, reference)
    is_share = ours.unit == FRACTION
    if is_share and limit.by >= 1:
        raise InvalidMeasurement(
            f"and a drop of {limit.by:g} is one of {limit.by * 100:g} points, which no share can "
            "exceed: every candidate meets that. Write 0.03 for three points."
        )
    ours, theirs = shared(ours, theirs)
    value = ratio_of(theirs)
    drop = ratio_of(ours) - value if ours.lower else value - ratio_of(ours)
    interval, confidence = None, limit.confidence
    if own.key != reference.key:
        interval, confidence = _interval(limit, ours, theirs)
    metric = Metric(
        DROP, drop, POINTS if is_share else ours.unit, interval=interval, confidence=confidence
    )
    resolved = Limit(
        metric=DROP,
        direction="max",
        signed=True,
        key=limit.key,
        value=limit.by,
        confidence=limit.confidence,
        why=limit.why,
        advisory=limit.advisory,
        reference=Reference(candidate=limit.candidate, value=value, measurement=reference.key),
    )
    return resolved, metric


def _scores(
    limit: DropLimit, own: Measurement, reference: Measurement
) -> tuple[ItemScores, ItemScores]:
    compared = declaration_of(own.check).compare(own.findings, reference.findings)
    found = [pair for pair in compared if pair[0].metric in limit.metrics and pair[0].counts]
    if not found:
        raise InvalidMeasurement(
            "and nothing was measured item by item of both that "
            f"{' or '.join(dict.fromkeys(limit.metrics))} could be compared in."
        )
    ours, theirs = found[0]
    apart = ours.counts.keys() ^ theirs.counts.keys()
    if apart or (ours.fixed and ours.totals != theirs.totals):
        every = len(ours.counts.keys() | theirs.counts.keys())
        raise InvalidMeasurement(
            f"which was not measured on the same items: {len(apart) or every} of {every} are of "
            "one of the two only, or of another length. A drop is told on the same items; where "
            "asking stopped early, turn that off for the bank, and measure both again."
        )
    return ours, theirs


def _interval(
    limit: DropLimit, ours: ItemScores, theirs: ItemScores
) -> tuple[tuple[float, float], float]:
    """The interval that decides, and its level: the narrow one where it lies below the limit."""
    pair = (ours, theirs) if ours.lower else (theirs, ours)
    narrow, wide = limit.confidence, 1 - (1 - limit.confidence) / limit.family
    interval = _at(pair, narrow)
    if interval[1] <= limit.by or limit.family == 1:
        return interval, narrow
    return _at(pair, wide), wide


def _at(pair: tuple[ItemScores, ItemScores], confidence: float) -> tuple[float, float]:
    [interval] = difference_intervals([pair], confidence)
    if interval is None or interval[0] == interval[1]:
        raise InvalidMeasurement(
            f"and from {len(pair[0].counts)} items no interval of the difference follows. Measure "
            "on more of them."
        )
    return interval
