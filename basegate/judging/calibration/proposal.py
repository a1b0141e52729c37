"""One limit that is to be proposed anew: what was measured, and what becomes of the limit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from basegate.config.settings import SamplingSettings
from basegate.i18n.catalogue import LATER
from basegate.i18n.formatting import format_limit, place
from basegate.i18n.messages import Message
from basegate.stats import passing_probability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.config.limits import Limit
    from basegate.config.thresholds import Check
    from basegate.measurement import Measurement, Metric

LUCKY = 0.05
"""How often whoever guesses may pass a count before a warning says so."""


@dataclass(frozen=True)
class Proposal:
    """One limit of the file.

    Attributes:
        check: that it belongs to.
        limit: as it is now.
        value: as it should be; `None` where the present one is kept.
        why: what it rests on, with the margin on both sides; or why it is kept.
        warnings: what a reader has to know before they use it.
    """

    check: Check
    limit: Limit
    value: float | None
    why: str
    warnings: tuple[str, ...] = ()

    def warned(self, warnings: Sequence[str]) -> Proposal:
        """Return it with warnings before its own."""
        return replace(self, warnings=(*warnings, *self.warnings))

    @property
    def key(self) -> str:
        """The limit's key within its table."""
        return self.limit.key.rpartition(".")[2]

    @property
    def place(self) -> str:
        """What people are told that it is about."""
        where = place(self.check.check, self.check.item, LATER)
        return LATER("{name} {part}", name=where, part=self.key)


@dataclass(frozen=True)
class Case:
    """One limit and what was measured on good and bad candidates.

    Attributes:
        check: that the limit belongs to.
        limit: as it is now.
        good: by name, what says something about candidates that are to pass.
        bad: likewise about those that are not to.
        margin: see `propose`.
        bad_are_given: whether there are bad ones, measured or not.
        guessing: see `propose`.
    """

    check: Check
    limit: Limit
    good: dict[str, Measurement]
    bad: dict[str, Measurement]
    margin: float
    bad_are_given: bool
    guessing: tuple[float, ...] = ()

    def proposed(self, value: float, why: str) -> Proposal:
        """Return a new value for the limit."""
        return Proposal(self.check, self.limit, value, why)

    def kept(self, reason: str, unit: str = "") -> Proposal:
        """Return the limit as it is, with the reason as a warning."""
        present = format_limit(self.limit.value, self.limit.direction, unit, LATER)
        kept = Proposal(self.check, self.limit, None, Message("kept: {reason}", reason=reason))
        warning = Message(
            "{place}: {reason}. The present limit, {present}, is kept.",
            place=kept.place,
            reason=reason,
            present=present,
        )
        return kept.warned([warning])

    def luck(self, correct: int) -> float:
        """Return how often guessing has so many samples of every question right."""
        assert isinstance(self.check.settings, SamplingSettings)
        samples = self.check.settings.sampling.samples
        return math.prod(passing_probability(each, correct, samples) for each in self.guessing)

    def metrics(self, measurement: Measurement) -> list[Metric]:
        """Return what a measurement holds for the limit."""
        # A share of nothing has a value, 0, and the interval of all shares: nothing was measured.
        found = (each for each in measurement.findings.metrics if each.count != 0)
        return [each for each in found if each.name == self.limit.metric and each.value is not None]


NONE_GIVEN = Message("no bad one was given")
NONE_MEASURED = Message("no bad one was measured")


def unmeasured(proposal: Proposal) -> Proposal:
    """Warn that nothing was measured on the bad candidates that were given."""
    warning = Message("{place}: {reason}.", place=proposal.place, reason=NONE_MEASURED)
    return proposal.warned([warning])


def exchanged(good: str, bad: str) -> str:
    """Say that a bad candidate is better than a good one, both given with what they reach."""
    return Message(
        "bad {bad} is better than good {good}: perhaps the two were exchanged, or this check does "
        "not tell what is wanted",
        bad=bad,
        good=good,
    )
