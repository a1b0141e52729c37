"""Paired comparisons: clusters drawn together, the sign test, Holm's correction."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from basegate.stats.bootstrap import difference_interval
from basegate.stats.paired import holm, paired_ratio_intervals, sign_test


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
