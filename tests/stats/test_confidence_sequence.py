"""Confidence sequences, and the errors of verdicts that stop by them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from basegate.checks.early_stopping import LOOK_EVERY
from basegate.stats.confidence_sequence import (
    effective_number,
    linearised_ratio,
    log_e_value,
    mean_sequence,
    share_sequence,
    sign_test_at_any_time,
)
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


def exponential(rng, shape):
    return rng.exponential(1.0, shape) - 1.0


def heavy(rng, shape):
    return np.exp(rng.standard_normal(shape)) - math.exp(0.5)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("values", [exponential, heavy, np.random.Generator.standard_normal])
def test_the_sequence_of_a_ratio_holds_it_at_every_look(values, sign, spread):
    """Bits per character of 88 documents of unequal length, looked at after every 8."""
    rng = np.random.default_rng(6)
    runs = 1_000
    missed = 0
    for _ in range(runs):
        lengths = np.exp(spread * rng.standard_normal(88))
        bits = (6.0 + sign * values(rng, 88)) * lengths
        looks = (sequence_of(bits[:n], lengths[:n]) for n in range(8, 89, 8))
        missed += any(not low <= 6.0 <= high for low, high in looks)
    # 5 % and what so many runs leave to chance.
    assert missed / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)


def sequence_of(bits, lengths):
    own = lengths.tolist()
    return mean_sequence(
        linearised_ratio(bits.tolist(), own), 0.95, effective=effective_number(own)
    )


def test_the_sequence_of_a_mean_by_hand():
    # n = 4, s² = 5/3, no skewness, r² = (-2 log .05 + log(-2 log .05 + 1)) / 30 = 0.26450.
    low, high = mean_sequence([1.0, 2.0, 3.0, 4.0], 0.95)
    r2 = (5.991465 + math.log(6.991465)) / 30
    h = math.sqrt(2 * (4 * r2 + 1) / (16 * r2) * math.log(math.sqrt(4 * r2 + 1) / 0.05)) * 48 / 4
    half = math.sqrt(5 / 3) * h
    assert (low, high) == (pytest.approx(2.5 - half, rel=1e-6), pytest.approx(2.5 + half, rel=1e-6))
    # As few as two of equal weight: twice as wide.
    low, high = mean_sequence([1.0, 2.0, 3.0, 4.0], 0.95, effective=2.0)
    assert high - 2.5 == pytest.approx(2 * half, rel=1e-6)
    # Mean 2, s² = 4, skewness 2 / sqrt(3): wider above.
    low, high = mean_sequence([1.0, 1.0, 1.0, 5.0], 0.95)
    assert 2.0 - low == pytest.approx(2 * h, rel=1e-6)
    assert high - 2.0 == pytest.approx(
        2 * (h + 2 / math.sqrt(3) * (2 * h * h + 1 / 4) / 6), rel=1e-6
    )
    assert mean_sequence([3.0, 3.0], 0.95) == (3.0, 3.0)


def test_the_effective_number_by_hand():
    assert effective_number([2.0, 2.0, 2.0]) == pytest.approx(3.0)
    assert effective_number([3.0, 1.0]) == pytest.approx(16 / 10)


def test_the_sign_test_holds_whenever_one_stops():
    assert sign_test_at_any_time([0.0, 0.0]) == 1.0
    assert sign_test_at_any_time([1.0]) == 1.0
    once = sign_test_at_any_time([0.5] * 20 + [-0.1] * 2 + [0.0] * 9)
    assert once == pytest.approx(2 * math.exp(-log_e_value([1.0] * 20 + [0.0] * 2, 0.5)))
    assert once == sign_test_at_any_time([-0.5] * 20 + [0.1] * 2)
    assert once < 0.01
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(400):
        signs = rng.choice([-1.0, 1.0], 120).tolist()
        wrong += any(sign_test_at_any_time(signs[:n]) < 0.05 for n in range(6, 121, 6))
    assert wrong / 400 <= 0.05
