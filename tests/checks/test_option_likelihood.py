"""Options by likelihood, from scores chosen by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from basegate.checks import knowledge
from basegate.checks.early_stopping import MeasureTask
from basegate.checks.option_likelihood import paired_options, score_options, summarise
from basegate.checks.validity import LostCharacters
from basegate.config.settings import OptionSettings, TableSource
from basegate.data.banks import Bank
from basegate.data.records import Question
from basegate.engines.protocol import TokenScores
from basegate.errors import InvalidMeasurement
from basegate.measurement import Findings, OptionScores
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
EXAMPLE = Question(id="e", question="幾多？", options={"A": "一", "B": "二"}, answer="B")
CLOZE = "邊座山最高？\n\n答案是：\n"


def scored(engine, *examples, **settings):
    bank = Bank((QUESTION,), examples=examples)
    options = OptionSettings(source=TableSource(path="bank"), **settings)
    return score_options(engine, bank, options, SILENT, LostCharacters(None))[0]


def shown(prompt):
    """Return the options as a prompt shows them."""
    return [line.split(": ") for line in prompt.splitlines() if line[1:3] == ": "]


def test_letters_are_scored_in_every_cyclic_order_and_texts_without_a_list():
    engine = Scoring(lambda prompt, text: -1.0)
    scored(engine)
    letters = [each for each in engine.asked if shown(each[0])]
    prompts = list(dict.fromkeys(prompt for prompt, _ in letters))
    assert [[text for _, text in shown(prompt)] for prompt in prompts] == [
        ["大帽山", "獅子山", "太平山頂"],
        ["獅子山", "太平山頂", "大帽山"],
        ["太平山頂", "大帽山", "獅子山"],
    ]
    assert all([letter for letter, _ in shown(prompt)] == list("ABC") for prompt in prompts)
    assert [text for _, text in letters] == list("ABC") * 3
    assert [each for each in engine.asked if not shown(each[0])] == [
        (CLOZE, text) for text in QUESTION.options.values()
    ]


@pytest.mark.parametrize(("formulation", "letters", "texts"), [("letters", 9, 0), ("text", 0, 3)])
def test_only_what_counts_is_scored(formulation, letters, texts):
    engine = Scoring(lambda prompt, text: -1.0)
    found = scored(engine, formulation=formulation)
    assert len(engine.asked) == letters + texts
    assert (bool(found.letters), bool(found.texts)) == (bool(letters), bool(texts))
    assert (found.right_bits is None) == (texts == 0)


def test_examples_show_a_letter_or_a_text_as_the_question_asks_for_it():
    engine = Scoring(lambda prompt, text: -1.0)
    scored(engine, EXAMPLE)
    prompts = dict.fromkeys(prompt for prompt, _ in engine.asked)
    assert [prompt.partition("邊座山")[0] for prompt in prompts] == [
        *["幾多？\n\nA: 一\nB: 二\n\n答案是：\nB\n\n"] * 3,
        "幾多？\n\n答案是：\n二\n\n",
    ]


def test_a_template_lays_questions_and_examples_out():
    engine = Scoring(lambda prompt, text: -1.0)
    template = "{context}\nQ: {question}\n{options}\nA: "
    scored(engine, EXAMPLE, template=template)
    assert list(dict.fromkeys(prompt for prompt, _ in engine.asked))[::3] == [
        "Q: 幾多？\nA: 一\nB: 二\nA: B\n\nQ: 邊座山最高？\nA: 大帽山\nB: 獅子山\nC: 太平山頂\nA: ",
        "Q: 幾多？\nA: 二\n\nQ: 邊座山最高？\nA: ",
    ]


def test_a_taste_for_a_letter_does_not_score():
    # It always finds A likeliest by far, and knows nothing.
    found = scored(Scoring(lambda prompt, text: {"A": -0.1, "B": -5.0}.get(text, -7.0)))
    assert len({round(value, 12) for value in found.letters.values()}) == 1
    assert found.by_letter is None, "a tie is no answer"


def test_a_taste_for_a_letter_does_not_hide_what_is_known():
    def score(prompt, text):
        taste = {"A": 0.0, "B": -4.0, "C": -8.0}.get(text, 0.0)
        known = 0.5 * (dict(shown(prompt)).get(text) == "獅子山")
        return taste + known

    assert scored(Scoring(score)).by_letter == "B"


# 太平山頂: -8 over four characters is better than -7 over three, and worse as it is.
TEXTS = {"大帽山": -7.0, "獅子山": -9.0, "太平山頂": -8.0}
ALONE = {"大帽山": -2.0, "獅子山": -8.5, "太平山頂": -4.0}


@pytest.mark.parametrize(
    ("normalize", "texts", "likeliest"),
    [
        ("characters", {"A": -7 / 3, "B": -3.0, "C": -2.0}, "C"),
        ("none", {"A": -7.0, "B": -9.0, "C": -8.0}, "A"),
        ("pmi", {"A": -5.0, "B": -0.5, "C": -4.0}, "B"),
    ],
)
def test_texts_are_normalised_as_asked(normalize, texts, likeliest):
    def score(prompt, text):
        return (ALONE if prompt == "答案是：\n" else TEXTS).get(text, -1.0)

    found = scored(Scoring(score), normalize=normalize)
    assert found.texts == pytest.approx(texts)
    assert found.by_text == likeliest
    # The right answer's bits are those of its text after the question, however it is normalised.
    assert found.right_bits == pytest.approx(7.0 / math.log(2))
    assert found.right_characters == 3


def test_a_number_that_is_not_finite_is_never_option_a():
    with pytest.raises(InvalidMeasurement, match="not finite"):
        scored(Scoring(lambda prompt, text: math.nan))


def made(right_by_text, right_by_letter=True, item="q", bits=3.0):
    def scores(right):
        return {} if right is None else {"A": -1.0 if right else -2.0, "B": -1.5}

    return OptionScores(
        item=item,
        expected="A",
        letters=scores(right_by_letter),
        texts=scores(right_by_text),
        right_bits=None if right_by_text is None else bits,
        right_characters=None if right_by_text is None else 2,
    )


def test_the_better_formulation_counts_at_the_level_of_both():
    best, letter, text, bits = summarise(
        [made(True), made(False, False), made(True, False), made(True, False, bits=6.0)]
    )
    assert [(each.name, each.value) for each in (best, letter, text)] == [
        ("likelihood_accuracy", 0.75),
        ("letter_accuracy", 0.25),
        ("cloze_accuracy", 0.75),
    ]
    assert text.interval == pytest.approx(share_interval(0.75, 4, 0.95))
    # Two chances to be good by luck: each at 97.5 %.
    assert best.interval == pytest.approx(share_interval(0.75, 4, 0.975))
    assert best.interval_at(0.9) == (pytest.approx(share_interval(0.75, 4, 0.95)), 0.9)
    # (3 + 3 + 3 + 6) bits over four answers of two characters.
    assert (bits.name, bits.value, bits.unit) == ("right_bits_per_char", 15 / 8, "bits_per_char")
    low, high = bits.interval
    assert low < 15 / 8 < high


def test_topics_count_by_the_formulation_that_is_better_over_all():
    asked = [
        made(True, False, item="a"),
        made(True, False, item="b"),
        made(False, True, item="c"),
        made(True, False, item="d"),
    ]
    topics = {"a": "food", "b": "food", "c": "law"}
    found = [each for each in summarise(asked, topics) if each.name == "topic_accuracy"]
    assert [(each.item, each.value, each.count) for each in found] == [
        ("food", 1.0, 2),
        ("law", 0.0, 1),
    ]
    assert found[0].interval == pytest.approx(share_interval(1.0, 2, 0.95))
    of_a_part = summarise(asked, topics, 0.95)
    assert not any(each.name == "topic_accuracy" for each in of_a_part)
    alone = summarise(asked, dict.fromkeys(topics, "food"))
    assert not any(each.name == "topic_accuracy" for each in alone)


@pytest.mark.parametrize(
    ("scores", "name"), [(made(True, None), "cloze_accuracy"), (made(None), "letter_accuracy")]
)
def test_one_formulation_alone_counts_as_it_is(scores, name):
    metrics = {each.name: each for each in summarise([scores] * 4)}
    assert name in metrics
    assert len(metrics) == (3 if scores.texts else 2)
    best = metrics["likelihood_accuracy"]
    assert best.interval == pytest.approx(share_interval(1.0, 4, 0.95))


def test_candidates_are_compared_by_the_better_formulation_of_each():
    one = Findings(metrics=(), choices=(made(True, False), made(True, False, item="p", bits=5.0)))
    other = Findings(metrics=(), choices=(made(False), made(False, item="p")))
    right, bits = paired_options(one, other)
    assert right[0].metric == right[1].metric == "likelihood_accuracy"
    # One by its texts, the other by its letters.
    assert right[0].counts == right[1].counts == {"q": 1.0, "p": 1.0}
    assert (bits[0].counts, bits[0].totals) == ({"q": 3.0, "p": 5.0}, {"q": 2.0, "p": 2.0})
    assert bits[0].lower
    letters = Findings(metrics=(), choices=(made(None),))
    assert len(list(paired_options(one, letters))) == 1, "no text, no bits"


def test_the_check_reports_what_it_asked():
    settings = OptionSettings(source=TableSource(path="bank"), shots=1)
    findings = knowledge.measure(
        Scoring(lambda prompt, text: -len(text)),
        MeasureTask(Bank((QUESTION,), examples=(EXAMPLE,)), settings),
    )
    assert findings.samples == ()
    assert (findings.sample_size.n, findings.sample_size.shots) == (1, 1)
    assert {each.name for each in findings.metrics} == {
        "likelihood_accuracy",
        "letter_accuracy",
        "cloze_accuracy",
        "right_bits_per_char",
    }


ENGLISH = Question(
    id="q", question="Highest?", options={"A": "Tai Mo Shan", "B": "Lion Rock"}, answer="A"
)


@pytest.mark.parametrize(
    ("question", "template", "formulation", "seen"),
    [
        (ENGLISH, "{question}\nAnswer:", "text", "'Answer:Tai Mo Shan'"),
        (ENGLISH, "{question}", "text", "'Highest?Tai Mo Shan'"),
        (ENGLISH, "{question}\nAnswer: ", "text", ""),
        (ENGLISH, "{question}\n{options}\nAnswer:", "letters", ""),
        (ENGLISH, None, "both", ""),
        (QUESTION, "{question}\nAnswer:", "text", ""),
    ],
)
def test_english_options_without_a_space_before_them_are_noted(
    question, template, formulation, seen
):
    settings = OptionSettings(
        source=TableSource(path="bank"), template=template, formulation=formulation
    )
    engine = Scoring(lambda prompt, text: -len(text))
    notes = knowledge.measure(engine, MeasureTask(Bank((question,)), settings)).notes
    assert [seen in note for note in notes] == ([True] if seen else [])
