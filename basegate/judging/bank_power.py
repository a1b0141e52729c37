"""What a bank can decide: which difference of two candidates it would find, and which it found."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby
from statistics import NormalDist

from basegate.i18n.formatting import FRACTION, POINTS
from basegate.ledger import BankPower, Comparison

CONFIDENCE, POWER = 0.95, 0.8
_NORMAL = NormalDist()
_QUANTILES = _NORMAL.inv_cdf(0.5 + CONFIDENCE / 2) + _NORMAL.inv_cdf(POWER)


def bank_power(comparisons: Iterable[Comparison]) -> tuple[BankPower, ...]:
    """The power of every bank that candidates were compared on, in the order of the comparisons.

        detectable = (z(0.975) + z(0.8)) * s
        signal_to_noise = largest difference of two candidates / s

    s is the standard error of a difference of two candidates on the same items, the root of the
    mean square over all pairs; that of a pair is half of its interval by the normal quantile of its
    level. The candidates' mean score, by which the source divides both, cancels out.

    Source: Miller, Adding Error Bars to Evals, 2024 (minimum detectable effect of a paired
    comparison); Heineman et al., Signal and Noise, 2025 (spread of models by their noise).
    """
    groups = groupby(comparisons, key=lambda each: (each.check, each.part, each.metric))
    return tuple(_power(list(found)) for _, found in groups)


def _power(found: list[Comparison]) -> BankPower:
    squares = [
        _standard_error(*each.interval, each.confidence) ** 2 for each in found if each.interval
    ]
    error = math.sqrt(math.fsum(squares) / len(squares)) if squares else 0.0
    largest = max(abs(each.difference) for each in found)
    first, detectable = found[0], _QUANTILES * error
    is_share = first.unit == FRACTION  # of which no two are further apart than 1
    return BankPower(
        check=first.check,
        part=first.part,
        metric=first.metric,
        unit=POINTS if is_share else first.unit,
        items=min(each.items for each in found),
        detectable=None if not error or (is_share and detectable > 1) else detectable,
        largest=largest,
        signal_to_noise=largest / error if error else None,
        told_apart=sum(each.better is not None for each in found),
        pairs=len(found),
    )


def _standard_error(low: float, high: float, confidence: float) -> float:
    return (high - low) / 2 / _NORMAL.inv_cdf(0.5 + confidence / 2)
