"""Operating curves: the probability that a gate passes a candidate, by its true accuracy."""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING

from basegate.stats.intervals import share_interval

if TYPE_CHECKING:
    from collections.abc import Sequence


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
