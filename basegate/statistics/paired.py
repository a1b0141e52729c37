"""Tests of two candidates on the same items, and what several such tests allow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from basegate.statistics.resampling import SEED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


def paired_difference(
    first: Sequence[float], second: Sequence[float], confidence: float = 0.95
) -> tuple[float, tuple[float, float] | None]:
    """Return the mean difference of paired values and Student's interval of it.

    Args:
        first: a value per item, shape [items].
        second: likewise, of the same items in the same order.
        confidence: the interval's level.

    Returns:
        mean(first - second), and its interval; `None` for fewer than two items.

    Source: Student, The probable error of a mean, Biometrika 6, 1908.
    """
    from scipy import special

    differences = [a - b for a, b in zip(first, second, strict=True)]
    mean = math.fsum(differences) / len(differences)
    if len(differences) < 2:
        return mean, None
    variance = math.fsum((each - mean) ** 2 for each in differences) / (len(differences) - 1)
    half = float(special.stdtrit(len(differences) - 1, 0.5 + confidence / 2))
    half *= math.sqrt(variance / len(differences))
    return mean, (mean - half, mean + half)


def drawn_together(
    first: tuple[NDArray[np.float64], NDArray[np.float64]],
    second: tuple[NDArray[np.float64], NDArray[np.float64]],
    confidence: float,
    resamples: int,
    seed: int = SEED,
) -> tuple[float, float] | None:
    """Return the interval of `difference_interval` from as many resamples as a high level needs.

    How often each cluster is drawn is multinomial, so that all resamples are one product of
    matrices; and numpy alone is imported, in a tenth of the time of scipy's statistics.

    Args:
        first: numerators and denominators, shape [clusters] each.
        second: likewise, of the same clusters in the same order.
        confidence: the interval's level.
        resamples: how many.
        seed: of the resampling.

    Returns:
        Lower and upper end, or `None` for fewer than two clusters.
    """
    import numpy as np

    count = len(first[0])
    if count < 2:
        return None
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    a, b, c, d = (draws @ np.column_stack((*first, *second))).T
    tail = (1 - confidence) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        differences = a / b - c / d
    low, high = np.nanquantile(differences, (tail, 1 - tail))
    return float(low), float(high)


def sign_test(differences: Sequence[float]) -> float:
    """Return the exact two-sided p-value that differences are as often above zero as below.

    Differences of zero tell nothing and are left out; of none that is left, 1.

    Args:
        differences: a value per item, shape [items].

    Source: Dixon, Mood, The statistical sign test, JASA 41, 1946.
    """
    from scipy import special

    above = sum(each > 0 for each in differences)
    below = sum(each < 0 for each in differences)
    if above + below == 0:
        return 1.0
    # A fair coin is symmetric: both tails are alike, and share the middle.
    return min(1.0, 2 * float(special.bdtr(min(above, below), above + below, 0.5)))


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return the exact two-sided p-value that two candidates answer equally well.

    Only items that one has right and the other wrong tell them apart: b of b + c such items is
    held against a fair coin.

    Args:
        first: whether each item was right, shape [items].
        second: likewise of the other candidate, on the same items in the same order.

    Raises:
        ValueError: the items are not the same in number.

    Source: McNemar, Note on the sampling error of the difference between correlated proportions,
    Psychometrika 12, 1947; the exact form.
    """
    return sign_test([float(a) - float(b) for a, b in zip(first, second, strict=True)])


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the number of comparisons, in the order given.

    The smallest is multiplied by the number of comparisons, the next by one less, and none may be
    smaller than one before it.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6, 1979.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
