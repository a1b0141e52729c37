"""Intervals and operating curves. scipy where it has the function."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000


def passing_probability(accuracy: float, correct: int, samples: int) -> float:
    """Return the chance that `correct` or more of `samples` independent draws are right.

    One point of the operating curve of a k-of-n gate: the upper tail of the binomial
    distribution, sum over i >= k of C(n, i) p^i (1 - p)^(n - i).
    """
    return math.fsum(
        math.comb(samples, right) * accuracy**right * (1 - accuracy) ** (samples - right)
        for right in range(correct, samples + 1)
    )


def ratio_interval(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return a bootstrap interval of sum(numerators) / sum(denominators) over clusters.

    Whole clusters (documents) are drawn with replacement, because tokens of one document are
    not independent. Percentile interval of 2,000 resamples.

    Args:
        numerators: one sum per cluster, shape [clusters].
        denominators: likewise, positive.
        confidence: the interval's level.
        seed: of the resampling.

    Returns:
        Lower and upper end, or `None` for fewer than two clusters.
    """
    if len(numerators) < 2:
        return None
    import numpy as np
    from scipy import stats

    def ratio(top: NDArray[np.float64], bottom: NDArray[np.float64], axis: int) -> object:
        return top.sum(axis=axis) / bottom.sum(axis=axis)

    result = stats.bootstrap(
        (numerators, denominators),
        ratio,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, 4_000_000 // len(numerators)),
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    interval = result.confidence_interval
    return float(interval.low), float(interval.high)
