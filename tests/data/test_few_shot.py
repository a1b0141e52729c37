"""Worked examples: read, balanced, and none of them asked."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, strategies as st

from basegate.config.settings import AnswerSettings, FewShotSettings, Sampling, TableSource
from basegate.data.few_shot import _balanced, identity, prepares
from basegate.data.records import Problem, Question
from basegate.errors import DataError
from tests.helpers.checkpoints import write_jsonl

OPTIONS = {"A": "一", "B": "二", "C": "三", "D": "四"}


def question(number, **further):
    made = {"id": f"q{number}", "question": f"第{number}題？", "options": OPTIONS, "answer": "A"}
    return made | further


@pytest.fixture
def settings(tmp_path):
    def made(examples, shots=2):
        asked = write_jsonl(tmp_path / "asked.jsonl", question(1), question(2))
        own = write_jsonl(tmp_path / "examples.jsonl", *examples)
        return FewShotSettings(
            source=TableSource(path=asked), examples=TableSource(path=own), shots=shots
        )

    return made


def test_the_first_examples_are_shown_in_their_order(settings):
    bank = prepares(Question)(settings([question(3), question(4), question(5)]))
    assert [each.id for each in bank.records] == ["q1", "q2"]
    assert [each.id for each in bank.examples] == ["q3", "q4"]


def test_more_shots_than_examples_are_refused_with_both_numbers(settings):
    with pytest.raises(DataError, match=r"examples.jsonl: shots = 3, but it holds 1 examples"):
        prepares(Question)(settings([question(3)], shots=3))


def test_an_example_that_is_asked_is_refused_with_its_ids(settings):
    # Under another id, with its options in another order and other punctuation.
    same = question(
        2, id="other", question="第2題?", options=dict(zip("ABCD", "四三二一", strict=True))
    )
    with pytest.raises(DataError, match=r"other \(asked as q2\) of .*asked.jsonl"):
        prepares(Question)(settings([question(3), same]))


def test_other_options_do_not_make_it_another_question(settings):
    same = question(2, id="other", options={**OPTIONS, "D": "五"})
    with pytest.raises(DataError, match=r"other \(asked as q2\)"):
        prepares(Question)(settings([question(3), same]))
    # In another text it is another one.
    prepares(Question)(settings([question(3), {**same, "context": "另一篇文章。"}]))


def test_the_id_of_a_question_that_is_asked_is_refused_unless_it_is_only_a_number(tmp_path):
    def read(asked, own):
        settings = FewShotSettings(
            source=TableSource(path=write_jsonl(tmp_path / "a.jsonl", asked)),
            examples=TableSource(path=write_jsonl(tmp_path / "e.jsonl", own)),
            shots=1,
        )
        return prepares(Question)(settings).examples[0].id

    with pytest.raises(DataError, match=r"harbour \(asked as harbour\) .* only the ids are alike"):
        read(question(1, id="harbour"), question(2, id="harbour"))
    assert read(question(1, id="7"), question(2, id="7")) == "7"
    unnamed = [{key: value for key, value in question(n).items() if key != "id"} for n in (1, 2)]
    assert read(*unnamed) == "row-1"


def test_even_beyond_those_that_are_shown(settings):
    with pytest.raises(DataError, match=r"q1 \(asked as q1\)"):
        prepares(Question)(settings([question(3), question(4), question(1)]))


def test_the_identity_is_that_of_both_files(settings, tmp_path):
    first = identity(settings([question(3), question(4)]))
    assert first != identity(settings([question(3), question(5)]))
    alone = FewShotSettings(source=TableSource(path=tmp_path / "asked.jsonl"))
    assert first.startswith(identity(alone) + ", examples ")


@given(st.integers(2, 6), st.integers(1, 8), st.data())
def test_right_options_take_turns_under_the_letters(options, count, data):
    letters = "ABCDEF"[:options]
    examples = tuple(
        Question(
            id=str(number),
            question=f"{number}?",
            options={letter: f"{number}{letter}" for letter in letters},
            answer=data.draw(st.sampled_from(letters)),
        )
        for number in range(count)
    )
    balanced = _balanced(examples)
    for before, after in zip(examples, balanced, strict=True):
        assert after.options[after.answer] == before.options[before.answer]
        assert sorted(after.options.values()) == sorted(before.options.values())
    found = Counter(dict.fromkeys(letters, 0))
    found.update(each.answer for each in balanced)
    assert max(found.values()) - min(found.values()) <= 1


def test_problems_are_shown_as_they_are(tmp_path):
    rows = [{"id": f"p{n}", "prompt": f"{n} + 1 =", "answer": n + 1} for n in range(3)]
    asked = write_jsonl(tmp_path / "asked.jsonl", rows[0])
    own = write_jsonl(tmp_path / "own.jsonl", *rows[1:])
    settings = AnswerSettings(
        source=TableSource(path=asked),
        examples=TableSource(path=own),
        shots=2,
        sampling=Sampling(samples=1, temperature=0.0, max_new_tokens=1),
    )
    bank = prepares(Problem)(settings)
    write_jsonl(own, rows[1], {**rows[0], "id": "other", "prompt": "0+1 ="})
    with pytest.raises(DataError, match=r"other \(asked as p0\)"):
        prepares(Problem)(settings)
    assert [(each.id, each.answer) for each in bank.examples] == [("p1", 2), ("p2", 3)]
