"""Confidence sequences: intervals that hold at every look, so that one may stop at any of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

FEW = 48
"""Values, below which their own spread is not trusted: intervals are the wider the fewer."""
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


def effective_number(weights: Sequence[float]) -> float:
    """Of how many values of equal weight these are worth: sum(w)² / sum(w²) (Kish, 1965)."""
    return math.fsum(weights) ** 2 / math.fsum(each * each for each in weights)


def mean_sequence(
    values: Sequence[float],
    confidence: float,
    *,
    effective: float | None = None,
    tightest_at: int = 30,
) -> tuple[float, float]:
    """Asymptotic confidence sequence for the mean of values of any size, after the last of them.

    mean ± s h, h = sqrt(2 (n r² + 1) / (n² r²) log(sqrt(n r² + 1) / (1 - confidence))), s being the
    standard deviation of the n values and r chosen so that it is tightest about `tightest_at`. That
    holds for many values. Of few, h is multiplied by `FEW` / `effective`; and towards the side of
    their longer tail the interval is wider by s g (2 h² + 1 / n) / 6, g being their skewness.

    Args:
        values: at least two.
        confidence: that all intervals hold the mean, however many are looked at.
        effective: see `effective_number`, where they are of unequal weight; by default all.
        tightest_at: see above.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, Time-uniform central limit theory and
    asymptotic confidence sequences, Annals of Statistics 52, 2024 (theorem 2.2, equation 10);
    Hall, On the removal of skewness by transformation, JRSS B 54, 1992 (the second term of T's
    expansion). What both come to is simulated in `tests/stats/test_confidence_sequence.py`.
    """
    count, alpha = len(values), 1 - confidence
    mean = math.fsum(values) / count
    squares = math.fsum((each - mean) ** 2 for each in values)
    if squares == 0:
        return mean, mean
    r2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tightest_at
    grown = count * r2 + 1
    half = math.sqrt(2 * grown / (count**2 * r2) * math.log(math.sqrt(grown) / alpha))
    half *= max(1.0, FEW / (count if effective is None else effective))
    skewness = math.fsum((each - mean) ** 3 for each in values) / count / (squares / count) ** 1.5
    more = skewness * (2 * half * half + 1 / count) / 6
    deviation = math.sqrt(squares / (count - 1))
    return mean - deviation * (half + max(0.0, -more)), mean + deviation * (half + max(0.0, more))


def sign_test_at_any_time(differences: Sequence[float]) -> float:
    """Two-sided p-value that differences are as often above zero as below, however one stops.

    Half of the smaller significance is spent on each side: min(1, 2 / e), e being the larger of the
    e-values against "at most half" of either sign. Differences of zero are left out.
    """
    signs = [float(each > 0) for each in differences if each]
    if not signs:
        return 1.0
    larger = max(log_e_value(signs, 0.5), log_e_value([1 - each for each in signs], 0.5))
    return min(1.0, 2 * math.exp(-larger))
