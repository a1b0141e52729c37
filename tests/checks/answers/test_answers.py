"""Both extractions on any text: they never raise, and never take long."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from basegate.checks.answers import find_choice, find_number
from tests.helpers.answers import ECHO, PEOPLE

PIECES = st.one_of(
    st.sampled_from(["A", "B", "李家超", "林鄭月娥", "答案係", "唔係", "或", "正確", "❌", ECHO]),
    st.sampled_from(["1. ", "問題：", " = ", "9", "n", " + ", "十", "nine", " is ", ", ", ". "]),
    st.sampled_from("：？\n()。"),
)


@given(text=st.lists(PIECES, max_size=14).map("".join))
def test_likely_pieces_never_raise(text: str) -> None:
    assert find_choice(text, PEOPLE) in {None, *PEOPLE}
    assert isinstance(find_number(text), Fraction | None)


@given(text=st.text(alphabet=" \n!?.,;:…。，、？！「」()-—*#~'\""))
def test_punctuation_is_no_answer(text: str) -> None:
    assert find_choice(text, PEOPLE) is None
    assert find_number(text) is None


@pytest.mark.parametrize("unit", [" ", "A ", "A. 李家超\n", "答案係", "1 + ", "誰？\n", "係", "("])
def test_long_texts_take_no_long_time(unit: str) -> None:
    text = (unit * 4000)[:4000]
    start = time.perf_counter()
    find_choice(text, PEOPLE)
    find_number(text)
    assert time.perf_counter() - start < 2
