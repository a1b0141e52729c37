"""Operating curves and intervals."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from basegate.stats import (
    accuracy_e_values,
    count_interval,
    difference_interval,
    drawn_together,
    effective_count,
    holm,
    passing_probability,
    ratio_interval,
    share_interval,
    sign_test,
)


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


def test_the_difference_of_ratios_is_paired():
    # Each document costs one more on the one side: the difference is known exactly.
    count = np.array([10.0, 20.0, 30.0])
    bits = np.array([30.0, 100.0, 60.0])
    low, high = difference_interval((bits + count, count), (bits, count))
    assert (low, high) == pytest.approx((1.0, 1.0))
    assert difference_interval((bits[:1], count[:1]), (bits[:1], count[:1])) is None


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


def test_an_e_value_by_hand():
    # One right answer: each bettor on p has p / limit, on average (1 + limit) / 2 / limit.
    assert accuracy_e_values([1.0], 0.5) == pytest.approx([0.75 / 0.5])
    # One wrong answer: (1 - p) / (1 - limit), on average a half.
    assert accuracy_e_values([0.0], 0.5) == pytest.approx([0.5])


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


@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_clusters_drawn_together_give_the_interval_that_scipy_gives(confidence):
    rng = np.random.default_rng(3)
    first = rng.uniform(2, 8, 40), rng.uniform(1, 2, 40)
    second = first[0] * rng.uniform(0.8, 1.3, 40), first[1]
    (ours,) = drawn_together([(first, second)], confidence, 40_000)
    theirs = difference_interval(first, second, confidence=confidence)
    # 2,000 resamples against 40,000: the ends differ by chance.
    assert ours == pytest.approx(theirs, abs=0.02)


def test_one_cluster_tells_nothing_of_another():
    one = np.array([1.0]), np.array([2.0])
    assert drawn_together([(one, one)], 0.95, 100) == [None]


def test_pairs_drawn_together_have_the_intervals_that_each_has_alone():
    rng = np.random.default_rng(4)
    several = [
        tuple((rng.uniform(2, 8, count), rng.uniform(1, 2, count)) for _ in range(2))
        for count in (7, 1, 300, 7)
    ]
    alone = [drawn_together([pair], 0.95, 500)[0] for pair in several]
    assert drawn_together(several, 0.95, 500) == [each and pytest.approx(each) for each in alone]


def test_clusters_are_drawn_in_little_memory():
    rng = np.random.default_rng(5)
    many = rng.uniform(2, 8, 20_000), rng.uniform(1, 2, 20_000)
    tracemalloc.start()
    drawn_together([(many, many[::-1])], 0.95, 400)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # at once, 400 resamples are 64 MB, and the 20,000 that are drawn 3.2 GB


@pytest.mark.parametrize("count", [0.3, 1, 8, 13, 15, 80, 280])
def test_the_interval_of_none_or_all_ends_there(count):
    assert share_interval(0.0, count, 0.95)[0] == 0
    assert share_interval(1.0, count, 0.95)[1] == 1


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=60))
def test_the_sign_test_is_scipys_binomial_test(differences):
    above, below = differences.count(1.0), differences.count(-1.0)
    expected = stats.binomtest(above, above + below).pvalue if above + below else 1.0
    assert sign_test(differences) == pytest.approx(expected, rel=1e-9)
