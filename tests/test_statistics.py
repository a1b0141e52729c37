"""Operating curves and intervals."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basegate.statistics import passing_probability, ratio_interval


def test_seven_of_ten_at_a_half_is_the_binomial_tail():
    # C(10,7) + C(10,8) + C(10,9) + C(10,10) = 120 + 45 + 10 + 1 = 176, of 2^10 outcomes.
    assert passing_probability(0.5, 7, 10) == 176 / 1024


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


def test_two_documents_span_the_interval_between_their_own_ratios():
    # Resampled, a quarter of the draws is (first, first) = 2 / 1 and a quarter (second, second)
    # = 8 / 2, far more than the 2.5 % that the interval leaves out on either side.
    assert ratio_interval(np.array([2.0, 8.0]), np.array([1.0, 2.0])) == (2.0, 4.0)


def test_the_interval_surrounds_the_ratio_and_narrows_with_the_level():
    numerators, denominators = np.arange(1.0, 41.0), np.full(40, 10.0)
    ratio = numerators.sum() / denominators.sum()
    wide = ratio_interval(numerators, denominators, confidence=0.95)
    narrow = ratio_interval(numerators, denominators, confidence=0.5)
    assert wide[0] < narrow[0] < ratio < narrow[1] < wide[1]


def test_the_interval_has_the_width_that_theory_gives():
    # Denominators of one make the ratio a mean, whose standard error is known.
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    low, high = ratio_interval(values, np.ones(400))
    error = values.std() / math.sqrt(400)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.2 * error)


def test_the_same_seed_gives_the_same_interval():
    numerators, denominators = np.arange(1.0, 11.0), np.arange(2.0, 12.0)
    first = ratio_interval(numerators, denominators, seed=3)
    assert ratio_interval(numerators, denominators, seed=3) == first
    assert ratio_interval(numerators, denominators, seed=4) != first


@pytest.mark.parametrize("clusters", [0, 1])
def test_fewer_than_two_documents_have_no_interval(clusters):
    assert ratio_interval(np.ones(clusters), np.ones(clusters)) is None


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.5, 100)), min_size=2, max_size=12))
def test_the_interval_stays_between_the_smallest_and_largest_ratio_of_a_document(documents):
    numerators, denominators = (np.array(column) for column in zip(*documents, strict=True))
    low, high = ratio_interval(numerators, denominators)
    ratios = numerators / denominators
    slack = 1e-9 * (1 + ratios.max())
    assert ratios.min() - slack <= low <= high <= ratios.max() + slack
