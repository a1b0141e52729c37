"""Records that cannot be used: those that contradict each other, and how many may be bad."""

from __future__ import annotations

import pytest

from basegate.checks.validity import open_quotes
from basegate.config.settings import BankSettings, CheckConfig, TableSource
from basegate.data.banks import load_bank
from basegate.data.records import Pair, Problem, Question
from basegate.errors import DataError
from tests.helpers.checkpoints import write_jsonl

QUESTION = {"id": "q", "question": "Which?", "options": {"A": "one", "B": "two"}, "answer": "A"}


def test_questions_that_contradict_each_other_are_both_left_out(tmp_path):
    other = {**QUESTION, "id": "r", "options": {"A": "two", "B": "one"}}
    good = [{**QUESTION, "id": f"q{n}", "question": f"第{n}條？"} for n in range(2)]
    path = write_jsonl(tmp_path / "b.jsonl", QUESTION, *good, other, {**QUESTION, "id": "s"})
    bank = load_bank(TableSource(path=path, max_bad_share=0.6), Question)
    assert [each.id for each in bank.records] == ["q0", "q1"]
    assert [str(each).removeprefix(f"{path}, ") for each in bank.left_out] == [
        "line 4: it contradicts 'q', the same with another answer: neither is asked.",
        "line 1: it contradicts 'r', the same with another answer: neither is asked.",
        "line 5: it contradicts 'q', the same with another answer: neither is asked.",
    ]
    problems = [{"id": text, "prompt": "1 + 1 =", "answer": n} for n, text in enumerate("ab")]
    with pytest.raises(DataError, match="2 of 2 records cannot be used"):
        load_bank(TableSource(path=write_jsonl(tmp_path / "p.jsonl", *problems)), Problem)


@pytest.mark.parametrize(("share", "refused"), [(0.01, True), (0.02, False), (0.0, True)])
def test_how_many_records_may_be_bad_is_the_banks_choice(tmp_path, share, refused):
    good = [{**QUESTION, "id": f"q{n}", "question": f"第{n}條？"} for n in range(63)]
    path = write_jsonl(tmp_path / "b.jsonl", *good, {**QUESTION, "answer": "Z"})
    if refused:
        with pytest.raises(DataError, match=rf"more than {share * 100:g} %, .*\(max_bad_share\)"):
            load_bank(TableSource(path=path, max_bad_share=share), Question)
    else:
        assert len(load_bank(TableSource(path=path, max_bad_share=share), Question).left_out) == 1
    one, other = (
        CheckConfig(
            name="x", item="y", settings=BankSettings(source=TableSource(path=path, **given))
        )
        for given in ({}, {"max_bad_share": share})
    )
    assert one.settings_identity == other.settings_identity


@pytest.mark.parametrize(
    "record",
    [
        {"question": "「乜嘢？"},
        {"question": "」乜「"},
        {"options": {"A": 'a "word', "B": "two"}},
        {"context": "佢話：“係"},
    ],
)
def test_a_quotation_mark_that_is_not_closed_is_a_note(tmp_path, record):
    path = write_jsonl(tmp_path / "b.jsonl", {**QUESTION, **record}, {**QUESTION, "id": "r"})
    bank = load_bank(TableSource(path=path), Question)
    assert (len(bank.records), bank.left_out) == (2, ())
    [note] = open_quotes(bank)
    assert "is not closed in 1 of the records (q)" in note
    assert bank.with_open_quotes == ["q"]


def test_a_pair_with_a_quotation_mark_that_is_not_closed_is_a_note(tmp_path):
    pair = {"id": "p", "right": "一隻「狗。", "wrong": "一個狗。"}
    bank = load_bank(TableSource(path=write_jsonl(tmp_path / "b.jsonl", pair)), Pair)
    assert bank.with_open_quotes == ["p"]


@pytest.mark.parametrize(
    "text",
    ['一部13" 電腦幾錢？', "1）香港 2）澳門，邊個大？", "x 屬於（0，1]，x 最大係？", "「係」"],
)
def test_inches_lists_and_intervals_are_no_quotation_marks(tmp_path, text):
    path = write_jsonl(tmp_path / "b.jsonl", {**QUESTION, "question": text})
    assert load_bank(TableSource(path=path), Question).with_open_quotes == []
