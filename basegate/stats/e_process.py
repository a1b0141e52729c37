"""E-processes: tests that stay valid when they are monitored after every question."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BETS = 64


def accuracy_e_values(shares: Sequence[float], limit: float) -> list[float]:
    """E-process against "the accuracy is at most `limit`", after every question.

    A bettor stakes on every question that the accuracy is p > limit; its wealth is multiplied by
    x p / limit + (1 - x) (1 - p) / (1 - limit), x being the question's share of right answers.
    Where the accuracy is `limit` or less, the wealth does not grow in expectation, so it ever
    reaches 1 / alpha with a probability of at most alpha (Ville), however often one looks. The
    value is the mean wealth of bettors on a grid of p between the limit and 1.

    To test that the accuracy is at least the limit, give 1 - shares and 1 - limit.

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
