"""Bootstrap intervals over clusters, such as documents."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 0
"""Of the resampling; part of every measurement's identity."""


def ratio_interval(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    *,
    confidence: float = 0.95,
    seed: int = SEED,
) -> tuple[float, float] | None:
    """Bootstrap interval of sum(numerators) / sum(denominators), shape [clusters] each.

    Whole clusters (documents) are drawn with replacement, because tokens of one document are
    not independent. Percentile interval of 2,000 resamples, `widened`; its lower end is not below
    zero. `None` for fewer than two clusters, or if all have the same ratio.
    """
    import numpy as np

    if len(numerators) < 2 or np.ptp(numerators / denominators) == 0:
        return None

    def ratio(top: NDArray[np.float64], bottom: NDArray[np.float64], axis: int) -> object:
        return top.sum(axis=axis) / bottom.sum(axis=axis)

    low, high = _bootstrap(ratio, (numerators, denominators), confidence, seed)
    return max(low, 0.0), high


def difference_interval(
    first: tuple[NDArray[np.float64], NDArray[np.float64]],
    second: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    confidence: float = 0.95,
    seed: int = SEED,
) -> tuple[float, float] | None:
    """Paired bootstrap interval of sum(a) / sum(b) - sum(c) / sum(d), shape [clusters] each.

    The same clusters are drawn on both sides. `None` for fewer than two clusters.
    """
    if len(first[0]) < 2:
        return None

    def difference(*sums: NDArray[np.float64], axis: int) -> object:
        a, b, c, d = (each.sum(axis=axis) for each in sums)
        return a / b - c / d

    return _bootstrap(difference, (*first, *second), confidence, seed)


def widened(
    interval: tuple[float, float], value: float, clusters: int, confidence: float
) -> tuple[float, float]:
    """A percentile interval around `value`, wider by what a small number of clusters asks for.

    Resamples of n clusters vary by sqrt((n - 1) / n) too little, and the percentiles allow for
    nothing that is not known of the variance, as Student's t does. Both ends go away from the value
    by the factor t / z * sqrt(n / (n - 1)): 1.58 for 5 clusters, 1.05 for 40, at 95 %.

    Source: Hesterberg, What teachers should know about the bootstrap, The American Statistician
    69, 2015, where the levels of the percentiles are moved instead.
    """
    from scipy import special

    end = 0.5 + confidence / 2
    factor = float(special.stdtrit(clusters - 1, end) / special.ndtri(end))
    factor *= math.sqrt(clusters / (clusters - 1))
    low, high = interval
    return value - (value - low) * factor, value + (high - value) * factor


def _bootstrap(
    statistic: Callable[..., Any],
    columns: tuple[NDArray[np.float64], ...],
    confidence: float,
    seed: int,
) -> tuple[float, float]:
    import numpy as np
    from scipy import stats

    result = stats.bootstrap(
        columns,
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, 4_000_000 // len(columns[0])),
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    found = result.confidence_interval
    value = float(statistic(*columns, axis=-1))
    clusters = len(columns[0])
    return widened((float(found.low), float(found.high)), value, clusters, confidence)
