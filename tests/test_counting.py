"""k of n: questions and problems."""

from dataclasses import replace

import pytest

from basegate.banks import Bank, Problem, Question
from basegate.engines.protocol import Draw
from basegate.errors import InvalidMeasurement
from basegate.measures import knowledge, reasoning
from basegate.measures.counting import Asked, count_correct
from basegate.progress import SILENT
from basegate.settings import Sampling, SamplingSettings, TableSource
from basegate.statistics import effective_count, share_interval
from tests.checkpoints import write_jsonl

SAMPLING = Sampling(samples=4, temperature=0.9, max_new_tokens=8)


class DrawingEngine:
    """Writes the texts it was made with, and remembers what it was asked."""

    def __init__(self, *texts):
        self.texts = texts

    def sample(self, prompts, *, sampling, progress, settled=None):
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
    return SamplingSettings(check=check, source=TableSource(path=path), sampling=SAMPLING)


def counted(engine, asked, sampling=SAMPLING):
    """Count as a bank of questions would."""
    records = tuple(
        Question(id=each.id, question="?", options={"A": "1", "B": "2"}, answer="A")
        for each in asked
    )
    return count_correct(engine, asked, Bank(records), sampling, SILENT)


def replace_samples(samples):
    return SAMPLING.model_copy(update={"samples": samples})


def of(findings, name):
    return [each for each in findings.metrics if each.name == name]


def test_right_answers_are_counted_per_question():
    engine = DrawingEngine(["A", "B", "A", "none"], ["A", "A", "B", "B"])
    findings = counted(engine, ask("A", "C"))
    assert [(each.item, each.value, each.count) for each in of(findings, "correct")] == [
        ("q0", 2.0, 4),
        ("q1", 0.0, 4),
    ]
    assert of(findings, "correct")[0].unit == "of 4 correct"
    assert findings.facts == {"questions": 2, "left_out": 0, "no_answer": 1}
    assert findings.basis == "2 questions, 4 samples each, 0 left out"


def test_the_accuracy_is_the_mean_over_questions():
    findings = counted(DrawingEngine(["A"] * 4, ["A", "B", "B", "B"]), ask("A", "A"))
    [accuracy] = of(findings, "accuracy")
    # (4/4 + 1/4) / 2 = 0.625; what two questions are worth is in test_statistics.
    assert accuracy.value == 0.625
    assert accuracy.effective_count == pytest.approx(effective_count([1.0, 0.25], 4))
    expected = share_interval(0.625, accuracy.effective_count, 0.95)
    assert accuracy.interval == pytest.approx(expected)


def test_topics_have_an_accuracy_of_their_own_where_there_are_several():
    asked = [
        replace(each, topic=topic) for each, topic in zip(ask("A", "A", "A"), "xyx", strict=True)
    ]
    findings = counted(DrawingEngine(["A"] * 4, ["B"] * 4, ["A", "A", "B", "B"]), asked)
    assert [(each.item, each.value, each.count) for each in of(findings, "topic_accuracy")] == [
        ("x", 0.75, 2),
        ("y", 0.0, 1),
    ]
    one = [replace(each, topic="x") for each in ask("A", "A")]
    assert of(counted(DrawingEngine(["A"] * 4, ["B"] * 4), one), "topic_accuracy") == []


def test_all_questions_are_drawn_together():
    engine = DrawingEngine(["A"] * 4, ["B"] * 4)
    counted(engine, ask("A", "B"))
    assert engine.asked == (["Question 0", "Question 1"], SAMPLING)


def test_every_sample_is_kept_with_its_reading():
    engine = DrawingEngine(["A", "hm"])
    first, second = counted(engine, ask("B"), replace_samples(2)).samples
    assert (first.item, first.prompt, first.text) == ("q0", "Question 0", "A")
    assert (first.answer, first.expected, first.seed) == ("A", "B", 100)
    assert (second.answer, second.expected, second.seed) == (None, "B", 101)


@pytest.mark.parametrize(("broken", "refused"), [(4, False), (5, True), (8, True)])
def test_more_than_half_of_all_samples_degenerate_is_invalid(broken, refused):
    texts = ["!" * 32] * broken + ["A"] * (8 - broken)
    engine = DrawingEngine(texts[:4], texts[4:])
    if refused:
        with pytest.raises(InvalidMeasurement) as caught:
            counted(engine, ask("A", "A"))
        message = str(caught.value)
        assert message.startswith(f"{broken} of 8 samples are degenerate (such as '!!!!!!!!!!!!'):")
    else:
        found = of(counted(engine, ask("A", "A")), "correct")
        assert [each.value for each in found] == [0.0, 4.0]


def test_knowledge_puts_the_prompt_and_reads_the_choice(tmp_path):
    question = Question(
        id="q", question="邊個？", options={"A": "李家超", "B": "林鄭月娥"}, answer="A"
    )
    engine = DrawingEngine(["A", "B", "A. 李家超", "唔知"])
    findings = knowledge.measure(
        engine, Bank((question,)), settings_for("knowledge", tmp_path / "q"), SILENT
    )
    assert engine.asked[0] == [question.prompt]
    assert [each.answer for each in findings.samples] == ["A", "B", "A", None]
    [metric] = of(findings, "correct")
    assert (metric.item, metric.value, metric.count) == ("q", 2.0, 4)


def test_reasoning_puts_the_prompt_and_reads_the_number(tmp_path):
    problem = Problem(id="p", prompt="So, n is equals to ", answer=9)
    engine = DrawingEngine(["9", "9.0", "4.5", "no idea"])
    findings = reasoning.measure(
        engine, Bank((problem,)), settings_for("reasoning", tmp_path / "p"), SILENT
    )
    assert engine.asked[0] == ["So, n is equals to "]
    assert [each.answer for each in findings.samples] == ["9", "9", "9/2", None]
    [metric] = of(findings, "correct")
    assert (metric.item, metric.value, metric.count) == ("p", 2.0, 4)


def test_a_negative_answer_is_found(tmp_path):
    problem = Problem(id="p", prompt="n = ", answer=-3)
    findings = reasoning.measure(
        DrawingEngine(["-3", "3", "-3", "-3"]),
        Bank((problem,)),
        settings_for("reasoning", tmp_path / "p"),
        SILENT,
    )
    assert of(findings, "correct")[0].value == 3.0


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
    assert module.prepare(here).records == (kind(**record),)
    assert module.identity(here) == module.identity(copy) != module.identity(other)
