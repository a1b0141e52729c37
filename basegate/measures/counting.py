"""k of n: what questions and problems have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from basegate.measurement import Findings, Metric, Sample
from basegate.measures.degeneration import refuse_degenerate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    """

    id: str
    prompt: str
    expected: str
    read: Callable[[str], str | None]


def count_correct(
    engine: Engine, asked: Sequence[Asked], sampling: Sampling, progress: Progress
) -> Findings:
    """Draw the samples of all that is asked together, read their answers and count.

    Raises:
        InvalidMeasurement: the model's numbers broke, or its samples are degenerate.
    """
    drawn = engine.sample([each.prompt for each in asked], sampling=sampling, progress=progress)
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
        metrics=tuple(_correct(each.id, samples) for each in asked),
        samples=samples,
        facts={
            "questions": len(asked),
            "no_answer": sum(sample.answer is None for sample in samples),
        },
    )


def _correct(item: str, samples: Sequence[Sample]) -> Metric:
    own = [sample for sample in samples if sample.item == item]
    right = sum(sample.answer == sample.expected for sample in own)
    return Metric(
        name="correct",
        value=float(right),
        unit=f"of {len(own)} correct",
        item=item,
        count=len(own),
    )
