"""Banks of which no more is asked than a verdict needs."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from basegate.checks import knowledge, minimal_pairs, perplexity, reasoning
from basegate.checks.early_stopping import (
    ALL_SAMPLES,
    LOOK_EVERY,
    MeasureTask,
    SequentialLimit,
    StoppingRule,
    ask_in_turn,
    is_enough,
    sequential_share,
)
from basegate.checks.labels import format_sample_size
from basegate.checks.perplexity import PerplexitySettings
from basegate.config.limits import Limit
from basegate.config.settings import (
    AnswerSettings,
    CorpusSource,
    OptionSettings,
    Sampling,
    TableSource,
)
from basegate.data.banks import Bank
from basegate.data.corpora import Corpus
from basegate.data.records import Pair, Problem, Question
from basegate.engines.protocol import Draw, TokenScores
from basegate.errors import InvalidMeasurement
from basegate.judging.judge import stopping_rule, verdict_on
from basegate.measurement import Metric
from basegate.stats.confidence_sequence import (
    effective_number,
    linearised_ratio,
    mean_sequence,
    share_sequence,
)

SOURCE = TableSource(path="bank")
IN_PAIRS = minimal_pairs.PairSettings(source=SOURCE)


def rule(metric, value, confidence=0.95, degenerate=1.0, rejects=""):
    return StoppingRule(None, degenerate, (SequentialLimit(metric, value, confidence, rejects),))


def named(*ids):
    return [SimpleNamespace(id=each) for each in ids]


@settings(max_examples=25, deadline=None)
@given(st.sets(st.text(min_size=1), min_size=1, max_size=60), st.data())
def test_all_is_asked_once_in_an_order_that_others_do_not_change(ids, data):
    asked = []
    never = rule("share", 0.5)
    left = ask_in_turn(
        named(*ids), (), lambda some: asked.extend(each.id for each in some), list, never
    )
    assert left == 0
    assert sorted(asked) == sorted(ids)
    part = data.draw(st.sets(st.sampled_from(sorted(ids)), min_size=1))
    again = []
    ask_in_turn(named(*part), (), lambda some: again.extend(each.id for each in some), list, never)
    assert again == [each for each in asked if each in part]


def test_without_a_sequential_limit_all_is_asked_at_once():
    rounds = []
    ask_in_turn(
        named(*map(str, range(50))), (), lambda some: rounds.append(len(some)), list, ALL_SAMPLES
    )
    assert rounds == [50]


QUESTIONS = tuple(
    Question(id=f"q{number}", question="?", options={"A": "一", "B": "二"}, answer="A")
    for number in range(64)
)


class Options:
    """Finds the right text likelier in a share of the questions it is asked, and counts them."""

    def __init__(self, wrong=()):
        self.wrong = wrong
        self.asked = 0

    def log_likelihoods(self, texts, *, after, progress):
        places = range(self.asked, self.asked + len(texts) // 2)
        self.asked += len(texts) // 2
        right = [place not in self.wrong for place in places for _ in range(2)]
        return [
            TokenScores(np.array([-1.0 if (text == "一") == good else -2.0]), None)
            for text, good in zip(texts, right, strict=True)
        ]


def by_likelihood(engine, stopping, earlier=None):
    asked = OptionSettings(source=SOURCE, formulation="text")
    task = MeasureTask(Bank(QUESTIONS), asked, stopping=stopping, earlier=earlier)
    return knowledge.measure(engine, task)


def value_of(findings, name):
    return next(each for each in findings.metrics if each.name == name and not each.item)


def test_options_are_scored_until_the_limit_is_decided():
    engine = Options()
    findings = by_likelihood(engine, rule("likelihood_accuracy", 0.55))
    assert engine.asked == LOOK_EVERY
    assert findings.facts == {"questions": 16, "left_out": 0, "not_asked": 48}
    assert format_sample_size(findings.sample_size) == "16 of 64 questions, 0 left out"
    accuracy = value_of(findings, "likelihood_accuracy")
    assert (accuracy.value, accuracy.count, accuracy.effective_count) == (1.0, 16, None)
    assert accuracy.interval == share_sequence([1.0] * 16, 0.95)
    assert is_enough(findings, rule("likelihood_accuracy", 0.55))


def test_a_limit_that_is_nearer_asks_for_more_and_nothing_twice():
    first = by_likelihood(Options(), rule("likelihood_accuracy", 0.55))
    nearer = rule("likelihood_accuracy", 0.85)
    assert not is_enough(first, nearer)
    engine = Options()
    second = by_likelihood(engine, nearer, first)
    assert (engine.asked, second.facts["questions"]) == (32, 48)
    assert second == by_likelihood(Options(), nearer)
    whole = by_likelihood(Options(), ALL_SAMPLES, second)
    assert whole == by_likelihood(Options(), ALL_SAMPLES)
    assert "not_asked" not in whole.facts


def test_a_higher_confidence_is_not_decided_by_a_lower_one():
    found = by_likelihood(Options(), rule("likelihood_accuracy", 0.55, 0.9))
    assert value_of(found, "likelihood_accuracy").confidence == 0.9
    assert not is_enough(found, rule("likelihood_accuracy", 0.55, 0.99))
    assert is_enough(found, rule("likelihood_accuracy", 0.2, 0.9))
    assert not is_enough(found, ALL_SAMPLES)


def test_with_two_formulations_the_better_one_decides():
    class Both(Options):
        """Never right by letter, always by text."""

        def log_likelihoods(self, texts, *, after, progress):
            likely = {"一": -1.0, "二": -9.0}
            # The right answer is 一, whatever letter it stands under.
            return [
                TokenScores(
                    np.array(
                        [
                            likely.get(text, -9.0 if f"{text}: 一" in prompt else -1.0)
                            if text in "一二AB"
                            else -1.0
                        ]
                    ),
                    None,
                )
                for prompt, text in zip(after, texts, strict=True)
            ]

    asked = OptionSettings(source=SOURCE)
    task = MeasureTask(Bank(QUESTIONS), asked, stopping=rule("likelihood_accuracy", 0.55))
    findings = knowledge.measure(Both(), task)
    best = value_of(findings, "likelihood_accuracy")
    # Each at the level of both together.
    low, high = share_sequence([1.0] * best.count, 0.975)
    assert value_of(findings, "letter_accuracy").value == 0.0
    assert best.value == 1.0
    assert best.interval == (low, high)
    assert verdict_on(best, Limit(metric=best.name, direction="min", key="k", value=0.55)) == "pass"


class Pairs:
    """Finds every right sentence likelier."""

    prefix = "<s>"

    def log_likelihoods(self, texts, *, window, context, progress):
        return [TokenScores(np.array([-float("乙" in text) - 1]), np.array([0])) for text in texts]


def test_pairs_are_scored_until_the_limit_is_decided():
    pairs = tuple(Pair(id=f"p{n}", right=f"甲{n}", wrong=f"乙{n}") for n in range(64))
    task = MeasureTask(Bank(pairs), IN_PAIRS, stopping=rule("preferred_share", 0.6))
    part = minimal_pairs.measure(Pairs(), task)
    assert part.facts == {"pairs": 16, "ties": 0, "left_out": 0, "not_asked": 48}
    whole = minimal_pairs.measure(Pairs(), replace(task, stopping=ALL_SAMPLES, earlier=part))
    assert whole == minimal_pairs.measure(Pairs(), replace(task, stopping=ALL_SAMPLES))


class Costing:
    """Gives every text so many bits per character, and those that end in 書 more."""

    prefix = "<s>"

    def __init__(self, bits=6.0):
        self.bits = bits
        self.asked = []

    def log_likelihoods(self, texts, *, window, context, progress):
        self.asked.append(len(texts))
        return [
            TokenScores(
                np.full(len(text), -math.log(2) * (self.bits + (text[0] in "一二") / 8)),
                np.arange(len(text)),
            )
            for text in texts
        ]


def corpus_of(count):
    documents = tuple("一二三四"[n % 4] * (20 + n % 3) + str(n) for n in range(count))
    return Corpus(documents, 0, {n: f"書{n}" for n in range(0, count, 2)})


def scored(engine, stopping, corpus=None, earlier=None):
    asked = PerplexitySettings(corpus=CorpusSource(path="c"), window=64, context=16)
    task = MeasureTask(corpus or corpus_of(60), asked, stopping=stopping, earlier=earlier)
    return perplexity.measure(engine, task)


def test_documents_are_scored_until_the_limits_are_decided():
    limits = tuple(
        SequentialLimit(name, value, 0.95) for name, value in (("bits_per_char", 5.0), ("gap", 1.5))
    )
    engine = Costing()
    part = scored(engine, StoppingRule(None, 1.0, limits))
    assert engine.asked[0] == perplexity.DOCUMENTS_EVERY
    assert part.facts["not_asked"] == 44
    assert format_sample_size(part.sample_size).startswith("16 of 60 documents")
    # Evidence stands by the document's place in the corpus, to be compared with another's.
    whole = scored(Costing(), ALL_SAMPLES)
    by_place = {each.item: each for each in whole.documents}
    assert len(part.documents) == 16
    assert all(by_place[each.item] == each for each in part.documents)
    bits = value_of(part, "bits_per_char")
    expected = mean_sequence(
        linearised_ratio(
            [each.bits for each in part.documents], [each.characters for each in part.documents]
        ),
        0.95,
        effective=effective_number([each.characters for each in part.documents]),
    )
    assert bits.interval == pytest.approx(expected)
    assert 5.0 < bits.interval[0] < bits.value < bits.interval[1] < 7.0
    low, high = value_of(part, "perplexity").interval
    assert low < value_of(part, "perplexity").value < high
    gap = value_of(part, "gap")
    assert gap.interval[0] <= gap.value <= gap.interval[1] < 1.5


def test_one_limit_that_is_not_met_decides_the_verdict():
    share = Metric("share", 0.2, "fraction", interval=(0.1, 0.3), confidence=0.95, count=16)
    other = Metric("other", 0.5, "fraction", interval=(0.4, 0.6), confidence=0.95, count=16)
    sound = Metric("degenerate_share", 0.0, "fraction", interval=(0.0, 0.1), confidence=0.95)
    open_limit = SequentialLimit("other", 0.5, 0.95, "below")
    missed = SequentialLimit("share", 0.5, 0.95, "below")

    def decides(*limits, metrics=(share, other)):
        return StoppingRule(None, 0.5, limits).is_decided_by(metrics)

    assert decides(missed, open_limit)
    assert not decides(open_limit)
    assert not decides(missed._replace(rejects=""), open_limit), "advisory"
    assert not decides(missed._replace(rejects="above"), open_limit), "met"
    assert decides(missed._replace(rejects="above")), "met, and nothing else is asked"
    assert not decides(missed._replace(confidence=0.99))
    assert decides(missed, metrics=(share, sound))
    assert not decides(missed, metrics=(share, replace(sound, interval=(0.0, 0.6))))


def test_limits_are_decided_on_the_side_on_which_they_reject():
    low = limit("share", 0.5)
    high = replace(low, direction="max")
    found = stopping_rule([low, high, replace(high, advisory=True)])
    assert [each.rejects for each in found.sequential] == ["below", "above", ""]


def test_a_limit_within_the_sequence_asks_for_all_documents():
    engine = Costing()
    near = StoppingRule(None, 1.0, (SequentialLimit("bits_per_char", 6.0625, 0.95),))
    findings = scored(engine, near)
    assert findings == scored(Costing(), ALL_SAMPLES)
    assert "not_asked" not in findings.facts


FAR = rule("bits_per_char", 5.0)


def dump(findings):
    """Numbers to twelve digits: those that are stored and read are taken by way of bits."""

    def rounded(value):
        if isinstance(value, dict):
            return {key: rounded(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [rounded(each) for each in value]
        return float(f"{value:.11e}") if isinstance(value, float) else value

    return rounded(findings.model_dump())


@pytest.mark.parametrize("stopping", [ALL_SAMPLES, rule("bits_per_char", 6.0)])
def test_documents_go_on_from_an_earlier_run_and_none_is_scored_twice(stopping):
    part = scored(Costing(), FAR)
    written = part.facts["parallel_documents"]
    assert (len(part.documents), 0 < written < 16) == (16, True)
    engine = Costing()
    second = scored(engine, stopping, earlier=part)
    fresh = Costing()
    assert dump(second) == dump(scored(fresh, stopping))
    assert sum(engine.asked) == sum(fresh.asked) - 16 - written


def test_documents_without_the_cost_of_their_version_are_scored_again():
    part = scored(Costing(), FAR)
    bare = [
        each.model_copy(update={"written_bits": None, "written_tokens": None})
        for each in part.documents
    ]
    earlier = part.model_copy(update={"documents": tuple(bare)})
    again = scored(Costing(), ALL_SAMPLES, earlier=earlier)
    assert dump(again) == dump(scored(Costing(), ALL_SAMPLES))


def test_a_copy_of_a_document_is_a_document_when_a_run_goes_on():
    texts = tuple("一二三四五"[n % 5] * (20 + n % 5) for n in range(40))
    corpus = Corpus(texts, 0, {})
    part = scored(Costing(), FAR, corpus)
    assert part.facts["not_asked"] == 32
    whole = scored(Costing(), ALL_SAMPLES, corpus, part)
    assert len(whole.documents) == 40
    assert "not_asked" not in whole.facts


class Losing:
    """Scores any text, and loses a character of those that are named."""

    prefix = "<s>"

    def __init__(self, *losing):
        self.losing = losing

    def log_likelihoods(self, texts, **_):
        return [
            TokenScores(np.full(len(text), -1.0), np.arange(len(text)), int(text in self.losing))
            for text in texts
        ]


PAIRS = tuple(Pair(id=f"p{n}", right="甲" * 9 + chr(0x4E00 + n), wrong="乙" * 9) for n in range(64))
TEXTS = tuple("甲" * 18 + chr(0x4E00 + n) for n in range(64))
OFFERED = tuple(
    Question(id=f"q{n}", question="?", options={"A": "一" * 18, "B": chr(0x4E00 + n)}, answer="A")
    for n in range(64)
)
LOSSES = {
    "pairs": (
        lambda engine, **given: minimal_pairs.measure(
            engine, MeasureTask(Bank(PAIRS), IN_PAIRS, **given)
        ),
        [each.right for each in PAIRS],
        "preferred_share",
    ),
    "documents": (
        lambda engine, earlier=None, **given: scored(
            engine, given.get("stopping", ALL_SAMPLES), Corpus(TEXTS, 0, {}), earlier
        ),
        TEXTS,
        "bits_per_char",
    ),
    "options": (
        lambda engine, **given: knowledge.measure(
            engine,
            MeasureTask(Bank(OFFERED), OptionSettings(source=SOURCE, formulation="text"), **given),
        ),
        [each.options["B"] for each in OFFERED],
        "likelihood_accuracy",
    ),
}


@pytest.mark.parametrize(("measure", "texts", "_"), LOSSES.values(), ids=LOSSES)
def test_what_the_tokenizer_loses_counts_over_all_that_was_asked(measure, texts, _):
    # 19 characters to a record: 12 of 1,216 are less than one in a hundred, 13 are more.
    most = Losing(*texts[:12])
    for stopping in (rule("no such metric", 0.5), ALL_SAMPLES):
        assert measure(most, stopping=stopping).facts["lost_characters"] == 12
        with pytest.raises(InvalidMeasurement, match="loses 13 of 1216 characters"):
            measure(Losing(*texts[:13]), stopping=stopping)
    assert "lost_characters" not in measure(Losing()).facts


@pytest.mark.parametrize(("measure", "texts", "metric"), LOSSES.values(), ids=LOSSES)
def test_what_was_lost_before_a_run_goes_on_counts_too(measure, texts, metric):
    far = {"preferred_share": 0.2, "bits_per_char": 99.0, "likelihood_accuracy": 0.2}
    part = measure(Losing(), stopping=rule(metric, far[metric]))
    assert part.facts["not_asked"] > 0
    part = part.noting(lost_characters=1)
    whole = measure(Losing(*texts), earlier=part, stopping=rule(metric, far[metric]))
    assert whole.facts["lost_characters"] == 1, "decided: nothing more is asked"
    with pytest.raises(InvalidMeasurement, match=rf"loses {1 + part.facts['not_asked']} of 1216"):
        measure(Losing(*texts), earlier=part)


class Writing:
    """Writes one number to every problem, and remembers how many samples it drew."""

    def __init__(self, text):
        self.text = text
        self.drawn = 0

    def sample(self, prompts, *, sampling, progress, numbers, is_final):
        self.drawn += sum(map(len, numbers))
        return [[Draw(self.text, number) for number in wanted] for wanted in numbers]

    def cached_samples(self, prompts, *, sampling, numbers):
        return [[] for _ in prompts]


PROBLEMS = tuple(Problem(id=f"p{number}", prompt="n =", answer=7) for number in range(64))
SAMPLED = AnswerSettings(
    source=SOURCE, sampling=Sampling(samples=2, temperature=0.2, max_new_tokens=4)
)


def test_samples_are_drawn_until_the_limit_is_decided():
    task = MeasureTask(Bank(PROBLEMS), SAMPLED, stopping=rule("accuracy", 0.4, degenerate=0.5))
    engine = Writing(" 7")
    part = reasoning.measure(engine, task)
    assert engine.drawn == 2 * part.facts["problems"] == 32
    assert value_of(part, "accuracy").value == 1.0
    assert value_of(part, "degenerate_share").count == 32
    assert {each.item for each in part.metrics if each.name == "correct"} == {
        each.item for each in part.samples
    }
    further = Writing(" 7")
    whole = reasoning.measure(further, replace(task, stopping=ALL_SAMPLES, earlier=part))
    assert further.drawn == 128 - 32
    assert whole == reasoning.measure(Writing(" 7"), replace(task, stopping=ALL_SAMPLES))


def test_it_goes_on_while_the_run_may_be_broken():
    # All wrong: decided at once, if half of the samples were not empty.
    class Half(Writing):
        def sample(self, prompts, *, numbers, **given):
            drawn = super().sample(prompts, numbers=numbers, **given)
            return [[replace(own[0], text=""), *own[1:]] for own in drawn]

    engine = Half("8")
    task = MeasureTask(Bank(PROBLEMS), SAMPLED, stopping=rule("accuracy", 0.4, degenerate=0.5))
    findings = reasoning.measure(engine, task)
    assert engine.drawn == 128
    assert value_of(findings, "degenerate_share").value == 0.5


def limit(metric, value, **further):
    return Limit(
        key=f"x.{metric}", metric=metric, direction="min", value=value, sequential=True, **further
    )


def test_limits_say_whether_they_may_be_decided_early():
    gate = limit("accuracy", 0.5, confidence=0.9)
    validity = Limit(key="d", metric="degenerate_share", direction="max", value=0.5, validity=True)
    assert stopping_rule([gate, validity]) == rule("accuracy", 0.5, 0.9, 0.5, "below")
    assert stopping_rule([gate, replace(gate, sequential=False, metric="gap")]) == ALL_SAMPLES
    correct = Limit(key="c", metric="correct", direction="min", value=7)
    assert stopping_rule([gate, correct]) == ALL_SAMPLES


def test_a_verdict_of_a_part_is_that_of_its_sequence():
    metric = sequential_share("accuracy", [1.0] * 16, 0.95)
    assert verdict_on(metric, limit("accuracy", 0.55)) == "pass"
    assert verdict_on(metric, limit("accuracy", 0.9)) == "inconclusive"
    metric = sequential_share("accuracy", [0.0] * 16, 0.95)
    assert verdict_on(metric, limit("accuracy", 0.55)) == "fail"


@pytest.mark.parametrize(("text", "needs"), [("", 1), ('early = "none"\n', 0)])
def test_it_is_the_default_and_can_be_turned_off(tmp_path, text, needs):
    from basegate.config.thresholds import load_thresholds

    path = tmp_path / "thresholds.toml"
    path.write_text(f'[minimal_pairs.banks.a]\n{text}pairs = "p.jsonl"\nmin_preferred = 0.8\n')
    thresholds = load_thresholds(path)
    [check] = thresholds.checks
    assert check.stop_early == bool(needs)
    assert len(stopping_rule(thresholds.limits("x", check.name, check.item)).sequential) == 1
