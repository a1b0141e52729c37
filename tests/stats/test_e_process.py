"""E-values of an accuracy below its limit."""

import numpy as np
import pytest

from basegate.stats.e_process import accuracy_e_values


def test_an_e_value_by_hand():
    # One right answer: each bettor on p has p / limit, on average (1 + limit) / 2 / limit.
    assert accuracy_e_values([1.0], 0.5) == pytest.approx([0.75 / 0.5])
    # One wrong answer: (1 - p) / (1 - limit), on average a half.
    assert accuracy_e_values([0.0], 0.5) == pytest.approx([0.5])


@pytest.mark.slow
@pytest.mark.parametrize("accuracy", [0.3, 0.55])
def test_the_wealth_rarely_ever_reaches_twenty_where_the_accuracy_is_too_low(accuracy):
    rng = np.random.default_rng(11)
    runs = 400
    # Looked at after every one of 150 questions, 4 samples each, questions of many difficulties.
    wrong = sum(
        max(
            accuracy_e_values(
                rng.binomial(4, rng.beta(accuracy * 3, (1 - accuracy) * 3, 150)) / 4, 0.55
            )
        )
        >= 20
        for _ in range(runs)
    )
    assert wrong / runs <= 0.05


def test_the_wealth_grows_where_the_accuracy_is_high():
    rng = np.random.default_rng(12)
    shares = rng.binomial(4, 0.75, 150) / 4
    assert accuracy_e_values(shares, 0.55)[-1] >= 20
