"""Minimal pairs: is the right sentence more probable than one that is wrong in a single point?

    preferred_share = pairs whose right sentence has fewer bits per character / pairs

No sampling: the probabilities of both sentences are compared, per character, so that a pair whose
sentences differ by a character is fair. A tie is no preference.

Source: Warstadt et al., BLiMP: The Benchmark of Linguistic Minimal Pairs for English, 2020; there
without the division by length.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from basegate.checks.validity import check_scores
from basegate.data.banks import Bank, Pair, identity, prepares
from basegate.measurement import Findings, Metric, Preference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.checks.task import Task
    from basegate.config.settings import PairSettings
    from basegate.engines.protocol import Engine

__all__ = ["LIBRARIES", "VERSION", "identity", "measure", "prepare"]

VERSION = 3
LIBRARIES: tuple[str, ...] = ()


prepare = prepares(Pair)


def measure(engine: Engine, task: Task[Bank[Pair], PairSettings]) -> Findings:
    """Score both sentences of every pair and count preferences.

    Raises:
        InvalidMeasurement: a log-probability is not finite, or the tokenizer lost text.
    """
    bank, settings = task.data, task.settings
    texts = [text for pair in bank.records for text in (pair.right, pair.wrong)]
    scores = engine.log_likelihoods(
        texts, window=settings.window, context=settings.window // 2, progress=task.progress
    )
    check_scores(scores, texts)
    bits = [
        -float(each.logprobs.sum()) / math.log(2) / len(text)
        for each, text in zip(scores, texts, strict=True)
    ]
    preferences = tuple(
        Preference(
            item=pair.id,
            kind=pair.kind,
            right=pair.right,
            wrong=pair.wrong,
            right_bits=right,
            wrong_bits=wrong,
        )
        for pair, right, wrong in zip(bank.records, bits[::2], bits[1::2], strict=True)
    )
    return Findings(
        metrics=summarise(preferences),
        preferences=preferences,
        facts={
            "pairs": len(preferences),
            "ties": sum(each.right_bits == each.wrong_bits for each in preferences),
            "left_out": len(bank.left_out),
        },
        sample_size=bank.sample_size(),
        left_out=tuple(map(str, bank.left_out)),
    )


def summarise(preferences: Sequence[Preference]) -> tuple[Metric, ...]:
    """Return the share of all pairs and of each kind, with Wilson's interval over pairs."""
    kinds = dict.fromkeys(each.kind for each in preferences if each.kind)
    whole = _share("preferred_share", "", preferences)
    parts = [
        _share("preferred_share_of_kind", kind, [each for each in preferences if each.kind == kind])
        for kind in kinds
    ]
    return (whole, *parts)


def _share(name: str, item: str, preferences: Sequence[Preference]) -> Metric:
    count = len(preferences)
    return Metric.share(
        name,
        sum(each.preferred for each in preferences) / count,
        item=item,
        count=count,
        worth=count,
    )
