"""Bootstrap intervals over clusters, such as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Return a bootstrap interval of sum(numerators) / sum(denominators) over clusters.

    Whole clusters (documents) are drawn with replacement, because tokens of one document are
    not independent. Percentile interval of 2,000 resamples.

    Args:
        numerators: one sum per cluster, shape [clusters].
        denominators: likewise, positive.
        confidence: the interval's level.
        seed: of the resampling.

    Returns:
        Lower and upper end, or `None` where resampling can tell nothing: for fewer than two
        clusters, or if all have the same ratio.
    """
    import numpy as np

    if len(numerators) < 2 or np.ptp(numerators / denominators) == 0:
        return None

    def ratio(top: NDArray[np.float64], bottom: NDArray[np.float64], axis: int) -> object:
        return top.sum(axis=axis) / bottom.sum(axis=axis)

    return _bootstrap(ratio, (numerators, denominators), confidence, seed)


def difference_interval(
    first: tuple[NDArray[np.float64], NDArray[np.float64]],
    second: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    confidence: float = 0.95,
    seed: int = SEED,
) -> tuple[float, float] | None:
    """Return a paired bootstrap interval of the difference of two ratios of sums.

    sum(a) / sum(b) - sum(c) / sum(d), the same documents being drawn on both sides.

    Args:
        first: numerators and denominators, shape [clusters] each.
        second: likewise, of the same clusters in the same order.
        confidence: the interval's level.
        seed: of the resampling.

    Returns:
        Lower and upper end, or `None` for fewer than two clusters.
    """
    if len(first[0]) < 2:
        return None

    def difference(*sums: NDArray[np.float64], axis: int) -> object:
        a, b, c, d = (each.sum(axis=axis) for each in sums)
        return a / b - c / d

    return _bootstrap(difference, (*first, *second), confidence, seed)


def _bootstrap(
    statistic: Callable[..., object],
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
    interval = result.confidence_interval
    return float(interval.low), float(interval.high)
