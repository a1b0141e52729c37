"""The number that a text gives: what base models write, and what must come out."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, strategies as st

from basegate.checks.answers import find_number
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
    ("hundreds", "一百", None),
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
