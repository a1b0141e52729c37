"""Shares: intervals, effective sample size, and operating curves of gates on them.

An operating curve is the probability that a gate passes a candidate, by its true accuracy.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from statistics import NormalDist


def share_interval(share: float, count: float, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share of `count` independent draws.

    Centre (p + z²/2n) / (1 + z²/n), half width z sqrt(p (1 - p) / n + z²/4n²) / (1 + z²/n).

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    scale = 1 + z * z / count
    centre = (share + z * z / (2 * count)) / scale
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    # None or all: the end is 0 or 1 itself, and rounding must not put it beside a limit there.
    low = max(0.0, centre - half) if share > 0 else 0.0
    high = min(1.0, centre + half) if share < 1 else 1.0
    return low, high


def count_interval(
    right: int, count: int, confidence: float = 0.95, *, open_draws: int = 0
) -> tuple[float, float]:
    """Clopper and Pearson's exact interval of a probability, given `right` of `count` draws.

    `open_draws` of them were not made, because they could not change a verdict. The interval then
    reaches from that of none of these right to that of all of them right, which holds the interval
    of all draws, however the stopping came about.

    Source: Clopper, Pearson, The use of confidence or fiducial limits, Biometrika 26, 1934.
    """
    from scipy import special  # a quarter of the time that scipy.stats takes to import

    tail, most = (1 - confidence) / 2, right + open_draws
    low = special.betaincinv(right, count - right + 1, tail) if right else 0.0
    high = special.betaincinv(most + 1, count - most, 1 - tail) if most < count else 1.0
    return float(low), float(high)


def effective_count(shares: Sequence[float], samples: int) -> float:
    """Effective sample size: independent draws that tell as much about a mean as clustered ones.

    Samples of one question are not independent of each other: n questions with m samples each are
    worth p (1 - p) / Var(mean) draws, at most n * m, the variance being that of the questions'
    shares (right answers / samples). It is estimated from n questions only, so the count is
    lowered by (z / t)², the squared ratio of the normal quantile to Student's with n - 1 degrees of
    freedom, at 95 %. Where all questions have the same share, nothing is known of the variance, and
    each question counts as one draw.

    Source: Kish, Survey Sampling, 1965 (design effect); Miller, Adding Error Bars to Evals, 2024
    (clustering by question); Korn, Graubard, Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data, 1998 (degrees of freedom).
    """
    count = len(shares)
    mean = math.fsum(shares) / count
    if count < 2:
        return float(count)
    variance = math.fsum((share - mean) ** 2 for share in shares) / (count - 1) / count
    if variance == 0:
        return float(count)
    effective = min(mean * (1 - mean) / variance, float(count * samples))
    return effective * estimated(0.95, count - 1)


def at_confidence(count: float, dof: int | None, confidence: float) -> float:
    """An `effective_count`, corrected at 95 %, as it is at another level.

    `dof`: degrees of freedom of the variance; `None` where it was not estimated.
    """
    if dof is None or dof < 1 or confidence == 0.95:
        return count
    return count * estimated(confidence, dof) / estimated(0.95, dof)


def estimated(level: float, dof: int) -> float:
    """Correction of a count whose variance is estimated: (z / t)² at a level."""
    from scipy import special

    upper = 0.5 + level / 2
    return float(special.ndtri(upper) / special.stdtrit(dof, upper)) ** 2


def passing_probability(accuracy: float, correct: int, samples: int) -> float:
    """Probability that `correct` or more of `samples` independent draws are right.

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
    """Probability that Wilson's interval of `count` draws lies at or above a limit.

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


def passing_probability_of_counts(
    right: Sequence[int], drawn: Sequence[int], correct: int, samples: int
) -> float:
    """Probability that a k-of-n gate on every question passes, if all are asked again.

    The chance of a right answer is known from the draws of a question and, as if they were two
    more, from those of all questions; so the right ones of n new draws follow the beta-binomial
    distribution, and the chance that all questions have `correct` or more is the product of its
    upper tails. When sampling stopped early does not matter: what was drawn decided that.

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


def draws_needed(share: float, limit: float, confidence: float) -> int | None:
    """The fewest draws with this share that put Wilson's interval wholly on one side of a limit.

    `None` where a hundred million would not do.
    """

    def settled(count: int) -> bool:
        low, high = share_interval(share, count, confidence)
        return low >= limit or high < limit

    most = 100_000_000
    count = bisect.bisect_left(range(1, most + 1), True, key=settled) + 1
    return count if count <= most else None
