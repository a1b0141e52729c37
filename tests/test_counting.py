"""k of n: questions and problems."""

import pytest

from basegate.banks import Problem, Question
from basegate.engines.protocol import Draw
from basegate.errors import InvalidMeasurement
from basegate.measures import knowledge, reasoning
from basegate.measures.counting import Asked, count_correct
from basegate.progress import SILENT
from basegate.settings import Sampling, SamplingSettings
from tests.checkpoints import write_jsonl

SAMPLING = Sampling(samples=4, temperature=0.9, max_new_tokens=8)


class DrawingEngine:
    """Writes the texts it was made with, and remembers what it was asked."""

    def __init__(self, *texts):
        self.texts = texts

    def sample(self, prompts, *, sampling, progress):
        self.asked = (list(prompts), sampling)
        return [[Draw(text, 100 + seed) for seed, text in enumerate(texts)] for texts in self.texts]


def read(text):
    """Read a text that is a single letter."""
    return text if len(text) == 1 else None


def ask(*expected):
    return [
        Asked(id=f"q{number}", prompt=f"Question {number}", expected=answer, read=read)
        for number, answer in enumerate(expected)
    ]


def settings_for(check, path):
    return SamplingSettings(check=check, path=path, sampling=SAMPLING)


def test_right_answers_are_counted_per_question():
    engine = DrawingEngine(["A", "B", "A", "none"], ["A", "A", "B", "B"])
    findings = count_correct(engine, ask("A", "C"), SAMPLING, SILENT)
    assert [(each.name, each.item, each.value, each.count) for each in findings.metrics] == [
        ("correct", "q0", 2.0, 4),
        ("correct", "q1", 0.0, 4),
    ]
    assert findings.metrics[0].unit == "of 4 correct"
    assert findings.facts == {"questions": 2, "no_answer": 1}


def test_all_questions_are_drawn_together():
    engine = DrawingEngine(["A"] * 4, ["B"] * 4)
    count_correct(engine, ask("A", "B"), SAMPLING, SILENT)
    assert engine.asked == (["Question 0", "Question 1"], SAMPLING)


def test_every_sample_is_kept_with_its_reading():
    engine = DrawingEngine(["A", "hm"])
    first, second = count_correct(engine, ask("B"), SAMPLING, SILENT).samples
    assert (first.item, first.prompt, first.text) == ("q0", "Question 0", "A")
    assert (first.answer, first.expected, first.seed) == ("A", "B", 100)
    assert (second.answer, second.expected, second.seed) == (None, "B", 101)


@pytest.mark.parametrize(("broken", "refused"), [(4, False), (5, True), (8, True)])
def test_more_than_half_of_all_samples_degenerate_is_invalid(broken, refused):
    texts = ["!" * 32] * broken + ["A"] * (8 - broken)
    engine = DrawingEngine(texts[:4], texts[4:])
    if refused:
        with pytest.raises(InvalidMeasurement) as caught:
            count_correct(engine, ask("A", "A"), SAMPLING, SILENT)
        message = str(caught.value)
        assert message.startswith(f"{broken} of 8 samples are degenerate (such as '!!!!!!!!!!!!'):")
    else:
        counted = count_correct(engine, ask("A", "A"), SAMPLING, SILENT).metrics
        assert [each.value for each in counted] == [0.0, 4.0]


def test_knowledge_puts_the_prompt_and_reads_the_choice(tmp_path):
    question = Question(
        id="q", question="邊個？", options={"A": "李家超", "B": "林鄭月娥"}, answer="A"
    )
    engine = DrawingEngine(["A", "B", "A. 李家超", "唔知"])
    findings = knowledge.measure(
        engine, (question,), settings_for("knowledge", tmp_path / "q"), SILENT
    )
    assert engine.asked[0] == [question.prompt]
    assert [each.answer for each in findings.samples] == ["A", "B", "A", None]
    [metric] = findings.metrics
    assert (metric.item, metric.value, metric.count) == ("q", 2.0, 4)


def test_reasoning_puts_the_prompt_and_reads_the_number(tmp_path):
    problem = Problem(id="p", prompt="So, n is equals to ", answer=9)
    engine = DrawingEngine(["9", "9.0", "4.5", "no idea"])
    findings = reasoning.measure(
        engine, (problem,), settings_for("reasoning", tmp_path / "p"), SILENT
    )
    assert engine.asked[0] == ["So, n is equals to "]
    assert [each.answer for each in findings.samples] == ["9", "9", "9/2", None]
    [metric] = findings.metrics
    assert (metric.item, metric.value, metric.count) == ("p", 2.0, 4)


def test_a_negative_answer_is_found(tmp_path):
    problem = Problem(id="p", prompt="n = ", answer=-3)
    findings = reasoning.measure(
        DrawingEngine(["-3", "3", "-3", "-3"]),
        (problem,),
        settings_for("reasoning", tmp_path / "p"),
        SILENT,
    )
    assert findings.metrics[0].value == 3.0


@pytest.mark.parametrize(
    ("module", "check", "record", "kind"),
    [
        (
            knowledge,
            "knowledge",
            {"id": "q", "question": "?", "options": {"A": "1", "B": "2"}, "answer": "B"},
            Question,
        ),
        (reasoning, "reasoning", {"id": "p", "prompt": "1 + 1 = ", "answer": 2}, Problem),
    ],
    ids=["knowledge", "reasoning"],
)
def test_banks_are_read_and_identified_by_their_content(tmp_path, module, check, record, kind):
    paths = [
        write_jsonl(tmp_path / "a.jsonl", record),
        write_jsonl(tmp_path / "b.jsonl", record),
        write_jsonl(tmp_path / "c.jsonl", {**record, "id": "another"}),
    ]
    here, copy, other = (settings_for(check, path) for path in paths)
    assert module.prepare(here) == (kind(**record),)
    assert module.identity(here) == module.identity(copy) != module.identity(other)
