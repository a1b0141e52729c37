"""Validity: degenerate output and log-probabilities that are not finite are no measurement.

    degenerate_share = samples that are degenerate / samples

A sample is degenerate if it is empty, one character or one token over and over, or half of it is
replacement characters. Above `max_degenerate_share` of `thresholds.toml` the measurement is
`invalid`: 874 of 1,171 published answers of one model were `!!!!!!!!`, a broken run that was taken
for a score. Log-probabilities have to be finite, and of the whole text that was given.
"""

from __future__ import annotations

from collections.abc import Sequence

from basegate.checks.language_variety import is_degenerate
from basegate.config.declaration import MetricLabel
from basegate.engines.protocol import Draw, Engine, TokenScores
from basegate.errors import InvalidMeasurement
from basegate.i18n.formatting import FRACTION
from basegate.i18n.messages import Message
from basegate.measurement import Metric, Sample


def is_broken(draw: Draw) -> bool:
    return draw.one_token or is_degenerate(draw.text)


def degenerate_share(samples: Sequence[Sample]) -> Metric:
    share = sum(sample.degenerate for sample in samples) / len(samples)
    return Metric("degenerate_share", share, FRACTION, count=len(samples))


DEGENERATE_LABEL = {
    "degenerate_share": MetricLabel(
        Message("degenerate share"),
        Message("of samples that are degenerate"),
        Message("{value} of samples that are degenerate"),
        Message("{value} degenerate"),
    )
}


def first_tokens(engine: Engine, texts: int) -> Message | None:
    """A note on tokens that could not be scored, of so many texts; `None` where all were."""
    if engine.prefix:
        return None
    return Message(
        "its tokenizer has no token to put before a text, so the first token of each text is not "
        "scored ({count} in all). Bits per character are of all characters, and so lower by what "
        "these would have cost.",
        count=texts,
    )


LOST_SHARE = 0.01
"""Above this share of lost characters the text that was scored is not the text that was given."""


def check_scores(scores: Sequence[TokenScores], texts: Sequence[str]) -> None:
    """Raise `InvalidMeasurement` unless log-probabilities are finite and of the whole text."""
    import numpy as np

    tokens = sum(len(each.logprobs) for each in scores)
    broken = sum(int((~np.isfinite(each.logprobs)).sum()) for each in scores)
    if broken:
        reason = Message(
            "{broken} of {tokens} log-probabilities are not finite (NaN or inf). The model is "
            "numerically unstable, which says nothing about what it knows: try another --dtype or "
            "--quantization.",
            broken=broken,
            tokens=tokens,
        )
        raise InvalidMeasurement(reason)
    lost, characters = sum(each.lost for each in scores), sum(map(len, texts))
    if lost > LOST_SHARE * characters:
        reason = Message(
            "the tokenizer loses {lost} of {characters} characters: decoding its tokens does "
            "not give them back (unknown characters, or several folded into one). What was "
            "scored is not the text that was given, and its bits per character would look "
            "too good. Choose a candidate whose tokenizer covers Chinese characters.",
            lost=lost,
            characters=characters,
        )
        raise InvalidMeasurement(reason)
