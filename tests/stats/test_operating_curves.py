"""Operating curves."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basegate.stats.operating_curves import passing_probability


def test_seven_of_ten_at_a_half_is_the_binomial_tail():
    # C(10,7) + C(10,8) + C(10,9) + C(10,10) = 120 + 45 + 10 + 1 = 176, of 2^10 outcomes.
    assert passing_probability(0.5, 7, 10) == pytest.approx(176 / 1024, rel=1e-13)


@pytest.mark.parametrize(
    ("accuracy", "correct", "samples", "expected"),
    [
        pytest.param(0.0, 1, 10, 0.0, id="never right"),
        pytest.param(1.0, 10, 10, 1.0, id="always right"),
        pytest.param(0.3, 0, 5, 1.0, id="nothing is asked for"),
        pytest.param(0.25, 1, 1, 0.25, id="one draw"),
        # 3 * 0.8^2 * 0.2 + 0.8^3 = 0.384 + 0.512
        pytest.param(0.8, 2, 3, 0.896, id="two of three"),
    ],
)
def test_passing_probability_by_hand(accuracy, correct, samples, expected):
    assert passing_probability(accuracy, correct, samples) == pytest.approx(expected)


@given(st.integers(1, 8), st.data())
def test_passing_probability_is_the_sum_over_all_outcomes(samples, data):
    correct = data.draw(st.integers(0, samples))
    accuracy = data.draw(st.floats(0, 1))
    total = sum(
        math.prod(accuracy if right else 1 - accuracy for right in draws)
        for draws in itertools.product((True, False), repeat=samples)
        if sum(draws) >= correct
    )
    assert passing_probability(accuracy, correct, samples) == pytest.approx(total)
