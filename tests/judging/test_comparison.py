"""Two candidates on the same items: what is carried, and what is not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, strategies as st

from basegate.judging.comparison import compare
from basegate.measurement import (
    CandidateFacts,
    DocumentScore,
    Findings,
    Measurement,
    OptionScores,
    Preference,
    Sample,
)
from basegate.stats.confidence_sequence import share_sequence, sign_test_at_any_time
from basegate.stats.paired import paired_share_interval, sign_test

FACTS = CandidateFacts(name="x", source="x", quantization="nf4", dtype="bfloat16", device="cpu")


def measured(check, findings, *, item="bank", **identity):
    return Measurement(
        key="k",
        check=check,
        item=item,
        candidate=FACTS,
        findings=findings,
        identity={"measure": check, "settings": {}, "data": "d", **identity},
        environment={},
        seconds=1.0,
        measured_at="2026-01-01T00:00:00+00:00",
    )


def documents(bits, characters=None):
    characters = characters or [10] * len(bits)
    return measured(
        "perplexity",
        Findings(
            metrics=(),
            documents=tuple(
                DocumentScore(item=str(place), bits=each, tokens=5, characters=length)
                for place, (each, length) in enumerate(zip(bits, characters, strict=True), start=1)
            ),
        ),
    )


def pairs(preferred):
    return measured(
        "minimal_pairs",
        Findings(
            metrics=(),
            preferences=tuple(
                Preference(
                    item=str(place),
                    kind="",
                    right="r",
                    wrong="w",
                    right_bits=1.0 if each else 3.0,
                    wrong_bits=2.0,
                )
                for place, each in enumerate(preferred)
            ),
        ),
    )


def answers(right):
    """Return findings of questions, given by question whether each of its samples is right."""
    return measured(
        "knowledge",
        Findings(
            metrics=(),
            samples=tuple(
                Sample(
                    item=f"q{question}",
                    prompt="?",
                    text="A",
                    answer="A" if each else None,
                    expected="A",
                    seed=number,
                )
                for question, samples in enumerate(right)
                for number, each in enumerate(samples)
            ),
        ),
    )


def written(shares):
    """Return continuations of prompts: (Cantonese sentences, sentences in written Chinese)."""
    return measured(
        "continuation",
        Findings(
            metrics=(),
            samples=tuple(
                Sample(
                    item=f"p{place}",
                    prompt="?",
                    text="t",
                    seed=0,
                    notes={"cantonese": yes, "written_chinese": no, "mixed": 0, "foreign": 0},
                )
                for place, (yes, no) in enumerate(shares)
            ),
        ),
    )


def options(right):
    return measured(
        "knowledge",
        Findings(
            metrics=(),
            choices=tuple(
                OptionScores(
                    item=str(place),
                    expected="A",
                    letters={"A": 0.0, "B": 0.0},
                    texts={"A": -1.0, "B": -2.0 if each else -0.5},
                )
                for place, each in enumerate(right)
            ),
        ),
    )


def test_bits_per_character_are_compared_over_the_same_documents():
    (found,) = compare(
        [("one", documents([10.0] * 8, [10] * 8)), ("two", documents([20.0] * 8, [10] * 8))]
    )
    assert (found.first_value, found.second_value, found.difference) == (1.0, 2.0, -1.0)
    assert (found.metric, found.items) == ("bits_per_char", 8)
    assert found.confidence == 0.95
    assert found.p_value == pytest.approx(2 / 2**8)
    assert found.interval == (-1.0, -1.0)
    assert found.better == "first"  # fewer bits are better


def test_long_documents_weigh_more():
    (found,) = compare(
        [("one", documents([10.0, 90.0], [10, 90])), ("two", documents([20.0, 0.0], [10, 90]))]
    )
    assert found.first_value == 1.0
    assert found.second_value == pytest.approx(0.2)


def test_other_texts_under_the_same_numbers_are_not_compared():
    # One tokenizer could not tell where documents begin, and saw all of them as one.
    whole = documents([90.0], [30])
    assert compare([("one", whole), ("two", documents([30.0, 45.0, 45.0], [10, 10, 10]))]) == ()


def test_the_interval_of_shares_ends_where_shares_do():
    (found,) = compare([("one", pairs([True] * 30)), ("two", pairs([False] * 29 + [True]))])
    assert found.interval[1] <= 1.0
    assert found.interval[0] < found.difference < found.interval[1]


def test_five_items_carry_nothing_however_large_the_difference():
    (found,) = compare([("one", pairs([True] * 5)), ("two", pairs([False] * 5))])
    assert found.interval == (pytest.approx(0.131, abs=1e-3), 1.0)
    assert found.p_value == pytest.approx(2 / 2**5)
    assert found.better is None


def test_pairs_are_held_against_each_other_by_mcnemar():
    one = [True] * 12 + [False] * 4
    two = [False] * 10 + [True] * 2 + [False] * 4
    (found,) = compare([("one", pairs(one)), ("two", pairs(two))])
    assert found.p_value == pytest.approx(2 / 2**10)
    assert found.better == "first"


def test_more_is_better_where_the_metric_is_a_share():
    (found,) = compare([("one", pairs([False] * 12)), ("two", pairs([True] * 12))])
    assert found.better == "second"


def test_equal_candidates_are_not_told_apart():
    (found,) = compare([("one", pairs([True, False] * 9)), ("two", pairs([True, False] * 9))])
    assert (found.difference, found.p_value, found.better) == (0.0, 1.0, None)
    # Of 18 items none differed: that is known of 18 draws, and no more.
    bound = 1 - 0.025 ** (1 / 18)
    assert found.interval == pytest.approx((-bound, bound))


def test_shares_of_sentences_that_are_all_alike_have_an_interval_too():
    found, *_ = compare([("one", written([(3, 0)] * 9)), ("two", written([(5, 0)] * 9))])
    bound = 1 - 0.025 ** (1 / 9)
    assert found.interval == pytest.approx((-bound, bound))


def test_every_two_of_several_are_compared_at_a_higher_level():
    found = compare(
        [("a", pairs([True] * 20)), ("b", pairs([True] * 20)), ("c", pairs([False] * 20))]
    )
    assert [(each.first, each.second) for each in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert {each.comparisons for each in found} == {3}
    assert {round(each.confidence, 6) for each in found} == {round(1 - 0.05 / 3, 6)}
    # Holm: the two smallest of three are multiplied by three and two, and do not fall.
    assert [each.p_value for each in found] == pytest.approx([1.0, 3 * 2 / 2**20, 3 * 2 / 2**20])


def test_only_the_samples_that_every_question_has_count():
    # Three samples of the second question were drawn because the first two disagreed.
    one = answers([[True, True], [True, False, False, False]])
    two = answers([[False, True], [True, True]])
    (found,) = compare([("one", one), ("two", two)])
    assert (found.first_value, found.second_value) == (0.75, 0.75)
    assert found.unit == "fraction"


def test_continuations_are_compared_by_sentences_over_prompts():
    found, *_ = compare([("one", written([(3, 1), (1, 3)])), ("two", written([(0, 4), (2, 0)]))])
    assert (found.first_value, found.second_value) == (0.5, pytest.approx(1 / 3))
    assert (found.metric, found.items) == ("cantonese_share", 2)


def test_a_prompt_without_a_telling_sentence_is_left_out_on_both_sides():
    found, *_ = compare([("one", written([(3, 1), (0, 0)])), ("two", written([(1, 3), (2, 0)]))])
    assert found.items == 1
    assert (found.first_value, found.second_value) == (0.75, 0.25)
    assert found.better is None


def test_likelihood_is_compared_beside_samples():
    (found,) = compare([("one", options([True] * 9)), ("two", options([False] * 9))])
    assert (found.metric, found.better) == ("likelihood_accuracy", "first")


@pytest.mark.parametrize("part", ["measure", "settings", "data"])
def test_what_was_asked_otherwise_is_not_compared(part):
    other = pairs([True] * 9)
    changed = other.model_copy(update={"identity": {**other.identity, part: "another"}})
    assert compare([("one", pairs([False] * 9)), ("two", changed)]) == ()


def test_different_items_are_not_compared():
    one = pairs([True] * 9)
    assert compare([("one", one), ("two", one.model_copy(update={"item": "other"}))]) == ()


def test_the_sign_test_leaves_ties_out():
    assert sign_test([1.0, 2.0, 0.0, 0.5]) == pytest.approx(2 / 2**3)
    assert sign_test([0.0, 0.0]) == 1.0
    assert sign_test([]) == 1.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_the_order_of_two_candidates_only_turns_the_sign(items):
    one, two = pairs([a for a, _ in items]), pairs([b for _, b in items])
    (there,) = compare([("one", one), ("two", two)])
    (back,) = compare([("two", two), ("one", one)])
    assert back.difference == -there.difference
    assert back.p_value == there.p_value
    turned = {"first": "second", "second": "first", None: None}
    assert back.better == turned[there.better]


def test_equal_models_are_rarely_called_better():
    """Of 300 draws of three equal models 5 % may call any better: 15, and three sigma more."""
    draw = random.Random(0)
    wrong = 0
    for _ in range(300):
        three = [(name, pairs([draw.random() < 0.7 for _ in range(60)])) for name in "abc"]
        wrong += any(each.better for each in compare(three))
    assert wrong <= 26


def in_part(measurement, left=200):
    return measurement.model_copy(update={"findings": measurement.findings.noting(not_asked=left)})


def test_candidates_of_which_a_part_was_asked_are_compared_by_what_holds_whenever_one_stops():
    one, other = pairs([True] * 40), pairs([True] * 10 + [False] * 30)
    [whole] = compare([("a", one), ("b", other)])
    [part] = compare([("a", in_part(one)), ("b", in_part(other, 180))])
    assert (whole.items, whole.out_of, part.items, part.out_of) == (40, None, 40, 240)
    low, high = share_sequence([1.0] * 30 + [0.5] * 10, 0.95)
    assert part.interval == pytest.approx((2 * low - 1, 2 * high - 1))
    assert part.interval[0] < whole.interval[0] < whole.difference == part.difference
    assert part.p_value == sign_test_at_any_time([1.0] * 30) > whole.p_value
    assert part.better == "first"
    assert part.standard_error == whole.standard_error
    [bits] = compare([("a", in_part(documents([60.0, 50.0]))), ("b", documents([70.0, 90.0]))])
    assert (bits.interval, bits.better) == (None, None), "too few documents"
    [bits] = compare(
        [
            ("a", in_part(documents([50.0 + n % 3 for n in range(64)]))),
            ("b", documents([90.0 + n % 5 for n in range(64)])),
        ]
    )
    assert bits.interval[0] < bits.difference < bits.interval[1] < 0
    assert bits.better == "first"


def test_equal_candidates_that_are_asked_in_part_are_seldom_told_apart():
    """Asked until one of them is decided, which is what makes its part look good or bad."""
    draw = random.Random(2)
    told = 0
    for _ in range(60):
        one = [draw.random() < 0.4 for _ in range(128)]
        other = [draw.random() < 0.4 for _ in range(128)]
        for asked in range(16, 129, 16):
            low, high = share_sequence([float(each) for each in one[:asked]], 0.95)
            if not low <= 0.55 <= high:
                break
        found = compare([("a", in_part(pairs(one[:asked]))), ("b", in_part(pairs(other[:asked])))])
        told += found[0].better is not None
    assert told <= 6


def test_null_models_are_not_compared():
    one, other = pairs([True] * 20), pairs([False] * 20)
    facts = other.candidate.model_copy(update={"engine": "null"})
    null = other.model_copy(update={"candidate": facts})
    assert compare([("a", one), ("null-uniform", null)]) == ()
    [found] = compare([("a", one), ("null-uniform", null), ("b", other)])
    assert (found.first, found.second, found.comparisons) == ("a", "b", 1)


def test_the_better_of_two_formulations_is_compared_at_the_level_of_both():
    [one] = compare([("a", options([True] * 9)), ("b", options([False] * 9))])[:1]
    differences = [1.0] * 9
    assert one.interval == pytest.approx(paired_share_interval(differences, 0.975))
    assert (one.confidence, one.best_of) == (0.95, 2)
    assert one.p_value == pytest.approx(2 * sign_test(differences))
