"""k of n: how many samples of a question are needed until its verdict is certain.

The verdict is the same as that of all n samples, for fewer of them. Samples stay valid under any
limit: where another limit needs the rest, the rest is generated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from basegate.measurement import Findings


class Draws(NamedTuple):
    """How many samples of a question are wanted.

    Attributes:
        correct: right ones that decide the question; `None` where all samples are wanted.
        max_degenerate_share: above this share of degenerate samples the measurement is invalid.
    """

    correct: int | None = None
    max_degenerate_share: float = 1.0

    def wanted(self, right: int, drawn: int, samples: int) -> int:
        """How many more samples to draw: the fewest that can decide the question; 0 if decided."""
        if self.correct is None:
            return samples - drawn
        missing = self.correct - right
        to_lose = samples - self.correct + 1 - (drawn - right)
        return max(0, min(missing, to_lose))

    def validity_is_certain(self, degenerate: int, drawn: int, undrawn: int) -> bool:
        """Whether the measurement is valid, or not, whatever the undrawn samples would be."""
        # Shares, as in the limit: a product rounds 0.29 * 100 to less than 29.
        samples, most = max(1, drawn + undrawn), self.max_degenerate_share
        return degenerate / samples > most or (degenerate + undrawn) / samples <= most


ALL = Draws()


def is_enough(findings: Findings, draws: Draws) -> bool:
    """Whether the samples decide every question and the measurement's validity."""
    undrawn = findings.facts.get("not_drawn")
    if undrawn == 0:
        return True
    if not draws.validity_is_certain(*_degenerate(findings), int(undrawn or 0)):
        return False
    return all(
        draws.wanted(round(metric.value), metric.drawn, metric.count) == 0
        for metric in findings.metrics
        if metric.value is not None and metric.drawn is not None and metric.count is not None
    )


def _degenerate(findings: Findings) -> tuple[int, int]:
    """Degenerate samples, and all; samples are not read."""
    for metric in findings.metrics:
        if metric.name == "degenerate_share" and metric.value is not None and metric.count:
            return round(metric.value * metric.count), metric.count
    return sum(sample.degenerate for sample in findings.samples), len(findings.samples)
