"""Options by likelihood, from scores chosen by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from basegate.checks.option_likelihood import disagreement, score_options, summarise
from basegate.data.banks import Question
from basegate.engines.protocol import TokenScores
from basegate.errors import InvalidMeasurement
from basegate.measurement import OptionScores
from basegate.progress import SILENT
from basegate.stats.intervals import share_interval


class Scoring:
    """Scores a text by a function of prompt and text."""

    def __init__(self, score):
        self.score = score

    def log_likelihoods(self, texts, *, after, progress):
        self.asked = list(zip(after, texts, strict=True))
        return [
            TokenScores(np.array([self.score(prompt, text)]), None) for prompt, text in self.asked
        ]


QUESTION = Question(
    id="q",
    question="邊座山最高？",
    options={"A": "大帽山", "B": "獅子山", "C": "太平山頂"},
    answer="A",
)


def shown(prompt):
    """Return the options as a prompt shows them."""
    return [line.split(": ") for line in prompt.splitlines() if line[1:3] == ": "]


def test_every_cyclic_order_is_put_with_letters_and_texts():
    engine = Scoring(lambda prompt, text: -1.0)
    score_options(engine, [QUESTION], SILENT)
    prompts = list(dict.fromkeys(prompt for prompt, _ in engine.asked))
    assert [[text for _, text in shown(prompt)] for prompt in prompts] == [
        ["大帽山", "獅子山", "太平山頂"],
        ["獅子山", "太平山頂", "大帽山"],
        ["太平山頂", "大帽山", "獅子山"],
    ]
    assert all([letter for letter, _ in shown(prompt)] == list("ABC") for prompt in prompts)
    for prompt in prompts:
        asked = [text for each, text in engine.asked if each == prompt]
        assert sorted(asked) == sorted(["A", "B", "C", "大帽山", "獅子山", "太平山頂"])


def test_a_taste_for_a_letter_does_not_score():
    # It always finds A likeliest by far, and knows nothing.
    engine = Scoring(lambda prompt, text: {"A": -0.1, "B": -5.0}.get(text, -7.0))
    [scores] = score_options(engine, [QUESTION], SILENT)
    assert len({round(value, 12) for value in scores.letters.values()}) == 1
    assert scores.by_letter is None, "a tie is no answer"


def test_a_taste_for_a_letter_does_not_hide_what_is_known():
    def score(prompt, text):
        taste = {"A": 0.0, "B": -4.0, "C": -8.0}.get(text, 0.0)
        known = 0.5 * (dict(shown(prompt)).get(text) == "獅子山")
        return taste + known

    [scores] = score_options(Scoring(score), [QUESTION], SILENT)
    assert scores.by_letter == "B"


def test_texts_are_divided_by_their_length():
    # 太平山頂: -8 over four characters is better than -7 over three.
    values = {"大帽山": -7.0, "獅子山": -9.0, "太平山頂": -8.0}
    [scores] = score_options(Scoring(lambda _, text: values.get(text, -1.0)), [QUESTION], SILENT)
    assert scores.texts == pytest.approx({"A": -7 / 3, "B": -3.0, "C": -2.0})
    assert scores.by_text == "C"


def test_a_number_that_is_not_finite_is_never_option_a():
    with pytest.raises(InvalidMeasurement, match="not finite"):
        score_options(Scoring(lambda prompt, text: math.nan), [QUESTION], SILENT)


def made(right_by_text, right_by_letter=True):
    def scores(right):
        return {"A": -1.0 if right else -2.0, "B": -1.5}

    return OptionScores(
        item="q", expected="A", letters=scores(right_by_letter), texts=scores(right_by_text)
    )


def test_accuracies_with_wilsons_interval():
    text, letter = summarise([made(True), made(False), made(True), made(True, False)])
    assert (text.name, text.value, letter.name, letter.value) == (
        "likelihood_accuracy",
        0.75,
        "letter_accuracy",
        0.75,
    )
    assert text.interval == pytest.approx(share_interval(0.75, 4, 0.95))


@pytest.mark.parametrize(
    ("shares", "right", "pointed_out"),
    [
        ([1.0] * 30, [False] * 20 + [True] * 10, "it answers in text what its probabilities"),
        ([0.0] * 30, [True] * 20 + [False] * 10, "it knows more than it writes"),
        ([0.5] * 30, [True, False] * 15, None),
        # All of two questions, which differ in the same way: it may be chance.
        ([0.0, 0.0], [True, True], None),
        # A difference of a third, over three questions.
        ([1.0, 0.0, 0.0], [True, True, False], None),
    ],
)
def test_a_large_disagreement_is_pointed_out(shares, right, pointed_out):
    note = disagreement(shares, [made(each) for each in right])
    if pointed_out is None:
        assert note is None
    else:
        assert pointed_out in note
        assert note.startswith("sampling and likelihood disagree: ")
