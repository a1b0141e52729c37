"""What a bank can tell apart, by hand and by simulation."""

from __future__ import annotations

import random

import pytest

from basegate.judging.bank_power import bank_power
from basegate.judging.comparison import compare
from basegate.ledger import BankPower
from basegate.report.power_table import cells, heads, not_telling
from tests.helpers.recommendations import better
from tests.judging.test_comparison import documents, pairs


def test_power_follows_from_the_standard_errors_of_the_pairs():
    one = better("a", "b").model_copy(
        update={"difference": 0.3, "standard_error": 0.1, "confidence": 0.975, "items": 40}
    )
    two = one.model_copy(
        update={"difference": -0.4, "standard_error": 0.2, "better": None, "items": 38}
    )
    [found] = bank_power([one, two])
    error = ((0.1**2 + 0.2**2) / 2) ** 0.5
    # At the level of a comparison of two pairs, z is 2.2414.
    assert found.detectable == pytest.approx((2.241403 + 0.841621) * error)
    assert found.signal_to_noise == pytest.approx(0.4 / error)
    assert (found.items, found.largest, found.told_apart, found.pairs) == (38, 0.4, 1, 2)
    assert not found.asked_in_part
    # Of a quarter of the items, the error of all of them is half as large.
    [of_part] = bank_power([one, two.model_copy(update={"out_of": 152})])
    assert of_part.signal_to_noise == pytest.approx(0.4 / ((0.1**2 + 0.1**2) / 2) ** 0.5)
    assert (of_part.items, of_part.asked_in_part) == (40, True)
    # At half of that level, where two chances of each were compared.
    best = [each.model_copy(update={"best_of": 2}) for each in (one, two)]
    assert bank_power(best)[0].detectable == pytest.approx((2.497705 + 0.841621) * error)


def test_differences_of_shares_are_in_points():
    [found] = bank_power(compare([("a", pairs([True] * 20)), ("b", pairs([False] * 20))]))
    assert (found.unit, found.largest, found.told_apart) == ("points", 1.0, 1)


def test_a_bank_of_one_question_detects_no_difference_that_there_can_be():
    [found] = bank_power(compare([("a", pairs([True])), ("b", pairs([False]))]))
    assert (found.detectable, found.largest) == (None, 1.0)


def test_without_an_interval_nothing_can_be_told():
    [found] = bank_power(compare([("a", documents([9.0])), ("b", documents([8.0]))]))
    assert (found.detectable, found.signal_to_noise, found.largest) == (
        None,
        None,
        pytest.approx(0.1),
    )
    assert cells(found)[2:5] == ("cannot be told", "0.10 bits per character", "cannot be told")
    assert bank_power([]) == ()


def test_a_difference_that_can_be_detected_is_detected_four_times_out_of_five():
    """Two candidates that differ by what a bank of 200 is said to detect, 400 times."""
    draw = random.Random(5)

    def of(gap):
        one, two = [], []
        for _ in range(200):
            easy = draw.random()
            one.append(easy < 0.55)
            two.append(easy < 0.55 - gap if draw.random() < 0.7 else draw.random() < 0.55 - gap)
        return compare([("a", pairs(one)), ("b", pairs(two))])

    detectable = sum(bank_power(of(0.1))[0].detectable for _ in range(20)) / 20
    excluded = [each.interval[0] > 0 for _ in range(400) for each in of(detectable)]
    assert 0.72 <= sum(excluded) / 400 <= 0.88


POWER = BankPower(
    check="knowledge",
    part="facts",
    metric="accuracy",
    unit="points",
    items=1277,
    detectable=0.0834,
    largest=0.021,
    signal_to_noise=0.7,
    told_apart=0,
    pairs=3,
)


def test_a_bank_that_tells_nobody_apart_is_named_once():
    assert dict(zip(heads(), cells(POWER), strict=True)) == {
        "bank or corpus": "knowledge facts, accuracy",
        "items": "1,277",
        "detectable difference": "8.3 points",
        "largest difference": "2.1 points",
        "signal to noise": "0.7",
        "told apart": "0 of 3",
    }
    both = POWER.model_copy(update={"metric": "likelihood_accuracy"})
    text = "These cannot tell the candidates apart: knowledge facts."
    assert not_telling([POWER, both]) == text
    assert not_telling([POWER, both.model_copy(update={"told_apart": 1})]) == ""
    assert not_telling([POWER.model_copy(update={"asked_in_part": True})]) == ""
