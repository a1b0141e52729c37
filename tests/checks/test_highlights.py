"""Where in a text the things stand that are counted: places worked out by hand."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from basegate.checks import language_variety as variety
from basegate.checks.highlights import (
    Kind,
    cantonese_markers,
    difference,
    english_clauses,
    highlights,
    loops,
    simplified_forms,
)


def parts(text, spans):
    return [text[start:end] for start, end in spans]


@pytest.mark.parametrize(
    ("sentence", "marked"),
    [
        ("我哋尋日去咗旺角。", ["哋尋日", "咗"]),
        ("佢唔使返工。", ["佢唔使返工"]),
        ("我們昨天去了市場。", []),
        ("香港一九九七年。", []),
        # Cantonese grammar around English words: all of the word, without what stands before.
        ("我check下個calendar先。", ["check下"]),
        ("今日返office。", ["返office"]),
        ("今日，個client好煩。", ["個client"]),
        # With a marker of its own the sentence needs no such grammar to be Cantonese.
        ("我哋返office。", ["哋"]),
        ("VIP緊張。", []),
    ],
)
def test_cantonese_markers_are_those_that_the_label_rests_on(sentence, marked):
    assert parts(sentence, cantonese_markers(sentence)) == marked


@pytest.mark.parametrize(
    ("sentence", "marked"),
    [
        ("我今日要返office開meeting。", []),
        ("我work from home。", []),
        ("佢話 we have to go now 就走咗。", ["we have to go now"]),
        ("The end.", ["The end"]),
        ("佢話 it is all right, really 啦, the end。", ["it is all right, really"]),
    ],
)
def test_clauses_of_english_are_marked_and_words_dropped_into_cantonese_are_not(sentence, marked):
    assert parts(sentence, english_clauses(sentence)) == marked


def test_simplified_forms_in_a_row_are_one_part():
    assert simplified_forms("佢们经济好") == [(1, 4)]
    assert simplified_forms("吓，床，台") == []


def test_a_loop_is_marked_from_where_it_says_something_again():
    # The second 香港好靚 begins at 5; its 4-grams stand before, from 0 on.
    assert loops("香港好靚，" * 5) == [(5, 25)]


def test_white_space_does_not_hide_a_loop():
    assert loops("香港好靚，\n" * 5) == [(6, 29)]


def test_what_does_not_turn_in_circles_has_no_loop_even_where_it_says_something_twice():
    assert loops("香港好靚，我好鍾意香港好靚呢句說話，仲有好多嘢想講。") == []


def test_a_loop_that_counts_up_is_marked_by_its_pairs_of_characters():
    text = "".join(f"第{number}個好，" for number in range(10, 60))
    assert variety.repeated_share(text) < variety.LOOP_SHARE
    covered = sum(end - start for start, end in loops(text))
    assert covered > len(text) / 2


def test_parts_are_in_order_cut_where_they_overlap_and_carry_every_kind():
    text = "我哋" * 10
    found = highlights(text)
    assert found[0] == (1, 2, Kind.CANTONESE)
    assert found[1:3] == ((2, 3, Kind.LOOP), (3, 4, Kind.LOOP | Kind.CANTONESE))
    assert found[-1] == (19, 20, Kind.LOOP | Kind.CANTONESE)


def test_places_are_those_of_the_whole_text():
    text = "  香港。\n\n「佢话：OK！」\nHe went home."
    assert [(text[start:end], kinds) for start, end, kinds in highlights(text)] == [
        ("佢", Kind.CANTONESE),
        ("话", Kind.SIMPLIFIED),
        ("He went home", Kind.LATIN),
    ]


def test_the_difference_of_a_pair_lies_between_what_both_begin_and_end_with():
    right, wrong = "佢食咗飯。", "佢食了飯。"
    assert difference(right, wrong) == ((2, 3), (2, 3))
    assert difference("食咗飯", "食飯") == ((1, 2), (1, 1))
    # 好好 may lose either of its characters; each is counted once.
    assert difference("好好", "好") == ((1, 2), (1, 1))
    assert difference("", "好") == ((0, 0), (0, 1))


TEXTS = st.text(st.sampled_from("我哋佢咗们经個返下吓 \n。！」「，aBé'-𠺢1"), max_size=120)


@given(TEXTS)
def test_what_is_marked_is_what_is_counted(text):
    found = highlights(text)
    assert all(before.end <= after.start for before, after in pairwise(found))
    of = {
        kind: "".join(text[start:end] for start, end, kinds in found if kind in kinds)
        for kind in Kind
    }
    sentences = variety.sentences(text)
    clauses = [part for each in sentences for part in parts(each, english_clauses(each))]
    assert variety.latin_words("。".join(clauses)) == variety.clause_words(text)
    assert sum(map(len, clauses)) == len(of[Kind.LATIN])
    assert list(of[Kind.SIMPLIFIED]) == variety.simplified_characters(text)
    assert bool(of[Kind.LOOP]) == variety.is_looping(text)
    for each in sentences:
        assert cantonese_markers(each) or variety.label(each) != "cantonese"
