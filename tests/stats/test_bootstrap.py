"""Bootstrap over clusters: ratios and paired differences of ratios."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from basegate.stats.bootstrap import difference_interval, ratio_interval


def test_two_documents_tell_next_to_nothing():
    # Resampled, a quarter of the draws is (first, first) = 2 / 1 and a quarter (second, second)
    # = 8 / 2, far more than the 2.5 % that the percentiles leave out on either side. Student's t
    # of one degree of freedom is 12.706, the normal's 1.96.
    factor = 12.7062 / 1.95996 * math.sqrt(2)
    low, high = ratio_interval(np.array([2.0, 8.0]), np.array([1.0, 2.0]))
    assert low == 0.0, "10 / 3 - (10 / 3 - 2) * 9.17 is below zero, which no ratio of sums is"
    assert high == pytest.approx(10 / 3 + (4 - 10 / 3) * factor, rel=1e-4)


@pytest.mark.parametrize(("documents", "holds"), [(2, 0.85), (5, 0.91), (20, 0.91)])
def test_the_interval_of_few_documents_holds_the_truth(documents, holds):
    """Percentiles alone would hold it in 48, 81 and 90 % of cases."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        lengths = np.exp(rng.normal(5, 1, documents))
        bits = lengths * (4 + 0.5 * rng.standard_normal(documents))
        low, high = ratio_interval(bits, lengths)
        hits += low <= 4 <= high
    assert hits / 400 >= holds


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


def test_documents_that_are_all_alike_have_no_interval():
    assert ratio_interval(np.full(8, 3.0), np.full(8, 6.0)) is None


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.5, 100)), min_size=2, max_size=12))
def test_the_interval_holds_the_ratio_and_no_negative_one(documents):
    numerators, denominators = (np.array(column) for column in zip(*documents, strict=True))
    ratios = numerators / denominators
    assume(np.ptp(ratios) > 0)
    low, high = ratio_interval(numerators, denominators)
    assert 0 <= low <= numerators.sum() / denominators.sum() <= high


def test_the_difference_of_ratios_is_paired():
    # Each document costs one more on the one side: the difference is known exactly.
    count = np.array([10.0, 20.0, 30.0])
    bits = np.array([30.0, 100.0, 60.0])
    low, high = difference_interval((bits + count, count), (bits, count))
    assert (low, high) == pytest.approx((1.0, 1.0))
    assert difference_interval((bits[:1], count[:1]), (bits[:1], count[:1])) is None
