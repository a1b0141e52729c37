"""The number that a text gives: what base models write, and what must come out."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from basegate.checks.answers import find_number
from fixtures.algebra import generate
from tests.helpers.answers import table


@table(
    ("digit", "9", 9),
    ("full-stop", "9.", 9),
    ("ticked", "9. ✅", 9),
    ("decimal", "9.0", 9),
    ("negative", "-3", -3),
    ("minus-sign", "\u22123", -3),
    ("full-width", "９", 9),
    ("fraction", "1/2", Fraction(1, 2)),
    ("decimal-fraction", "n = 9.5", Fraction(19, 2)),
    ("thousands", "1,000", 1000),
    ("percent", "9%", Fraction(9, 100)),
    ("bold", "**9**", 9),
    ("brackets", "(9)", 9),
    ("zero", "0", 0),
    ("han-digit", "九", 9),
    ("han-ten", "十", 10),
    ("han-teen", "十二", 12),
    ("han-tens", "二十一", 21),
    ("han-hundreds", "一百零五", 105),
    ("han-hundreds-short", "百二", 120),
    ("han-thousands", "三千二百", 3200),
    ("han-ten-thousands", "一萬二千", 12000),
    ("han-answer", "答案係九", 9),
    ("han-equals", "n 等於九", 9),
    ("word", "nine", 9),
    ("word-teen", "Twelve.", 12),
    ("word-twenty", "twenty", 20),
    ("word-twenty-one", "twenty-one", 21),
    ("word-in-assignment", "So n = nine", 9),
    ("is", "n is 9", 9),
    ("is-yue", "n係9。", 9),
    ("is-equal-to", "So, n is equal to 9.", 9),
    ("equals", "equals 9", 9),
    ("answer-zh", "答案是：9", 9),
    ("answer-en", "I think the answer is 9.", 9),
    ("assignment", "n = 9", 9),
    ("assignment-tight", "n=9;", 9),
    ("assignment-negative", "n = -3", -3),
    ("assignment-reversed", "9 = n", 9),
    ("assignment-after-words", "Subtract 1 from both sides to get n = 9", 9),
    ("assignment-after-ordinal", "the first equation: n = 9", 9),
    ("assignment-explained", "n = 9 (because 10 - 1 = 9)", 9),
    ("two-assignments", "n = 9 and m = 4", 9),
    ("calculation", "10 - 1 = 9", 9),
    ("calculation-chain", "n = 10 - 1 = 9", 9),
    ("calculation-steps", "20 - 10 = 10 - 1 = 9", 9),
    ("calculation-then-assignment", "(20 - 10) - 1 = 9, so n = 9", 9),
    ("calculation-broken-line", "10 - 1 =\n9", 9),
    ("calculation-first-wins", "9, because 10 - 1 = 9", 9),
    ("echo-then-answer", "1 + n = 10, n = 9", 9),
    ("doubled-then-answer", "2n = 18, so n = 9", 9),
    ("numbered-steps", "1. n + 1 = 10\n2. n = 9", 9),
    ("new-equation", " 9\n\n2 + n = 5; So, n is equals to 3", 9),
    ("new-equation-cut-off", "9\n\n2", 9),
    ("not-but", "唔係9，係8", 8),
    ("same-twice", "9 or 9.0", 9),
    ("same-in-brackets", "9 (nine)", 9),
    ("is-because", "n is 9 because 1 + 9 = 10", 9),
    ("should-be", "n should be 9", 9),
    ("arrow", "n -> 9", 9),
    ("plus-sign", "n = +9", 9),
    ("end-of-text", "9</s>", 9),
    ("dollars", "9蚊", 9),
    ("dollars-in-front", "HK$9", 9),
    ("counted", " 9個蛋撻。", 9),
    ("measured", "9 km", 9),
    ("unit-then-reason", "9蚊，因為10 - 1 = 9", 9),
    ("unit-then-new-question", "9樓\n\n問題：10 + 1", 9),
)
def test_numbers(text: str, expected: int | Fraction) -> None:
    assert find_number(text) == expected


@table(
    ("empty", "", None),
    ("spaces", " \n ", None),
    ("variable", "x", None),
    ("punctuation", "!!!!", None),
    ("or", "9 or 6", None),
    ("or-yue", "9或者6", None),
    ("or-with-units", "9蚊或者6蚊", None),
    ("and-with-units", "9個蘋果同6個橙", None),
    ("or-assignments", "n = 9 or n = 6", None),
    ("comma", "9, 6", None),
    ("space", "9 6", None),
    ("not", "not 9", None),
    ("question", "9?", None),
    ("unequal", "n ≠ 9", None),
    ("greater", "n > 9", None),
    ("no-result", "10 - 1", None),
    ("no-result-assignment", "n = 10 - 1", None),
    ("power", "3²", None),
    ("echo", "1 + n = 10", None),
    ("echo-brackets", "(n - 1) * 5 = 40", None),
    ("echo-doubled", "2n = 18", None),
    ("ordinal", "the first one", None),
    ("ordinal-yue", "第一個方程", None),
    ("year", "In 2022, it happened.", None),
    ("prose", "9 apples", None),
    ("by-zero", "1/0", None),
    ("endless", "1" * 5000, None),
)
def test_no_number(text: str, expected: None) -> None:
    assert find_number(text) is expected


@given(text=st.text())
def test_number_of_any_text_is_exact_or_none(text: str) -> None:
    assert isinstance(find_number(text), Fraction | None)


@given(number=st.integers(-(10**9), 10**9))
def test_written_integers_are_found(number: int) -> None:
    for text in (f"{number}", f"n = {number}.", f"So, n is equal to {number:,}"):
        assert find_number(text) == number


SWEETS = "小明有12粒糖，食咗3粒，佢仲有幾多粒糖？\n\n答案："
MINUTES = "行一圈要22分鐘，佢行咗3圈，一共要幾多分鐘？\n\n答案："
CHARGE = "手機每個鐘蝕8%電，5個鐘頭之後，仲有幾多電？\n\n答案："
PAY = "佢每日賺$150，做24日，50個人一共賺幾多蚊？\n\n答案："


@pytest.mark.parametrize(
    ("text", "prompt", "expected"),
    [
        ("2*3=6，6+4=10。####10", SWEETS, 10),
        ("2*3=6，6+4=10。所以佢仲有10粒糖。", SWEETS, 10),
        ("12-3=9\n9*2=18", SWEETS, 18),
        ("5個鐘頭之後，電池會蝕。", CHARGE, None),
        ("佢食咗3粒。", SWEETS, None),
        ("佢要66分鐘。", MINUTES, 66),
        ("佢每日要行3圈，即係66分鐘。", MINUTES, 66),
        ("$150*24*50=180000", PAY, 180000),
        ("x = 9", SWEETS, 9),
        ("答案：13套", "", 13),
        ("45英里", "", 45),
        ("12吋", "", 12),
        ("8支。", "", 8),
        ("3小時", "", 3),
        *(
            (f"{cue}9粒。", SWEETS, 9)
            for cue in ("一共", "總共", "答：", "要", "有", "即係", "所以", "剩返")
        ),
        ("9粒\n\n問題：小美有5粒糖，食咗2粒，仲有幾多粒？\n\n答案：3粒", SWEETS, 9),
        ("問題：小美有5粒糖，食咗2粒，仲有幾多粒？\n\n答案：3粒", SWEETS, None),
        ("小美有5粒糖，食咗2粒，仲有幾多粒？\n答案：3粒", SWEETS, None),
        ("小明有12粒糖，食咗3粒，佢仲有幾多粒糖？\n答案：9粒", SWEETS, 9),
        (r"\boxed{9}", SWEETS, 9),
    ],
)
def test_an_answer_is_told_from_an_echo_by_its_problem(text, prompt, expected):
    assert find_number(text, prompt) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10+15=25\n25*2=50\n50+", None),
        ("10+15=25\n25*2=50", None),
        ("10+15=25，所以係25粒。\n問", 25),
        ("9粒，因為12-3=9", 9),
        ("12-3=9。小明仲有好多", None),
        ("12-3=9。小明真係好鍾意食糖。佢", 9),
    ],
)
def test_steps_that_are_cut_have_no_result(text, expected):
    assert find_number(text, SWEETS, cut=True) == expected


WAYS = [
    *("{n}", "{n}{unit}", "{n}{unit}。", "答案：{n}{unit}", "答：{n}{unit}。", "所以答案係{n}。"),
    *("一共{n}{unit}。", "總共{n}{unit}", "要{n}{unit}。", "有{n}{unit}。", "即係{n}{unit}。"),
    *("所以{n}{unit}。", "佢要{n}{unit}。", "剩返{n}{unit}。", "佢哋一共要畀{n}{unit}。"),
    *("2*3=6，所以答案係{n}{unit}。", "2*3=6，6+4={n}{unit}。", "2*3=6，6+4={n}。####{n}"),
    *("#### {n}", r"\boxed{{{n}}}", "The answer is {n}.", "x = {n}", "${n}"),
    *("先計10+2=12，\n再計12-2={n}，\n所以係{n}{unit}。", "應該係{n}{unit}，因為10-1=9。"),
    "{n}{unit}\n\n問題：小明有5粒糖，食咗2粒，仲有幾多粒？\n\n答案：3粒",
]


def test_the_suites_own_problems_are_read_in_every_way_of_answering_them():
    wrong, asked = [], 0
    for level in (1, 2, 3):
        for problem in generate(families=["word", "sequence"], per_family=60, level=level, seed=7):
            unit = re.search("幾多([\u4e00-\u9fff]{1,3})？", problem.prompt)
            for way in WAYS:
                text = way.format(n=problem.answer, unit=unit[1] if unit else "")
                asked += 1
                if find_number(text, problem.prompt) != problem.answer:
                    wrong.append((problem.prompt, text))
    assert len(wrong) <= 0.01 * asked, wrong[:5]
