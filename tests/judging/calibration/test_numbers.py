"""Suggested limits on numbers with intervals."""

from functools import partial

import pytest
from hypothesis import given, strategies as st

from basegate.judging.calibration import guess_levels
from basegate.judging.calibration.numbers import between
from tests.helpers.calibrating import number, share_of, suggested
from tests.helpers.stored import answers, pairs, perplexity


@pytest.fixture
def ask(tmp_path):
    return partial(suggested, tmp_path)


def test_a_limit_lies_halfway_between_the_ends_of_intervals(ask):
    good = {"yi": number(4.10, 4.02, 4.18), "better": number(3.0, 2.9, 3.1)}
    bad = {"llama": number(6.2, 6.1, 6.3), "worse": number(9.0, 8.0, 9.9)}
    found = ask("perplexity", good, bad)
    assert found.value == 5.0
    assert found.reason == "good yi 4.10 (to 4.18), bad llama 6.20 (from 6.10)"
    assert found.label == "perplexity wiki max_bits_per_char"


def test_a_lower_limit_lies_between_a_good_lower_end_and_a_bad_upper_end(ask):
    found = ask("minimal_pairs", {"yi": pairs(0.9)}, {"llama": pairs(0.6)})
    # Wilson's intervals of 180 draws: 0.847 to 0.936, and 0.527 to 0.669.
    assert found.value == 0.76
    assert found.reason == "good yi 90 % (from 84.7 %), bad llama 60 % (to 66.9 %)"


def test_a_value_without_an_interval_stands_for_itself(ask):
    found = ask("perplexity", {"yi": number(4.0)}, {"llama": number(6.0)})
    assert (found.value, found.reason) == (5.0, "good yi 4, bad llama 6")


def test_large_limits_have_as_few_digits_as_small_ones(ask):
    found = ask("perplexity", {"yi": number(103456.0)}, {"llama": number(187654.0)})
    assert (found.value, found.reason) == (150000.0, "good yi 103,456, bad llama 187,654")


def test_intervals_are_those_of_the_limits_confidence(ask):
    reasons = [
        ask("minimal_pairs", {"yi": pairs(0.9)}, confidence=level).reason for level in (0.5, 0.9999)
    ]
    ends = [float(reason.partition("from ")[2].partition(" %")[0]) for reason in reasons]
    assert ends[0] == pytest.approx(88.4, abs=0.2)
    assert ends[1] < 80


def test_intervals_that_overlap_keep_the_present_limit_though_the_values_are_apart(ask):
    good, bad = {"yi": number(4.1, 3.5, 4.7)}, {"llama": number(5.0, 4.6, 5.4)}
    found = ask("perplexity", good, bad)
    assert found.value is None
    assert found.reason == "good yi 4.10 (to 4.70), bad llama 5 (from 4.60): they overlap"


def test_a_bad_one_that_is_better_than_a_good_one_is_said_to_be(ask):
    found = ask("perplexity", {"yi": number(6.2, 6.1, 6.3)}, {"llama": number(4.1, 4.0, 4.2)})
    assert found.value is None
    assert found.reason == (
        "bad llama 4.10 (to 4.20) is better than good yi 6.20 (from 6.10): the labels look swapped"
    )
    found = ask("minimal_pairs", {"yi": pairs(0.6)}, {"llama": pairs(0.9)})
    better = "bad llama 90 % (from 84.7 %) is better than good yi 60 % (to 66.9 %): the labels"
    assert better in found.reason


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("perplexity", number(5.0, 4.0, 6.0), number(4.99, 3.9, 6.1)),
        ("perplexity", number(5.0, 4.8, 5.2), number(4.7, 4.5, 4.9)),
        ("minimal_pairs", pairs(0.88), pairs(0.9)),
    ],
)
def test_a_better_value_within_the_others_interval_is_no_better_candidate(ask, check, good, bad):
    found = ask(check, {"yi": good}, {"llama": bad})
    assert found.value is None
    assert found.reason.endswith(": they overlap")


def test_of_several_the_pair_that_is_surely_swapped_is_named(ask):
    good = {"yi": number(4.9, 3.0, 6.8), "poor": number(4.8, 4.7, 4.9)}
    bad = {"llama": number(4.0, 3.5, 4.5), "wide": number(3.9, 2.9, 4.9)}
    found = ask("perplexity", good, bad)
    assert "bad llama 4 (to 4.50) is better than good poor 4.80 (from 4.70)" in found.reason


OF_NOTHING = (0.0, 0.0, 1.0, 0)
"""Value, interval and count of a share of nothing."""


def test_a_share_of_nothing_is_not_measured(ask):
    some = share_of(0.005, 0.002, 0.01, 900)
    found = ask("perplexity", {"yi": some}, {"english": share_of(*OF_NOTHING)})
    assert found.value is not None
    assert found.reason.endswith("; no bad candidate measured")
    found = ask("perplexity", {"yi": share_of(*OF_NOTHING)}, {"llama": some})
    assert (found.value, found.reason) == (None, "not measured on any good candidate")
    bad = {"english": share_of(*OF_NOTHING), "llama": share_of(0.6, 0.5, 0.7, 900)}
    found = ask("perplexity", {"yi": some}, bad)
    assert found.reason == "good yi 0.5 % (to 1 %), bad llama 60 % (from 50 %)"


def test_without_any_good_measurement_the_present_limit_is_kept(ask):
    found = ask("perplexity", {"yi": None}, {"llama": number(6.0)})
    assert (found.value, found.reason) == (None, "not measured on any good candidate")


def test_a_broken_run_says_nothing(ask):
    good = {"yi": answers(right=10, drawn=10)}
    bad = {"llama": answers(right=3, drawn=10), "broken": answers(right=9, drawn=10, broken=9)}
    assert ask("knowledge", good, bad).value is not None


# Without bad candidates


@pytest.mark.parametrize(("margin", "limit"), [(0.1, 4.6), (0.5, 6.0)])
def test_without_bad_ones_a_limit_lies_at_a_margin_from_the_worst_good_one(ask, margin, limit):
    good = {"yi": number(4.10, 4.02, 4.18), "better": number(3.0, 2.9, 3.1)}
    found = ask("perplexity", good, margin=margin)
    assert found.value == limit
    assert found.reason == "good yi 4.10 (to 4.18); no bad candidate measured"


def test_a_negative_good_number_gets_its_margin_on_the_right_side(ask):
    found = ask("perplexity", {"yi": number(-1.0, -1.2, -0.8)})
    assert -0.8 < found.value < -0.6


def test_a_lower_limit_gets_its_margin_below(ask):
    found = ask("minimal_pairs", {"yi": pairs(0.9)})
    assert found.value == pytest.approx(0.847 * 0.9, abs=0.02)


def test_a_share_that_leaves_no_room_for_a_limit_is_kept(ask):
    found = ask("minimal_pairs", {"yi": pairs(0.0)})
    assert found.value is None
    assert "leaves no share that a limit could exclude" in found.reason


# Guessing


@pytest.mark.parametrize(("good", "reached"), [(0.52, True), (0.9, False)])
def test_a_share_that_guessing_reaches_is_told(ask, good, reached):
    found = ask("minimal_pairs", {"yi": pairs(good)}, guessing=(0.5,) * 180)
    assert (found.value <= 0.5) == reached
    assert found.reason.endswith("; guessing reaches 50 %") == reached
    assert "guessing" not in ask("minimal_pairs", {"yi": pairs(good)}).reason


def test_guesses_are_as_good_as_there_are_few_options():
    assert guess_levels(answers()) == (0.5,)
    assert guess_levels(pairs()) == (0.5,)
    assert guess_levels(perplexity()) == ()


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_a_rounded_limit_stays_in_the_middle_of_the_gap(low, gap):
    high = low + gap
    value = between(low, high)
    assert low + 0.39 * gap <= value <= low + 0.61 * gap
    assert between(high, low) == value
