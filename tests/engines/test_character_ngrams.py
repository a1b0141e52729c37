"""Smoothed n-grams of characters: hand-computed values, sums of 1, and never their own text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from basegate.engines.character_ngrams import SCALARS, CharacterNgrams, HeldOut, WithoutTexts

TEXTS = st.lists(st.text("我哋係香港人。\n", min_size=1, max_size=20), min_size=1, max_size=4)
ORDERS = st.integers(1, 5)
CHARACTER = st.characters(exclude_categories=["Cs"])


def test_a_bigram_model_is_what_witten_and_bell_give():
    model = CharacterNgrams(["abab"], 2)
    uniform = 1 / 1_112_064
    unigram_b = (2 + 2 * uniform) / (4 + 2)
    assert model.probability("", "b") == pytest.approx(unigram_b, rel=1e-15)
    assert model.probability("a", "b") == pytest.approx((2 + 1 * unigram_b) / (2 + 1), rel=1e-15)
    assert model.probability("b", "b") == pytest.approx((0 + 1 * unigram_b) / (1 + 1), rel=1e-15)
    # Nothing is known of what follows a character that never occurred.
    assert model.probability("c", "b") == pytest.approx(unigram_b, rel=1e-15)
    assert model.probability("", "c") == pytest.approx(2 * uniform / (4 + 2), rel=1e-15)


def test_a_history_reaches_as_far_back_as_the_order():
    model = CharacterNgrams(["abcabd"], 3)
    assert model.probability("xxab", "c") == model.probability("ab", "c")
    assert model.probability("ca", "b") != model.probability("a", "b")


@settings(max_examples=60, deadline=None)
@given(TEXTS, ORDERS, st.text("我哋係香港人。\nX", max_size=6), CHARACTER)
def test_every_character_has_a_probability_and_they_sum_to_1(texts, order, history, char):
    model = CharacterNgrams(texts, order)
    found = model.distribution(history)
    rest = SCALARS - len(model.characters)
    assert math.fsum([*found[:-1], rest * found[-1]]) == pytest.approx(1, abs=1e-12)
    assert model.probability(history, char) > 0
    alone = [model.probability(history, each) for each in model.characters]
    np.testing.assert_allclose(found[:-1], alone, rtol=1e-12)
    assert model.probability(history, "\U0010ffff") == pytest.approx(found[-1], rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, ORDERS, st.text("我哋係香港人。\nX", max_size=6))
def test_texts_that_are_left_out_were_never_there(kept, left, order, history):
    less = WithoutTexts(CharacterNgrams([*kept, *left], order), left)
    never = CharacterNgrams(kept, order)
    for char in "我哋係香港人。\nX":
        assert less.probability(history, char) == pytest.approx(
            never.probability(history, char), rel=1e-12
        )


FIRST = "今日落大雨，我哋一齊留喺屋企食火鍋。"
TWIN = "今天下大雨，我們一起留在家裏吃火鍋。"
OTHER = "佢哋琴日去咗行山，行到腳都軟晒先至返。"


@pytest.mark.parametrize("order", [1, 2, 5])
def test_a_document_is_scored_without_itself_and_its_version(order):
    scored = HeldOut([(FIRST, TWIN), (OTHER,)], order).logprobs(FIRST)
    never = CharacterNgrams([OTHER], order)
    expected = [never.probability(FIRST[:at], char) for at, char in enumerate(FIRST)]
    np.testing.assert_allclose(scored, np.log(expected), rtol=1e-12)


def test_in_joined_text_every_document_is_scored_without_itself():
    held_out = HeldOut([(FIRST, TWIN), (OTHER,)], 1)
    joined = held_out.logprobs(FIRST + "\n\n" + OTHER)
    np.testing.assert_allclose(joined[: len(FIRST)], held_out.logprobs(FIRST))
    np.testing.assert_allclose(joined[-len(OTHER) :], held_out.logprobs(OTHER))


def test_text_of_its_own_is_scored_by_the_whole_model_after_its_prompt():
    held_out = HeldOut([(FIRST, TWIN), (OTHER,)], 3)
    prompt, answer = "問題：" * 20 + "我", "哋食"
    alone = held_out.logprobs(answer, prompt)
    np.testing.assert_array_equal(alone, held_out.logprobs(prompt + answer)[-2:])
    expected = held_out.model.probability("：我", "哋")
    assert alone[0] == pytest.approx(math.log(expected), rel=1e-12)
