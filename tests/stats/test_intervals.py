"""Intervals of shares and counts; what clustered samples are worth; operating curves."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from basegate.stats.intervals import (
    count_interval,
    effective_count,
    passing_probability,
    share_interval,
)


def test_wilsons_interval_by_hand():
    # n = 10, p = 0.7, z = 1.96: centre 0.6445, half width 0.2478 (Wilson 1927, Newcombe 1998).
    assert share_interval(0.7, 10, 0.95) == pytest.approx((0.3968, 0.8922), abs=1e-4)


@given(st.integers(0, 50), st.integers(1, 50), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilsons_interval_is_scipys(right, more, confidence):
    count = right + more
    expected = stats.binomtest(right, count).proportion_ci(confidence, method="wilson")
    found = share_interval(right / count, count, confidence)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def lowered(count, questions):
    return count * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, questions - 1)) ** 2


def test_clustered_samples_are_worth_the_variance_of_their_mean():
    # Shares 1, 0, 1, 0: variance of the mean 1/3 / 4, 0.25 / (1/12) = 3 draws.
    assert effective_count([1.0, 0.0, 1.0, 0.0], 4) == pytest.approx(lowered(3.0, 4))
    # Shares near each other are worth more, but never more than all samples.
    assert effective_count([0.5, 0.5, 0.5, 0.75], 4) == pytest.approx(lowered(16.0, 4))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_where_all_questions_are_alike_each_counts_once(share):
    assert effective_count([share] * 6, 4) == 6.0


@pytest.mark.parametrize("questions", [3, 8, 60])
def test_the_interval_covers_the_truth_as_often_as_it_says(questions):
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        # Questions differ in difficulty; the truth is the mean of the population, 0.6.
        shares = rng.binomial(4, rng.beta(1.2, 0.8, questions)) / 4
        low, high = share_interval(shares.mean(), effective_count(shares, 4), 0.95)
        hits += low <= 0.6 <= high
    assert hits / 400 >= 0.92


@pytest.mark.parametrize(
    ("right", "count", "expected"),
    [
        # Closed forms: 1 - (alpha / 2)^(1/n) and (alpha / 2)^(1/n).
        (0, 10, (0.0, 1 - 0.025**0.1)),
        (10, 10, (0.025**0.1, 1.0)),
        # The beta quantiles of the textbook: 7 of 10.
        (7, 10, (stats.beta.ppf(0.025, 7, 4), stats.beta.ppf(0.975, 8, 3))),
    ],
)
def test_clopper_pearson_in_closed_form(right, count, expected):
    assert count_interval(right, count) == pytest.approx(expected)


@pytest.mark.parametrize("count", [0.3, 1, 8, 13, 15, 80, 280])
def test_the_interval_of_none_or_all_ends_there(count):
    assert share_interval(0.0, count, 0.95)[0] == 0
    assert share_interval(1.0, count, 0.95)[1] == 1


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
