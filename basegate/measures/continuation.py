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
from basegate.banks import Bank, Prompt, bank_identity, load_bank
from basegate.errors import InvalidMeasurement
from basegate.measurement import Findings, Metric, Sample
from basegate.measures.degeneration import refuse_degenerate
from basegate.statistics import ratio_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.engines.protocol import Engine
    from basegate.progress import Progress
    from basegate.settings import SamplingSettings

VERSION = 1
LIBRARIES: tuple[str, ...] = ("canto-filter", "opencc")


TELLING = ("cantonese", "written_chinese", "mixed", "foreign")
"""Labels of sentences that show their variety."""


def prepare(settings: SamplingSettings) -> Bank[Prompt]:
    """Read the prompts. See `load_bank` for errors."""
    return load_bank(settings.source, Prompt)


def identity(settings: SamplingSettings) -> str:
    """Return what identifies the prompts. See `bank_identity` for errors."""
    return bank_identity(settings.source)


def measure(
    engine: Engine, bank: Bank[Prompt], settings: SamplingSettings, progress: Progress
) -> Findings:
    """Let the candidate go on from every prompt and judge what it wrote.

    Raises:
        InvalidMeasurement: the model's numbers broke, its samples are degenerate, or none shows
            its variety.
    """
    drawn = engine.sample(
        [each.prompt for each in bank.records], sampling=settings.sampling, progress=progress
    )
    samples = tuple(
        Sample(
            item=prompt.id,
            prompt=prompt.prompt,
            text=draw.text,
            seed=draw.seed,
            notes=read_variety(draw.text),
        )
        for prompt, draws in zip(bank.records, drawn, strict=True)
        for draw in draws
    )
    refuse_degenerate([sample.text for sample in samples])
    if not any(sample.notes[label] for sample in samples for label in TELLING):
        raise InvalidMeasurement(
            f"none of the sentences of {len(samples)} samples shows whether it is Cantonese: they "
            f"are too short or too plain to tell. Draw more samples, or raise max_new_tokens."
        )
    return summarise(samples).model_copy(
        update={
            "basis": bank.basis(settings.sampling.samples),
            "left_out": tuple(map(str, bank.left_out)),
        }
    )


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

    telling = column(*TELLING)
    han, latin = column("han_characters"), column("latin_words")
    parts = {
        "cantonese_share": (column("cantonese"), telling, "share of sentences in Cantonese"),
        "latin_share": (latin, latin + han, "share of words in Latin letters"),
        "simplified_share": (column("simplified"), han, "share of characters in Simplified form"),
        "looping_share": (column("looping"), np.ones(len(samples)), "share of samples that loop"),
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
    """Return a ratio of sums; 0 where there was nothing to count, e.g. no Chinese character."""
    total = float(whole.sum())
    if total == 0:
        return Metric(name=name, value=0.0, unit=unit)
    counted = whole > 0
    interval = ratio_interval(part[counted], whole[counted])
    return Metric(name=name, value=float(part.sum()) / total, unit=unit, interval=interval)
