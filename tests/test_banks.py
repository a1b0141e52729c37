"""Banks: what a model is asked."""

from pathlib import Path

import pytest

from basegate.banks import Problem, Prompt, Question, load_bank
from basegate.errors import DataError
from tests.checkpoints import write_jsonl

FIXTURES = Path(__file__).parent.parent / "fixtures"
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


def refusal(path, kind):
    with pytest.raises(DataError) as caught:
        load_bank(path, kind)
    return str(caught.value)


def test_the_question_of_the_article_is_put_to_the_letter():
    questions = load_bank(FIXTURES / "questions" / "must-know.jsonl", Question)
    [question] = [each for each in questions if each.id == "chief-executive"]
    assert question.prompt == ARTICLE_QUESTION
    assert question.answer == "A"


def test_the_problem_of_the_article_is_put_to_the_letter():
    [problem] = load_bank(FIXTURES / "algebra" / "article.jsonl", Problem)
    assert problem.prompt == ARTICLE_PROBLEM
    # 1 + 9 = 10, 1 + 9 + 10 = 20, (9 - 1) * 5 = 40
    assert problem.answer == 9


def test_the_beginning_of_the_article_is_put_to_the_letter():
    prompts = load_bank(FIXTURES / "prompts" / "continuation.jsonl", Prompt)
    assert ARTICLE_START in [each.prompt for each in prompts]


def test_a_question_without_context_begins_with_the_question():
    assert Question(**QUESTION).prompt == "Which?\n\nA: one\nB: two\n\n答案是：\n"


def test_options_keep_the_order_of_the_file(tmp_path):
    options = {"D": "4", "A": "1", "C": "3"}
    path = write_jsonl(tmp_path / "b.jsonl", {**QUESTION, "options": options, "answer": "C"})
    [question] = load_bank(path, Question)
    assert "D: 4\nA: 1\nC: 3" in question.prompt


def test_records_keep_their_order_and_may_hold_further_fields(tmp_path):
    path = write_jsonl(
        tmp_path / "b.jsonl",
        {"id": "z", "prompt": "1", "topic": "x"},
        {"id": "a", "prompt": "2", "source": {"url": "y"}},
    )
    assert load_bank(path, Prompt) == (Prompt(id="z", prompt="1"), Prompt(id="a", prompt="2"))


@pytest.mark.parametrize(
    ("kind", "record", "sentence"),
    [
        pytest.param(
            Question,
            {**QUESTION, "answer": "C"},
            "answer 'C' is none of A, B. A record holds id, context, question, options, answer.",
            id="answer is no option",
        ),
        pytest.param(
            Question,
            {**QUESTION, "answer": "one"},
            "answer 'one' is none of A, B.",
            id="answer is an option's text",
        ),
        pytest.param(
            Question,
            {**QUESTION, "options": {"B": "two"}},
            "a question needs at least two options.",
            id="one option",
        ),
        pytest.param(
            Question,
            {key: QUESTION[key] for key in ("id", "question", "answer")},
            "options: Field required. A record holds",
            id="missing options",
        ),
        pytest.param(
            Question,
            {**QUESTION, "options": ["one", "two"]},
            "options: Input should be a valid dict",
            id="options are a list",
        ),
        pytest.param(
            Question,
            {**QUESTION, "options": {"A": 1, "B": "two"}},
            "options.A: Input should be a valid string.",
            id="an option is a number",
        ),
        pytest.param(Prompt, {"id": "p"}, "prompt: Field required.", id="missing prompt"),
        pytest.param(Prompt, {"prompt": "p"}, "id: Field required.", id="missing id"),
        pytest.param(Prompt, {"id": 1, "prompt": "p"}, "id: Input should be a", id="id a number"),
        pytest.param(Prompt, {"id": "", "prompt": "p"}, "id: ", id="empty id"),
        pytest.param(
            Problem,
            {"id": "p", "prompt": "1", "answer": "9"},
            "answer: Input should be a valid integer",
            id="answer in quotes",
        ),
        pytest.param(
            Problem,
            {"id": "p", "prompt": "1", "answer": 4.5},
            "answer: Input should be a valid integer",
            id="answer is no whole number",
        ),
        pytest.param(
            Problem,
            {"id": "p", "prompt": "1", "answer": True},
            "answer: Input should be a valid integer",
            id="answer is true",
        ),
    ],
)
def test_a_malformed_record_is_refused_by_its_line(tmp_path, kind, record, sentence):
    path = write_jsonl(tmp_path / "b.jsonl", record)
    assert refusal(path, kind).startswith(f"{path}, line 1: {sentence}")


def test_an_id_that_stands_twice_is_refused_at_the_second(tmp_path):
    path = write_jsonl(
        tmp_path / "b.jsonl",
        {"id": "p", "prompt": "1"},
        {"id": "q", "prompt": "2"},
        {"id": "p", "prompt": "3"},
    )
    assert refusal(path, Prompt) == f"{path}, line 3: the id 'p' stands twice."


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_bank_is_refused(tmp_path, text):
    path = tmp_path / "b.jsonl"
    path.write_text(text, encoding="utf-8")
    assert refusal(path, Prompt) == f"{path} is empty: there is nothing to ask."


def test_a_bank_that_is_not_there_is_refused(tmp_path):
    assert "there is no such file" in refusal(tmp_path / "none.jsonl", Prompt)


def test_a_bank_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "b.jsonl"
    path.write_bytes('{"id": "p", "prompt": "香港係"}'.encode("big5"))
    assert "is not UTF-8" in refusal(path, Prompt)
