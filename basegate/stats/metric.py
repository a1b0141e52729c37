"""One number of a measurement, with its interval."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from basegate.i18n.formatting import FRACTION
from basegate.serialization import FiniteOrNone, Interval
from basegate.stats.intervals import at_confidence, share_interval

MANY = ConfigDict(extra="forbid")
"""Of what a store holds very many: a dataclass takes half the time and memory of a model."""


@dataclass(frozen=True, slots=True, config=MANY)
class Metric:
    """One number of a measurement.

    Attributes:
        name: what was measured, e.g. `bits_per_char`.
        value: the number; `None` where it is not finite, which makes it `invalid`.
        unit: of which kind the number is: `bits_per_char`, `bits_per_byte`, `perplexity`,
            `tokens_per_char`, `fraction` (between 0 and 1) or `correct` (samples out of `count`).
        item: the part of the measurement it speaks of (a question's id), or empty for the whole.
        interval: a confidence interval, lower and upper end, where one can be given.
        confidence: the interval's level.
        count: out of how many samples, of a count; of how many questions or pairs, of a share.
        drawn: of a count, samples that were drawn: fewer where the others could change nothing.
        informative: whether it is shown only, never judged, and may be no finite number.
        effective_count: independent draws that a share is worth, from which an interval at any
            level follows; `None` where the interval comes from elsewhere.
        degrees: of freedom of the variance that the effective count was estimated from, if it was.
        best_of: how many metrics it is the best of; its interval is theirs together (Bonferroni).
        standard_error: of the value (of a perplexity, of its logarithm), where the interval is a
            confidence sequence, which is wider than that says.
    """

    name: str
    value: FiniteOrNone
    unit: str
    item: str = ""
    interval: Interval = None
    confidence: float = 0.95
    count: int | None = None
    drawn: int | None = None
    informative: bool = False
    effective_count: float | None = None
    degrees: int | None = None
    best_of: int = 1
    standard_error: FiniteOrNone = None

    @classmethod
    def share(
        cls,
        name: str,
        value: float,
        *,
        item: str = "",
        count: int,
        worth: float,
        degrees: int | None = None,
        best_of: int = 1,
    ) -> Metric:
        """The metric of a share of questions or pairs that are worth so many independent draws.

        Its interval is Wilson's.
        """
        return cls(
            name,
            value,
            FRACTION,
            item,
            share_interval(value, worth, 1 - 0.05 / best_of),
            count=count,
            effective_count=worth,
            degrees=degrees,
            best_of=best_of,
        )

    @property
    def n_generated(self) -> int | None:
        """`drawn`, as a row of the ledger calls it."""
        return self.drawn

    def worth_at(self, confidence: float) -> float | None:
        if self.effective_count is None:
            return None
        return at_confidence(self.effective_count, self.degrees, confidence)

    def interval_at(self, confidence: float) -> tuple[tuple[float, float] | None, float]:
        """The interval at a level, as near to it as can be told, and its level."""
        worth = self.worth_at(confidence)
        if worth is None or self.value is None:
            return self.interval, self.confidence
        return share_interval(self.value, worth, 1 - (1 - confidence) / self.best_of), confidence
