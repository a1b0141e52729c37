"""k of n: what questions and problems have in common."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from basegate.measurement import Findings, Metric, Sample
from basegate.measures.degeneration import refuse_degenerate
from basegate.statistics import effective_count, share_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from basegate.banks import Bank
    from basegate.engines.protocol import Engine
    from basegate.progress import Progress
    from basegate.settings import Sampling


@dataclass(frozen=True)
class Asked:
    """One thing asked.

    Attributes:
        id: of the question or problem.
        prompt: what the model is given.
        expected: the right answer, as `read` would return it.
        read: text to answer, or `None` for no answer.
        topic: what it is about; may be empty.
        settled: tells of a text so far whether more could not change what `read` finds.
    """

    id: str
    prompt: str
    expected: str
    read: Callable[[str], str | None]
    topic: str = ""
    settled: Callable[[str], bool] = lambda text: False


def count_correct(
    engine: Engine,
    asked: Sequence[Asked],
    bank: Bank[Any],
    sampling: Sampling,
    progress: Progress,
) -> Findings:
    """Draw the samples of all that is asked together, read their answers and count.

        correct  = right samples of one question
        accuracy = mean over questions of right samples / samples

    The interval of the accuracy is Wilson's, with the number of draws that the samples are worth,
    clustered by question: see `effective_count`.

    Raises:
        InvalidMeasurement: the model's numbers broke, or its samples are degenerate.
    """
    drawn = engine.sample(
        [each.prompt for each in asked],
        sampling=sampling,
        settled=[each.settled for each in asked],
        progress=progress,
    )
    samples = tuple(
        Sample(
            item=each.id,
            prompt=each.prompt,
            text=draw.text,
            answer=each.read(draw.text),
            expected=each.expected,
            seed=draw.seed,
        )
        for each, draws in zip(asked, drawn, strict=True)
        for draw in draws
    )
    refuse_degenerate([sample.text for sample in samples])
    return Findings(
        metrics=summarise(asked, samples, sampling.samples),
        samples=samples,
        facts={
            bank.records[0].kind_name + "s": len(asked),
            "left_out": len(bank.left_out),
            "no_answer": sum(sample.answer is None for sample in samples),
        },
        basis=bank.basis(sampling.samples),
        left_out=tuple(map(str, bank.left_out)),
    )


def summarise(
    asked: Sequence[Asked], samples: Sequence[Sample], per_question: int
) -> tuple[Metric, ...]:
    """Return the accuracy of the bank and of its topics, and the right samples of each question."""
    right = Counter(sample.item for sample in samples if sample.answer == sample.expected)
    topics = dict.fromkeys(each.topic for each in asked if each.topic)
    counts = [
        Metric(
            name="correct",
            value=float(right[each.id]),
            unit=f"of {per_question} correct",
            item=each.id,
            count=per_question,
        )
        for each in asked
    ]

    def accuracy(name: str, item: str, part: Sequence[Asked]) -> Metric:
        shares = [right[each.id] / per_question for each in part]
        mean = math.fsum(shares) / len(shares)
        worth = effective_count(shares, per_question)
        return Metric(
            name=name,
            value=mean,
            unit="share of answers right",
            item=item,
            interval=share_interval(mean, worth, 0.95),
            count=len(part),
            effective_count=worth,
        )

    parts = [
        accuracy("topic_accuracy", topic, [each for each in asked if each.topic == topic])
        for topic in (topics if len(topics) > 1 else ())
    ]
    return (accuracy("accuracy", "", asked), *parts, *counts)
