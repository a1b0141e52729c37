"""Options as people's tables have them: each form of a bank is the same questions, or refused."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, strategies as st

from basegate.checks.answers import find_choice
from basegate.config.settings import TableSource
from basegate.data.banks import load_bank
from basegate.data.option_texts import lettered
from basegate.data.plain_text import form
from basegate.data.records import Question
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


def numbered(labels, layout):
    return [
        layout.format(label=label, text=text) for label, text in zip(labels, TEXTS, strict=True)
    ]


@pytest.mark.parametrize(
    ("labels", "layout"),
    [
        *((labels, "{label}{text}") for labels in ("①②③④", "⒜⒝⒞⒟", "ⒶⒷⒸⒹ", "❶❷❸❹", "㈠㈡㈢㈣")),
        ("①②③④", "{label}. {text}"),
        *(("甲乙丙丁", each + "{text}") for each in ("{label}、", "（{label}）")),
        *(("ABCD", "{label}" + each + "{text}") for each in ("\t", " - ", "—", " – ", ":")),
        ("ABCD", "**{label}.** {text}"),
        ("ABCD", "**{label}**. {text}"),
        ("ABCD", "Option {label}: {text}"),
        ("甲乙丙丁", "選項{label}：{text}"),
        ("ABCD", "- {label}. {text}"),
        (("i", "ii", "iii", "iv"), "{label}. {text}"),
        (("I", "II", "III", "IV"), "({label}) {text}"),
        ("ⅠⅡⅢⅣ", "{label}、{text}"),
        ("一二三四", "{label}、{text}"),
        ("0123", "{label}. {text}"),
        (("01", "02", "03", "04"), "{label}. {text}"),
        ("1234", "{label}、{text}"),
        ("1234", "{label}\t{text}"),
    ],
)
def test_labels_of_all_options_in_order_are_taken_off(tmp_path, labels, layout):
    options = numbered(labels, layout)
    assert lettered(options) == PLAIN
    for answer in (options[1], TEXTS[1], "B"):
        record = {"question": "邊度？", "options": options, "answer": answer}
        assert read(write_jsonl(tmp_path / "b.jsonl", record)) == [(TEXTS, "B")]


WORDS = {"question": "邊個調？", "options": ["A flat major", "B flat minor"], "answer": "B"}


@pytest.mark.parametrize(
    ("labels", "space"), [("ABCD", " "), ("ＡＢＣＤ", "\u3000"), ("甲乙丙丁", "\u3000")]
)
def test_labels_before_a_space_are_taken_off_if_all_questions_have_them(tmp_path, labels, space):
    options = numbered(labels, "{label}" + space + "{text}")
    records = [
        {"question": f"{n}邊度？", "options": options, "answer": answer}
        for n, answer in enumerate((options[1], "B", labels[1]))
    ]
    assert read(write_jsonl(tmp_path / "b.jsonl", *records)) == [(TEXTS, "B")] * 3
    assert "do not (row-4), so whether these are labels" in refusal(
        write_jsonl(tmp_path / "b.jsonl", *records, {**WORDS, "options": ["一", "二"]})
    )
    assert read(write_jsonl(tmp_path / "b.jsonl", records[0])) == [(options, "B")]


@pytest.mark.parametrize(
    "options",
    [["A positive", "B negative"], ["甲 25 歲", "乙 30 歲"], ["A team wins", "B team loses"]],
)
def test_words_before_a_space_are_no_labels(tmp_path, options):
    others = [{"question": f"{n}邊度？", "options": TEXTS, "answer": "A"} for n in range(2)]
    record = {"question": "邊個？", "options": options, "answer": "B"}
    found = read(write_jsonl(tmp_path / "b.jsonl", record, *others))
    assert found[0] == (options, "B")


@pytest.mark.parametrize(
    ("labels", "layout"),
    [
        ("①②③④", "{label}{text}"),
        ("甲乙丙丁", "（{label}）{text}"),
        (("i", "ii", "iii", "iv"), "{label}. {text}"),
    ],
)
def test_an_answer_may_be_a_label_of_the_options(tmp_path, labels, layout):
    record = {"question": "邊度？", "options": numbered(labels, layout), "answer": labels[2]}
    assert read(write_jsonl(tmp_path / "b.jsonl", record)) == [(TEXTS, "C")]


def test_labels_are_those_of_the_letters(tmp_path):
    given = {"A": "A. 一", "C": "C. 二"}
    assert lettered(given) == {"A": "一", "C": "二"}
    record = {"question": "邊個？", "options": {"B": "B. 一", "A": "A. 二"}, "answer": "B"}
    assert read(write_jsonl(tmp_path / "b.jsonl", record)) == [(["一", "二"], "B")]


def test_more_options_than_an_order_has_labels_stay():
    options = [f"第{n}個" for n in range(1, 12)]
    assert list(lettered(options).values()) == options


def test_numbers_behind_labels_are_options():
    assert list(lettered(["1、12", "2、15", "3、20"]).values()) == ["12", "15", "20"]
    assert list(lettered(["1) 2", "2) 3"]).values()) == ["2", "3"]


@pytest.mark.parametrize(
    "options",
    [
        ["1.5", "2.5", "3.5"],
        ["1 km", "2 km", "3 km"],
        ["1 apple", "2 bananas", "3 cherries"],
        ["A cat", "B flat", "A dog"],
        ["A minor", "B minor"],
        ["A is larger than B", "B is larger than A"],
        ["A and B", "B and C"],
        ["A - B", "B - C"],
        ["甲 打乙", "乙 打甲"],
        ["甲是兇手", "乙是兇手"],
        ["①和②", "②和③"],
        ["①②", "②③"],
        ["①正確", "②正確"],
        ["i and ii", "ii and iii"],
        ["I", "II", "III"],
        ["一月", "二月"],
        ["一、二", "二、三"],
        ["1、2", "2、3"],
        ["1 - 0", "2 - 1"],
        ["0.5", "1.5"],
        ["A-level", "B-movie"],
        ["1:30", "2:30", "3:30"],
        ["1: 2", "2: 3", "3: 4"],
        ["1：2", "2：1"],
        ["1. e4", "1. d4"],
        ["A 12", "B 15"],
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
    ],
)
def test_what_is_no_label_stays(options):
    assert list(lettered(options).values()) == options


@pytest.mark.parametrize(
    "options",
    [
        ["B. 一", "A. 二", "C. 三"],
        ["A. 一", "二", "C. 三"],
        ["A) 一", "B) 二", "三"],
        ["②醫生", "①律師"],
        ["乙、醫生", "甲、律師"],
        ["（甲）醫生", "律師", "（丙）護士"],
    ],
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
        ('["一", "二", null]', "B"),
        (r'["\u4e00", "\u4e8c"]', "B"),
    ],
)
def test_layouts_of_the_hub_are_read(tmp_path, options, answer):
    record = {"question": "邊個？", "options": options, "answer": answer}
    assert read(write_jsonl(tmp_path / "b.jsonl", record)) == [(["一", "二"], "B")]


def test_an_array_without_commas_is_refused(tmp_path):
    record = {"question": "邊個？", "options": "['一' '二']", "answer": "A"}
    assert "are neither a list nor a table" in refusal(write_jsonl(tmp_path / "b.jsonl", record))


@pytest.mark.parametrize("cell", [r'["km\/h", "m\/s"]', r'["\ud869\udd8a", "\ud869\udd8a\u5200"]'])
def test_a_list_of_json_in_a_cell_is_read_as_json(tmp_path, cell):
    record = {"question": "邊個？", "options": cell, "answer": "B"}
    assert read(write_jsonl(tmp_path / "b.jsonl", record)) == [(json.loads(cell), "B")]


def test_a_label_that_is_an_options_text_asks_which_is_meant(tmp_path):
    record = {"question": "1+1？", "options": {"0": "1", "1": "2", "2": "3"}, "answer": "2"}
    path = write_jsonl(tmp_path / "b.jsonl", record)
    assert "answer '2' may be B or C" in refusal(path)
    for answers, answer in (("text", "B"), ("letter", "C")):
        assert read(path, answers=answers) == [(["1", "2", "3"], answer)]
    record["options"] = {"1": "一", "2": "二", "3": "三"}
    path = write_jsonl(tmp_path / "b.jsonl", record)
    assert read(path) == [(["一", "二", "三"], "B")]
    assert read(path, answers="number", first_answer=0) == [(["一", "二", "三"], "C")]


def test_a_topic_that_a_program_wrote_for_a_missing_cell_is_none(tmp_path):
    record = {"question": "冇值？", "options": ["NULL", "0"], "answer": "A", "topic": "nan"}
    path = write_jsonl(tmp_path / "b.jsonl", record)
    [question] = load_bank(TableSource(path=path), Question).records
    assert (question.topic, question.options["A"]) == ("", "NULL")


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        *((cell, "options") for cell in ("nan", "NaN", "<NA>", "#N/A", "\\N")),
        *((cell, "question") for cell in ("nan", "NULL")),
    ],
)
def test_what_programs_write_for_a_missing_cell_is_refused(tmp_path, cell, place):
    record = {"question": "邊個？", "options": ["一", "二"], "answer": "A"}
    record[place] = [*record["options"], cell] if place == "options" else cell
    assert "which programs write for a missing cell" in refusal(
        write_jsonl(tmp_path / "b.jsonl", record)
    )


@pytest.mark.parametrize(
    ("option", "read_as"),
    [
        ("旺\n角", "旺角"),
        ("旺角 \n （西），\n長沙灣", "旺角（西），長沙灣"),
        ("Mong\nKok", "Mong Kok"),
        ("旺角\u200d", "旺角"),
        ("旺角\ufe0f", "旺角\ufe0f"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("👩\u200d🔧\u200d", "👩\u200d🔧"),
    ],
)
def test_an_option_is_found_in_answers_however_it_is_broken(tmp_path, option, read_as):
    plain = re.sub("[\ufe0f\u200d]+$", "", option)
    for answer in (option, plain, read_as):
        record = {"question": "邊度？", "options": ["中環", option], "answer": answer}
        [(options, letter)] = read(write_jsonl(tmp_path / "b.jsonl", record))
        assert (options[1], letter) == (read_as, "B")
        said = re.sub("\n", "", answer) if "旺" in answer else answer.replace("\n", " ")
        assert find_choice(f"{said}\n", dict(zip("AB", options, strict=True))) == "B"


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
    assert "is none of A, B, C, D" in refusal(path, answers="text")
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
