"""Limits from stored measurements: what is proposed, what is kept, and the file that is written."""

import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basegate.config.thresholds import load_thresholds
from basegate.i18n.catalogue import words
from basegate.judging.calibration import Proposal, guess_levels, propose
from basegate.judging.calibration.numbers import away_from, between
from basegate.judging.calibration.rewrite import rewritten
from basegate.measurement import Findings, Metric
from basegate.stats import chance_of_counts, passing_probability
from basegate.store import Store
from tests.cli.test_commands import fill, run  # noqa: F401
from tests.helpers.paths import ROOT
from tests.helpers.stored import answers, candidate, make_project, measurement, pairs, perplexity


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path)


@pytest.fixture
def ask(thresholds):
    """Return a function that proposes limits for a check, from findings by name."""

    def ask_for(check, good, bad=None, margin=0.1, guessing=(), stop_early=True, **changes):
        asked = next(each for each in load_thresholds(thresholds).checks if each.check == check)
        asked = asked.model_copy(update={"stop_early": stop_early})
        limits = [each.model_copy(update=changes) for each in asked.limits]
        sides = (
            {
                name: found and measurement(thresholds, check, found, candidate(name))
                for name, found in side.items()
            }
            for side in (good, bad or {})
        )
        asked = asked.model_copy(update={"limits": tuple(limits)})
        return propose(asked, *sides, margin, guessing)

    return ask_for


def number(value, low=None, high=None, name="bits_per_char"):
    interval = None if low is None else (low, high)
    metric = Metric(name=name, value=value, unit="bits per character", interval=interval)
    return Findings(metrics=(metric,), facts={"documents": 12})


def counts(*right_of_drawn, samples=10):
    metrics = [
        Metric(
            name="correct",
            value=float(right),
            unit=f"of {drawn} correct",
            item=f"q{place}",
            count=samples,
            drawn=drawn,
        )
        for place, (right, drawn) in enumerate(right_of_drawn)
    ]
    left = sum(samples - drawn for _, drawn in right_of_drawn)
    return Findings(metrics=tuple(metrics), facts={"not_drawn": left})


# What is proposed


def test_a_limit_lies_halfway_between_the_ends_of_intervals_and_says_the_margins(ask):
    good = {"yi": number(4.10, 4.02, 4.18), "better": number(3.0, 2.9, 3.1)}
    bad = {"llama": number(6.2, 6.1, 6.3), "worse": number(9.0, 8.0, 9.9)}
    [found] = ask("perplexity", good, bad)
    assert found.value == 5.0
    assert found.why == "good yi 4.10 (to 4.18), bad llama 6.20 (from 6.10): 0.82 and 1.10 away"
    assert found.warnings == ()


def test_a_lower_limit_lies_between_a_good_lower_end_and_a_bad_upper_end(ask):
    [found] = ask("minimal_pairs", {"yi": pairs(0.9)}, {"llama": pairs(0.6)})
    # Wilson's intervals of 180 draws: 0.847 to 0.936, and 0.527 to 0.669.
    assert found.value == 0.76
    assert found.why == (
        "good yi 90 % (from 84.7 %), bad llama 60 % (to 66.9 %): 8.7 and 9.1 points away"
    )


def test_one_point_is_not_called_several():
    assert away_from("share of pairs", 0.01) == "1 point away"
    assert away_from("share of pairs", 0.01, 0.02) == "1 and 2 points away"


def test_intervals_that_overlap_keep_the_present_limit_though_the_values_are_apart(ask):
    good, bad = {"yi": number(4.1, 3.5, 4.7)}, {"llama": number(5.0, 4.6, 5.4)}
    [found] = ask("perplexity", good, bad)
    assert found.value is None
    assert found.warnings == (
        "perplexity wiki max_bits_per_char: good yi 4.10 (to 4.70) and bad llama 5 (from 4.60) "
        "overlap. The present limit, at most 5, is kept.",
    )


def test_a_bad_one_that_is_better_than_a_good_one_is_said_to_be(ask):
    [found] = ask("perplexity", {"yi": number(6.2, 6.1, 6.3)}, {"llama": number(4.1, 4.0, 4.2)})
    assert found.value is None
    assert found.warnings == (
        "perplexity wiki max_bits_per_char: bad llama 4.10 (to 4.20) is better than good yi 6.20 "
        "(from 6.10): perhaps the two were exchanged, or this check does not tell what is wanted. "
        "The present limit, at most 5, is kept.",
    )
    [found] = ask("minimal_pairs", {"yi": pairs(0.6)}, {"llama": pairs(0.9)})
    better = "bad llama 90 % (from 84.7 %) is better than good yi 60 % (to 66.9 %): perhaps"
    assert better in found.warnings[0]


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("perplexity", number(5.0, 4.0, 6.0), number(4.99, 3.9, 6.1)),
        ("perplexity", number(5.0, 4.8, 5.2), number(4.7, 4.5, 4.9)),
        ("minimal_pairs", pairs(0.88), pairs(0.9)),
    ],
)
def test_a_better_value_within_the_others_interval_is_no_better_candidate(ask, check, good, bad):
    [found] = ask(check, {"yi": good}, {"llama": bad})
    assert found.value is None
    assert " overlap. The present limit, " in found.warnings[0]
    assert "better" not in found.warnings[0]


def test_of_several_the_pair_that_is_surely_exchanged_is_named(ask):
    good = {"yi": number(4.9, 3.0, 6.8), "poor": number(4.8, 4.7, 4.9)}
    bad = {"llama": number(4.0, 3.5, 4.5), "wide": number(3.9, 2.9, 4.9)}
    [found] = ask("perplexity", good, bad)
    assert "bad llama 4 (to 4.50) is better than good poor 4.80 (from 4.70)" in found.warnings[0]


OF_NOTHING = (0.0, 0.0, 1.0, 0)
"""Value, interval and count of a share of nothing."""


def share_of(value, low, high, count):
    unit = "share of characters"
    metric = Metric(name="bits_per_char", value=value, unit=unit, interval=(low, high), count=count)
    return Findings(metrics=(metric,))


def test_a_share_of_nothing_is_not_measured(ask):
    some = share_of(0.005, 0.002, 0.01, 900)
    [found] = ask("perplexity", {"yi": some}, {"english": share_of(*OF_NOTHING)})
    assert found.value is not None
    assert "no bad one was measured" in found.why
    [found] = ask("perplexity", {"yi": share_of(*OF_NOTHING)}, {"llama": some})
    assert found.why == "kept: it was not measured on any good candidate"
    bad = {"english": share_of(*OF_NOTHING), "llama": share_of(0.6, 0.5, 0.7, 900)}
    [found] = ask("perplexity", {"yi": some}, bad)
    assert found.why.startswith("good yi 0.5 % (to 1 %), bad llama 60 % (from 50 %): ")


def test_proposals_are_said_in_the_readers_language(ask):
    say = words("zh-HK")
    [kept] = ask("minimal_pairs", {"yi": pairs(0.6)}, {"llama": pairs(0.9)})
    assert say.retold(kept.warnings[0]).startswith(
        "正誤句對 pairs min_preferred：差的 llama 90%（由 84.7% 起）比好的 yi 60%（至 66.9%）"
    )
    assert "或這個項目未必能分辨好壞。" in say.retold(kept.warnings[0])
    [found] = ask(
        "knowledge", {"yi": counts((4, 10))}, {"llama": counts((2, 10))}, guessing=(0.25,)
    )
    assert say.retold(found.why).startswith("重新抽樣時，好的 yi（10 個樣本答對 4 個）合格機會 ")
    assert say.retold(found.why).endswith("%，亂估 47%")
    assert say.retold(found.warnings[0]) == (
        "知識 facts correct：亂估也有 47% 的機會達到這個門檻（下限 3）。"
    )


def test_distances_are_said_one_or_both_in_either_language(ask):
    say = words("zh-HK")
    [found] = ask("perplexity", {"yi": number(4.0)}, {"llama": number(6.0)})
    assert say.retold(found.why) == "好的 yi 4，差的 llama 6：分別相距 1 和 1"
    [found] = ask("perplexity", {"yi": number(4.0)}, {"llama": None})
    assert say.retold(found.why) == "好的 yi 4：相距 0.40；差的候選模型未經測量"
    [found] = ask("perplexity", {"yi": share_of(0.005, 0.002, 0.01, 900)})
    assert found.why == "good yi 0.5 % (to 1 %): 1 point away; no bad one was given"


def test_large_limits_have_as_few_digits_as_small_ones(ask):
    [found] = ask("perplexity", {"yi": number(103456.0)}, {"llama": number(187654.0)})
    assert (found.value, found.why) == (
        150000.0,
        "good yi 103,456, bad llama 187,654: 46,544 and 37,654 away",
    )


@pytest.mark.parametrize(("good", "warned"), [(0.52, True), (0.9, False)])
def test_a_share_that_guessing_reaches_is_warned_of(ask, good, warned):
    [found] = ask("minimal_pairs", {"yi": pairs(good)}, guessing=(0.5,) * 180)
    assert (found.value <= 0.5) == warned
    limit = f"{found.value * 100:g} %"
    told = (
        f"minimal pairs pairs min_preferred: this limit, at least {limit}, is no more than "
        f"guessing has, 50 %.",
    )
    assert found.warnings == (told if warned else ())
    assert ask("minimal_pairs", {"yi": pairs(good)})[0].warnings == ()


def test_a_value_without_an_interval_stands_for_itself(ask):
    [found] = ask("perplexity", {"yi": number(4.0)}, {"llama": number(6.0)})
    assert (found.value, found.why) == (5.0, "good yi 4, bad llama 6: 1 and 1 away")


def test_intervals_are_those_of_the_limits_confidence(ask):
    values = [
        ask("minimal_pairs", {"yi": pairs(0.9)}, margin=0.1, confidence=level)[0].why
        for level in (0.5, 0.9999)
    ]
    ends = [float(why.partition("from ")[2].partition(" %")[0]) for why in values]
    assert ends[0] == pytest.approx(88.4, abs=0.2)
    assert ends[1] < 80


def test_a_candidate_that_was_not_measured_is_left_out_with_a_warning(ask):
    good = {"yi": number(4.0), "qwen": None}
    [found] = ask("perplexity", good, {"llama": number(6.0)})
    assert found.value == 5.0
    assert found.warnings == (
        "perplexity wiki: nothing stored of qwen answers it; it is left out there.",
    )


def test_a_broken_run_says_nothing_and_is_left_out_with_a_warning(ask):
    good = {"yi": answers(right=10, drawn=10)}
    bad = {"llama": answers(right=3, drawn=10), "broken": answers(right=0, drawn=10, broken=9)}
    [found] = ask("knowledge", good, bad)
    assert found.value is not None
    assert "broken is left out there: 9 of 10 samples are degenerate" in found.warnings[0]


def test_without_any_good_measurement_the_present_limit_is_kept(ask):
    [found] = ask("perplexity", {"yi": None}, {"llama": number(6.0)})
    assert found.value is None
    assert "it was not measured on any good candidate" in found.warnings[1]


def test_where_no_bad_one_was_measured_it_is_said(ask):
    [found] = ask("perplexity", {"yi": number(4.0)}, {"llama": None})
    assert found.value == pytest.approx(4.4)
    assert found.warnings[1] == "perplexity wiki max_bits_per_char: no bad one was measured."


# Without bad candidates


@pytest.mark.parametrize(("margin", "limit"), [(0.1, 4.6), (0.5, 6.0)])
def test_without_bad_ones_a_limit_lies_at_a_margin_from_the_worst_good_one(ask, margin, limit):
    good = {"yi": number(4.10, 4.02, 4.18), "better": number(3.0, 2.9, 3.1)}
    [found] = ask("perplexity", good, margin=margin)
    assert found.value == limit
    assert found.why.startswith("good yi 4.10 (to 4.18): ")
    assert "points" not in found.why
    assert found.why.endswith(" away; no bad one was given")


def test_a_negative_good_number_gets_its_margin_on_the_right_side(ask):
    [found] = ask("perplexity", {"yi": number(-1.0, -1.2, -0.8)})
    assert -0.8 < found.value < -0.6


def test_the_margin_of_a_share_is_in_percentage_points(ask):
    [found] = ask("minimal_pairs", {"yi": pairs(0.9)})
    assert found.why == "good yi 90 % (from 84.7 %): 8.7 points away; no bad one was given"


def test_a_share_that_leaves_no_room_for_a_limit_is_kept(ask):
    [found] = ask("minimal_pairs", {"yi": pairs(0.0)})
    assert found.value is None
    assert "leaves no share that a limit could exclude" in found.warnings[0]


# k of n


def test_a_count_is_the_one_that_tells_good_and_bad_apart_by_the_surest(ask):
    good = {"yi": counts((9, 10), (10, 10))}
    bad = {"llama": counts((3, 10), (10, 10))}
    [found] = ask("knowledge", good, bad)
    assert 3 < found.value <= 9
    chances = {
        k: min(
            chance_of_counts((9, 10), (10, 10), k, 10),
            1 - chance_of_counts((3, 10), (10, 10), k, 10),
        )
        for k in range(4, 10)
    }
    assert found.value == max(chances, key=chances.__getitem__)
    assert found.why.startswith("asked anew, good yi (weakest question 9 of 10) passes ")
    assert " of the time, bad llama (weakest question 3 of 10) " in found.why


def test_samples_that_were_not_drawn_could_all_be_right(ask):
    """Of 4 wrong ones of 4 drawn, 6 of 10 could still be right: only 7 surely rejects."""
    good, bad = {"yi": counts((7, 7))}, {"llama": counts((0, 4))}
    [found] = ask("knowledge", good, bad)
    assert found.value == 7
    [found] = ask("knowledge", {"yi": counts((6, 7))}, bad)
    assert found.value is None
    assert "stop_early = false in [knowledge] lets pytest draw them" in found.warnings[0]


def test_counts_that_are_complete_and_overlap_do_not_ask_for_more_samples(ask):
    [found] = ask("knowledge", {"yi": counts((6, 10))}, {"llama": counts((6, 10))})
    assert found.value is None
    assert "cannot be told apart. The present limit, at least 7, is kept." in found.warnings[0]


@pytest.mark.parametrize(
    ("questions", "guessing", "correct"),
    [
        # From 3 on one question tells them apart over 99 % of the time, several from 1 on.
        (1, (), 5),
        (8, (), 4),
        # Whoever guesses among four has 5 of 10 right 8 % of the time, and 6 only 2 %.
        (1, (0.25,), 6),
        # Between two none of them is seldom met, so that a warning has to do.
        (1, (0.5,), 5),
        (8, (0.5,) * 8, 6),
    ],
)
def test_of_counts_that_are_as_sure_it_is_the_middle_one_above_guessing(
    ask, questions, guessing, correct
):
    good = {"yi": counts(*((7, 7),) * questions)}
    bad = {"llama": counts(*((0, 10),) * questions)}
    [found] = ask("knowledge", good, bad, guessing=guessing)
    assert found.value == correct
    assert "passes over 99 % of the time" in found.why
    assert bool(found.warnings) == (guessing == (0.5,))


def test_a_count_that_guessing_often_has_right_is_warned_of(ask):
    """Whoever guesses among four has three of ten right 47 % of the time."""
    good, bad = {"yi": counts((4, 10))}, {"llama": counts((2, 10))}
    [found] = ask("knowledge", good, bad, guessing=(0.25,))
    assert found.value == 3
    assert found.why.endswith(" %, guessing 47 %")
    assert found.warnings == (
        "knowledge facts correct: guessing meets this limit, at least 3, 47 % of the time.",
    )
    [found] = ask(
        "knowledge", {"yi": counts((9, 10))}, {"llama": counts((6, 10))}, guessing=(0.25,)
    )
    assert found.why.endswith(", guessing under 1 %")
    assert found.warnings == ()


def test_guessing_has_to_be_lucky_with_every_question(ask):
    good, bad = {"yi": counts((5, 10), (5, 10))}, {"llama": counts((2, 10), (5, 10))}
    [found] = ask("knowledge", good, bad, guessing=(0.25, 0.5))
    luck = passing_probability(0.25, int(found.value), 10)
    luck *= passing_probability(0.5, int(found.value), 10)
    assert found.why.endswith(f", guessing {luck * 100:.0f} %")


def test_nothing_is_said_of_guessing_where_it_has_no_level(ask):
    [found] = ask("knowledge", {"yi": counts((4, 10))}, {"llama": counts((2, 10))})
    assert "guessing" not in found.why
    assert found.warnings == ()


def test_guesses_are_as_good_as_there_are_few_options():
    assert guess_levels(answers()) == (0.5,)
    assert guess_levels(pairs()) == (0.5,)
    assert guess_levels(perplexity()) == ()


def test_a_bad_one_with_more_right_than_a_good_one_is_said_to_be_better(ask):
    [found] = ask("knowledge", {"yi": counts((2, 10))}, {"llama": counts((7, 8))})
    assert found.warnings == (
        "knowledge facts correct: bad llama (7 of 8) is better than good yi (2 of 10): perhaps "
        "the two were exchanged, or this check does not tell what is wanted. The present limit, "
        "at least 7, is kept.",
    )


@pytest.mark.parametrize("drawn", [4, 10])
def test_a_good_one_with_none_right_beside_a_bad_one_with_many_is_said_to_be_exchanged(ask, drawn):
    [found] = ask("knowledge", {"yi": counts((0, drawn))}, {"llama": counts((7, 7))})
    assert found.warnings == (
        f"knowledge facts correct: bad llama (7 of 7) is better than good yi (0 of {drawn}): "
        "perhaps the two were exchanged, or this check does not tell what is wanted. The present "
        "limit, at least 7, is kept.",
    )
    [found] = ask("knowledge", {"yi": counts((0, 10))}, {"llama": counts((0, 10))})
    assert found.why == "kept: good yi (0 of 10) meets no limit for sure"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        # The weakest question of the good one is by luck below those of the bad one.
        (((6, 10), (10, 10), (10, 10)), ((7, 10),) * 3),
        (((6, 10),), ((7, 10),)),
        # A count would tell them apart, but over all the good one has more right.
        (((20, 100), *((100, 100),) * 11), ((70, 100),) * 12),
    ],
)
def test_a_bad_one_that_is_not_clearly_better_is_not_said_to_be(ask, good, bad):
    samples = good[0][1]
    sides = ({"yi": counts(*good, samples=samples)}, {"llama": counts(*bad, samples=samples)})
    [found] = ask("knowledge", *sides)
    assert found.value is None
    assert "cannot be told apart. The present limit, at least 7, is kept." in found.warnings[0]
    assert "better" not in found.warnings[0]


@pytest.mark.parametrize(
    ("good", "bad", "names"),
    [
        ({"yi": (6, 7)}, {"llama": (0, 4)}, "yi and llama"),
        ({"yi": (6, 10)}, {"llama": (0, 4)}, "llama"),
        ({"yi": (6, 7)}, {"llama": (6, 10)}, "yi"),
        # What is missing of others, or could not tell them apart, is not worth drawing.
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
    [found] = ask("knowledge", *sides)
    assert found.value is None
    asked = f"as long as samples of {names} are missing: stop_early = false in [knowledge] lets "
    assert (asked in found.warnings[0]) == bool(names)
    assert ("samples" in found.warnings[0]) == bool(names)


def test_where_all_samples_are_to_be_drawn_pytest_alone_draws_the_missing_ones(ask):
    [found] = ask("knowledge", {"yi": counts((0, 4))}, {}, stop_early=False)
    assert "as long as samples of yi are missing: pytest draws them. The" in found.warnings[0]


def test_without_bad_ones_a_count_is_the_highest_that_good_ones_surely_pass_often(ask):
    [found] = ask("knowledge", {"yi": counts((9, 10), (10, 10))})
    assert chance_of_counts((9, 10), (10, 10), int(found.value), 10) >= 0.95
    assert chance_of_counts((9, 10), (10, 10), int(found.value) + 1, 10) < 0.95


def test_a_good_candidate_that_has_none_right_gives_no_count(ask):
    [found] = ask("knowledge", {"yi": counts((0, 10), (10, 10))}, {})
    assert found.value is None


def test_the_chance_of_a_new_run_is_that_of_the_beta_binomial_distribution():
    from scipy.stats import betabinom

    share = (9 + 5 + 0.5) / (10 + 8 + 1)
    expected = math.prod(
        betabinom.sf(6, 10, right + 2 * share, drawn - right + 2 * (1 - share))
        for right, drawn in ((9, 10), (5, 8))
    )
    assert chance_of_counts((9, 5), (10, 8), 7, 10) == pytest.approx(expected, rel=1e-9)


def test_the_chance_of_a_new_run_is_less_sure_than_the_counts_are_and_sure_with_many():
    assert chance_of_counts((8,), (10,), 7, 10) < passing_probability(0.8, 7, 10)
    many = chance_of_counts((8000,), (10000,), 7, 10)
    assert many == pytest.approx(passing_probability(0.8, 7, 10), abs=1e-3)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_a_rounded_limit_stays_in_the_middle_of_the_gap(low, gap):
    high = low + gap
    value = between(low, high)
    assert low + 0.39 * gap <= value <= low + 0.61 * gap
    assert between(high, low) == value


# The file


FILE = """\
# Limits of ours.

[perplexity]
window = 64      # tokens
context = 16

[perplexity.corpora.wiki]   # the text
path = "corpus.txt"
max_bits_per_char = 5.0

# About the pairs.
[minimal_pairs.banks.pairs]
why = '''
half
is guessing'''
min_preferred = 0.5  # a comment of its own
pairs = "pairs.jsonl"

[knowledge]
banks = { facts = { questions = "questions.jsonl", samples = 10, correct = 7 } }
"""


def proposals(path, **values):
    return [
        Proposal(check, limit, values.get(check.check), f"because of {check.check}")
        for check in load_thresholds(path).checks
        for limit in check.limits
        if not limit.validity
    ]


def test_a_file_keeps_its_comments_and_its_order(tmp_path):
    path = make_project(tmp_path, FILE)
    made = proposals(path, perplexity=4.5, minimal_pairs=0.75, knowledge=5)
    text = rewritten(FILE, made, tmp_path, tmp_path)
    assert text == FILE.replace(
        "max_bits_per_char = 5.0\n",
        'max_bits_per_char = 4.5 # before: 5.0\nwhy = "because of perplexity"\n',
    ).replace(
        "why = '''\nhalf\nis guessing'''",
        'why = "because of minimal_pairs" # before: "half\\nis guessing"',
    ).replace("min_preferred = 0.5  #", "min_preferred = 0.75  #").replace(
        "correct = 7 }", 'correct = 5, why = "because of knowledge"}'
    )


def test_proposed_again_a_comment_tells_of_the_last_time_only(tmp_path):
    path = make_project(tmp_path, FILE)
    once = rewritten(FILE, proposals(path, perplexity=4.5), tmp_path, tmp_path)
    again = rewritten(once, proposals(path, perplexity=4.25), tmp_path, tmp_path)
    assert "max_bits_per_char = 4.25 # before: 4.5\n" in again


def test_a_table_whose_limits_are_kept_keeps_its_reason(tmp_path):
    path = make_project(tmp_path, FILE)
    assert rewritten(FILE, proposals(path), tmp_path, tmp_path) == FILE


@pytest.mark.parametrize("source", ["thresholds.toml", "fixtures/demo/thresholds.toml"])
def test_the_projects_own_files_stay_the_same_but_for_limits_and_reasons(tmp_path, source):

    text = (ROOT / source).read_text(encoding="utf-8")
    checks = ("perplexity", "minimal_pairs", "continuation", "knowledge", "reasoning")
    made = proposals(ROOT / source, **dict.fromkeys(checks, 0.25))
    text = rewritten(text, made, ROOT, ROOT)
    before, after = tomllib.loads((ROOT / source).read_text(encoding="utf-8")), tomllib.loads(text)
    changed = dict(_differences(before, after))
    limits = {each.key for each in made}
    assert changed.keys() <= {*limits, "why"}
    assert all(changed[key] == 0.25 for key in limits)


def _differences(before, after):
    assert before.keys() <= after.keys()
    for key, value in after.items():
        if isinstance(value, dict):
            yield from _differences(before[key], value)
        elif before.get(key) != value:
            yield key, value


def test_a_file_in_another_folder_names_the_same_data(tmp_path):
    path = make_project(tmp_path, FILE)
    other = tmp_path / "limits" / "new.toml"
    other.parent.mkdir()
    other.write_text(rewritten(FILE, proposals(path), tmp_path, other.parent), encoding="utf-8")
    assert [each.settings for each in load_thresholds(other).checks] == [
        each.settings for each in load_thresholds(path).checks
    ]


# The command


GOOD, BAD = candidate("yi-6b"), candidate("llama", revision="b" * 40)


@pytest.fixture
def store(tmp_path, thresholds):
    store = Store(tmp_path / "store")
    fill(store, thresholds, GOOD, knowledge=answers(right=9, drawn=10))
    fill(
        store,
        thresholds,
        BAD,
        perplexity=perplexity(6.0),
        knowledge=answers(right=1, drawn=10),
        minimal_pairs=pairs(0.88),
    )
    return store


@pytest.fixture
def proposed(run, store):  # noqa: F811
    def run_propose(*arguments):
        return run("propose", "--store", store.folder, "--out", "new.toml", *arguments)

    return run_propose


def test_the_written_file_accepts_the_good_and_rejects_the_bad(proposed, run, store):  # noqa: F811
    status, out, err = proposed("--good", "yi-6b", "--bad", "llama")
    assert status == 0
    assert "perplexity wiki max_bits_per_char  at most 5     good yi-6b 4 (to 4.10)" in out
    assert "yi-6b (good): accepted\n" in out
    assert "llama (bad): rejected on perplexity, knowledge\n" in out
    assert out.endswith("thresholds: new.toml\n")
    assert err.startswith("warning: minimal pairs pairs min_preferred: good yi-6b 90 % (from ")
    assert err.endswith(
        "warning: knowledge facts correct: guessing meets this limit, at least 5, 62 % of the "
        "time.\n"
    ), "the one question has two options"
    assert err.count("warning") == 2
    judging = ("judge", "--store", store.folder, "--thresholds", "new.toml", "--model")
    assert run(*judging, "yi-6b")[0] == 0
    assert run(*judging, "llama")[0] == 1


def test_what_is_proposed_is_told_in_the_readers_language(proposed):
    status, out, err = proposed("--good", "yi-6b", "--bad", "llama", "--language", "zh-HK")
    assert status == 0
    assert "困惑度 wiki max_bits_per_char  上限 5    好的 yi-6b 4（至 4.10）" in out
    assert "yi-6b（好的）：可用\n" in out
    assert "llama（差的）：不宜採用（困惑度、知識）\n" in out
    assert out.endswith("門檻：new.toml\n")
    reasons = Path("new.toml").read_text(encoding="utf-8")
    assert 'why = "好的 yi-6b 4（至 4.10），差的 llama 6（由 5.90 起）：' in reasons
    assert "good" not in reasons
    assert err.startswith("警告：正誤句對 pairs min_preferred：")
    status, _, err = proposed("--force", "--good", "nobody", "--language", "zh-HK")
    assert (status, err.startswith("error: --good nobody：存檔內沒有它。")) == (4, True)


def test_a_margin_that_is_none_is_told_in_the_readers_language(proposed):
    status, _, err = proposed("--good", "yi-6b", "--margin", "x", "--language", "zh-HK")
    assert (status, err) == (4, "error: --margin x：請給出大於 0 的數字，例如 0.1。\n")


REGISTRY = """
[candidates.yi-6b]
source = "01-ai/Yi-6B"
tags = ["ours"]

[candidates.llama]
source = "meta/llama"
tags = ["ours", "theirs"]

[candidates.absent]
source = "no/body"
tags = ["ours", "gone"]
"""


@pytest.fixture
def registered(proposed):
    Path("models.toml").write_text(REGISTRY, encoding="utf-8")
    return proposed


@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        (("--good", "yi-6b", "--bad", "@theirs"), False),
        (("--good", "@ours", "--bad", "llama"), True),
        (("--good", "yi-6b", "--bad", "all"), True),
        (("--good", "yi-6b,@ours", "--bad", "@theirs,llama"), True),
    ],
)
def test_groups_are_taken_but_for_those_that_the_other_option_names(registered, arguments, warned):
    status, out, err = registered(*arguments)
    assert status == 0
    assert "yi-6b (good): accepted\n" in out
    assert "llama (bad): rejected on perplexity, knowledge\n" in out
    assert out.count("(good)") == out.count("(bad)") == 1
    told = "warning: nothing is stored of absent; they are left out.\n"
    assert (told in err) == warned


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--good", "@gone"), "--good @gone: nothing of it is stored. Stored: llama, yi-6b."),
        (("--good", "yi-6b", "--bad", "@frob"), "--bad @frob: no candidate has this tag."),
        (("--good", "@ours", "--bad", "@theirs"), "llama is named in --good and in --bad"),
        (("--good", "yi-6b,llama", "--bad", "@ours"), "--bad @ours: nothing of it is stored."),
        (("--good", "@theirs", "--bad", "llama"), "llama is named in --good and in --bad"),
        (("--good", "absent"), "--good absent: nothing of it is stored."),
    ],
)
def test_groups_that_cannot_be_taken_are_told_of_with_their_option(registered, arguments, sentence):
    status, _, err = registered(*arguments)
    assert status == 4
    assert sentence in err


def test_without_bad_ones_the_file_accepts_the_good(proposed, run, store):  # noqa: F811
    status, out, err = proposed("--good", "yi-6b")
    assert status == 0
    assert err == (
        "warning: knowledge facts correct: guessing meets this limit, at least 6, 38 % of the "
        "time.\n"
    )
    assert "no bad one was given" in out
    judging = ("judge", "--store", store.folder, "--thresholds", "new.toml")
    assert run(*judging, "--model", "yi-6b")[0] == 0


def test_candidates_that_nothing_tells_apart_are_warned_of(proposed, store, thresholds):
    fill(store, thresholds, candidate("same", revision="c" * 40), knowledge=answers(9, 10))
    status, _, err = proposed("--good", "yi-6b", "--bad", "same")
    assert status == 0
    assert "warning: same is bad, but no limit rejects it.\n" in err


def test_a_good_one_that_a_kept_limit_rejects_is_warned_of(proposed, store, thresholds):
    fill(store, thresholds, candidate("poor", revision="c" * 40), perplexity=perplexity(6.05))
    _, _, err = proposed("--good", "poor", "--bad", "llama")
    assert "warning: poor is good, but does not pass these limits: rejected on perplexity" in err


def test_candidates_held_in_different_ways_are_warned_of(proposed, store, thresholds):
    fill(store, thresholds, candidate("eight", "int8", "c" * 40), perplexity=perplexity(7.0))
    _, _, err = proposed("--good", "yi-6b", "--bad", "eight")
    assert (
        "warning: numbers of candidates that were held in different ways are compared: "
        "yi-6b in nf4, bfloat16, cuda; eight in int8, bfloat16, cuda.\n"
    ) in err


def test_a_candidates_own_limits_are_kept_and_warned_of(proposed, thresholds):
    own = "\n[candidates.llama.perplexity.corpora.wiki]\nmax_bits_per_char = 9.0\n"
    thresholds.write_text(thresholds.read_text() + own)
    _, _, err = proposed("--good", "yi-6b", "--bad", "llama")
    assert "warning: llama keeps its own limits in [candidates.llama]; they were not" in err
    assert Path("new.toml").read_text().endswith(own)


def test_data_that_cannot_be_found_keeps_its_limits_with_a_warning(proposed):
    Path("corpus.txt").unlink()
    status, _, err = proposed("--good", "yi-6b", "--bad", "llama")
    assert status == 0
    assert "warning: perplexity wiki: its limits are kept, since its data could not be" in err
    assert "max_bits_per_char = 5.0\n" in Path("new.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "--good NAME: name at least one candidate"),
        (("--good", "yi-6"), "--good yi-6: nothing of it is stored. Did you mean 'yi-6b'?"),
        (("--good", "yi-6b", "--bad", "no"), "--bad no: nothing of it is stored."),
        (("--good", "yi-6b,llama", "--bad", "llama"), "llama is named in --good and in --bad"),
        (("--good", "yi-6b", "--bad", "twin"), "yi-6b and twin are one checkpoint"),
        (("--good", "yi-6b", "--margin", "-1"), "--margin -1: give a number above 0"),
        (("--good", "yi-6b", "--margin", "much"), "--margin much: give a number above 0"),
        (("--good", "@none"), "--good @none: groups are those of models.toml, and there are no"),
        (("--good", "yi-6b", "--thresholds", "no.toml"), "no.toml: there is no such file"),
        (("--good", "yi-6b", "--out", "store"), "--out store: is a folder"),
        (("--good", "yi-6b", "--out", "corpus.txt"), "--out corpus.txt: is there already"),
    ],
)
def test_mistakes_are_usage_errors_that_write_nothing(
    proposed, store, thresholds, arguments, sentence
):
    twin = measurement(thresholds, "perplexity", perplexity(), candidate("twin"), torch="1")
    store.put(twin)
    status, out, err = proposed(*arguments)
    assert (status, out) == (4, "")
    assert sentence in err
    assert not Path("new.toml").exists()


def test_a_file_that_is_there_is_replaced_with_force(proposed, thresholds):
    status, _, _ = proposed("--good", "yi-6b", "--out", thresholds, "--force")
    assert status == 0
    assert "# before: 5.0" in thresholds.read_text()
