"""k of n: questions and problems."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from scipy import stats

from basegate.checks import knowledge, reasoning
from basegate.checks.early_stopping import ALL_SAMPLES, MeasureTask, StoppingRule
from basegate.checks.k_of_n import PromptItem, _add, _requests, count_correct
from basegate.checks.labels import format_sample_size
from basegate.config.settings import (
    AnswerSettings,
    QuestionSettings,
    Sampling,
    SamplingSettings,
    TableSource,
)
from basegate.data.banks import Bank
from basegate.data.records import Problem, Question
from basegate.engines.protocol import Draw
from basegate.stats.intervals import count_interval, effective_count, share_interval
from tests.helpers.checkpoints import write_jsonl

SAMPLING = Sampling(samples=4, temperature=0.9, max_new_tokens=8)


class DrawingEngine:
    """Writes the texts it was made with, by number, and remembers what it was asked."""

    def __init__(self, *texts):
        self.texts = texts
        self.rounds = []

    def sample(self, prompts, *, sampling, progress, numbers, is_final):
        assert len(prompts) == len(numbers) == len(is_final)
        self.rounds.append((list(prompts), [list(wanted) for wanted in numbers]))
        places = [
            int(prompt.removeprefix("Question ")) if prompt.startswith("Question ") else 0
            for prompt in prompts
        ]
        return [
            [Draw(self.texts[place][number], 100 + number) for number in wanted]
            for place, wanted in zip(places, numbers, strict=True)
        ]

    def cached_samples(self, prompts, *, sampling, numbers):
        """Nothing was drawn before."""
        return [[] for _ in prompts]


def read(text):
    """Read a text that is a single letter."""
    return text if len(text) == 1 else None


def ask(*expected):
    return [
        PromptItem(id=f"q{number}", prompt=f"Question {number}", expected=answer, read=read)
        for number, answer in enumerate(expected)
    ]


def settings_for(path):
    return QuestionSettings(source=TableSource(path=path), sampling=SAMPLING, rotate_options=False)


def counted(engine, asked, sampling=SAMPLING, stopping=ALL_SAMPLES, earlier=None):
    """Count as a bank of questions would."""
    records = tuple(
        Question(id=each.id, question="?", options={"A": "1", "B": "2"}, answer="A")
        for each in asked
    )
    settings = SamplingSettings(source=TableSource(path="bank"), sampling=sampling)
    return count_correct(
        engine, asked, MeasureTask(Bank(records), settings, stopping=stopping, earlier=earlier)
    )


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
    assert of(findings, "correct")[0].unit == "correct"
    assert findings.facts == {"questions": 2, "left_out": 0, "no_answer": 1, "not_drawn": 0}
    based_on = format_sample_size(findings.sample_size)
    assert based_on.startswith("2 questions, 4 samples each, 0 left out, of the samples ")


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
    assert engine.rounds == [(["Question 0", "Question 1"], [[0, 1, 2, 3], [0, 1, 2, 3]])]


def test_every_sample_is_kept_with_its_reading():
    engine = DrawingEngine(["A", "hm"])
    first, second = counted(engine, ask("B"), replace_samples(2)).samples
    assert (first.item, first.prompt, first.text) == ("q0", "Question 0", "A")
    assert (first.answer, first.expected, first.seed) == ("A", "B", 100)
    assert (second.answer, second.expected, second.seed) == (None, "B", 101)


def test_the_interval_of_a_count_is_clopper_pearsons_times_n():
    findings = counted(DrawingEngine(["A", "A", "A", "B"]), ask("A"))
    low, high = of(findings, "correct")[0].interval
    # scipy's beta quantiles of the textbook's form: B(a/2; x, n - x + 1), B(1 - a/2; x + 1, n - x).
    assert low == pytest.approx(4 * stats.beta.ppf(0.025, 3, 2))
    assert high == pytest.approx(4 * stats.beta.ppf(0.975, 4, 1))


@pytest.mark.parametrize("broken", [0, 3, 8])
def test_degenerate_samples_are_counted(broken):
    texts = ["!" * 32] * broken + ["A"] * (8 - broken)
    findings = counted(DrawingEngine(texts[:4], texts[4:]), ask("A", "A"))
    [share] = of(findings, "degenerate_share")
    assert (share.value, share.count) == (broken / 8, 8)
    assert [sample.degenerate for sample in findings.samples] == [text != "A" for text in texts]


def test_one_token_over_and_over_is_degenerate():
    class Repeating(DrawingEngine):
        def sample(self, prompts, **given):
            return [[Draw("哈哈嘻" * 9, 1, one_token=True)] * 4 for _ in prompts]

    assert of(counted(Repeating(), ask("A")), "degenerate_share")[0].value == 1.0


def test_sampling_stops_where_the_verdict_is_certain():
    # Two of four have to be right.
    engine = DrawingEngine(["A", "A", "B", "B"], ["B", "B", "B", "A"], ["B", "A", "B", "A"])
    findings = counted(engine, ask("A", "A", "A"), stopping=StoppingRule(2))
    assert engine.rounds == [
        (["Question 0", "Question 1", "Question 2"], [[0, 1], [0, 1], [0, 1]]),
        (["Question 1", "Question 2"], [[2], [2]]),
        (["Question 2"], [[3]]),
    ]
    assert [(each.value, each.unit, each.drawn) for each in of(findings, "correct")] == [
        (2.0, "correct", 2),
        (0.0, "correct", 3),
        (2.0, "correct", 4),
    ]
    assert findings.facts["not_drawn"] == 3
    based_on = format_sample_size(findings.sample_size)
    assert based_on.startswith("3 questions, up to 4 samples each, 0 left out")
    assert of(findings, "accuracy") == [], "what is left is no fair share"


def test_whether_the_run_is_broken_is_that_of_all_samples():
    # Four degenerate ones lose the question; of all ten they are under the limit of a half.
    texts = ["!" * 32] * 4 + ["A"] * 6
    engine = DrawingEngine(texts)
    findings = counted(engine, ask("A"), replace_samples(10), StoppingRule(7, 0.5))
    assert engine.rounds == [
        (["Question 0"], [[0, 1, 2, 3]]),
        (["Question 0"], [[4, 5, 6, 7, 8, 9]]),
    ]
    assert of(findings, "degenerate_share")[0].value == 0.4
    certain = DrawingEngine(["B"] * 4 + ["A"] * 6)
    counted(certain, ask("A"), replace_samples(10), StoppingRule(7, 0.6))
    assert certain.rounds == [(["Question 0"], [[0, 1, 2, 3]])]


def test_the_four_shares_of_the_samples_are_reported():
    texts = ["A", "B", "none", "!" * 32, "none", "none", "none", "!" * 32]
    findings = counted(DrawingEngine(texts), ask("A"), replace_samples(8))
    read = findings.sample_size.read
    assert (read.right, read.wrong, read.no_answer, read.degenerate) == (1, 1, 4, 2)
    assert format_sample_size(findings.sample_size) == (
        "1 question, 8 samples each, 0 left out, of the samples 12.5 % right, 12.5 % wrong, 50 % "
        "without an answer, 25 % degenerate"
    )
    assert findings.notes == (), "not more than half"


def test_more_than_half_without_an_answer_is_said_to_be_the_format():
    findings = counted(DrawingEngine(["none", "none", "none", "A"]), ask("A"))
    [note] = findings.notes
    assert "what was measured is the format, not the knowledge" in note
    assert "few-shot examples (shots, examples), or ask for the likelihood" in note


def turned(question):
    return [question.turned(shift) for shift in range(len(question.options))]


QUESTION = Question(
    id="q", question="邊個？", options={"A": "李家超", "B": "林鄭月娥", "C": "梁振英"}, answer="A"
)


class ByPrompt(DrawingEngine):
    """Answers every prompt with the letter that a function gives, and counts no numbers."""

    def __init__(self, answer):
        self.answer = answer
        self.rounds = []

    def sample(self, prompts, *, sampling, progress, numbers, is_final):
        self.rounds.append((list(prompts), [list(wanted) for wanted in numbers]))
        return [
            [Draw(self.answer(prompt), number) for number in wanted]
            for prompt, wanted in zip(prompts, numbers, strict=True)
        ]


def rotating(path, samples, **further):
    sampling = SAMPLING.model_copy(update={"samples": samples})
    return QuestionSettings(source=TableSource(path=path), sampling=sampling, **further)


def test_the_options_take_turns_so_that_a_taste_for_a_letter_does_not_pass(tmp_path):
    engine = ByPrompt(lambda prompt: "A")
    task = MeasureTask(Bank((QUESTION,)), rotating(tmp_path / "q", 7))
    findings = knowledge.measure(engine, task)
    ways = turned(QUESTION)
    assert engine.rounds == [([each.prompt for each in ways], [[0, 3, 6], [1, 4], [2, 5]])]
    # Each sample stands with the prompt it was drawn after, and the letter that is right there.
    assert [each.seed for each in findings.samples] == list(range(7))
    assert [each.expected for each in findings.samples] == ["A", "C", "B", "A", "C", "B", "A"]
    assert [each.prompt for each in findings.samples[:3]] == [each.prompt for each in ways]
    assert [each.value for each in of(findings, "correct")] == [3.0]


def test_what_is_known_is_found_in_every_order(tmp_path):
    def knowing(prompt):
        return next(line[0] for line in prompt.splitlines() if line.endswith("李家超"))

    task = MeasureTask(Bank((QUESTION,)), rotating(tmp_path / "q", 7), stopping=StoppingRule(3))
    engine = ByPrompt(knowing)
    findings = knowledge.measure(engine, task)
    assert [(each.value, each.drawn) for each in of(findings, "correct")] == [(3.0, 3)]
    more = knowledge.measure(
        ByPrompt(knowing), replace(task, stopping=ALL_SAMPLES, earlier=findings)
    )
    assert [each.seed for each in more.samples] == list(range(7))


@given(st.integers(1, 5), st.integers(0, 9), st.integers(1, 12))
def test_samples_are_requested_once_each_and_after_their_own_way(ways, start, count):
    items = {"q": [PromptItem("q", str(place), "A", read) for place in range(ways)]}
    requests = _requests(items, {"q": range(start, start + count)})
    found = {number: each.prompt for each, numbers in requests for number in numbers}
    assert found == {number: str(number % ways) for number in range(start, start + count)}


def test_samples_of_an_earlier_run_count_up_to_the_first_that_is_missing():
    items = [PromptItem("q", str(place), "A", read) for place in range(2)]
    samples = {"q": []}
    # Numbers 0, 2 and 4 were drawn after one way, and 1 after the other: 3 is missing.
    _add(
        samples,
        [(items[0], range(0, 6, 2)), (items[1], range(1, 6, 2))],
        [[Draw("A", 0), Draw("A", 2), Draw("A", 4)], [Draw("A", 1)]],
    )
    assert [each.seed for each in samples["q"]] == [0, 1, 2]


def test_examples_stand_before_every_prompt_in_their_order(tmp_path):
    example = Question(id="e", question="幾多？", options={"A": "一", "B": "二"}, answer="B")
    engine = ByPrompt(lambda prompt: "A")
    settings = rotating(tmp_path / "q", 1, rotate_options=False)
    knowledge.measure(engine, MeasureTask(Bank((QUESTION,), examples=(example,)), settings))
    assert engine.rounds[0][0] == [
        "幾多？\n\nA: 一\nB: 二\n\n答案是：\nB\n\n"
        "邊個？\n\nA: 李家超\nB: 林鄭月娥\nC: 梁振英\n\n答案是：\n"
    ]
    examples = (
        Problem(id="1", prompt="So, n =", answer=9),
        Problem(id="2", prompt="答案：", answer=8),
        Problem(id="3", prompt="n = ", answer=7),
    )
    problem = Problem(id="p", prompt="1 + n = 3, n =", answer=2)
    engine = ByPrompt(lambda prompt: " 2")
    settings = AnswerSettings(source=TableSource(path="p"), sampling=SAMPLING)
    reasoning.measure(engine, MeasureTask(Bank((problem,), examples=examples), settings))
    assert engine.rounds[0][0] == ["So, n = 9\n\n答案：8\n\nn = 7\n\n1 + n = 3, n ="]


def test_another_limit_draws_only_what_is_missing():
    texts = ["A", "A", "B", "A"]
    first = counted(DrawingEngine(texts), ask("A"), stopping=StoppingRule(2))
    engine = DrawingEngine(texts)
    whole = counted(engine, ask("A"), earlier=first)
    assert engine.rounds == [(["Question 0"], [[2, 3]])]
    assert whole == counted(DrawingEngine(texts), ask("A"))


@given(
    answers=st.lists(
        st.lists(st.sampled_from("AB"), min_size=6, max_size=6), min_size=1, max_size=5
    ),
    correct=st.integers(1, 6),
)
def test_the_verdict_is_that_of_all_samples(answers, correct):
    sampling = replace_samples(6)
    asked = ask(*"A" * len(answers))
    found = counted(DrawingEngine(*answers), asked, sampling, StoppingRule(correct))
    for own, metric in zip(answers, of(found, "correct"), strict=True):
        assert (metric.value >= correct) == (own.count("A") >= correct)
        low, high = metric.interval
        full_low, full_high = count_interval(own.count("A"), 6)
        assert low <= 6 * full_low + 1e-9
        assert high >= 6 * full_high - 1e-9


def test_knowledge_puts_the_prompt_and_reads_the_choice(tmp_path):
    question = Question(
        id="q", question="邊個？", options={"A": "李家超", "B": "林鄭月娥"}, answer="A"
    )
    engine = DrawingEngine(["A", "B", "A. 李家超", "唔知"])
    findings = knowledge.measure(
        engine, MeasureTask(Bank((question,)), settings_for(tmp_path / "q"))
    )
    assert engine.rounds[0][0] == [question.prompt]
    assert [each.answer for each in findings.samples] == ["A", "B", "A", None]
    [metric] = of(findings, "correct")
    assert (metric.item, metric.value, metric.count) == ("q", 2.0, 4)


def test_reasoning_puts_the_prompt_and_reads_the_number(tmp_path):
    problem = Problem(id="p", prompt="So, n is equals to ", answer=9)
    engine = DrawingEngine(["9", "9.0", "4.5", "no idea"])
    findings = reasoning.measure(
        engine, MeasureTask(Bank((problem,)), settings_for(tmp_path / "p"))
    )
    assert engine.rounds[0][0] == ["So, n is equals to "]
    assert [each.answer for each in findings.samples] == ["9", "9", "9/2", None]
    [metric] = of(findings, "correct")
    assert (metric.item, metric.value, metric.count) == ("p", 2.0, 4)


def test_a_negative_answer_is_found(tmp_path):
    problem = Problem(id="p", prompt="n = ", answer=-3)
    findings = reasoning.measure(
        DrawingEngine(["-3", "3", "-3", "-3"]),
        MeasureTask(Bank((problem,)), settings_for(tmp_path / "p")),
    )
    assert of(findings, "correct")[0].value == 3.0


@pytest.mark.parametrize(
    ("module", "record", "kind"),
    [
        (
            knowledge,
            {"id": "q", "question": "?", "options": {"A": "1", "B": "2"}, "answer": "B"},
            Question,
        ),
        (reasoning, {"id": "p", "prompt": "1 + 1 = ", "answer": 2}, Problem),
    ],
    ids=["knowledge", "reasoning"],
)
def test_banks_are_read_and_identified_by_their_content(tmp_path, module, record, kind):
    paths = [
        write_jsonl(tmp_path / "a.jsonl", record),
        write_jsonl(tmp_path / "b.jsonl", record),
        write_jsonl(tmp_path / "c.jsonl", {**record, "id": "another"}),
    ]
    here, copy, other = (settings_for(path) for path in paths)
    declared = module.CHECK
    assert declared.prepare(here).records == (kind(**record),)
    assert declared.identity(here) == declared.identity(copy) != declared.identity(other)
