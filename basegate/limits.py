"""The vocabulary of limits: which metric a key of `thresholds.toml` speaks of, and how."""

from __future__ import annotations

from typing import Literal

from pydantic import FiniteFloat

from basegate.records import Frozen

Direction = Literal["max", "min"]


class Limit(Frozen):
    """One line of `thresholds.toml`.

    Attributes:
        key: where it stands, e.g. `perplexity.corpora.wikipedia-yue.max_bits_per_char`.
        metric: the metric it judges.
        direction: `max`: the value must not be above it; `min`: it must not be below it.
        value: the limit.
        by_interval: whether the metric's interval must lie wholly on the right side; a limit on
            counts is held against the count itself, which is the gate's own definition.
        validity: whether a value beyond it makes the measurement `invalid` instead of judging it.
        confidence: level of the interval.
        why: the reason that the file gives for it.
    """

    key: str
    metric: str
    direction: Direction
    value: FiniteFloat
    by_interval: bool = False
    validity: bool = False
    confidence: float = 0.95
    why: str = ""


class Rule(Frozen):
    """What a limit key means; see `Limit`."""

    metric: str
    direction: Direction
    by_interval: bool = False
    validity: bool = False


RULES: dict[str, Rule] = {
    "max_bits_per_char": Rule(metric="bits_per_char", direction="max", by_interval=True),
    "max_perplexity": Rule(metric="perplexity", direction="max", by_interval=True),
    "min_cantonese_share": Rule(metric="cantonese_share", direction="min", by_interval=True),
    "max_latin_share": Rule(metric="latin_share", direction="max", by_interval=True),
    "max_simplified_share": Rule(metric="simplified_share", direction="max", by_interval=True),
    "max_looping_share": Rule(metric="looping_share", direction="max", by_interval=True),
    "max_gap": Rule(metric="gap", direction="max", by_interval=True),
    "min_preferred": Rule(metric="preferred_share", direction="min", by_interval=True),
    "min_accuracy": Rule(metric="accuracy", direction="min", by_interval=True),
    "correct": Rule(metric="correct", direction="min"),
    "max_degenerate_share": Rule(metric="degenerate_share", direction="max", validity=True),
}
