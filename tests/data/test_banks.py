"""Banks: what a model is asked."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from basegate.checks.labels import format_sample_size
from basegate.config.settings import GeneratedSource, TableSource
from basegate.data.banks import identity, load_bank
from basegate.data.records import Pair, Problem, Prompt, Question
from basegate.errors import DataError
from tests.helpers.checkpoints import write_jsonl
from tests.helpers.paths import FIXTURES

QUESTION = {"id": "q", "question": "Which?", "options": {"A": "one", "B": "two"}, "answer": "B"}

ARTICLE_QUESTION = """\
香港是一個香港特別行政區是中華人民共和國的一個享有高度自治權的地方行政區域，直轄於中央人民政府。

誰是香港特別行政區的行政長官？

A: 李家超
B: 林鄭月娥
C: 曾蔭權
D: 梁振英

答案是：
"""
ARTICLE_PROBLEM = """\
1 + n = 10;
1 + n + 10 = 20;
(n - 1) * 5 = 40;

So, n is equals to """
ARTICLE_START = "大家好，我係你哋嘅特首李家超，我熱愛"


PAIR = {"id": "p", "kind": "classifier", "right": "一隻狗。", "wrong": "一張狗。"}


def load(path, kind, **fields):
    return load_bank(TableSource(path=path, **fields), kind)


def refusal(path, kind, **fields):
    with pytest.raises(DataError) as caught:
        load(path, kind, **fields)
    return str(caught.value)


def test_the_question_of_the_article_is_put_to_the_letter():
    questions = load(FIXTURES / "questions" / "must-know.jsonl", Question).records
    [question] = [each for each in questions if each.id == "chief-executive"]
    assert question.prompt == ARTICLE_QUESTION
    assert question.answer == "A"


def test_the_problem_of_the_article_is_put_to_the_letter():
    [problem] = load(FIXTURES / "algebra" / "article.jsonl", Problem).records
    assert problem.prompt == ARTICLE_PROBLEM
    # 1 + 9 = 10, 1 + 9 + 10 = 20, (9 - 1) * 5 = 40
    assert problem.answer == 9


def test_the_beginning_of_the_article_is_put_to_the_letter():
    prompts = load(FIXTURES / "prompts" / "continuation.jsonl", Prompt).records
    assert ARTICLE_START in [each.prompt for each in prompts]


def test_a_question_without_context_begins_with_the_question():
    assert Question(**QUESTION).prompt == "Which?\n\nA: one\nB: two\n\n答案是：\n"


def test_options_keep_the_order_of_the_file(tmp_path):
    options = {"D": "4", "A": "1", "C": "3"}
    path = write_jsonl(tmp_path / "b.jsonl", {**QUESTION, "options": options, "answer": "C"})
    [question] = load(path, Question).records
    assert "D: 4\nA: 1\nC: 3" in question.prompt


def test_records_keep_their_order_and_may_hold_further_fields(tmp_path):
    path = write_jsonl(
        tmp_path / "b.jsonl",
        {"id": "z", "prompt": "1", "topic": "x"},
        {"id": "a", "prompt": "2", "source": {"url": "y"}},
    )
    assert load(path, Prompt).records == (Prompt(id="z", prompt="1"), Prompt(id="a", prompt="2"))


def test_a_record_without_an_id_goes_by_its_place(tmp_path):
    path = write_jsonl(tmp_path / "b.jsonl", {"prompt": "1"}, {"id": 7, "prompt": "2"})
    assert [each.id for each in load(path, Prompt).records] == ["row-1", "7"]


BAD = {
    "answer is no option": (Question, {"answer": "C"}, "answer 'C' is none of A, B."),
    "a key of another alphabet": (
        Question,
        {"options": {"A": "one", "B": "two", "Ď": "three"}},
        "the option 'Ď' is not marked by a letter from A to Z.",
    ),
    "one option": (Question, {"options": {"B": "two"}}, "a question needs at least two options."),
    "missing options": (Question, {"options": None}, "options is missing."),
    "an empty option": (Question, {"options": {"A": " ", "B": "two"}}, "an option is empty."),
    "options alike": (Question, {"options": {"A": "two", "B": "two "}}, "two options are alike"),
    "an empty question": (Question, {"question": ""}, "question is empty."),
    "options are a number": (Question, {"options": 4}, "options are neither a list nor a table"),
    "the answer is true": (Question, {"answer": True}, "answer is not text."),
    "the answer's number is too great": (Question, {"answer": 2}, "answer '2' is none of A, B."),
    "a question of blanks": (Question, {"question": "  "}, "question is empty."),
    "half a character": (Prompt, {"prompt": "a\ud83d"}, "prompt holds an unpaired surrogate"),
    "half a character in the context": (
        Question,
        {"context": "a\ud83d"},
        "context holds an unpaired surrogate, which is no character.",
    ),
    "half a character in an option": (
        Question,
        {"options": {"A": "a\ud83d", "B": "two"}},
        "one of the options holds an unpaired surrogate, which is no character.",
    ),
    "an answer of two readings": (
        Question,
        {"options": {"A": "B", "B": "C"}, "answer": "B"},
        "answer 'B' may be A or B",
    ),
    "more options than letters": (
        Question,
        {"options": [f"option {n}" for n in range(27)]},
        "there are 27 options, more than letters",
    ),
    "a pair but for a space": (Pair, {"wrong": "一隻狗。 "}, "right and wrong are the same"),
    "a pair but for what nobody sees": (
        Pair,
        {"wrong": "\ufeff一\u2060隻狗。\u200b"},
        "right and wrong",
    ),
    "a question of what nobody sees": (
        Question,
        {"question": "\u200b\ufeff"},
        "question is empty.",
    ),
    "options alike but for a space in Chinese": (
        Question,
        {"options": {"A": "李家超", "B": "李 家超"}},
        "two options are alike",
    ),
    "options alike but for how an emoji looks": (
        Question,
        {"options": {"A": "❤", "B": "❤\ufe0f"}},
        "two options are alike",
    ),
    "missing prompt": (Prompt, {"prompt": None}, "prompt is missing."),
    "empty id": (Prompt, {"id": ""}, "id is empty."),
    "answer is no whole number": (Problem, {"answer": 4.5}, "answer is not a whole number."),
    "answer is a word": (Problem, {"answer": "nine"}, "answer is not a whole number."),
    "answer of a problem is true": (Problem, {"answer": True}, "answer is not a whole number."),
    "the same sentence": (Pair, {"wrong": "一隻狗。"}, "right and wrong are the same sentence."),
}
GOOD = {
    Question: QUESTION,
    Prompt: {"id": "p", "prompt": "p"},
    Problem: {"id": "p", "prompt": "1 + 1 = ", "answer": 2},
    Pair: PAIR,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_named_by_its_line(tmp_path, name):
    kind, fields, sentence = BAD[name]
    path = tmp_path / "b.jsonl"
    path.write_text(json.dumps({**GOOD[kind], **fields}), encoding="utf-8")
    head, line = refusal(path, kind).split("\n")
    assert head.startswith(f"{path}: 1 of 1 records cannot be used. That is more than 1 %")
    assert line.startswith(f"  {path}, line 1: {sentence}")


EDGES = ("{}\u200b", "\ufeff{}", "\u200b {}\u3000", "{}\n\n", "　{}", "{}\u200e \t", "{}\u200d")


@pytest.mark.parametrize("edges", EDGES)
def test_what_nobody_sees_at_the_ends_of_a_text_is_not_asked(tmp_path, edges):
    path = tmp_path / "b.jsonl"
    for kind, plain, fields in (
        (Pair, PAIR, ("right",)),
        (Pair, PAIR, ("wrong",)),
        (Question, {**QUESTION, "context": "Then."}, ("question", "context")),
    ):
        dressed = plain | {name: edges.format(plain[name]) for name in fields}
        [record] = load(write_jsonl(path, dressed), kind).records
        assert record == kind.model_validate(plain)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("佢\u200b去\ufeff咗\u2060。", "佢去咗。"),
        ("👩\u200d👩\u200d👧係❤\ufe0f。", "👩\u200d👩\u200d👧係❤\ufe0f。"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("അവന്\u200d", "അവന്\u200d"),
        ("係❤\ufe0f", "係❤\ufe0f"),
        ("一\u3000二\n三", "一\u3000二\n三"),
    ],
)
def test_invisible_characters_stay_where_they_mean_something(tmp_path, given, read):
    path = write_jsonl(tmp_path / "b.jsonl", {**PAIR, "right": given})
    assert load(path, Pair).records[0].right == read


def test_a_prompt_is_asked_as_it_stands(tmp_path):
    for kind in (Prompt, Problem):
        record = {**GOOD[kind], "prompt": "\u3000n = \n"}
        path = write_jsonl(tmp_path / "b.jsonl", record)
        assert load(path, kind).records[0].prompt == "\u3000n = \n"


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        ({"id": "q", "question": "Other?"}, "duplicate id 'q'."),
        ({"id": "r"}, "it is the same question as 'q'."),
        ({"id": "r", "question": " Ｗｈｉｃｈ？ "}, "it is the same question as 'q'."),
        (
            {"id": "r", "options": {"A": "two", "B": "one"}, "answer": "A"},
            "it is the same question as 'q'.",
        ),
    ],
    ids=["id", "all", "but for width and spaces", "but for the order of options"],
)
def test_a_record_that_stands_twice_is_bad_at_the_second(tmp_path, second, sentence):
    path = write_jsonl(tmp_path / "b.jsonl", QUESTION, {**QUESTION, **second})
    assert f"line 2: {sentence}" in refusal(path, Question)


def test_the_same_words_with_other_options_are_another_question(tmp_path):
    other = {**QUESTION, "id": "r", "options": {"A": "one", "B": "three"}}
    path = write_jsonl(tmp_path / "b.jsonl", QUESTION, other)
    assert len(load(path, Question).records) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 mW 幾大？", "1 MW 幾大？"),
        ("C# 係咩？", "C 係咩？"),
        ("10² = ", "102 = "),
        ("3:4", "34"),
    ],
)
def test_case_signs_and_powers_make_another_question(tmp_path, one, other):
    records = [{**QUESTION, "id": text, "question": text} for text in (one, other)]
    assert len(load(write_jsonl(tmp_path / "b.jsonl", *records), Question).records) == 2


@pytest.mark.parametrize(("bad", "refused"), [(0, False), (2, False), (3, True)])
def test_up_to_one_in_a_hundred_is_left_out_and_counted(tmp_path, bad, refused):
    good = [{**QUESTION, "id": f"q{n}", "question": f"第{n}條？"} for n in range(200 - bad)]
    path = write_jsonl(tmp_path / "b.jsonl", *good, *[{**QUESTION, "answer": "Z"}] * bad)
    if refused:
        assert refusal(path, Question).startswith(f"{path}: {bad} of 200 records cannot be used")
        return
    bank = load(path, Question)
    assert len(bank.records) == 200 - bad
    assert [str(each) for each in bank.left_out] == [
        f"{path}, line {199 - bad + n + 2}: answer 'Z' is none of A, B." for n in range(bad)
    ]
    assert (
        format_sample_size(bank.sample_size(4))
        == f"{200 - bad} questions, 4 samples each, {bad} left out"
    )


def test_a_refusal_shows_ten_and_counts_the_others(tmp_path):
    path = write_jsonl(tmp_path / "b.jsonl", *[{"id": "x"}] * 13)
    lines = refusal(path, Prompt).split("\n")
    assert len(lines) == 12
    assert lines[1] == f"  {path}, line 1: prompt is missing; it has 'id'."
    assert lines[-1] == "  and 3 more"


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_bank_is_refused(tmp_path, text):
    path = tmp_path / "b.jsonl"
    path.write_text(text, encoding="utf-8")
    assert refusal(path, Prompt).startswith(f"{path} is empty: there is nothing to ask.")


def test_a_bank_that_is_not_there_is_refused(tmp_path):
    assert "there is no such file" in refusal(tmp_path / "none.jsonl", Prompt)
    assert "is a folder" in refusal(tmp_path, Prompt)


def test_a_bank_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "b.jsonl"
    path.write_bytes('{"id": "p", "prompt": "香港係"}'.encode("big5"))
    assert "is not UTF-8" in refusal(path, Prompt)


# Three layouts of public question banks, as docs/thresholds.md shows them.


def test_a_csv_file_without_header(tmp_path):
    path = tmp_path / "b.csv"
    path.write_text('邊個？,甲,乙,丙,丁,B\n"「佢」, 邊個？",戊,己,庚,辛,D\n', encoding="utf-8")
    first, second = load(
        path,
        Question,
        header=("question", "A", "B", "C", "D", "answer"),
        columns={"options": ("A", "B", "C", "D")},
    ).records
    assert first.options == {"A": "甲", "B": "乙", "C": "丙", "D": "丁"}
    assert (first.answer, second.answer, second.question) == ("B", "D", "「佢」, 邊個？")


def test_records_with_a_field_for_every_option(tmp_path):
    path = tmp_path / "b.json"
    path.write_text(
        '[{"no": 12, "question": "邊？", "A": "甲", "B": "乙", "C": "丙", "D": 4, "answer": "d"}]',
        encoding="utf-8",
    )
    [question] = load(path, Question, columns={"id": "no", "options": ("A", "B", "C", "D")}).records
    assert (question.id, question.options["D"], question.answer) == ("12", "4", "D")


@pytest.mark.parametrize(("number", "first", "letter"), [(0, 0, "A"), (2, 0, "C"), (2, 1, "B")])
def test_choices_as_a_list_with_the_number_of_the_answer(tmp_path, number, first, letter):
    path = write_jsonl(
        tmp_path / "b.jsonl",
        {"question": "邊個？", "choices": ["甲", "乙", "丙"], "answer": number},
    )
    [question] = load(path, Question, columns={"options": "choices"}, first_answer=first).records
    assert question.answer == letter


@pytest.mark.parametrize(
    ("given", "letter"),
    [({"answers": "text"}, "B"), ({"answers": "number", "first_answer": 0}, "C")],
)
def test_what_an_answer_is_can_be_said(tmp_path, given, letter):
    path = write_jsonl(
        tmp_path / "b.jsonl", {"question": "?", "options": ["3", "2", "1"], "answer": "2"}
    )
    assert "answer '2' may be B or C" in refusal(path, Question)
    [question] = load(path, Question, **given).records
    assert question.answer == letter
    with pytest.raises(DataError, match="say first_answer = 1"):
        load(path, Question, answers="number")


def test_answers_that_seem_to_count_from_one_are_refused(tmp_path):
    records = [
        {"question": f"第{n}條？", "options": ["甲", "乙", "丙", "丁"], "answer": 1 + n % 3}
        for n in range(15)
    ]
    path = write_jsonl(tmp_path / "b.jsonl", *records)
    assert "say first_answer = 1" in refusal(path, Question)
    assert load(path, Question, first_answer=1).records[0].answer == "A"
    assert load(path, Question, first_answer=0).records[0].answer == "B"


@pytest.mark.parametrize(
    ("first", "second"),
    [("12 × 3 = ", "12 ÷ 3 = "), ("5 − 3 = ", "53 = "), ("√4 = ", "4 = "), ("2^3 = ", "23 = ")],
)
def test_problems_that_differ_in_a_sign_are_two(tmp_path, first, second):
    records = [{"prompt": each, "answer": 1} for each in (first, second)]
    assert len(load(write_jsonl(tmp_path / "b.jsonl", *records), Problem).records) == 2


def test_a_column_that_is_not_there_is_named(tmp_path):
    path = write_jsonl(tmp_path / "b.jsonl", QUESTION)
    message = refusal(path, Question, columns={"question": "stem"})
    assert "has no 'stem', it has 'id', 'question', 'options', 'answer'." in message


def test_texts_are_read_composed_and_options_alike_but_for_that_are_refused(tmp_path):
    record = {"id": "q", "question": "cafe\u0301?", "options": {"A": "e\u0301", "B": "o"}}
    path = write_jsonl(tmp_path / "a.jsonl", {**record, "answer": "A"})
    [question] = load_bank(TableSource(path=path), Question).records
    assert (question.question, question.options["A"]) == ("caf\u00e9?", "\u00e9")
    alike = {**record, "options": {"A": "e\u0301", "B": "\u00e9"}, "answer": "A"}
    with pytest.raises(DataError, match="two options are alike"):
        load_bank(TableSource(path=write_jsonl(tmp_path / "b.jsonl", alike)), Question)


@pytest.fixture
def generator(monkeypatch):
    """A module that draws problems; `calls` says what it was asked for."""
    module = ModuleType("drawn_problems")
    module.calls = []

    def generate(*, families, per_family, level, seed):
        module.calls.append((families, per_family, level, seed))
        if level > 3:
            raise ValueError("level: 1 to 3.")
        return [
            SimpleNamespace(id=f"p{n}", family="sum", prompt=f"{n} + {seed} = ", answer=n + seed)
            for n in range(per_family)
        ]

    module.generate = generate
    wrong = ModuleType("wrong_shape")
    wrong.generate = lambda **_: [{"id": "p1"}]
    monkeypatch.setitem(sys.modules, "drawn_problems", module)
    monkeypatch.setitem(sys.modules, "wrong_shape", wrong)
    return module


def test_problems_are_drawn_from_a_seed(generator):
    source = GeneratedSource(generator="drawn_problems", per_family=2, level=3, seed=5)
    bank = load_bank(source, Problem)
    assert [(each.prompt, each.answer) for each in bank.records] == [
        ("0 + 5 = ", 5),
        ("1 + 5 = ", 6),
    ]
    assert generator.calls == [(None, 2, 3, 5)]
    based_on = format_sample_size(bank.sample_size(4))
    assert based_on == "2 problems, 4 samples each, 0 left out"


def test_drawn_problems_are_identified_by_what_was_drawn(generator):
    def drawn(**fields):
        source = GeneratedSource(generator="drawn_problems", per_family=2, **fields)
        return identity(SimpleNamespace(source=source))

    assert drawn(seed=1) == drawn(seed=1) != drawn(seed=2)


def test_problems_are_drawn_once_in_a_run(generator):
    # A generator that draws otherwise the next time cannot ask what the identity does not name.
    source = GeneratedSource(generator="drawn_problems", per_family=2, seed=7)
    identity(SimpleNamespace(source=source))
    assert len(load_bank(source, Problem).records) == 2
    assert generator.calls == [(None, 2, 1, 7)]


def test_a_bad_problem_that_was_drawn_is_named_by_generator_and_id(generator):
    generator.generate = lambda **_: [
        SimpleNamespace(id="p0", family="sum", prompt="1 + 1 = ", answer="two")
    ]
    with pytest.raises(DataError) as caught:
        load_bank(GeneratedSource(generator="drawn_problems", per_family=1), Problem)
    assert str(caught.value).startswith("drawn_problems: 1 of 1 records cannot be used.")
    assert str(caught.value).endswith("drawn_problems, p0: answer is not a whole number.")


def test_a_generator_that_draws_nothing_is_refused(generator):
    generator.generate = lambda **_: []
    with pytest.raises(DataError, match=r"^drawn_problems is empty: there is nothing to ask"):
        load_bank(GeneratedSource(generator="drawn_problems", per_family=1), Problem)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"generator": "no_such_module"}, "generator = 'no_such_module': cannot be used"),
        ({"generator": "json"}, "generator = 'json': cannot be used"),
        ({"generator": "drawn_problems", "level": 4}, "level: 1 to 3."),
        ({"generator": ".x"}, "cannot be used"),
        ({"generator": "wrong_shape"}, "that returns problems with id, family, prompt and answer"),
    ],
)
def test_a_generator_that_cannot_be_used_is_refused(generator, fields, sentence):
    with pytest.raises(DataError) as caught:
        load_bank(GeneratedSource(per_family=1, **fields), Problem)
    assert sentence in str(caught.value)
