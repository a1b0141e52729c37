"""What a check is told to measure, and when k of n is decided, so that sampling may stop.

A k-of-n verdict is certain before all n samples are drawn. Samples stay valid under any limit:
where another limit needs the rest, the rest is generated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from basegate.measurement import Findings
from basegate.progress import SILENT, Progress

Data = TypeVar("Data", covariant=True)
Settings = TypeVar("Settings", covariant=True)


class StoppingRule(NamedTuple):
    """When the samples of a question are enough.

    Attributes:
        correct: right ones that decide the question; `None` where all samples are wanted.
        max_degenerate_share: above this share of degenerate samples the measurement is invalid.
    """

    correct: int | None = None
    max_degenerate_share: float = 1.0

    def still_needed(self, right: int, drawn: int, samples: int) -> int:
        """How many more samples to draw: the fewest that can decide the question; 0 if decided."""
        if self.correct is None:
            return samples - drawn
        to_pass = self.correct - right
        to_fail = samples - self.correct + 1 - (drawn - right)
        return max(0, min(to_pass, to_fail))

    def validity_is_certain(self, degenerate: int, drawn: int, undrawn: int) -> bool:
        """Whether the measurement is valid, or not, whatever the undrawn samples would be."""
        # Shares, as in the limit: a product rounds 0.29 * 100 to less than 29.
        samples, most = max(1, drawn + undrawn), self.max_degenerate_share
        return degenerate / samples > most or (degenerate + undrawn) / samples <= most


ALL_SAMPLES = StoppingRule()


@dataclass(frozen=True)
class MeasureTask(Generic[Data, Settings]):
    """What a check's `measure` is given beside the engine; no limit is among it.

    Attributes:
        data: what the check's `prepare` read.
        stopping: when enough samples were drawn.
        earlier: findings of the same measurement to continue, where not all was generated.
    """

    data: Data
    settings: Settings
    progress: Progress = SILENT
    stopping: StoppingRule = ALL_SAMPLES
    earlier: Findings | None = None


def is_enough(findings: Findings, rule: StoppingRule) -> bool:
    """Whether the samples decide every question and the measurement's validity."""
    undrawn = findings.facts.get("not_drawn")
    if undrawn == 0:
        return True
    if not rule.validity_is_certain(*_degenerate(findings), int(undrawn or 0)):
        return False
    return all(
        rule.still_needed(round(metric.value), metric.drawn, metric.count) == 0
        for metric in findings.metrics
        if metric.value is not None and metric.drawn is not None and metric.count is not None
    )


def _degenerate(findings: Findings) -> tuple[int, int]:
    """Degenerate samples, and all; samples are not read."""
    for metric in findings.metrics:
        if metric.name == "degenerate_share" and metric.value is not None and metric.count:
            return round(metric.value * metric.count), metric.count
    return sum(sample.degenerate for sample in findings.samples), len(findings.samples)
