"""Suggested k of n."""

import math
from functools import partial

import pytest

from basegate.stats.intervals import passing_probability, passing_probability_of_counts
from tests.helpers.calibrating import counts, suggested


@pytest.fixture
def ask(tmp_path):
    return partial(suggested, tmp_path, "knowledge")


def test_a_count_is_the_one_that_tells_good_and_bad_apart_most_reliably(ask):
    good = {"yi": counts((9, 10), (10, 10))}
    bad = {"llama": counts((3, 10), (10, 10))}
    found = ask(good, bad)
    assert 3 < found.value <= 9
    chances = {
        k: min(
            passing_probability_of_counts((9, 10), (10, 10), k, 10),
            1 - passing_probability_of_counts((3, 10), (10, 10), k, 10),
        )
        for k in range(4, 10)
    }
    assert found.value == max(chances, key=chances.__getitem__)
    assert found.reason.startswith("asked anew, good yi (weakest question 9 of 10) passes ")
    assert " of the time, bad llama (weakest question 3 of 10) " in found.reason


def test_of_several_candidates_the_worst_good_and_the_best_bad_one_count(ask):
    good = {"yi": counts((9, 10)), "weak": counts((7, 10))}
    bad = {"llama": counts((0, 10)), "strong": counts((2, 10))}
    found = ask(good, bad)
    assert found.value == ask({"weak": good["weak"]}, {"strong": bad["strong"]}).value
    assert "good weak (7 of 10)" in found.reason
    assert "bad strong (2 of 10)" in found.reason


def test_samples_that_were_not_generated_could_all_be_right(ask):
    """Of 4 wrong ones of 4, 6 of 10 could still be right: only 7 surely rejects."""
    good, bad = {"yi": counts((7, 7))}, {"llama": counts((0, 4))}
    assert ask(good, bad).value == 7
    found = ask({"yi": counts((6, 7))}, bad)
    assert found.value is None
    assert found.reason == (
        "good yi (6 of 7) and bad llama (0 of 4) cannot be distinguished; samples of yi and llama "
        'are missing: pytest with early = "none" in knowledge facts adds them'
    )


def test_counts_that_are_complete_and_overlap_do_not_ask_for_more_samples(ask):
    found = ask({"yi": counts((6, 10))}, {"llama": counts((6, 10))})
    assert found.value is None
    assert found.reason == "good yi (6 of 10) and bad llama (6 of 10) cannot be distinguished"


@pytest.mark.parametrize(
    ("questions", "guessing", "correct"),
    [
        # From 3 on one question tells them apart over 99 % of the time, several from 1 on.
        (1, (), 5),
        (8, (), 4),
        # Whoever guesses among four has 5 of 10 right 8 % of the time, and 6 only 2 %.
        (1, (0.25,), 6),
        # Between two none of them is rarely met.
        (1, (0.5,), 5),
        (8, (0.5,) * 8, 6),
    ],
)
def test_of_equally_reliable_counts_it_is_the_middle_one_above_guessing(
    ask, questions, guessing, correct
):
    good = {"yi": counts(*((7, 7),) * questions)}
    bad = {"llama": counts(*((0, 10),) * questions)}
    found = ask(good, bad, guessing=guessing)
    assert found.value == correct
    assert "passes over 99 % of the time" in found.reason


def test_the_chance_of_guessing_is_told(ask):
    """Whoever guesses among four has three of ten right 47 % of the time."""
    found = ask({"yi": counts((4, 10))}, {"llama": counts((2, 10))}, guessing=(0.25,))
    assert found.value == 3
    assert found.reason.endswith(" %, guessing 47 %")
    found = ask({"yi": counts((9, 10))}, {"llama": counts((6, 10))}, guessing=(0.25,))
    assert found.reason.endswith(", guessing under 1 %")


def test_guessing_has_to_be_lucky_with_every_question(ask):
    good, bad = {"yi": counts((5, 10), (5, 10))}, {"llama": counts((2, 10), (5, 10))}
    found = ask(good, bad, guessing=(0.25, 0.5))
    luck = passing_probability(0.25, int(found.value), 10)
    luck *= passing_probability(0.5, int(found.value), 10)
    assert found.reason.endswith(f", guessing {luck * 100:.0f} %")


def test_nothing_is_said_of_guessing_where_its_chance_is_unknown(ask):
    found = ask({"yi": counts((4, 10))}, {"llama": counts((2, 10))})
    assert found.value == 3
    assert "guessing" not in found.reason


@pytest.mark.parametrize("good", [(2, 10), (0, 4), (0, 10)])
def test_a_bad_one_with_clearly_more_right_than_a_good_one_looks_swapped(ask, good):
    found = ask({"yi": counts(good)}, {"llama": counts((7, 7))})
    assert found.value is None
    assert found.reason == (
        f"bad llama (7 of 7) is better than good yi ({good[0]} of {good[1]}): the labels look "
        "swapped"
    )


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        # The weakest question of the good one is by luck below those of the bad one.
        (((6, 10), (10, 10), (10, 10)), ((7, 10),) * 3),
        (((6, 10),), ((7, 10),)),
        # A count would tell them apart, but over all the good one has more right.
        (((20, 100), *((100, 100),) * 11), ((70, 100),) * 12),
        (((0, 10),), ((0, 10),)),
    ],
)
def test_a_bad_one_that_is_not_clearly_better_is_not_said_to_be(ask, good, bad):
    samples = good[0][1]
    sides = ({"yi": counts(*good, samples=samples)}, {"llama": counts(*bad, samples=samples)})
    found = ask(*sides)
    assert found.value is None
    assert found.reason.endswith("cannot be distinguished")


@pytest.mark.parametrize(
    ("good", "bad", "names"),
    [
        ({"yi": (6, 7)}, {"llama": (0, 4)}, "yi and llama"),
        ({"yi": (6, 10)}, {"llama": (0, 4)}, "llama"),
        ({"yi": (6, 7)}, {"llama": (6, 10)}, "yi"),
        # What is missing of others, or could not tell them apart, is not worth generating.
        ({"yi": (6, 10), "more": (7, 7)}, {"llama": (6, 10), "less": (0, 9)}, ""),
        ({"yi": (6, 10)}, {"llama": (6, 7)}, ""),
        ({"yi": (0, 10), "more": (7, 7)}, {"less": (0, 4)}, ""),
        ({"yi": (0, 4)}, {}, "yi"),
        ({"yi": (0, 10), "more": (3, 4)}, {}, ""),
        ({"yi": (1, 10), "more": (7, 7)}, {}, ""),
        ({"yi": (1, 6)}, {}, "yi"),
    ],
)
def test_samples_are_asked_for_where_they_are_missing_and_could_tell(ask, good, bad, names):
    sides = ({name: counts(of) for name, of in side.items()} for side in (good, bad))
    found = ask(*sides)
    assert found.value is None
    assert (f"; samples of {names} are missing: " in found.reason) == bool(names)
    assert ("samples" in found.reason) == bool(names)


def test_without_bad_ones_a_count_is_the_highest_that_good_ones_pass_often(ask):
    found = ask({"yi": counts((9, 10), (10, 10))})
    assert passing_probability_of_counts((9, 10), (10, 10), int(found.value), 10) >= 0.95
    assert passing_probability_of_counts((9, 10), (10, 10), int(found.value) + 1, 10) < 0.95
    assert found.reason.endswith("; no bad candidate measured")


def test_a_good_candidate_that_has_none_right_gives_no_count(ask):
    found = ask({"yi": counts((0, 10), (10, 10))})
    assert found.value is None
    assert found.reason == "good yi (weakest question 0 of 10) meets no limit for sure"


def test_the_chance_of_a_new_run_is_that_of_the_beta_binomial_distribution():
    from scipy.stats import betabinom

    share = (9 + 5 + 0.5) / (10 + 8 + 1)
    expected = math.prod(
        betabinom.sf(6, 10, right + 2 * share, drawn - right + 2 * (1 - share))
        for right, drawn in ((9, 10), (5, 8))
    )
    assert passing_probability_of_counts((9, 5), (10, 8), 7, 10) == pytest.approx(
        expected, rel=1e-9
    )


def test_the_chance_of_a_new_run_is_less_sure_than_the_counts_are_and_sure_with_many():
    assert passing_probability_of_counts((8,), (10,), 7, 10) < passing_probability(0.8, 7, 10)
    many = passing_probability_of_counts((8000,), (10000,), 7, 10)
    assert many == pytest.approx(passing_probability(0.8, 7, 10), abs=1e-3)
