"""Output that says nothing about a model because the run that made it broke.

    degenerate_share = samples that are degenerate / samples

A sample is degenerate if it is empty, one character or one token over and over, or half of it is
replacement characters. Above `max_degenerate_share` of `thresholds.toml` the measurement is
`invalid`: 874 of 1,171 published answers of one model were `!!!!!!!!`, a broken run that was taken
for a score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.checks.language_variety import is_degenerate
from basegate.measurement import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.engines.protocol import Draw
    from basegate.measurement import Sample


def is_broken(draw: Draw) -> bool:
    """Tell whether a sample is degenerate."""
    return draw.one_token or is_degenerate(draw.text)


def degenerate_share(samples: Sequence[Sample]) -> Metric:
    """Return the share of degenerate samples."""
    return Metric(
        name="degenerate_share",
        value=sum(sample.degenerate for sample in samples) / len(samples),
        unit="share of samples that are degenerate",
        count=len(samples),
    )
