"""Answers found in what real models wrote, against labels given by readers.

`tests/data/answer-labels.json` holds for 340 outputs (drawn at random, 40 of each of eight files,
and 20 more of the one that is mostly `!!!!`) the option that a reader takes as the answer, or
`none`. Two readings by a language model, which saw neither each other nor a program's, agreed on
all of them; no person has labelled them yet. The texts are not part of the project.
"""

from __future__ import annotations

import ast
import json

import pytest

from basegate.checks.answers import find_choice
from tests.helpers.paths import ROOT

RECORDED = ROOT.parent / "shared/data/yue-benchmark/recorded"
LABELS = json.loads((ROOT / "tests/data/answer-labels.json").read_text(encoding="utf-8"))


def recorded():
    """File, number, label, options and text of every labelled output."""
    if not RECORDED.is_dir():
        pytest.skip("the recorded outputs are not part of the project")
    for sheet, labels in LABELS.items():
        records = json.loads((RECORDED / f"{sheet}.json").read_text(encoding="utf-8"))
        for number, label in labels.items():
            record = records[int(number)]
            options = dict(ast.literal_eval(record["standard_answer_range"]))
            yield sheet, number, label, options, record["llm_output"]


@pytest.fixture(scope="module")
def readings():
    """Label and reading of every labelled output."""
    return [
        (f"{sheet} {number}", label, find_choice(text, options) or "none")
        for sheet, number, label, options, text in recorded()
    ]


def test_there_are_labels_of_every_file():
    assert len(LABELS) == 8
    assert all(len(labels) >= 40 for labels in LABELS.values())
    assert {label for labels in LABELS.values() for label in labels.values()} == set("ABCD") | {
        "none"
    }


def test_the_reader_agrees_with_the_labels(readings):
    wrong = [each for each in readings if each[1] != each[2]]
    assert len(wrong) <= 0.03 * len(readings), wrong


@pytest.mark.parametrize("characters", [20, 32, 48, 64])
def test_an_echo_that_was_cut_is_no_answer(characters):
    """Of 127 outputs without an answer, 2 to 6 gained one where they were cut in their echo."""
    gained, lost, without = [], [], 0
    for sheet, number, label, options, text in recorded():
        read = find_choice(text[:characters], options, cut=len(text) > characters) or "none"
        without += label == "none"
        if label == "none" != read:
            gained.append(f"{sheet} {number}")
        if label != "none" and find_choice(text[:characters], options) == label != read:
            lost.append(f"{sheet} {number}")
    assert len(gained) <= 0.01 * without, gained
    assert len(lost) <= 2, lost


def test_an_output_without_an_answer_is_given_none(readings):
    without = [each for each in readings if each[1] == "none"]
    invented = [each for each in without if each[2] != "none"]
    assert len(without) > 100
    assert len(invented) <= 0.01 * len(without), invented
