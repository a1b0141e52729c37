"""The limits of `thresholds.toml`."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import FiniteFloat

from basegate.config.thresholds_schema import Direction
from basegate.serialization import Frozen
from basegate.verdict import Reference

_ANY_NUMBER = "gap"
"""The metric that may be 0 or less."""


class _Line(Frozen):
    """What limits have in common; see `Limit`."""

    key: str
    metric: str
    direction: Direction
    by_interval: bool = False
    validity: bool = False
    confidence: float = 0.95
    why: str = ""


class Limit(_Line):
    """One line of `thresholds.toml`.

    Attributes:
        key: where it stands, e.g. `perplexity.corpora.wikipedia-yue.max_bits_per_char`.
        metric: the metric it judges.
        direction: `max`: the value must not be above it; `min`: it must not be below it.
        value: the limit.
        by_interval: whether the metric's interval must lie wholly on the right side; a limit on
            counts applies to the count itself, as k of n is defined.
        validity: whether a value beyond it makes the measurement `invalid` instead of judging it.
        confidence: level of the interval.
        why: the reason that the file gives for it.
        reference: what the value was computed from, if the limit is relative.
    """

    value: FiniteFloat
    reference: Reference | None = None

    def met_by(self, *, share: bool) -> Literal["all", "none", "some"]:
        """Which candidates can meet a limit that is computed, whatever they are like.

        An interval never lies wholly below 0 or above a share of 1, and only a gap may be negative.
        """
        if self.metric != _ANY_NUMBER and self.value <= 0:
            return "none" if self.direction == "max" else "all"
        if share and self.value >= 1:
            return "all" if self.direction == "max" else "none"
        return "some"


class RelativeLimit(_Line):
    """A line of `thresholds.toml` whose value depends on a measurement of another candidate.

    Attributes:
        candidate: the name of the reference.
        factor: see `Reference`.
        plus: see `Reference`.
    """

    candidate: str
    factor: FiniteFloat | None = None
    plus: FiniteFloat | None = None

    def resolved(self, value: float, measurement: str) -> Limit | None:
        """The limit computed from the reference's value; `None` where it is beyond all numbers.

        `measurement`: key of the reference's measurement.
        """
        fields = self.model_dump()
        relation = {name: fields.pop(name) for name in ("candidate", "factor", "plus")}
        reference = Reference(**relation, value=value, measurement=measurement)
        if not math.isfinite(reference.limit):
            return None
        return Limit(**fields, value=reference.limit, reference=reference)


AnyLimit = Limit | RelativeLimit
