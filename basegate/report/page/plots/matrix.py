"""Plots of many rows for every candidate: narrow axes side by side, with the same rows in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from basegate.report.page.plots.svg import label

if TYPE_CHECKING:
    from collections.abc import Sequence


def side_by_side(figure: Any, heads: Sequence[str], rows: Sequence[str]) -> list[Any]:
    """Axes for every head, upright if more than two, from left to right; row `n` is at `y = n`."""
    found = list(figure.subplots(1, len(heads), squeeze=False)[0])
    upright = len(heads) > 2
    for axes, head in zip(found, heads, strict=True):
        text = label(head, width=24 if upright else 22 // len(heads))
        place = "center" if upright else "left"
        axes.set_title(text, rotation=90 * upright, loc=place, weight="normal")
        axes.tick_params("y", length=0)
        axes.set(ylim=(len(rows) - 0.5, -0.5), yticks=[])
        axes.spines["left"].set_visible(False)
    room = 30 if len(heads) == 1 else 25
    found[0].set_yticks(range(len(rows)), [label(row, room, room) for row in rows])
    return found
