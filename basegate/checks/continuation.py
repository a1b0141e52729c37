"""Continuation: does the candidate continue the start of a sentence in Cantonese?

Over all samples, prompts excluded:

    cantonese_share  = Cantonese sentences / sentences that show their variety
    latin_share      = words of English clauses / (words of English clauses + Chinese characters)
    simplified_share = Simplified characters / Chinese characters
    looping_share    = samples with a repetition loop / samples

Sentences are classified by canto-filter's markers; one that fits Cantonese and written Chinese
alike counts for neither, and one without Chinese characters, or a third of which is clauses of
English, counts as not Cantonese.

Words of English clauses are those in Latin letters that stand at least four in a row, or in a
sentence without Chinese characters. One to three in a Chinese sentence are Hong Kong's natural
code-mixing (我今日要返office開meeting). If every word counted, such speech (21 %, docs/variety.md)
would fail a limit of 15 % that is meant for a drift into English.

A sample is a repetition loop if at least half of its character 4-grams are repetitions, or if it is
at least 150 bytes long and zlib compresses it by a factor of at least 2.75.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from basegate.checks import language_variety as variety
from basegate.checks.validity import DEGENERATE_LABEL, degenerate_share, is_broken
from basegate.config.declaration import (
    CheckDeclaration,
    MetricLabel,
    at_least,
    at_most,
    register,
)
from basegate.config.settings import Positive, SamplingSettings, TableSource, Temperature
from basegate.config.thresholds_schema import SampledTable, ShareLimit, place
from basegate.data.banks import Bank, identity, prepares
from basegate.data.records import Prompt
from basegate.errors import InvalidMeasurement
from basegate.i18n.formatting import FRACTION
from basegate.i18n.messages import Message
from basegate.measurement import Findings, Metric, Sample
from basegate.stats.bootstrap import ratio_interval
from basegate.stats.paired import ItemScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from basegate.checks.early_stopping import MeasureTask
    from basegate.engines.protocol import Engine

    Counts = NDArray[np.float64]
    """Of each sample, shape [samples]."""

TELLING = ("cantonese", "written_chinese", "mixed", "foreign")
"""Labels of sentences that show their variety."""
SHARES = {
    "cantonese_share": (("cantonese",), TELLING),
    "latin_share": (("latin_words",), ("latin_words", "han_characters")),
    "simplified_share": (("simplified",), ("han_characters",)),
    "looping_share": (("looping",), ()),
}
"""By metric, which counts of `read_variety` are taken of the sum of which; of samples if empty."""


class ContinuationTable(SampledTable):
    """Prompts to go on with: `[continuation]`."""

    file_keys = ("prompts",)

    prompts: str
    samples: Positive = 8
    temperature: Temperature = 0.9
    max_new_tokens: Positive = 100
    min_cantonese_share: Annotated[ShareLimit | None, at_least("cantonese_share")] = None
    max_latin_share: Annotated[ShareLimit | None, at_most("latin_share")] = None
    max_simplified_share: Annotated[ShareLimit | None, at_most("simplified_share")] = None
    max_looping_share: Annotated[ShareLimit | None, at_most("looping_share")] = None

    def settings_of(self, item: Self, base: Path) -> SamplingSettings:
        source = TableSource(path=place(base, self.prompts))
        return SamplingSettings(source=source, sampling=self.sampling(self.samples))


def measure(engine: Engine, task: MeasureTask[Bank[Prompt], SamplingSettings]) -> Findings:
    """Let the candidate go on from every prompt and judge what it wrote.

    Raises:
        InvalidMeasurement: the model is numerically unstable, or no sample shows its variety.
    """
    bank, sampling = task.data, task.settings.sampling
    drawn = engine.sample(
        [each.prompt for each in bank.records], sampling=sampling, progress=task.progress
    )
    samples = tuple(
        Sample(
            item=prompt.id,
            prompt=prompt.prompt,
            text=draw.text,
            seed=draw.seed,
            degenerate=is_broken(draw),
            notes=read_variety(draw.text),
        )
        for prompt, draws in zip(bank.records, drawn, strict=True)
        for draw in draws
    )
    broken = degenerate_share(samples)
    in_order = [sample for sample in samples if not sample.degenerate]
    if in_order and not any(sample.notes[label] for sample in in_order for label in TELLING):
        reason = Message(
            "none of the sentences of {count} samples shows whether it is Cantonese: they "
            "are too short or too plain to tell. Draw more samples, or raise max_new_tokens.",
            count=len(samples),
        )
        raise InvalidMeasurement(reason)
    certain = sampling.temperature == 0 or sampling.top_k == 1
    found = summarise(samples, certain=certain)
    return found.model_copy(
        update={
            "metrics": (*found.metrics, broken),
            "sample_size": bank.sample_size(sampling.samples),
            "left_out": tuple(map(str, bank.left_out)),
        }
    )


def read_variety(text: str) -> dict[str, float | int | str | bool]:
    """The counts that the shares are made of, for one sample.

    `mixed` are sentences of Cantonese with written Chinese or with clauses of English;
    `latin_words` those words in Latin letters that are no code-mixing.
    """
    labels = Counter(variety.labels(text))
    return {
        "cantonese": labels["cantonese"],
        "written_chinese": labels["written_chinese"],
        "mixed": labels["mixed"] + labels["english_mixed"],
        "neutral": labels["neutral"],
        "foreign": labels["foreign"],
        "latin_words": len(variety.clause_words(text)),
        "han_characters": len(variety.han_characters(text)),
        "simplified": len(variety.simplified_characters(text)),
        "repeated_share": variety.repeated_share(text),
        "looping": variety.is_looping(text),
    }


def summarise(samples: Sequence[Sample], *, certain: bool = False) -> Findings:
    """The shares over all samples, with intervals over prompts.

    Samples of one prompt are not independent of each other; where there is only one prompt, its
    samples are all there is to resample. `certain`: greedy, so that all samples of a prompt are
    the same and tell no more than one.
    """
    import numpy as np

    def column(*names: str) -> Counts:
        return np.array([sum(float(sample.notes[name]) for name in names) for sample in samples])

    telling = column(*TELLING)
    parts = {
        name: (column(*part), column(*whole) if whole else np.ones(len(samples)))
        for name, (part, whole) in SHARES.items()
    }
    clusters = _clusters(samples, certain)
    draws = clusters if certain else np.arange(len(samples))
    return Findings(
        metrics=tuple(_share(name, *columns, clusters, draws) for name, columns in parts.items()),
        samples=tuple(samples),
        facts={
            "samples": len(samples),
            "sentences": int(telling.sum() + column("neutral").sum()),
            "neutral_sentences": int(column("neutral").sum()),
        },
    )


def _clusters(samples: Sequence[Sample], certain: bool) -> NDArray[np.int64]:
    """By sample the number of its prompt; its own if there is one prompt, unless `certain`."""
    import numpy as np

    prompts = {item: at for at, item in enumerate(dict.fromkeys(each.item for each in samples))}
    if len(prompts) == 1 and not certain:
        return np.arange(len(samples))
    return np.array([prompts[sample.item] for sample in samples])


def _share(
    name: str, part: Counts, whole: Counts, clusters: NDArray[np.int64], draws: NDArray[np.int64]
) -> Metric:
    """A ratio of sums.

    Where there was nothing to count, e.g. no Chinese character, the value is 0, its interval all
    shares, and its count 0.

    Where all clusters have the same share (none of the samples loops, say), resampling would call
    it certain. Wilson's interval is used instead, over samples (over prompts, where the samples of
    one are all the same): given the prompts, samples are independent.
    """
    import numpy as np

    total = float(whole.sum())
    if total == 0:
        return Metric(name=name, value=0.0, unit=FRACTION, interval=(0.0, 1.0), count=0)
    value = float(part.sum()) / total
    tops, bottoms = (
        np.bincount(clusters, weights=each).astype(np.float64) for each in (part, whole)
    )
    interval = ratio_interval(tops[bottoms > 0], bottoms[bottoms > 0])
    if interval is None:
        counted = len(np.unique(draws[whole > 0]))
        return Metric.share(name, value, count=counted, worth=counted)
    low, high = interval
    return Metric(name=name, value=value, unit=FRACTION, interval=(low, min(high, 1.0)))


def paired(one: Findings, other: Findings) -> Iterator[tuple[ItemScores, ItemScores]]:
    """All shares, prompt by prompt."""
    for name in SHARES:
        yield _by_prompt(name, one), _by_prompt(name, other)


def _by_prompt(name: str, found: Findings) -> ItemScores:
    part, whole = SHARES[name]
    tops: dict[str, float] = defaultdict(float)
    bottoms: dict[str, float] = defaultdict(float)
    for sample in found.samples:
        tops[sample.item] += sum(float(sample.notes.get(each, 0)) for each in part)
        counts = sum(float(sample.notes.get(each, 0)) for each in whole)
        bottoms[sample.item] += counts if whole else 1.0
    lower = name != "cantonese_share"
    return ItemScores(name, FRACTION, dict(tops), dict(bottoms), lower=lower)


LABELS = {
    "cantonese_share": MetricLabel(
        Message("cantonese share"),
        Message("of sentences in Cantonese"),
        Message("{value} of sentences in Cantonese"),
        Message("{value} Cantonese"),
    ),
    "latin_share": MetricLabel(
        Message("latin share"),
        Message("of words in Latin letters"),
        Message("{value} of words in Latin letters"),
        Message("{value} English words"),
    ),
    "simplified_share": MetricLabel(
        Message("simplified share"),
        Message("of characters in Simplified form"),
        Message("{value} of characters in Simplified form"),
        Message("{value} Simplified"),
    ),
    "looping_share": MetricLabel(
        Message("looping share"),
        Message("of samples that loop"),
        Message("{value} of samples that loop"),
        Message("{value} loops"),
    ),
    **DEGENERATE_LABEL,
}


CHECK = register(
    CheckDeclaration(
        name="continuation",
        doc="How the candidate goes on with the beginnings of sentences.",
        table=ContinuationTable,
        version=8,
        measure=measure,
        prepare=prepares(Prompt),
        identity=identity,
        libraries=("canto-filter", "opencc"),
        compare=paired,
        label=Message("continuation"),
        labels=LABELS,
    )
)
