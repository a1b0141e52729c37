"""Every two candidates held against each other on the same items.

Computed after judging and before rendering; no limit and no model is looked at.
"""

from __future__ import annotations

from typing import Literal

from basegate.records import Frozen, Interval


class Comparison(Frozen):
    """The difference of two candidates in one metric, on the same items.

    Attributes:
        first: a candidate.
        second: the other.
        check: the check.
        part: corpus, bank or prompt file.
        metric: what was compared, e.g. `bits_per_char`.
        unit: of both values and of their difference, in words.
        items: documents, questions, pairs or prompts that both were measured on.
        first_value: over these items.
        second_value: likewise.
        difference: `first_value - second_value`.
        interval: of the difference, for items drawn anew together; `None` where it cannot be told.
        confidence: the interval's level, 1 - 0.05 / comparisons.
        comparisons: pairs of candidates that were compared on the item, which the level allows for.
        p_value: of McNemar's exact test, adjusted by Holm over these pairs, where items are right
            or wrong; else `None`.
        better: which one the interval carries as better; `None` where it straddles zero.
    """

    first: str
    second: str
    check: str
    part: str
    metric: str
    unit: str
    items: int
    first_value: float
    second_value: float
    difference: float
    interval: Interval = None
    confidence: float
    comparisons: int
    p_value: float | None = None
    better: Literal["first", "second"] | None = None
