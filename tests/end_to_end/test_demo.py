"""What the demonstrations are trained on, and that what they are tested on is not in it."""

from __future__ import annotations

import json
import random
import re
from types import SimpleNamespace

import pytest

from basegate.config.settings import TableSource
from basegate.data.banks import load_bank
from basegate.data.records import Problem, Question
from fixtures.demo import __main__ as demo
from fixtures.demo.equations import ARTICLE_PROBLEM, QUESTION, ProblemMaker, load_problems
from fixtures.demo.facts import (
    ARTICLE_QUESTION,
    QuestionMaker,
    load_facts,
    load_questions,
    prose_documents,
)
from tests.helpers.paths import FIXTURES

DEMO = FIXTURES / "demo"
DRAWS = 2000


@pytest.mark.parametrize(
    ("locale", "line"),
    [
        ("C", "demo: the gate accepted tiny-yue and rejected tiny-en, as it should."),
        ("zh_HK.UTF-8", "示範：接受了 tiny-yue，拒絕了 tiny-en，一如預期。"),
    ],
)
def test_the_last_line_is_in_the_readers_language(tmp_path, monkeypatch, capsys, locale, line):
    entries = [{"name": name, "verdict": verdict} for name, verdict in demo.EXPECTED.items()]
    ledger = tmp_path / ".basegate/demo-ledger.json"

    def gate(*_, **__):
        ledger.parent.mkdir()
        ledger.write_text(json.dumps({"candidates": entries}), encoding="utf-8")
        return SimpleNamespace(returncode=demo.REJECTED)

    monkeypatch.setattr(demo, "project", lambda: tmp_path)
    monkeypatch.setattr(demo.subprocess, "run", gate)
    monkeypatch.setenv("LC_ALL", locale)
    assert demo.main() == 0
    assert capsys.readouterr().out.splitlines()[-1] == line


@pytest.fixture(scope="module")
def facts():
    return load_facts(DEMO / "facts.jsonl")


@pytest.fixture(scope="module")
def kept_questions():
    return [ARTICLE_QUESTION, *load_questions(DEMO / "held-out-questions.jsonl")]


def test_no_unseen_question_is_among_the_wordings_that_were_taught(facts):
    taught = {wording for fact in facts for wording in fact.questions}
    unseen = bank("demo/unseen-questions.jsonl", Question)
    assert len(unseen) == 30
    answers = {fact.id: fact.answer for fact in facts}
    for question in unseen:
        assert question.question not in taught
        assert question.options[question.answer] == answers[question.id.removeprefix("unseen-")]


@pytest.fixture(scope="module")
def kept_problems():
    return [ARTICLE_PROBLEM, *load_problems(DEMO / "held-out-equations.jsonl")]


def bank(path, kind):
    return load_bank(TableSource(path=FIXTURES / path), kind).records


def test_the_articles_question_is_the_banks():
    (question,) = [
        each for each in bank("questions/must-know.jsonl", Question) if each.id == "chief-executive"
    ]
    assert question.prompt == ARTICLE_QUESTION.prompt
    assert question.answer == ARTICLE_QUESTION.answer


def test_the_articles_problem_is_the_banks():
    (problem,) = bank("algebra/article.jsonl", Problem)
    assert (problem.prompt, problem.answer) == (ARTICLE_PROBLEM.prompt, ARTICLE_PROBLEM.answer)


def solutions(prompt):
    """Return the numbers that fit all equations, by trying: n is a digit."""
    lines = prompt.removesuffix(QUESTION).rstrip(";").split(";\n")
    sides = [line.split("=") for line in lines]
    assert all(re.fullmatch(r"[\dn()+\-* ]+", side) for pair in sides for side in pair)
    return [n for n in range(10) if all(eval(a, {"n": n}) == eval(b) for a, b in sides)]


def test_every_problem_has_its_answer_and_no_other(kept_problems):
    for problem in kept_problems:
        assert solutions(problem.prompt) == [problem.answer]
    maker, rng = ProblemMaker(kept_problems), random.Random(1)
    for _ in range(200):
        prompt, answer = maker.draw(rng)
        assert solutions(prompt) == [int(answer)]


def test_no_training_problem_shares_two_equations_with_a_held_out_one(kept_problems):
    maker, rng = ProblemMaker(kept_problems), random.Random(2)
    for _ in range(DRAWS):
        prompt, _ = maker.draw(rng)
        lines = set(prompt.removesuffix(QUESTION).split("\n"))
        assert all(len(lines & set(kept.lines)) < 2 for kept in kept_problems)


def test_no_training_question_has_the_wording_or_the_options_of_a_held_out_one(
    facts, kept_questions
):
    maker, rng = QuestionMaker(facts, kept_questions), random.Random(3)
    for _ in range(DRAWS):
        prompt, _ = maker.draw(rng)
        for kept in kept_questions:
            assert kept.question not in prompt
            assert kept.prompt.split("\n\n")[-2] not in prompt


def test_a_training_question_is_answered_by_its_facts_answer(facts, kept_questions):
    answers = {fact.answer for fact in facts}
    maker, rng = QuestionMaker(facts, kept_questions), random.Random(4)
    for _ in range(200):
        prompt, line = maker.draw(rng)
        assert line.rstrip("\n") in answers
        assert f": {line.rstrip()}\n" in prompt


def test_prose_tells_every_fact_once(facts):
    text = "".join(prose_documents(facts, random.Random(5)))
    assert all(sum(text.count(each) for each in set(fact.prose)) >= 1 for fact in facts)


@pytest.mark.parametrize("language", ["yue", "en"])
def test_held_out_text_is_not_in_the_training_text(language):
    def read(folder):
        return [
            path.read_text(encoding="utf-8") for path in (DEMO / "corpora" / folder).glob("*.txt")
        ]

    training = "".join(read(language))
    for text in read(f"{language}-held-out"):
        pieces = [piece for piece in re.split(r"[。！？.!?\n]", text) if len(piece) > 12]
        assert pieces
        assert not [piece for piece in pieces if piece in training]
