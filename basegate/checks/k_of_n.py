"""k of n: what the checks of questions and of problems share."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from basegate.checks.early_stopping import MeasureTask, ask_in_turn, sequential_share
from basegate.checks.validity import DEGENERATE_LABEL, degenerate_share, is_broken, open_quotes
from basegate.config.declaration import MetricLabel
from basegate.config.settings import SamplingSettings
from basegate.data.banks import Bank
from basegate.engines.protocol import Draw, Engine
from basegate.i18n.messages import Message
from basegate.measurement import CORRECT, AnswerCounts, Findings, Metric, Sample
from basegate.stats.intervals import count_interval, effective_count
from basegate.stats.paired import ItemScores

_ACCURACY = MetricLabel(
    Message("accuracy"),
    Message("of answers right"),
    Message("{value} of answers right"),
    Message("{value} right answers"),
)
ANSWER_LABELS = {
    "accuracy": _ACCURACY,
    "topic_accuracy": _ACCURACY,
    CORRECT: MetricLabel(Message("correct"), Message("correct"), Message("{value} correct")),
    **DEGENERATE_LABEL,
}
_FORMAT = Message(
    "more than half of the samples hold no answer that could be read: what was measured is the "
    "format, not the knowledge. {advice}"
)
_SHOW = Message("Show it the format by few-shot examples (shots, examples).")
_ASK = Message('Ask for the likelihood of the options instead (method = "likelihood").')
_SHOW_OR_ASK = Message(
    "Show it the format by few-shot examples (shots, examples), or ask for the likelihood of the "
    'options instead (method = "likelihood").'
)
_LOOK = Message("Look at what it wrote: max_new_tokens may be too few.")


@dataclass(frozen=True)
class PromptItem:
    """A question or problem as it is put.

    One that is put in several ways, its options in another order say, is several of the same id,
    and its samples are drawn after each in turn.

    Attributes:
        id: of the question or problem.
        prompt: what the model is given.
        expected: the right answer, as `read` would return it.
        read: text to answer, or `None` for no answer.
        read_cut: the same for a text that was broken off at the most tokens, if it is another.
        topic: what it is about; may be empty.
        is_final: tells of a text so far whether more could not change what `read` finds.
    """

    id: str
    prompt: str
    expected: str
    read: Callable[[str], str | None]
    topic: str = ""
    is_final: Callable[[str], bool] = lambda text: False
    read_cut: Callable[[str], str | None] | None = None

    def sample(self, draw: Draw) -> Sample:
        read = self.read_cut if draw.cut and self.read_cut is not None else self.read
        return Sample(
            item=self.id,
            prompt=self.prompt,
            text=draw.text,
            answer=read(draw.text),
            expected=self.expected,
            seed=draw.seed,
            degenerate=is_broken(draw),
        )


def count_correct(
    engine: Engine, asked: Sequence[PromptItem], task: MeasureTask[Bank[Any], SamplingSettings]
) -> Findings:
    """Draw the samples of all that is asked together, read their answers and count.

        correct  = right samples of one question
        accuracy = mean over questions of right samples / samples

    The interval of `correct` is Clopper and Pearson's for the chance of a right answer, times n.
    That of the accuracy is Wilson's, with the number of draws that the samples are worth, clustered
    by question: see `effective_count`. Where samples were left out because they could not change a
    verdict, there is no accuracy: what is left is no fair share of all.

    Raises:
        InvalidMeasurement: the model is numerically unstable (NaN or inf).
    """
    bank, most = task.data, task.settings.sampling.samples
    drawn = Counter(each.item for each in task.earlier.samples) if task.earlier else Counter()
    own: dict[str, list[Sample]] = {}

    def ask(records: Sequence[Any]) -> None:
        wanted = {each.id for each in records}
        own.update(draw_samples(engine, [each for each in asked if each.id in wanted], task))

    def metrics() -> tuple[Metric, ...]:
        return _partial_metrics(own, most, task.stopping.confidence)

    if drawn:
        # Those of which an earlier run has some: it did not go beyond them.
        ask([each for each in bank.records if drawn[each.id]])
    left = ask_in_turn(bank.records, own.keys(), ask, metrics, task.stopping)
    by_question = {each.id: own[each.id] for each in bank.records if each.id in own}
    samples = tuple(sample for each in by_question.values() for sample in each)
    undrawn = len(by_question) * most - len(samples)
    read = read_in(samples)
    findings = Findings(
        metrics=metrics() if left else _whole_metrics(asked, by_question, most),
        samples=samples,
        facts={
            bank.records[0].kind_name + "s": len(by_question),
            "left_out": len(bank.left_out),
            "no_answer": sum(sample.answer is None for sample in samples),
            "not_drawn": undrawn,
            **({"not_asked": left} if left else {}),
        },
        sample_size=bank.sample_size(most, at_most=undrawn > 0, read=read, not_asked=left),
        left_out=tuple(map(str, bank.left_out)),
    )
    findings = findings.noting(*open_quotes(bank))
    if read.no_answer <= len(samples) / 2:
        return findings
    has_options, shown = bank.records[0].kind_name == "question", bool(bank.examples)
    advice = (_ASK if shown else _SHOW_OR_ASK) if has_options else (_LOOK if shown else _SHOW)
    return findings.noting(Message(_FORMAT, advice=advice))


def _whole_metrics(
    asked: Sequence[PromptItem], samples: dict[str, list[Sample]], most: int
) -> tuple[Metric, ...]:
    every = [sample for own in samples.values() for sample in own]
    return (*summarise(asked, samples, most), degenerate_share(every))


def _partial_metrics(
    samples: Mapping[str, Sequence[Sample]], most: int, confidence: float
) -> tuple[Metric, ...]:
    """Of some questions of a bank, all samples of each: shares with confidence sequences."""
    right = [right_samples(own) / most for own in samples.values()]
    degenerate = [sum(each.degenerate for each in own) / most for own in samples.values()]
    broken = sequential_share("degenerate_share", degenerate, confidence)
    return (
        sequential_share("accuracy", right, confidence),
        replace(broken, count=len(right) * most),
        *(_count(item, right_samples(own), len(own), most) for item, own in samples.items()),
    )


def draw_samples(
    engine: Engine, asked: Sequence[PromptItem], task: MeasureTask[Bank[Any], SamplingSettings]
) -> dict[str, list[Sample]]:
    """The samples of every question, generated in rounds until enough are.

    A round generates for every question the fewest samples that could decide it, all in one batch.
    What an ended run has generated beyond that, under limits that asked for more, is kept.
    """
    most, sampling = task.settings.sampling.samples, task.settings.sampling
    ways: dict[str, list[PromptItem]] = {}
    for each in asked:
        ways.setdefault(each.id, []).append(each)
    samples: dict[str, list[Sample]] = {item: [] for item in ways}
    for sample in task.earlier.samples if task.earlier is not None else ():
        if sample.item in samples:
            samples[sample.item].append(sample)

    def wanted(own: Sequence[Sample]) -> range:
        needed = task.stopping.still_needed(right_samples(own), len(own), most)
        return range(len(own), len(own) + needed)

    def undecided() -> dict[str, range]:
        still = {item: numbers for item, own in samples.items() if (numbers := wanted(own))}
        if still:
            return still
        drawn = [sample for own in samples.values() for sample in own]
        undrawn = len(samples) * most - len(drawn)
        degenerate = sum(sample.degenerate for sample in drawn)
        if task.stopping.validity_is_certain(degenerate, len(drawn), undrawn):
            return {}
        # Whether the run is broken is not certain yet: that takes all samples.
        return {item: range(len(own), most) for item, own in samples.items() if len(own) < most}

    while still := undecided():
        requests = _requests(ways, still)
        drawn = engine.sample(
            [each.prompt for each, _ in requests],
            sampling=sampling,
            numbers=[numbers for _, numbers in requests],
            is_final=[each.is_final for each, _ in requests],
            progress=task.progress,
        )
        _add(samples, requests, drawn)
    requests = _requests(ways, {item: range(len(own), most) for item, own in samples.items()})
    drawn_before = engine.cached_samples(
        [each.prompt for each, _ in requests],
        sampling=sampling,
        numbers=[numbers for _, numbers in requests],
    )
    _add(samples, requests, drawn_before)
    return samples


_Requests = list[tuple[PromptItem, range]]
"""Prompts, each with the numbers of the samples that are drawn after it."""


def _requests(ways: Mapping[str, Sequence[PromptItem]], wanted: Mapping[str, range]) -> _Requests:
    return [
        (each, range(first, numbers.stop, len(ways[item])))
        for item, numbers in wanted.items()
        for place, each in enumerate(ways[item])
        if (first := numbers.start + (place - numbers.start) % len(ways[item])) < numbers.stop
    ]


def _add(
    samples: Mapping[str, list[Sample]], requests: _Requests, drawn: Sequence[Sequence[Draw]]
) -> None:
    """Add to the samples of each question those drawn next, up to the first that is missing."""
    found: dict[str, dict[int, Sample]] = defaultdict(dict)
    for (each, numbers), draws in zip(requests, drawn, strict=True):
        # Of those drawn before, a request may have fewer than its numbers.
        found[each.id].update(zip(numbers, map(each.sample, draws), strict=False))
    for item, numbered in found.items():
        own = samples[item]
        while len(own) in numbered:
            own.append(numbered[len(own)])


def read_in(samples: Sequence[Sample]) -> AnswerCounts:
    sound = [sample for sample in samples if not sample.degenerate]
    answered = [sample for sample in sound if sample.answer is not None]
    right = right_samples(answered)
    return AnswerCounts(
        right=right,
        wrong=len(answered) - right,
        no_answer=len(sound) - len(answered),
        degenerate=len(samples) - len(sound),
    )


def right_samples(samples: Sequence[Sample]) -> int:
    return sum(sample.answer == sample.expected for sample in samples)


def summarise(
    asked: Sequence[PromptItem], samples: dict[str, list[Sample]], most: int
) -> tuple[Metric, ...]:
    """The accuracy of the bank and of its topics, and the right samples of each question."""
    asked = list({each.id: each for each in asked}.values())
    right = Counter({each.id: right_samples(samples[each.id]) for each in asked})
    counts = [_count(each.id, right[each.id], len(samples[each.id]), most) for each in asked]
    if any(len(own) < most for own in samples.values()):
        return tuple(counts)

    def accuracy(name: str, item: str, part: Sequence[PromptItem]) -> Metric:
        shares = [right[each.id] / most for each in part]
        return Metric.share(
            name,
            math.fsum(shares) / len(shares),
            item=item,
            count=len(part),
            worth=effective_count(shares, most),
            # Of freedom of their variance, where they vary.
            degrees=len(shares) - 1 if len(set(shares)) > 1 else None,
        )

    topics = dict.fromkeys(each.topic for each in asked if each.topic)
    parts = {topic: [each for each in asked if each.topic == topic] for topic in topics}
    by_topic = [accuracy("topic_accuracy", *part) for part in parts.items() if len(parts) > 1]
    return (accuracy("accuracy", "", asked), *by_topic, *counts)


def _count(item: str, right: int, drawn: int, most: int) -> Metric:
    low, high = count_interval(right, most, open_draws=most - drawn)
    return Metric(
        name=CORRECT,
        value=float(right),
        unit=CORRECT,
        item=item,
        interval=(low * most, high * most),
        count=most,
        drawn=drawn,
    )


def paired_answers(one: Findings, other: Findings) -> Iterator[tuple[ItemScores, ItemScores]]:
    """The share of right samples of every question, of as many as all questions of both have."""
    if one.samples and other.samples:
        draws = min(_fewest(one), _fewest(other))
        yield _right(one, draws), _right(other, draws)


def _fewest(found: Findings) -> int:
    """How many samples every question has: later ones were drawn because of these."""
    return min(Counter(sample.item for sample in found.samples).values())


def _right(found: Findings, draws: int) -> ItemScores:
    answers: dict[str, list[bool]] = defaultdict(list)
    for sample in found.samples:
        answers[sample.item].append(sample.answer == sample.expected)
    shares = {item: sum(each[:draws]) / draws for item, each in answers.items()}
    return ItemScores.each("accuracy", shares)
