"""When a k-of-n gate is certain."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given, strategies as st

from basegate.checks.early_stopping import ALL_SAMPLES, StoppingRule, is_enough, sequential_share
from basegate.config.limits import Limit
from basegate.judging.judge import stopping_rule
from basegate.measurement import Findings, Metric
from basegate.stats.intervals import share_interval
from tests.helpers.rules import RULES


def limit(key, value):
    return Limit(key=key, value=value, **asdict(RULES[key]))


@pytest.mark.parametrize(
    ("right", "drawn", "wanted"),
    [
        (0, 0, 4),  # four wrong ones and seven right ones are out of reach
        (4, 4, 3),
        (7, 7, 0),
        (0, 4, 0),
        (3, 6, 1),  # three wrong: one more decides
        (6, 9, 1),
    ],
)
def test_seven_of_ten(right, drawn, wanted):
    assert StoppingRule(7).still_needed(right, drawn, 10) == wanted


@given(st.data())
def test_it_is_certain_exactly_where_the_rest_cannot_change_it(data):
    samples = data.draw(st.integers(1, 12))
    correct = data.draw(st.integers(1, samples))
    drawn = data.draw(st.integers(0, samples))
    right = data.draw(st.integers(0, drawn))
    possible = {right + more >= correct for more in range(samples - drawn + 1)}
    wanted = StoppingRule(correct).still_needed(right, drawn, samples)
    assert (wanted == 0) == (len(possible) == 1)
    assert wanted <= samples - drawn


@given(st.data())
def test_validity_is_certain_exactly_where_the_rest_cannot_change_it(data):
    drawn, undrawn = data.draw(st.integers(0, 12)), data.draw(st.integers(0, 12))
    degenerate = data.draw(st.integers(0, drawn))
    limit = data.draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    possible = {degenerate + more > limit * (drawn + undrawn) for more in range(undrawn + 1)}
    assert StoppingRule(1, limit).validity_is_certain(degenerate, drawn, undrawn) == (
        len(possible) == 1
    )


def test_a_limit_of_validity_that_is_just_met_is_no_reason_to_stop():
    # 0.29 * 100 is 28.999999999999996; 29 of 100 are not more than a share of 0.29.
    rule = StoppingRule(1, 0.29)
    assert not rule.validity_is_certain(degenerate=29, drawn=71, undrawn=29)
    assert rule.validity_is_certain(degenerate=29, drawn=100, undrawn=0)


def test_only_gates_on_single_questions_can_stop_early():
    assert stopping_rule([limit("correct", 7), limit("max_degenerate_share", 0.5)]) == StoppingRule(
        7, 0.5
    )
    assert stopping_rule([limit("correct", 7)]) == StoppingRule(7, 1.0)
    assert stopping_rule([limit("correct", 7), limit("min_accuracy", 0.5)]) == ALL_SAMPLES


def test_all_means_all():
    assert ALL_SAMPLES.still_needed(3, 4, 10) == 6
    assert ALL_SAMPLES.still_needed(3, 10, 10) == 0


def findings(right, drawn):
    metric = Metric(name="correct", value=right, unit="", item="q", count=10, drawn=drawn)
    return Findings(metrics=(metric, Metric(name="accuracy", value=0.5, unit="share")))


@pytest.mark.parametrize(
    ("right", "drawn", "rule", "enough"),
    [
        (7, 7, StoppingRule(7), True),
        (7, 7, StoppingRule(8), False),
        (7, 7, StoppingRule(2), True),
        (7, 7, ALL_SAMPLES, False),
        (7, 10, ALL_SAMPLES, True),
    ],
)
def test_what_is_stored_is_enough_or_not(right, drawn, rule, enough):
    assert is_enough(findings(float(right), drawn), rule) is enough


def test_degenerate_samples_are_counted_without_reading_them():
    correct = Metric(name="correct", value=7.0, unit="", item="q", count=10, drawn=7)
    for broken, enough in ((0, True), (2, False), (6, True)):
        share = Metric(name="degenerate_share", value=broken / 7, unit="", count=7)
        found = Findings(metrics=(correct, share), facts={"not_drawn": 3})
        assert is_enough(found, StoppingRule(7, 0.4)) is enough


def test_the_standard_error_of_a_part_is_not_zero_where_all_are_right():
    for right in (16, 9):
        shares = [1.0] * right + [0.0] * (16 - right)
        found = sequential_share("accuracy", shares, 0.95)
        low, high = share_interval(right / 16, 16, 0.95)
        assert found.standard_error == pytest.approx((high - low) / 2 / 1.959964)
        assert found.interval[0] < low
