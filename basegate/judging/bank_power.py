"""What a bank can decide: which difference of two candidates it would find, and which it found."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby
from statistics import NormalDist

from basegate.i18n.formatting import FRACTION, POINTS
from basegate.ledger import BankPower, Comparison

POWER = 0.8
_NORMAL = NormalDist()


def bank_power(comparisons: Iterable[Comparison]) -> tuple[BankPower, ...]:
    """The power of every bank that candidates were compared on, in the order of the comparisons.

        detectable = (z(1 - (1 - confidence) / 2 / best_of) + z(0.8)) * s
        signal_to_noise = largest difference of two candidates / s

    s is the standard error of a difference of two candidates on the same items, the root of the
    mean square over all pairs; that of a pair of which a part was asked is scaled to all items by
    the root of their number. `confidence` is that of the comparisons, which allows for the number
    of pairs; `best_of` are the metrics of which each candidate's better one was taken. The
    candidates' mean score, by which the source divides both, cancels out.

    Source: Miller, Adding Error Bars to Evals, 2024 (minimum detectable effect of a paired
    comparison); Heineman et al., Signal and Noise, 2025 (spread of models by their noise).
    """
    groups = groupby(comparisons, key=lambda each: (each.check, each.part, each.metric))
    return tuple(_power(list(found)) for _, found in groups)


def _power(found: list[Comparison]) -> BankPower:
    squares = [
        each.standard_error**2 * each.items / (each.out_of or each.items)
        for each in found
        if each.standard_error is not None
    ]
    error = math.sqrt(math.fsum(squares) / len(squares)) if squares else 0.0
    largest = max(abs(each.difference) for each in found)
    first = found[0]
    tail = (1 - first.confidence) / 2 / first.best_of
    detectable = error * (_NORMAL.inv_cdf(1 - tail) + _NORMAL.inv_cdf(POWER))
    is_share = first.unit == FRACTION  # of which no two are further apart than 1
    return BankPower(
        check=first.check,
        part=first.part,
        metric=first.metric,
        unit=POINTS if is_share else first.unit,
        items=min(each.out_of or each.items for each in found),
        asked_in_part=any(each.out_of for each in found),
        detectable=None if not error or (is_share and detectable > 1) else detectable,
        largest=largest,
        signal_to_noise=largest / error if error else None,
        told_apart=sum(each.better is not None for each in found),
        pairs=len(found),
    )
