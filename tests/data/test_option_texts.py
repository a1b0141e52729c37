"""Options as people's tables have them: each form of a bank is the same questions, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from basegate.config.settings import TableSource
from basegate.data.banks import Pair, Question, load_bank
from basegate.data.option_texts import form, lettered
from basegate.data.tables import table_identity
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
        [f"{letter}.{text}" for letter, text in PLAIN.items()],
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
        [f"\u200e{TEXTS[0]}", *(f"\u202b{text}\u202c" for text in TEXTS[1:])],
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
        ["A、B", "B、C", "A、C"],
        ["A、B", "B、C", "C、A"],
        ["(1) only", "(2) only", "(3) only"],
        ["(1) and (2)", "(2) and (3)", "(3) and (1)"],
        ["(A)及(B)", "(B)及(C)", "(C)及(A)"],
        ["1. Bundesliga", "2. Bundesliga", "3. Bundesliga"],
        ["A. thaliana", "B. subtilis", "E. coli", "S. cerevisiae"],
        ["A.D. 79", "B.C. 44"],
        ["A.M.", "P.M."],
        ["👩‍👩‍👧", "👨‍👩‍👧"],
        ["1 km", "2 km", "3 km"],
        ["1-2", "2-3", "3-4"],
        ["甲狀腺", "乙肝", "丙烷"],
        ["一月", "二月", "三月"],
        ["①", "②", "③"],
        ["①②", "②③", "③①"],
        ["I", "II", "III"],
        ["A 級", "B 級", "C 級"],
        ["A-flat", "B-flat", "C-sharp"],
        ["甲和乙", "乙和丙"],
    ],
)
def test_what_is_no_label_stays(options):
    assert list(lettered(options).values()) == options


@pytest.mark.parametrize(
    "labels",
    [
        "①|②|③",
        "⑴|⑵|⑶",
        "⒜|⒝|⒞",
        "甲、|乙、|丙、",
        "（甲）|（乙）|（丙）",
        "一、|二、|三、",
        "A |B |C ",
        "A\t|B\t|C\t",
        "A - |B - |C - ",
        "A—|B—|C—",
        "**A.** |**B.** |**C.** ",
        "<b>A</b> |<b>B</b> |<b>C</b> ",
        "Option A: |Option B: |Option C: ",
        "a |b |c ",
        "0. |1. |2. ",
        "i. |ii. |iii. ",
        "(I) |(II) |(III) ",
    ],
)
@pytest.mark.parametrize("texts", [["旺角", "深水埗", "柴灣"], ["Mong Kok", "1", "Chai Wan"]])
def test_labels_of_other_series_are_taken_off_where_all_options_have_them(labels, texts):
    options = [label + text for label, text in zip(labels.split("|"), texts, strict=True)]
    assert list(lettered(options).values()) == texts
    options[1] = texts[1]
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


@pytest.mark.parametrize("options", [["A.5", "B.7"], ["A)5", "B)7"], ["Ａ．5", "Ｂ．7"]])
def test_a_letter_labels_a_figure(options):
    assert lettered(options) == {"A": "5", "B": "7"}


@pytest.mark.parametrize("other", ["旺\u200b角", "ＭＫ", "M\u200eK", "MK "])
def test_options_that_no_reader_could_tell_are_refused(tmp_path, other):
    first = "旺角" if "角" in other else "MK"
    record = {"question": "邊度？", "options": [first, other], "answer": "A"}
    assert "two options are alike" in refusal(write_jsonl(tmp_path / "b.jsonl", record))


def read(path, **given):
    return [
        (list(each.options.values()), each.answer)
        for each in load_bank(TableSource(path=path, **given), Question).records
    ]


@pytest.mark.parametrize("options", [["mW", "MW", "kW"], ["AA", "Aa", "aa"], ["+5", "5", "-5"]])
@pytest.mark.parametrize("answer", range(3))
def test_case_and_signs_tell_options_apart(tmp_path, options, answer):
    record = {"question": "邊個？", "options": options, "answer": options[answer]}
    path = write_jsonl(tmp_path / "b.jsonl", record)
    assert read(path, answers="text") == [(options, "ABC"[answer])]


@pytest.mark.parametrize("answer", ["(B)", "B.", "b）", "Ｂ", "[B]", " b\n"])
def test_a_letter_in_any_dress_is_an_answer(tmp_path, answer):
    record = {"question": "邊個？", "options": ["一", "二"], "answer": answer}
    assert read(write_jsonl(tmp_path / "b.jsonl", record)) == [(["一", "二"], "B")]


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"text": ["一", "二"], "label": ["A", "B"]}, "B"),  # as ARC has them
        ({"text": ["一", "二"], "label": ["1", "2"]}, "2"),  # and some of its questions
        ({"1": "一", "2": "二"}, 2),
        ({"0": "一", "1": "二"}, "1"),
        ({"a": "一", "b": "二"}, "b"),
        ("['一', '二']", "B"),  # a list in a cell, by pandas
        ('["一", "二"]', "B"),
    ],
)
def test_layouts_of_the_hub_are_read(tmp_path, options, answer):
    record = {"question": "邊個？", "options": options, "answer": answer}
    assert read(write_jsonl(tmp_path / "b.jsonl", record)) == [(["一", "二"], "B")]


def test_an_array_without_commas_is_refused(tmp_path):
    record = {"question": "邊個？", "options": "['一' '二']", "answer": "A"}
    assert "are neither a list nor a table" in refusal(write_jsonl(tmp_path / "b.jsonl", record))


@pytest.mark.parametrize("cell", ["nan", "NaN", "<NA>", "#N/A", "\\N", "NULL"])
@pytest.mark.parametrize("place", ["options", "question"])
def test_what_programs_write_for_a_missing_cell_is_refused(tmp_path, cell, place):
    record = {"question": "邊個？", "options": ["一", "二"], "answer": "A"}
    record[place] = [*record["options"], cell] if place == "options" else cell
    assert "which programs write for a missing cell" in refusal(
        write_jsonl(tmp_path / "b.jsonl", record)
    )


@pytest.mark.parametrize(("first", "answers"), [(None, "AB"), (0, "AB"), (1, "?A")])
def test_whole_numbers_with_a_point_are_numbers(tmp_path, first, answers):
    path = tmp_path / "b.csv"
    path.write_text("question,A,B,answer\n邊個？,一,二,0.0\n邊度？,三,四,1.0\n", encoding="utf-8")
    given = {"columns": {"options": ("A", "B")}, "first_answer": first}
    if "?" in answers:
        assert "answer '0.0' is none of A, B" in refusal(path, **given)
    else:
        assert [answer for _, answer in read(path, **given)] == list(answers)


def test_decimals_that_are_options_are_no_numbers(tmp_path):
    record = {"question": "幾多？", "options": ["0.5", "1.0", "1.5"], "answer": "1.0"}
    [(_, answer)] = read(write_jsonl(tmp_path / "b.jsonl", record))
    assert answer == "B"


def test_lines_of_a_question_end_with_lf(tmp_path):
    record = {"question": "邊個？\r\n答：", "options": ["一", "二"], "answer": "A"}
    path = write_jsonl(tmp_path / "b.jsonl", record)
    [question] = load_bank(TableSource(path=path), Question).records
    assert question.question == "邊個？\n答："
    assert table_identity(TableSource(path=path)).startswith("jsonl:lf:sha256:")
    path.write_text(
        r'{"question": "\\rho", "options": ["一", "二"], "answer": "A"}', encoding="utf-8"
    )
    assert table_identity(TableSource(path=path)).startswith("jsonl:sha256:")


def test_questions_on_emoji_are_not_the_same(tmp_path):
    records = [{"question": f"{face}？", "options": ["喜", "悲"], "answer": "A"} for face in "😀😢"]
    assert len(read(write_jsonl(tmp_path / "b.jsonl", *records))) == 2


def test_a_field_that_no_column_has_names_the_columns(tmp_path):
    path = tmp_path / "b.csv"
    path.write_text("Question;A;B;answer\n邊個？;一;二;A\n", encoding="utf-8")
    assert "question is missing; it has 'Question;A;B;answer'" in refusal(path)


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


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("\ufeff邊座山最高？", "邊座山最高？"),
        ("邊座\u200b山最高？\u3000", "邊座山最高？"),
        ("\n邊座山最高？ \n\n", "邊座山最高？"),
        ("邊座山最高？\ufe0f", "邊座山最高？\ufe0f"),  # behind a mark, as of an emoji
        ("邊座山\ufe0f", "邊座山"),
        ("你好\n\n世界 ", "你好\n\n世界"),
    ],
)
def test_questions_and_pairs_have_nothing_invisible_at_their_ends(tmp_path, given, wanted):
    record = {"question": given, "context": given, "options": ["一", "二"], "answer": "A"}
    [question] = load_bank(
        TableSource(path=write_jsonl(tmp_path / "q.jsonl", record)), Question
    ).records
    assert (question.question, question.context) == (wanted, wanted)
    path = write_jsonl(tmp_path / "p.jsonl", {"right": given, "wrong": "大帽山"})
    [pair] = load_bank(TableSource(path=path), Pair).records
    assert pair.right == wanted


def test_a_pair_that_differs_by_what_nobody_sees_is_bad(tmp_path):
    path = write_jsonl(tmp_path / "p.jsonl", {"right": "一隻狗。", "wrong": "一隻\u200b狗。 "})
    with pytest.raises(DataError, match="right and wrong are the same sentence"):
        load_bank(TableSource(path=path), Pair)


@pytest.mark.parametrize("other", ["李 家超", "李\n家超", "李家超\u200d", "李家超\ufe0f"])
def test_options_that_differ_by_spaces_between_chinese_characters_are_refused(tmp_path, other):
    record = {"question": "邊個？", "options": ["李家超", other], "answer": "A"}
    assert "two options are alike" in refusal(write_jsonl(tmp_path / "b.jsonl", record))


@pytest.mark.parametrize("answer", ["②曾蔭權", "曾蔭權", "B"])
def test_an_answer_may_have_the_label_of_its_option(tmp_path, answer):
    record = {"question": "邊個？", "options": ["①李家超", "②曾蔭權"], "answer": answer}
    path = write_jsonl(tmp_path / "b.jsonl", record)
    assert read(path) == [(["李家超", "曾蔭權"], "B")]


def test_a_line_break_between_chinese_characters_is_none():
    assert lettered(["李\n家超", "New\nYork"]) == {"A": "李家超", "B": "New York"}
