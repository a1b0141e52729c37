"""One limit to calibrate: what was measured for it, and what is suggested."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from basegate.checks.labels import check_label
from basegate.config.limits import AnyLimit, Limit
from basegate.config.settings import CheckConfig, SamplingSettings
from basegate.measurement import Measurement, Metric
from basegate.stats.intervals import passing_probability

NOT_MEASURED = "not measured on any good candidate"
NO_BAD = "no bad candidate measured"


Suggested = tuple[float | None, str]
"""A new value, or `None` to keep the limit; with the reason."""


@dataclass(frozen=True)
class Suggestion:
    """A new `value` for a limit, or `None` to keep it; with the reason."""

    check: CheckConfig
    limit: AnyLimit
    value: float | None
    reason: str

    @property
    def key(self) -> str:
        return self.limit.key.rpartition(".")[2]

    @property
    def label(self) -> str:
        return f"{check_label(self.check.name, self.check.item)} {self.key}"


@dataclass(frozen=True)
class Case:
    """One limit and the valid measurements of good and bad candidates; see `calibrate`."""

    check: CheckConfig
    limit: Limit
    good: Mapping[str, Measurement]
    bad: Mapping[str, Measurement]
    margin: float
    guessing: Sequence[float] = ()

    def chance_of_guessing(self, correct: int) -> float:
        """Chance that a guesser has `correct` samples of every question right; 0 if unknown."""
        if not self.guessing:
            return 0.0
        assert isinstance(self.check.settings, SamplingSettings)
        samples = self.check.settings.sampling.samples
        return math.prod(passing_probability(each, correct, samples) for each in self.guessing)

    def metrics(self, measurement: Measurement) -> list[Metric]:
        # A share of nothing has a value, 0, and the interval of all shares: nothing was measured.
        found = (each for each in measurement.findings.metrics if each.count != 0)
        return [each for each in found if each.name == self.limit.metric and each.value is not None]


def swapped(good: str, bad: str) -> str:
    """Reason to keep a limit: a bad candidate is better than a good one."""
    return f"bad {bad} is better than good {good}: the labels look swapped"
