"""Paired comparisons: clusters drawn together, the sign test, Holm's correction."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from basegate.stats.bootstrap import difference_interval
from basegate.stats.intervals import estimated
from basegate.stats.paired import (
    holm,
    paired_ratio_intervals,
    paired_share_interval,
    sign_test,
)


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.04: times 4, 3, 2, 1, never smaller than one before.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(values):
    adjusted = holm(values)
    assert all(a >= p for a, p in zip(adjusted, values, strict=True))
    ranked = sorted(zip(values, adjusted, strict=True))
    assert [a for _, a in ranked] == sorted(a for _, a in ranked)


@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_clusters_drawn_together_give_the_interval_that_scipy_gives(confidence):
    rng = np.random.default_rng(3)
    first = rng.uniform(2, 8, 40), rng.uniform(1, 2, 40)
    second = first[0] * rng.uniform(0.8, 1.3, 40), first[1]
    (ours,) = paired_ratio_intervals([(first, second)], confidence, 40_000)
    theirs = difference_interval(first, second, confidence=confidence)
    # 2,000 resamples against 40,000: the ends differ by chance.
    assert ours == pytest.approx(theirs, abs=0.02)


def test_one_cluster_tells_nothing_of_another():
    one = np.array([1.0]), np.array([2.0])
    assert paired_ratio_intervals([(one, one)], 0.95, 100) == [None]


def test_pairs_drawn_together_have_the_intervals_that_each_has_alone():
    rng = np.random.default_rng(4)
    several = [
        tuple((rng.uniform(2, 8, count), rng.uniform(1, 2, count)) for _ in range(2))
        for count in (7, 1, 300, 7)
    ]
    alone = [paired_ratio_intervals([pair], 0.95, 500)[0] for pair in several]
    assert paired_ratio_intervals(several, 0.95, 500) == [
        each and pytest.approx(each) for each in alone
    ]


def test_clusters_are_drawn_in_little_memory():
    rng = np.random.default_rng(5)
    many = rng.uniform(2, 8, 20_000), rng.uniform(1, 2, 20_000)
    tracemalloc.start()
    paired_ratio_intervals([(many, many[::-1])], 0.95, 400)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # at once, 400 resamples are 64 MB, and the 20,000 that are drawn 3.2 GB


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=60))
def test_the_sign_test_is_scipys_binomial_test(differences):
    above, below = differences.count(1.0), differences.count(-1.0)
    expected = stats.binomtest(above, above + below).pvalue if above + below else 1.0
    assert sign_test(differences) == pytest.approx(expected, rel=1e-9)


def differing(n, b, c):
    return [1.0] * b + [-1.0] * c + [0.0] * (n - b - c)


@pytest.mark.parametrize(("n", "b", "c"), [(44, 1, 0), (85, 9, 12), (30, 12, 1), (12, 6, 6)])
def test_the_ends_are_where_the_score_test_rejects(n, b, c):
    """The likeliest share of c at a difference is looked for, not computed."""

    def score(difference):
        shares = np.linspace(max(0.0, -difference), (1 - difference) / 2, 200_001)[1:-1]
        seen = b * np.log(shares + difference) if b else 0.0
        seen = seen + (c * np.log(shares) if c else 0.0)
        likelihood = seen + (n - b - c) * np.log(1 - 2 * shares - difference)
        likeliest = shares[np.argmax(likelihood)]
        variance = n * (2 * likeliest + difference * (1 - difference))
        return (b - c - n * difference) / math.sqrt(variance)

    low, high = paired_share_interval(differing(n, b, c), 0.95)
    assert score(low) == pytest.approx(1.96, abs=2e-3)
    assert score(high) == pytest.approx(-1.96, abs=2e-3)


@pytest.mark.parametrize("n", [12, 20, 50, 100])
@pytest.mark.parametrize("drop", [0.0, 0.01, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("other", [0.0, 0.01, 0.05, 0.1, 0.2, 0.3])
def test_the_interval_holds_the_difference_as_often_as_it_says(n, drop, other, score_intervals):
    """Over all tables that there can be, not a sample of them: at 95 %, 93 or more.

    And the truth lies above it, which passes a candidate that drops by as much, 3.1 % at most.
    """
    first, second = other + drop, other
    held = passed = 0.0
    for (b, c), (low, high) in score_intervals(n).items():
        chance = stats.multinomial.pmf((b, c, n - b - c), n, (first, second, 1 - first - second))
        held += chance * (low <= drop <= high)
        passed += chance * (high < drop)
    assert held >= 0.93
    assert passed <= 0.031


@pytest.fixture(scope="module")
def score_intervals():
    known = {}

    def of(n):
        if n not in known:
            places = [(b, c) for b in range(n + 1) for c in range(n + 1 - b)]
            known[n] = {at: paired_share_interval(differing(n, *at), 0.95) for at in places}
        return known[n]

    return of


@given(st.integers(1, 400), st.sampled_from([0.9, 0.95, 0.99]))
def test_where_no_item_differs_the_bound_is_that_of_an_event_never_seen(n, confidence):
    low, high = paired_share_interval([0.0] * n, confidence)
    assert (1 - high) ** n == pytest.approx((1 - confidence) / 2)
    assert low == -high < 0


@given(st.lists(st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=60))
def test_the_interval_holds_the_mean_and_turns_with_the_sign(differences):
    low, high = paired_share_interval(differences, 0.95)
    assert -1 <= low <= sum(differences) / len(differences) <= high <= 1
    assert low < high
    turned = paired_share_interval([-each for each in differences], 0.95)
    assert turned == pytest.approx((-high, -low), abs=1e-9)


def test_items_of_several_samples_count_as_the_draws_that_their_variance_is_worth():
    differences = [0.25] * 30 + [-0.25] * 20 + [0.0] * 50
    # Sums of 7.5 and 5; the variance is near a quarter of what right and wrong would have.
    mean = 0.025
    variance = 50 * 0.0625 / 100 - mean**2
    draws = (0.125 - mean**2) / variance * estimated(0.95, 99)
    assert 3.8 < draws < 4
    found = paired_share_interval(differences, 0.95)
    half = 1.96 * math.sqrt(variance / 100)
    assert found == pytest.approx((mean - half, mean + half), abs=0.002)
