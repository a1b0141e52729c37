"""Continuation: does the candidate go on in Cantonese when it is given the start of a sentence?

Over all samples, prompts excluded:

    cantonese_share  = Cantonese sentences / sentences that show their variety
    latin_share      = words in Latin letters / (words in Latin letters + Chinese characters)
    simplified_share = Simplified characters / Chinese characters
    looping_share    = samples at least half of whose character 4-grams are repetitions / samples

Sentences are judged by canto-filter's markers; one that fits Cantonese and written Chinese alike
counts for neither, and one without Chinese characters counts as not Cantonese.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from basegate import variety
from basegate.banks import Prompt, bank_identity, load_bank
from basegate.measurement import Findings, Metric, Sample
from basegate.measures.degeneration import refuse_degenerate
from basegate.statistics import ratio_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.engines.protocol import Engine
    from basegate.progress import Progress
    from basegate.settings import SamplingSettings

VERSION = 1


def prepare(settings: SamplingSettings) -> tuple[Prompt, ...]:
    """Read the prompts. See `load_bank` for errors."""
    return load_bank(settings.path, Prompt)


def identity(settings: SamplingSettings) -> str:
    """Return what identifies the prompts. See `bank_identity` for errors."""
    return bank_identity(settings.path)


def measure(
    engine: Engine, prompts: tuple[Prompt, ...], settings: SamplingSettings, progress: Progress
) -> Findings:
    """Let the candidate go on from every prompt and judge what it wrote.

    Raises:
        InvalidMeasurement: the model's numbers broke.
    """
    drawn = engine.sample(
        [each.prompt for each in prompts], sampling=settings.sampling, progress=progress
    )
    samples = tuple(
        Sample(
            item=prompt.id,
            prompt=prompt.prompt,
            text=draw.text,
            seed=draw.seed,
            notes=read_variety(draw.text),
        )
        for prompt, draws in zip(prompts, drawn, strict=True)
        for draw in draws
    )
    refuse_degenerate([sample.text for sample in samples])
    return summarise(samples)


def read_variety(text: str) -> dict[str, float | int | str | bool]:
    """Return the counts that the shares are made of, for one sample."""
    labels = Counter(map(variety.label, variety.sentences(text)))
    return {
        "cantonese": labels["cantonese"],
        "written_chinese": labels["written_chinese"],
        "mixed": labels["mixed"],
        "neutral": labels["neutral"],
        "foreign": labels["foreign"],
        "latin_words": len(variety.latin_words(text)),
        "han_characters": len(variety.han_characters(text)),
        "simplified": len(variety.simplified_characters(text)),
        "repeated_share": variety.repeated_share(text),
        "looping": variety.is_looping(text),
    }


def summarise(samples: Sequence[Sample]) -> Findings:
    """Return the shares over all samples, with intervals over samples."""

    def column(*names: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([float(sum(s.notes[name] for name in names)) for s in samples])  # type: ignore[misc]

    telling = column("cantonese", "written_chinese", "mixed", "foreign")
    han, latin = column("han_characters"), column("latin_words")
    parts = {
        "cantonese_share": (column("cantonese"), telling, "of sentences are Cantonese"),
        "latin_share": (latin, latin + han, "of words are in Latin letters"),
        "simplified_share": (column("simplified"), han, "of characters are Simplified"),
        "looping_share": (column("looping"), np.ones(len(samples)), "of samples loop"),
    }
    return Findings(
        metrics=tuple(_share(name, *columns) for name, columns in parts.items()),
        samples=tuple(samples),
        facts={
            "samples": len(samples),
            "sentences": int(telling.sum() + column("neutral").sum()),
            "neutral_sentences": int(column("neutral").sum()),
        },
    )


def _share(
    name: str,
    part: np.ndarray[tuple[int], np.dtype[np.float64]],
    whole: np.ndarray[tuple[int], np.dtype[np.float64]],
    unit: str,
) -> Metric:
    """Return a ratio of sums; 0 where nothing was counted, which no minimum accepts."""
    total = float(whole.sum())
    if total == 0:
        return Metric(name=name, value=0.0, unit=unit)
    counted = whole > 0
    interval = ratio_interval(part[counted], whole[counted])
    return Metric(name=name, value=float(part.sum()) / total, unit=unit, interval=interval)
