"""Confidence sequences: intervals that hold at every look, so that one may stop at any of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BETS = 64
_HALVINGS = 20


def share_sequence(shares: Sequence[float], confidence: float) -> tuple[float, float]:
    """Confidence sequence for the mean of values between 0 and 1, after the last of them.

    It holds the values m of the mean at which neither of two e-values, against "at most m" and
    against "at least m", reaches 2 / (1 - confidence). With the given probability it holds the mean
    after every value at once (Ville), however often one looks and whatever makes one stop.

    Source: Waudby-Smith, Ramdas, Estimating means of bounded random variables by betting, JRSS B,
    2024; Ville, Étude critique de la notion de collectif, 1939.
    """
    enough = math.log(2 / (1 - confidence))
    low = _lower_end(shares, enough)
    return low, 1.0 - _lower_end([1.0 - share for share in shares], enough)


def log_e_value(shares: Sequence[float], limit: float) -> float:
    """Natural logarithm of an e-value against "the mean is at most `limit`".

    A bettor stakes on every value x that the mean is p > limit: the wealth is multiplied by
    x p / limit + (1 - x) (1 - p) / (1 - limit). Where the mean is `limit` or less, wealth does not
    grow in expectation. The e-value is the mean wealth of bettors on a grid of p between the limit
    and 1.
    """
    import numpy as np

    values = np.asarray(shares, dtype=np.float64)[:, None]
    bets = limit + (1 - limit) * (np.arange(_BETS) + 0.5) / _BETS
    factors = values * bets / limit + (1 - values) * (1 - bets) / (1 - limit)
    wealth = np.log(factors).sum(axis=0)
    top = wealth.max()
    return float(top + np.log(np.exp(wealth - top).mean()))


def _lower_end(shares: Sequence[float], enough: float) -> float:
    """The largest m, to six digits, that the e-value excludes; it falls as m rises."""
    low, high = 0.0, math.fsum(shares) / len(shares)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle > 0 and log_e_value(shares, middle) >= enough:
            low = middle
        else:
            high = middle
    return low


def linearised_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Values, one for each cluster, whose mean is sum(numerators) / sum(denominators).

    Each is r + (numerator - r denominator) / mean(denominators), r being the ratio: their spread is
    that of the ratio to first order, so that an interval of their mean is one of the ratio.

    Source: Cochran, Sampling Techniques, 1977, section 6.4.
    """
    ratio = math.fsum(numerators) / math.fsum(denominators)
    scale = math.fsum(denominators) / len(denominators)
    pairs = zip(numerators, denominators, strict=True)
    return [ratio + (top - ratio * bottom) / scale for top, bottom in pairs]


def mean_sequence(
    values: Sequence[float], confidence: float, *, tightest_at: int = 30
) -> tuple[float, float]:
    """Asymptotic confidence sequence for the mean of values of any size, after the last of them.

    mean ± s sqrt(2 (n r² + 1) / (n² r²) log(sqrt(n r² + 1) / (1 - confidence))), s being the
    standard deviation of the n values and r chosen so that it is tightest about `tightest_at`.
    Its error approaches 1 - confidence as the first look comes later.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, Time-uniform central limit theory and
    asymptotic confidence sequences, Annals of Statistics 52, 2024 (theorem 2.2, equation 10).
    """
    count, alpha = len(values), 1 - confidence
    mean = math.fsum(values) / count
    deviation = math.sqrt(math.fsum((each - mean) ** 2 for each in values) / (count - 1))
    r2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tightest_at
    grown = count * r2 + 1
    half = deviation * math.sqrt(2 * grown / (count**2 * r2) * math.log(math.sqrt(grown) / alpha))
    return mean - half, mean + half
