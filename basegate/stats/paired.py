"""Paired tests of two candidates on the same items, and corrections for several such tests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from basegate.i18n.formatting import FRACTION
from basegate.stats.bootstrap import SEED, widened
from basegate.stats.intervals import estimated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sums = tuple[NDArray[np.float64], NDArray[np.float64]]
    """Numerators and denominators by cluster."""

_DRAWN_AT_ONCE = 2**20
"""Clusters drawn at once: some ten megabytes."""
_PAIRS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class ItemScores:
    """What one candidate reached on every item, in one metric, to compare it with others.

    Attributes:
        metric: its name.
        unit: of which kind it is; see `basegate.measurement.Metric`.
        counts: by item, what is counted.
        totals: by item, what it is counted of; the metric is sum(counts) / sum(totals).
        lower: whether less is better.
        fixed: whether what is counted of is the same for every candidate, as characters are.
        best_of: metrics of which each candidate's better one was taken; levels allow for it.
    """

    metric: str
    unit: str
    counts: dict[str, float]
    totals: dict[str, float]
    lower: bool = False
    fixed: bool = False
    best_of: int = 1

    @classmethod
    def each(cls, metric: str, values: dict[str, float], best_of: int = 1) -> ItemScores:
        """A metric in which every item counts once."""
        return cls(metric, FRACTION, values, dict.fromkeys(values, 1.0), best_of=best_of)


def paired_share_interval(differences: Sequence[float], confidence: float) -> tuple[float, float]:
    """Score interval of the mean difference of paired shares; differences are between -1 and 1.

    Where an item is right or wrong it is Tango's interval: of n items, b are right of the first
    candidate only and c of the second only; it holds every D with

        |b - c - n D| <= z sqrt(n (2 q + D (1 - D))),

    q being the likeliest share of c if the difference is D. Where no item differs at all, that is
    known of n draws only: the interval reaches to 1 - ((1 - confidence) / 2)^(1 / n) on both sides,
    Clopper and Pearson's bound of an event that never happened. Where items have several samples, b
    and c are the sums of the differences of either sign, and an item counts as so many draws as the
    variance of the differences is smaller than that of b and c (Kish), lowered by (z / t)² as in
    `effective_count`.

    Source: Tango, Equivalence test and confidence interval for the difference in proportions for
    the paired-sample design, Statistics in Medicine 17, 1998; Clopper, Pearson, 1934.
    """
    count = len(differences)
    first = math.fsum(each for each in differences if each > 0)
    second = -math.fsum(each for each in differences if each < 0)
    if first + second == 0:
        bound = 1 - ((1 - confidence) / 2) ** (1 / count)
        return -bound, bound
    mean = (first - second) / count
    variance = math.fsum((each - mean) ** 2 for each in differences) / count
    draws = 1.0
    if variance > 0:
        draws = ((first + second) / count - mean * mean) / variance
        # Of right and wrong both are the same, and nothing is estimated.
        draws = draws if draws < 1 + 1e-9 else max(1.0, draws * estimated(confidence, count - 1))
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    n, b, c = count * draws, first * draws, second * draws
    return -_score_limit(n, c, b, z), _score_limit(n, b, c, z)


def _score_limit(n: float, b: float, c: float, z: float) -> float:
    """The upper end of Tango's interval: the D at which the score is -z."""

    def score(difference: float) -> float:
        linear = (2 * n - b + c) * difference - b - c
        root = math.sqrt(linear * linear + 8 * n * c * difference * (1 - difference))
        likeliest = (root - linear) / (4 * n)
        variance = n * (2 * likeliest + difference * (1 - difference))
        return (b - c - n * difference) / math.sqrt(variance) if variance > 0 else 0.0

    low, high = (b - c) / n, 1.0
    for _ in range(40):  # to a trillionth
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > -z else (low, middle)
    return high


def paired_ratio_intervals(
    pairs: Sequence[tuple[Sums, Sums]], confidence: float, resamples: int, seed: int = SEED
) -> list[tuple[float, float] | None]:
    """The intervals of `difference_interval` from as many resamples as a high level needs.

    A pair is two ratios of sums, each as numerators and denominators, shape [clusters], of the same
    clusters in the same order; `None` for fewer than two. Pairs with as many clusters share their
    resamples, which take longer than all that is computed from them; and numpy alone is imported,
    in a tenth of the time of scipy's statistics.
    """
    import numpy as np

    found: list[tuple[float, float] | None] = [None] * len(pairs)
    tail = (1 - confidence) / 2
    for places in _alike([len(first[0]) for first, _ in pairs]):
        columns = [each for place in places for sums in pairs[place] for each in sums]
        sums = _resampled(np.column_stack(columns), resamples, seed)
        for place, (a, b, c, d) in zip(places, np.split(sums.T, len(places)), strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                differences = a / b - c / d
            low, high = np.nanquantile(differences, (tail, 1 - tail))
            (top, bottom), (other, beside) = pairs[place]
            value = float(top.sum() / bottom.sum() - other.sum() / beside.sum())
            found[place] = widened((float(low), float(high)), value, len(top), confidence)
    return found


def _alike(counts: Sequence[int]) -> Iterator[list[int]]:
    """Places of pairs with as many clusters, two at least, not too many at once."""
    for count in sorted(set(counts) - {0, 1}):
        places = [place for place, each in enumerate(counts) if each == count]
        for start in range(0, len(places), _PAIRS_AT_ONCE):
            yield places[start : start + _PAIRS_AT_ONCE]


def _resampled(columns: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Sums of columns over clusters drawn again, shape [resamples, columns].

    So many at a time that it takes little memory; a multinomial draw of how often each cluster is
    taken would need eight times as long as drawing the clusters and counting them.
    """
    import numpy as np

    count = len(columns)
    rng = np.random.default_rng(seed)
    rows = max(1, _DRAWN_AT_ONCE // count)
    parts = []
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = rng.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        parts.append(times @ columns)
    return np.concatenate(parts)


def sign_test(differences: Sequence[float]) -> float:
    """Exact two-sided p-value that differences are as often above zero as below.

    Differences of zero tell nothing and are left out; of none that is left, 1. Of right and wrong
    answers it is the exact test of McNemar.

    Source: Dixon, Mood, The statistical sign test, JASA 41, 1946.
    """
    from scipy import special

    above = sum(each > 0 for each in differences)
    below = sum(each < 0 for each in differences)
    if above + below == 0:
        return 1.0
    # A fair coin is symmetric: both tails are alike, and share the middle.
    return min(1.0, 2 * float(special.bdtr(min(above, below), above + below, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for the number of comparisons, in the order given.

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
