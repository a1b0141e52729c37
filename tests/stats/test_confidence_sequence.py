"""Confidence sequences, and the errors of verdicts that stop by them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from basegate.checks.early_stopping import LOOK_EVERY
from basegate.stats.confidence_sequence import log_e_value, mean_sequence, share_sequence
from basegate.stats.intervals import share_interval

LIMIT = 0.55
BANK = 277


def test_an_e_value_by_hand():
    # One right answer: each bettor on p has p / limit, on average (1 + limit) / 2 / limit.
    assert log_e_value([1.0], 0.5) == pytest.approx(math.log(0.75 / 0.5))
    # One wrong answer: (1 - p) / (1 - limit), on average a half.
    assert log_e_value([0.0], 0.5) == pytest.approx(math.log(0.5))


def test_an_e_value_is_the_integral_over_all_bets():
    # Of 7 right and 3 wrong: integral of p^7 (1-p)^3 from the limit to 1, over its value there.
    fine = np.linspace(0.4, 1, 200_001)
    integral = np.trapezoid(fine**7 * (1 - fine) ** 3, fine) / 0.6
    expected = integral / (0.4**7 * 0.6**3)
    assert log_e_value([1.0] * 7 + [0.0] * 3, 0.4) == pytest.approx(math.log(expected), abs=1e-3)


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=60))
def test_a_share_lies_in_its_sequence_whose_ends_are_where_the_e_value_is_enough(shares):
    low, high = share_sequence(shares, 0.95)
    mean = sum(shares) / len(shares)
    assert 0 <= low <= mean <= high <= 1
    enough = math.log(40)
    for limit in (0.05, 0.3, 0.6, 0.95):
        if limit < low - 1e-4:
            assert log_e_value(shares, limit) >= enough
        if low + 1e-4 < limit < mean:
            assert log_e_value(shares, limit) < enough
    mirrored = share_sequence([1 - each for each in shares], 0.95)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_a_higher_level_and_fewer_values_make_it_wider():
    shares = [1.0, 0.0, 1.0, 1.0] * 10
    low, high = share_sequence(shares, 0.95)
    assert share_sequence(shares, 0.99)[0] < low < high < share_sequence(shares, 0.99)[1]
    few = share_sequence(shares[:20], 0.95)
    assert few[0] < low < high < few[1]
    # The price of looking often.
    wilson = share_interval(0.75, 40, 0.95)
    assert low < wilson[0] < wilson[1] < high


def stopped(accuracy, runs, seed=5):
    """For every run the look at which it stopped, 0 for none, and whether it passed.

    A run that does not stop is judged by Wilson's interval over the whole bank, as the gate does.
    """
    looks = range(LOOK_EVERY, BANK, LOOK_EVERY)
    enough = math.log(40)
    passes, fails = {}, {}
    for look in looks:
        for right in range(look + 1):
            shares = [1.0] * right + [0.0] * (look - right)
            passes[look, right] = log_e_value(shares, LIMIT) >= enough
            fails[look, right] = log_e_value([1 - x for x in shares], 1 - LIMIT) >= enough
    answers = np.random.default_rng(seed).random((runs, BANK)) < accuracy
    found = []
    for right in answers.cumsum(axis=1):
        for look in looks:
            key = look, int(right[look - 1])
            if passes[key] or fails[key]:
                found.append((look, "pass" if passes[key] else "fail"))
                break
        else:
            low, high = share_interval(right[-1] / BANK, BANK, 0.95)
            word = "pass" if low >= LIMIT else "fail" if high <= LIMIT else "inconclusive"
            found.append((BANK, word))
    return found


@pytest.mark.slow
def test_a_verdict_is_wrong_at_most_as_often_as_it_says():
    # At the limit itself both a pass and a fail are wrong, and nowhere are they more frequent.
    words = [word for _, word in stopped(LIMIT, 10_000)]
    assert words.count("pass") / len(words) <= 0.05
    assert words.count("fail") / len(words) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("accuracy", "right", "items"),
    [(0.25, "fail", 37), (0.4, "fail", 122), (0.7, "pass", 115), (0.9, "pass", 24)],
)
def test_what_it_saves_is_as_the_docs_say(accuracy, right, items):
    found = stopped(accuracy, 10_000)
    wrong = {"fail": "pass", "pass": "fail"}[right]
    words = [word for _, word in found]
    assert words.count(wrong) / len(words) <= 0.001
    assert np.mean([look for look, _ in found]) == pytest.approx(items, abs=2)


@pytest.mark.slow
def test_the_sequence_of_a_mean_holds_it_at_every_look():
    rng = np.random.default_rng(6)
    missed = 0
    for _ in range(2_000):
        values = rng.gamma(4.0, 1.5, 120)
        intervals = [mean_sequence(values[:n].tolist(), 0.95) for n in range(16, 121, 8)]
        missed += any(not low <= 6.0 <= high for low, high in intervals)
    assert missed / 2_000 <= 0.05


def test_the_sequence_of_a_mean_by_hand():
    # n = 4, s² = 5/3, r² = (-2 log .05 + log(-2 log .05 + 1)) / 30 = 0.26450.
    low, high = mean_sequence([1.0, 2.0, 3.0, 4.0], 0.95)
    r2 = (5.991465 + math.log(6.991465)) / 30
    half = math.sqrt(5 / 3) * math.sqrt(
        2 * (4 * r2 + 1) / (16 * r2) * math.log(math.sqrt(4 * r2 + 1) / 0.05)
    )
    assert (low, high) == (pytest.approx(2.5 - half, rel=1e-6), pytest.approx(2.5 + half, rel=1e-6))
