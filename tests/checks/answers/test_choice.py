"""The option that a text chooses: what base models write, and what must come out."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from basegate.checks.answers import find_choice
from tests.helpers.answers import ECHO, PEOPLE, table

ROW = "A. 李家超 B. 林鄭月娥 C. 曾蔭權 D. 梁振英"


@table(
    ("letter", "C", "C"),
    ("letter-full-stop", "A.", "A"),
    ("letter-full-width", "Ａ", "A"),
    ("letter-brackets", "（A）", "A"),
    ("letter-exclamation", "A！", "A"),
    ("letter-after-blank-lines", "\n\nA", "A"),
    ("letter-bold", "**A**", "A"),
    ("letter-repeated", "A\nA\nA", "A"),
    ("letter-repeated-on-a-line", "A A A", "A"),
    ("letter-and-text", "A. 李家超", "A"),
    ("letter-and-text-no-space", "A.李家超", "A"),
    ("letter-and-text-ticked", "A.李家超 ✅", "A"),
    ("letter-and-text-full-width", "Ａ：李家超", "A"),
    ("letter-and-text-bracket", "A）李家超", "A"),
    ("letter-and-text-brackets", "(A) 李家超", "A"),
    ("letter-and-text-dash", "A - 李家超", "A"),
    ("letter-and-text-space", "A 李家超", "A"),
    ("letter-and-text-quoted", "A.「李家超」", "A"),
    ("letter-and-text-two-lines", "A\n李家超", "A"),
    ("letter-is-text", "A係李家超", "A"),
    ("text-and-letter", "李家超（A）", "A"),
    ("text", "李家超", "A"),
    ("text-spaced", "李 家 超。", "A"),
    ("text-quoted", "「李家超」", "A"),
    ("text-with-translation", "李家超 (John Lee)", "A"),
    ("answer-is-yue", "答案係A", "A"),
    ("answer-is-zh", "答案是：A", "A"),
    ("answer-then-newline", "答案：\nA", "A"),
    ("answer-letter-and-text", "正確答案是 A. 李家超。", "A"),
    ("answer-bold", "**答案：A. 李家超**", "A"),
    ("answer-explained", "答案是A，因為李家超係特首，B係前任。", "A"),
    ("answer-in-conclusion", "選舉喺2022年舉行。因此，正確答案是(B)。", "B"),
    ("answer-after-subject", "林鄭月娥係前任，答案係李家超", "A"),
    ("answer-en", "The answer is A.", "A"),
    ("answer-en-but", "It is not A, it is C.", "C"),
    ("i-choose-yue", "我揀A", "A"),
    ("i-choose-zh", "選擇A", "A"),
    ("i-choose-zh-simplified", "我选A", "A"),
    ("i-choose-en", "I choose B", "B"),
    ("i-think", "I think it's A", "A"),
    ("option-letter", "選項A", "A"),
    ("should-be", "應該係李家超。", "A"),
    ("of-course", "梗係A啦！", "A"),
    ("letter-object-of-sentence", "行政長官是A。", "A"),
    ("letter-end-of-text", "A</s>", "A"),
    ("hesitant", "我唔係好肯定，但應該係A", "A"),
    ("others-wrong", "A and B are wrong. C is right.", "C"),
    ("judged-right", "選項A正確", "A"),
    ("is-right", "A is correct.", "A"),
    ("object-of-sentence", "香港特別行政區行政長官係李家超。", "A"),
    ("subject-of-sentence", "李家超係香港特別行政區行政長官。", "A"),
    ("sentence-after-question", "誰是行政長官？\n行政長官是李家超。", "A"),
    ("not-this-but-that", "唔係李家超，係曾蔭權", "C"),
    ("not-this-but-that-no-comma", "唔係A係C", "C"),
    ("neither-but", "A和B都唔啱，答案係D", "D"),
    ("small-letter", "a", "A"),
    ("small-letter-full-stop", "a.", "A"),
    ("small-letter-brackets", "(a)", "A"),
    ("small-letter-and-text", "a. 李家超", "A"),
    ("answer-small-letter-brackets", "答案係(a)", "A"),
    ("letter-and-paraphrase", "A. 李家超先生，現任行政長官", "A"),
)
def test_answers(text: str, expected: str) -> None:
    assert find_choice(text, PEOPLE) == expected


@table(
    ("explanation", "B: 林鄭月娥\n\n林鄭月娥於2017年成為行政長官，接替梁振英。", "B"),
    ("letter-explained", "B\n解釋：李家超係2022年先上任。", "B"),
    ("letter-explained-in-line", "B。李家超係2022年先上任。", "B"),
    ("text-explained", "李家超\n林鄭月娥係前任，答案唔係林鄭月娥。", "A"),
    ("new-question", "A. 李家超\n\n誰是美國總統？\n\nA: 拜登\nB: 特朗普\n答案是：B", "A"),
    ("headed-question", "C\n\n問題：邊個最高？\nA. 甲\nB. 乙\n回應：B", "C"),
    ("echo-after-answer", "B. 林鄭月娥\n" + ECHO, "B"),
    ("first-of-same-option", "A. 李家超\n" + ECHO + ECHO + "答案：C", "A"),
    ("numbered-texts-after-answer", "李家超\n1. 李家超\n2. 林鄭月娥\n3. 曾蔭權", "A"),
)
def test_first_complete_answer_wins(text: str, expected: str) -> None:
    assert find_choice(text, PEOPLE) == expected


@table(
    ("verdict", ECHO + "\n答案是：A", "A"),
    ("verdict-letter", ECHO + "\nB", "B"),
    ("verdict-text", ECHO + "\n李家超", "A"),
    ("verdict-letter-and-text", ECHO + "A. 李家超\n因為佢當選。", "A"),
    ("verdict-in-row", ROW + " 答案：C", "C"),
    ("verdict-below-row", ROW + "\n答案：B. 林鄭月娥", "B"),
    ("verdict-after-two", ECHO + "直接作答。\n" + ECHO + "答案：C", "C"),
    ("no-verdict", ECHO, None),
    ("no-verdict-row", ROW, None),
    ("no-verdict-row-tight", "A.李家超B.林鄭月娥C.曾蔭權D.梁振英", None),
    ("no-verdict-headed", "答案：\n" + ECHO, None),
    ("no-verdict-headed-on-line", "答案：" + ECHO, None),
    ("no-verdict-numbered", "1. 選項A：李家超\n2. 選項B：林鄭月娥\n3. 選項C：曾蔭權", None),
    ("no-verdict-texts", "李家超\n林鄭月娥\n曾蔭權\n梁振英", None),
    ("no-verdict-numbered-texts", "1. 李家超\n2. 林鄭月娥\n3. 曾蔭權\n4. 梁振英", None),
    ("no-verdict-numbered-loop", "1. 李家超\n2. 林鄭月娥\n3. 別人\n4. 李家超", None),
    ("cut-off", "A: 李家超\nB: 林鄭", None),
    ("cut-off-at-letter", "A: 李家超\nB", None),
    ("loop-cut-off", ECHO * 3 + "A: 李家超", None),
    ("loop-cut-off-in-text", ECHO + "A: 李", None),
    ("own-question", "誰是行政長官？\n\n" + ECHO + "\n答案是：C", "C"),
    ("own-question-headed", "問題：誰是行政長官？\n" + ECHO + "回應：C", "C"),
    ("new-question", ECHO + "\n邊個係總統？\nA: 拜登\nB: 特朗普\n答案：B", None),
    ("new-question-headed", ECHO + "\n問題：邊個係總統\n回應：D", None),
    ("commented", "A. 李家超\n佢係現任。\nB. 林鄭月娥\n佢係前任。\n所以，答案係A。", "A"),
    ("commented-no-verdict", "A. 李家超\n李家超係現任。\nB. 林鄭月娥\n林鄭月娥係前任。", None),
    ("letters", "A\nB\nC\nD", None),
)
def test_echo(text: str, expected: str | None) -> None:
    assert find_choice(text, PEOPLE) == expected


@table(
    ("right-and-wrong", "A. 正確。\nB. 錯誤。\nC. 錯誤。\nD. 錯誤。", "A"),
    ("not-and-right", "A. 唔係。\nB. 唔係。\nC. 唔係。\nD. 正確，佢係前任。", "D"),
    ("right-with-reason", "A. 錯誤。佢未上任。\nB. 正確。佢係行政長官。\nC. 錯誤。", "B"),
    ("right-at-the-end", "(A) 李家超已上任，所以(A)正確。\n(B) 林鄭月娥落任，所以(B)錯誤。", "A"),
    ("right-on-next-line", "A. 李家超\n錯誤。\nB. 林鄭月娥\n正確。\nC. 曾蔭權\n錯誤。", "B"),
    ("so-the-answer", "A. 佢落任，所以答案唔係A。\nB. 佢在任，所以答案係B。", "B"),
    ("tick-and-cross", "A: 李家超 ✅\nB: 林鄭月娥 ❌", "A"),
    ("one-tick", "A: 李家超\nB: 林鄭月娥 ✅\nC: 曾蔭權", "B"),
    ("texts-ticked", "李家超 ❌\n林鄭月娥 ✅\n曾蔭權 ❌", "B"),
    ("two-ticks", "A: 李家超 ✅\nB: 林鄭月娥 ✅", None),
    ("no-tick", "A: 李家超 ❌\nB: 林鄭月娥 ❌", None),
    ("all-right", "選項A正確。\n選項B正確。\n選項C正確。", None),
    ("two-right-then-verdict", "A. 正確。\nB. 正確。\nC. 錯誤。\n答案：B", "B"),
    ("alone-right", "A. 正確。佢係行政長官。", "A"),
    ("alone-wrong", "A. 李家超 ❌", None),
    ("alone-wrong-words", "A. 李家超係錯嘅。", None),
)
def test_judged_lists(text: str, expected: str | None) -> None:
    assert find_choice(text, PEOPLE) == expected


@table(
    ("empty", "", None),
    ("spaces", "  \n\t ", None),
    ("question-mark", "?", None),
    ("exclamations", "!!!!!!!!", None),
    ("dont-know", "我唔知。", None),
    ("or", "A 或 B", None),
    ("and", "A和C", None),
    ("comma", "A, B", None),
    ("enumeration-comma", "A、B、C、D", None),
    ("together", "AB", None),
    ("spaced", "A B", None),
    ("label-and-letter", "A. D", None),
    ("texts", "李家超、林鄭月娥", None),
    ("answer-or", "答案係A或B。", None),
    ("maybe-or", "可能係A或者B", None),
    ("answers-below-each-other", "答案：A\n答案：B\n答案：C", None),
    ("numbered-answers", "1. 答案：C\n2. 答案：D\n3. 答案：A", None),
    ("contradiction", "A. 林鄭月娥", None),
    ("contradiction-explicit", "答案係A. 林鄭月娥", None),
    ("two-verdicts", "選項A嘅答案為李家超，選項B嘅答案為林鄭月娥。", None),
    ("not-text", "唔係李家超", None),
    ("not-letter", "不是A", None),
    ("not-text-zh", "並非李家超", None),
    ("answer-is-not", "答案唔係A。", None),
    ("is-wrong", "A is wrong", None),
    ("except", "除咗A以外", None),
    ("question", "係咪A？", None),
    ("question-text", "李家超？", None),
    ("question-label", "A. 誰是行政長官？", None),
    ("condition", "如果答案係A", None),
    ("a-lot", "A lot of people say so", None),
    ("apple", "Apple", None),
    ("bus", "Bus", None),
    ("letter-outside", "E", None),
    ("small-letter-in-words", "答案係 a", None),
    ("small-letter-other-text", "a. foo", None),
    ("mention-in-passing", "林鄭月娥之後有人接任，而李家超都有參選。", None),
    ("option-in-longer-word", "李家超人", None),
)
def test_no_answer(text: str, expected: None) -> None:
    assert find_choice(text, PEOPLE) is expected


NUMBERS = {"A": "10", "B": "20", "C": "1.5", "D": "15"}
TENS = {"A": "十", "B": "二十", "C": "三十", "D": "四十"}
KEYED = {"1": "2", "2": "4", "3": "8", "4": "16"}
NESTED = {"A": "水", "B": "水同陽光", "C": "陽光", "D": "唔係水，係油"}
LATIN = {"A": "Carrie Lam", "B": "John Lee", "C": "CO_{2}", "D": "Lam"}
SIGNED = {"A": "-10°C", "B": "10°C", "C": "質量+3", "D": "質量-3"}
LETTERS = {"A": "B", "B": "C", "C": "x", "D": "y"}
QUESTIONS = {"A": "佢係透明嘅？", "B": "佢重唔重？", "C": "係，因為佢輕。", "D": "錯誤"}
FIVE = {"A": "甲隊", "B": "乙隊", "C": "丙隊", "D": "丁隊", "E": "戊隊"}


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        pytest.param(NUMBERS, "20", "B", id="number"),
        pytest.param(NUMBERS, "C. 1.5", "C", id="decimal"),
        pytest.param(NUMBERS, "1.5", "C", id="decimal-alone"),
        pytest.param(NUMBERS, "15", "D", id="not-the-decimal"),
        pytest.param(NUMBERS, "110", None, id="digits-inside-number"),
        pytest.param(NUMBERS, "10.5", None, id="digits-before-point"),
        pytest.param(NUMBERS, "1. 20\n2. 15\n3. 10", None, id="numbered-numbers"),
        pytest.param(TENS, "二十", "B", id="longest-match"),
        pytest.param(TENS, "十", "A", id="shortest-alone"),
        pytest.param(TENS, "十二", None, id="other-number"),
        pytest.param(TENS, "答案係二十。", "B", id="longest-match-explicit"),
        pytest.param(KEYED, "2", "2", id="key-beats-text"),
        pytest.param(KEYED, "16", "4", id="text-that-is-no-key"),
        pytest.param(KEYED, "3. 8", "3", id="numeric-key-and-text"),
        pytest.param(KEYED, "答案是：3", "3", id="numeric-key-explicit"),
        pytest.param(KEYED, "1. 2\n2. 4\n3. 8\n4. 16\n答案：2", "2", id="numeric-key-echo"),
        pytest.param(KEYED, "2.5", None, id="numeric-key-in-decimal"),
        pytest.param(NESTED, "水同陽光", "B", id="nested-text"),
        pytest.param(NESTED, "唔係水，係油", "D", id="negation-inside-option"),
        pytest.param(NESTED, "唔係水，係陽光", "C", id="negation-outside-option"),
        pytest.param(NESTED, "水", "A", id="short-text"),
        pytest.param(NESTED, "水分", None, id="short-text-in-word"),
        pytest.param(LATIN, "carrie lam", "A", id="latin-case"),
        pytest.param(LATIN, "CARRIE-LAM", "A", id="latin-punctuation"),
        pytest.param(LATIN, "b. john lee", "B", id="latin-small-letter"),
        pytest.param(LATIN, "CO2", "C", id="formula"),
        pytest.param(LATIN, "Lamb", None, id="latin-in-word"),
        pytest.param(LATIN, "Lam", "D", id="latin-contained"),
        pytest.param(SIGNED, "-10°C", "A", id="sign"),
        pytest.param(SIGNED, "10°C", "B", id="no-sign"),
        pytest.param(SIGNED, "質量-3。", "D", id="minus-three"),
        pytest.param(LETTERS, "B", "B", id="letter-beats-text"),
        pytest.param(LETTERS, "A. B", "A", id="letter-with-its-text"),
        pytest.param(LETTERS, "x", "C", id="letter-as-text"),
        pytest.param(QUESTIONS, "A. 佢係透明嘅？", "A", id="text-is-question"),
        pytest.param(QUESTIONS, "佢重唔重？", "B", id="text-is-question-alone"),
        pytest.param(QUESTIONS, "C. 係，因為佢輕。", "C", id="text-with-reason"),
        pytest.param(QUESTIONS, "D. 錯誤", "D", id="text-is-judgement"),
        pytest.param(FIVE, "E", "E", id="fifth-letter"),
        pytest.param(FIVE, "答案係戊隊", "E", id="fifth-text"),
        pytest.param({}, "A", None, id="no-options"),
        pytest.param({"A": "", "B": "…"}, "B", "B", id="options-without-text"),
        pytest.param({"A": "同", "B": "同"}, "同", None, id="same-text-twice"),
    ],
)
def test_other_options(options: dict[str, str], text: str, expected: str | None) -> None:
    assert find_choice(text, options) == expected


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("MW", "B"),
        ("mW", "A"),
        ("答案係 MW", "B"),
        ("mw", None),
        ("KW", "C"),
        ("A: mW", "A"),
        ("b.", "B"),
    ],
)
def test_case_tells_options_that_differ_in_nothing_else(text, answer):
    assert find_choice(text, {"A": "mW", "B": "MW", "C": "kW"}) == answer


# Ordinary words, so that drawn options look like options and not like keys or line numbers.
WORDS = st.text(alphabet="李家超水陽光係唔正確錯或十二三fghklm ，、", min_size=2, max_size=8)
OPTION_SETS = st.lists(
    WORDS.map(str.strip).filter(lambda word: sum(map(str.isalnum, word)) >= 2),
    min_size=2,
    max_size=5,
    unique_by=lambda word: "".join(filter(str.isalnum, word)),
).map(lambda words: dict(zip("ABCDE", words, strict=False)))
ANY_OPTIONS = st.dictionaries(st.text(max_size=3), st.text(max_size=12), max_size=5)


@given(text=st.text(), options=ANY_OPTIONS)
def test_choice_of_any_text_is_a_key_or_none(text: str, options: dict[str, str]) -> None:
    assert find_choice(text, options) in {None, *options}


@given(options=OPTION_SETS, data=st.data())
def test_plain_answers_are_found(options: dict[str, str], data: st.DataObject) -> None:
    letter = data.draw(st.sampled_from(sorted(options)))
    for text in (f"{letter}. {options[letter]}", letter, f"答案係{letter}", options[letter]):
        assert find_choice(text, options) == letter, text


@given(options=OPTION_SETS)
def test_echo_alone_is_no_answer(options: dict[str, str]) -> None:
    assert (
        find_choice("\n".join(f"{key}: {text}" for key, text in options.items()), options) is None
    )
