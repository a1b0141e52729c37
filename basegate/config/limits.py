"""The limits of `thresholds.toml`, with their values. No check may import this."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

from basegate.config.declaration import LimitRule
from basegate.verdict import Reference


@dataclass(frozen=True, kw_only=True)
class Limit(LimitRule):
    """One line of `thresholds.toml`.

    Attributes:
        key: where it stands, e.g. `perplexity.corpora.wikipedia-yue.max_bits_per_char`.
        value: the limit.
        confidence: level of the interval.
        why: the reason that the file gives for it.
        advisory: whether it is only reported, and rejects nobody.
        reference: what the value was computed from, if the limit is relative.
    """

    key: str
    value: float
    confidence: float = 0.95
    why: str = ""
    advisory: bool = False
    reference: Reference | None = None

    def met_by(self, *, share: bool) -> Literal["all", "none", "some"]:
        """Which candidates can meet a limit that is computed, whatever they are like.

        An interval never lies wholly above a share of 1, nor below 0 unless its metric is signed.
        """
        if not self.signed and self.value <= 0:
            return "none" if self.direction == "max" else "all"
        if share and self.value >= 1:
            return "all" if self.direction == "max" else "none"
        return "some"


@dataclass(frozen=True, kw_only=True)
class RelativeLimit(LimitRule):
    """A line of `thresholds.toml` whose value depends on a measurement of another candidate.

    Attributes:
        key, confidence, why, advisory: as of a `Limit`.
        candidate: the name of the reference.
        factor: see `Reference`.
        plus: see `Reference`.
    """

    key: str
    confidence: float = 0.95
    why: str = ""
    advisory: bool = False
    candidate: str
    factor: float | None = None
    plus: float | None = None

    def resolved(self, value: float, measurement: str) -> Limit | None:
        """The limit computed from the reference's value; `None` where it is beyond all numbers.

        `measurement`: key of the reference's measurement.
        """
        fields = asdict(self)
        relation = {name: fields.pop(name) for name in ("candidate", "factor", "plus")}
        reference = Reference(**relation, value=value, measurement=measurement)
        if not math.isfinite(reference.limit):
            return None
        return Limit(**fields, value=reference.limit, reference=reference)


@dataclass(frozen=True, kw_only=True)
class DropLimit(LimitRule):
    """A line of `thresholds.toml`: how much worse than another candidate, on the same items.

    Attributes:
        key, confidence, why, advisory: as of a `Limit`.
        candidate: the name of the reference.
        by: the most that it may be worse, in the metric's unit.
        metrics: that the item's other limits judge; the first of them in which candidates are
            compared is the one that may drop.
        family: limits of this kind that hold for one candidate, over all checks.
    """

    key: str
    confidence: float = 0.95
    why: str = ""
    advisory: bool = False
    candidate: str
    by: float
    metrics: tuple[str, ...]
    family: int = 1


AnyLimit = Limit | RelativeLimit | DropLimit
