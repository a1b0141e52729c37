"""Intervals and operating curves. scipy where it has the function."""

from __future__ import annotations

import bisect
import math
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 0
"""Of the resampling; part of every measurement's identity."""


def passing_probability(accuracy: float, correct: int, samples: int) -> float:
    """Return the chance that `correct` or more of `samples` independent draws are right.

    One point of the operating curve of a k-of-n gate: the upper tail of the binomial
    distribution, sum over i >= k of C(n, i) p^i (1 - p)^(n - i).
    """
    if correct <= 0 or accuracy >= 1:
        return float(correct <= samples)
    if accuracy <= 0:
        return 0.0

    def chance(right: int) -> float:
        # In logarithms: C(1000, 500) is more than a float can hold.
        ways = math.lgamma(samples + 1) - math.lgamma(right + 1) - math.lgamma(samples - right + 1)
        return math.exp(
            ways + right * math.log(accuracy) + (samples - right) * math.log1p(-accuracy)
        )

    return min(1.0, math.fsum(map(chance, range(correct, samples + 1))))


def passing_probability_of_share(
    accuracy: float, limit: float, count: float, confidence: float
) -> float:
    """Return the chance that Wilson's interval of `count` draws lies at or above a limit.

    One point of the operating curve of a gate on a share: that of the k-of-n gate with the
    smallest k whose interval passes, n being the count, rounded.
    """
    draws = max(1, round(count))
    least = bisect.bisect_left(
        range(draws + 1),
        limit,
        key=lambda right: share_interval(right / draws, draws, confidence)[0],
    )
    return passing_probability(accuracy, least, draws) if least <= draws else 0.0


def chance_of_counts(
    right: Sequence[int], drawn: Sequence[int], correct: int, samples: int
) -> float:
    """Return the chance that a k-of-n gate on every question passes, if all are asked anew.

    The chance of a right answer is known from the draws of a question and, as if they were two
    more, from those of all questions; so the right ones of n new draws follow the beta-binomial
    distribution, and the chance that all questions have `correct` or more is the product of its
    upper tails. When sampling stopped early does not matter: what was drawn decided that.

    Args:
        right: right samples by question, shape [questions].
        drawn: samples by question, shape [questions].
        correct: k, of every question.
        samples: n.

    Source: Skellam, A probability distribution derived from the binomial distribution by regarding
    the probability of success as variable between the sets of trials, JRSS B 10, 1948.
    """
    share = (sum(right) + 0.5) / (sum(drawn) + 1)
    tails = (
        _beta_binomial_tail(r + 2 * share, d - r + 2 * (1 - share), correct, samples)
        for r, d in zip(right, drawn, strict=True)
    )
    return math.prod(tails)


def _beta_binomial_tail(a: float, b: float, least: int, count: int) -> float:
    def log_beta(x: float, y: float) -> float:
        return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

    def chance(k: int) -> float:
        ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        return math.exp(ways + log_beta(k + a, count - k + b) - log_beta(a, b))

    return min(1.0, math.fsum(map(chance, range(max(0, least), count + 1))))


def draws_to_settle(share: float, limit: float, confidence: float) -> int | None:
    """Return how many draws with this share put Wilson's interval wholly on one side of a limit.

    Returns:
        The smallest such number, or `None` where a hundred million would not do.
    """

    def settled(count: int) -> bool:
        low, high = share_interval(share, count, confidence)
        return low >= limit or high < limit

    most = 100_000_000
    count = bisect.bisect_left(range(1, most + 1), True, key=settled) + 1
    return count if count <= most else None


def effective_count(shares: Sequence[float], samples: int) -> float:
    """Return how many independent draws tell as much about a mean share as clustered ones.

    Samples of one question are not independent of each other: n questions with m samples each are
    worth p (1 - p) / Var(mean) draws, at most n * m, the variance being that of the questions'
    shares. It is estimated from n questions only, so the count is lowered by (z / t)², the squared
    ratio of the normal quantile to Student's with n - 1 degrees of freedom, at 95 %. Where all
    questions have the same share, nothing is known of the variance, and each question counts as
    one draw.

    Args:
        shares: right answers / samples of every question, shape [questions].
        samples: of each question.

    Source: Kish, Survey Sampling, 1965 (design effect); Miller, Adding Error Bars to Evals, 2024
    (clustering by question); Korn, Graubard, Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data, 1998 (degrees of freedom).
    """
    from scipy import stats

    count = len(shares)
    mean = math.fsum(shares) / count
    if count < 2:
        return float(count)
    variance = math.fsum((share - mean) ** 2 for share in shares) / (count - 1) / count
    if variance == 0:
        return float(count)
    worth = min(mean * (1 - mean) / variance, float(count * samples))
    return worth * float(stats.norm.ppf(0.975) / stats.t.ppf(0.975, count - 1)) ** 2


def at_confidence(count: float, degrees: int | None, confidence: float) -> float:
    """Return an effective count that was corrected at 95 % as it is at another level.

    Args:
        count: from `effective_count`.
        degrees: of freedom of the variance it rests on; `None` where it was not estimated.
        confidence: the level wanted.
    """
    if degrees is None or degrees < 1 or confidence == 0.95:
        return count
    from scipy import stats

    def correction(level: float) -> float:
        return float(stats.norm.ppf(0.5 + level / 2) / stats.t.ppf(0.5 + level / 2, degrees)) ** 2

    return count * correction(confidence) / correction(0.95)


def share_interval(share: float, count: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share of `count` independent draws.

    Centre (p + z²/2n) / (1 + z²/n), half width z sqrt(p (1 - p) / n + z²/4n²) / (1 + z²/n).

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    scale = 1 + z * z / count
    centre = (share + z * z / (2 * count)) / scale
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


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


def count_interval(
    right: int, count: int, confidence: float = 0.95, *, open_draws: int = 0
) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a probability, given `right` of `count` draws.

    Exact: it covers the truth at least as often as it says.

    Args:
        right: draws that were right.
        count: draws in all.
        confidence: the interval's level.
        open_draws: of them, draws that were not made because they could not change a verdict. The
            interval then reaches from that of none of them right to that of all of them right,
            which holds the interval of all draws, however the stopping came about.

    Source: Clopper, Pearson, The use of confidence or fiducial limits, Biometrika 26, 1934.
    """
    from scipy import stats

    low = stats.binomtest(right, count).proportion_ci(confidence, method="exact").low
    high = stats.binomtest(right + open_draws, count).proportion_ci(confidence, method="exact").high
    return float(low), float(high)


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


_BETS = 64


def accuracy_e_values(shares: Sequence[float], limit: float) -> list[float]:
    """Return an e-process against "the accuracy is at most `limit`", after every question.

    A bettor stakes on every question that the accuracy is p > limit; its wealth is multiplied by
    x p / limit + (1 - x) (1 - p) / (1 - limit), x being the question's share of right answers.
    Where the accuracy is `limit` or less, the wealth does not grow in expectation, so it ever
    reaches 1 / alpha with a probability of at most alpha (Ville), however often one looks. The
    value is the mean wealth of bettors on a grid of p between the limit and 1.

    To test that the accuracy is at least the limit, give 1 - shares and 1 - limit.

    Args:
        shares: right answers / samples of each question in the order asked, shape [questions].
        limit: between 0 and 1, neither included.

    Source: Waudby-Smith, Ramdas, Estimating means of bounded random variables by betting, JRSS B,
    2024; Ville, Étude critique de la notion de collectif, 1939.
    """
    bets = [limit + (1 - limit) * (step + 0.5) / _BETS for step in range(_BETS)]
    wealth = [0.0] * _BETS  # natural logarithms
    values = []
    for share in shares:
        for index, bet in enumerate(bets):
            factor = share * bet / limit + (1 - share) * (1 - bet) / (1 - limit)
            wealth[index] += math.log(factor) if factor > 0 else -math.inf
        values.append(math.fsum(map(_bounded_exp, wealth)) / _BETS)
    return values


def _bounded_exp(value: float) -> float:
    return math.exp(min(value, 700.0))
