"""Output that says nothing about a model because the run that made it broke."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.errors import InvalidMeasurement
from basegate.variety import is_degenerate

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 0.5


def refuse_degenerate(texts: Sequence[str]) -> None:
    """Refuse samples more than half of which are empty or one character over and over.

    Raises:
        InvalidMeasurement: with the count and an example.
    """
    broken = [text for text in texts if is_degenerate(text)]
    if len(broken) > MOST * len(texts):
        raise InvalidMeasurement(
            f"{len(broken)} of {len(texts)} samples are degenerate (such as {broken[0][:12]!r}): "
            f"empty, or one character over and over. That is a broken run, not a wrong answer: "
            f"try another --dtype or --quantization."
        )
