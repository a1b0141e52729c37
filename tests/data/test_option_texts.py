"""Options as people's tables have them: each form of a bank is the same questions, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from basegate.config.settings import TableSource
from basegate.data.banks import Question, load_bank
from basegate.data.option_texts import form, lettered
from basegate.errors import DataError
from tests.helpers.checkpoints import write_jsonl

TEXTS = ["旺角", "中環 (Central)", "尖沙咀", "赤鱲角"]
PLAIN = dict(zip("ABCD", TEXTS, strict=True))


def labelled(before, after):
    return [f"{before}{letter}{after}{text}" for letter, text in PLAIN.items()]


@pytest.mark.parametrize(
    "options",
    [
        TEXTS,
        labelled("", ". "),
        labelled("", "."),
        labelled("(", ")"),
        labelled("（", "）"),
        labelled("", "、"),
        labelled("", "："),
        [f"{'abcd'[n]}) {text}" for n, text in enumerate(TEXTS)],
        [f"{n}. {text}" for n, text in enumerate(TEXTS, 1)],
        [f"  {text} \n" for text in TEXTS],
        ["旺\u200b角", "中環\r\n  (Central)".replace("\r\n", "\n"), "尖沙咀\ufeff", "赤鱲角\u3000"],
        [*TEXTS, None],
        [*TEXTS, float("nan")],
    ],
)
def test_a_form_is_the_same_options(options):
    assert lettered(options) == PLAIN
    if None not in options:
        assert lettered(dict(zip("ABCDE", options, strict=False))) == PLAIN


@pytest.mark.parametrize(
    "options",
    [
        ["1.5", "2.5", "3.5"],
        ["1:30", "2:30", "3:30"],
        ["a:b", "b:c", "c:d"],
        ["C. elegans", "D. melanogaster", "E. coli", "S. cerevisiae"],
        ["A", "B", "AB", "O"],
        ["(A)", "(B)", "(C)"],
        ["甲、乙", "乙、丙", "丙、丁"],
        ["👩‍👩‍👧", "👨‍👩‍👧"],
    ],
)
def test_what_is_no_label_stays(options):
    assert list(lettered(options).values()) == options


@pytest.mark.parametrize(
    "options", [["B. 一", "A. 二", "C. 三"], ["A. 一", "二", "C. 三"], ["A) 一", "B) 二", "三"]]
)
def test_labels_that_contradict_the_letters_are_refused(options):
    with pytest.raises(ValueError, match="of which some are missing or out of order"):
        lettered(options)


def test_an_option_that_is_missing_before_others_is_refused():
    with pytest.raises(ValueError, match="an option before others is missing"):
        lettered(["一", None, "三"])


def refusal(path, **given):
    with pytest.raises(DataError) as caught:
        load_bank(TableSource(path=path, **given), Question)
    return str(caught.value)


@pytest.mark.parametrize("other", ["旺\u200b角", "ＭＫ", "mk", "MK "])
def test_options_that_no_reader_could_tell_are_refused(tmp_path, other):
    first = "旺角" if "角" in other else "MK"
    record = {"question": "邊度？", "options": [first, other], "answer": "A"}
    assert "two options are alike" in refusal(write_jsonl(tmp_path / "b.jsonl", record))


@pytest.mark.parametrize("missing", [None, float("nan"), "csv"])
def test_questions_of_fewer_options_have_these(tmp_path, missing):
    names = ("question", "A", "B", "C", "answer", "topic")
    rows = [
        ("邊度？", "旺角", "中環", missing, "B", missing),
        ("邊個？", "你", "我", "佢", "C", "人"),
    ]
    if missing == "csv":
        path = tmp_path / "b.csv"
        lines = [",".join(cell.replace("csv", "") for cell in row) for row in (names, *rows)]
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        table = [dict(zip(names, row, strict=True)) for row in rows]
        path = write_jsonl(tmp_path / "b.jsonl", *table)
    source = TableSource(path=path, columns={"options": ("A", "B", "C")})
    first, second = load_bank(source, Question).records
    assert first.options == {"A": "旺角", "B": "中環"}
    assert (first.answer, first.topic) == ("B", "")
    assert second.options == {"A": "你", "B": "我", "C": "佢"}


@pytest.mark.parametrize(
    "answer", ["中環 (Central)", "B. 中環 (Central)", "b", "Ｂ. 中環  （ＣＥＮＴＲＡＬ）"]
)
def test_an_answer_by_its_text_is_found_in_every_form(tmp_path, answer):
    record = {"question": "邊度？", "options": labelled("", ". "), "answer": answer}
    path = write_jsonl(tmp_path / "b.jsonl", record)
    [question] = load_bank(TableSource(path=path), Question).records
    assert question.answer == "B"


@pytest.mark.parametrize("numbers", [[1, 2], ["3"], [4.0, 1.0]])
def test_numbers_without_a_zero_ask_where_they_begin(tmp_path, numbers):
    records = [
        {"question": f"第{n}條？", "options": TEXTS, "answer": answer}
        for n, answer in enumerate(numbers)
    ]
    path = write_jsonl(tmp_path / "b.jsonl", *records)
    assert "say first_answer = 1 (or 0)" in refusal(path)
    bank = load_bank(TableSource(path=path, first_answer=1), Question)
    assert [each.answer for each in bank.records] == ["ABCD"[int(n) - 1] for n in numbers]


def test_numbers_that_are_options_are_no_places(tmp_path):
    record = {"question": "1 + 1 = ？", "options": ["4", "3", "2"], "answer": "2"}
    path = write_jsonl(tmp_path / "b.jsonl", record)
    [question] = load_bank(TableSource(path=path, answers="text"), Question).records
    assert question.answer == "C"


@given(st.text(), st.sampled_from(["\u200b", "\ufeff", ""]), st.sampled_from([" ", "\t", "\n"]))
def test_the_form_of_a_text_does_not_depend_on_how_it_is_written(text, invisible, space):
    assert form(f"{space}{text}{invisible}{space}") == form(text)
    assert form(form(text)) == form(text)
