"""Whether a text's answer could still change."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given, settings, strategies as st

from basegate.checks.answers import (
    find_choice,
    find_number,
    is_choice_final,
    is_number_final,
)
from tests.helpers.paths import SHARED

OPTIONS = {"A": "李家超", "B": "林鄭月娥", "C": "曾蔭權", "D": "梁振英"}
RECORDED = SHARED / "data/yue-benchmark/recorded"


@pytest.mark.parametrize(
    ("text", "is_final"),
    [
        ("答案係A。\n李家超係行政長官。\n", True),
        ("A\n\n問題：邊個係財政司司長？\n", True),
        ("李家超\n\n問題：邊個係財政司司長？\n", True),
        ("答案係A。\n", False),  # another answer may follow at once, which makes it none
        ("A\n", False),
        ("A. 李家超\n", False),  # may be the beginning of the list
        ("A. 李家超\nB. 林鄭月娥\n", False),
        ("1. 答案：A\n", False),  # may be the beginning of a list of answers
        ("1. A\n", False),
        ("唔知\n", False),
        ("", False),
    ],
)
def test_a_choice_is_final(text, is_final):
    assert is_choice_final(text, OPTIONS) is is_final


@pytest.mark.parametrize(
    ("text", "is_final"),
    [("9;\n", True), (" 9\n", True), ("21蚊。\n", True), ("1 + n = 10\n", False), ("\n", False)],
)
def test_a_number_is_final(text, is_final):
    assert is_number_final(text) is is_final


def recorded():
    if not RECORDED.is_dir():
        pytest.skip("the recorded outputs are not part of the project")
    for path in sorted(RECORDED.glob("*.json")):
        for record in json.loads(path.read_text(encoding="utf-8"))[::12]:
            yield dict(ast.literal_eval(record["standard_answer_range"])), record["llm_output"]


@pytest.mark.slow
def test_what_real_models_wrote_after_a_settled_answer_did_not_change_it():
    early = 0
    for options, text in recorded():
        ends = [at + 1 for at, char in enumerate(text) if char == "\n"][:6]
        end = next((end for end in ends if is_choice_final(text[:end], options)), None)
        if end is not None:
            early += 1
            assert find_choice(text, options) == find_choice(text[:end], options), text
    assert early >= 200


P = "小明有12粒糖，食咗3粒，佢仲有幾多粒糖？\n\n答案："
PIECES = st.sampled_from(
    [
        *(
            "9",
            "9粒",
            "。",
            "，",
            "\n",
            "\n\n",
            "所以",
            "一共",
            "答案：",
            "答案係",
            "= ",
            "12 - 3 = 9",
        ),
        *("10+5=15", "x = ", "佢要", "佢仲有9粒糖", "小明有12粒糖", "####", "#### 9", "\\boxed{9}"),
        *(
            "問題：",
            "或者",
            "1. ",
            "2. ",
            "8",
            "九",
            "唔係",
            "？",
            "幾多粒？",
            "there are ",
            "$",
            "n = 9",
        ),
    ]
)


@given(
    pieces=st.lists(PIECES, min_size=1, max_size=10),
    prompt=st.sampled_from([P, "", "1 + n = 10;\n\nSo, n is equals to "]),
)
@settings(max_examples=500)
def test_early_ends_never_change_a_number(pieces, prompt):
    text = "".join(pieces)
    ends = [at + 1 for at, char in enumerate(text) if char == "\n"]
    for end in ends:
        if is_number_final(text[:end], prompt):
            assert find_number(text, prompt) == find_number(text[:end], prompt)


@pytest.mark.parametrize("tail", ["\n8", "n = 8", "或者8", "\n2 + n = 8", "!!!!"])
def test_what_comes_after_a_settled_number_does_not_change_it(tail):
    for text in ("9;\n", "n = 9\n", "答案係9\n", "HK$9\n"):
        assert is_number_final(text)
        assert find_number(text + tail) == 9
