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
        correct: right ones that settle the question; `None` where all samples are wanted.
        max_degenerate_share: above this share of degenerate samples the measurement is invalid.
    """

    correct: int | None = None
    max_degenerate_share: float = 1.0

    def wanted(self, right: int, drawn: int, samples: int) -> int:
        """Return how many more to draw: the fewest that could settle it, 0 where it is settled.

        Args:
            right: right samples so far.
            drawn: samples so far.
            samples: of the question in all.
        """
        if self.correct is None:
            return samples - drawn
        missing = self.correct - right
        to_lose = samples - self.correct + 1 - (drawn - right)
        return max(0, min(missing, to_lose))

    def validity_is_certain(self, degenerate: int, drawn: int, undrawn: int) -> bool:
        """Tell whether the undrawn samples could not make the measurement invalid, nor valid."""
        # Shares, as the limit is held against one: a product rounds 0.29 * 100 to less than 29.
        samples, most = max(1, drawn + undrawn), self.max_degenerate_share
        return degenerate / samples > most or (degenerate + undrawn) / samples <= most


ALL = Draws()


def is_enough(findings: Findings, draws: Draws) -> bool:
    """Tell whether what was drawn settles every question, and whether it is valid."""
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
    """Return how many samples are degenerate, and how many there are; without reading them."""
    for metric in findings.metrics:
        if metric.name == "degenerate_share" and metric.value is not None and metric.count:
            return round(metric.value * metric.count), metric.count
    return sum(sample.degenerate for sample in findings.samples), len(findings.samples)
