"""Pictures of many rows for every candidate: a panel for each, side by side where two fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from basegate.report.page.plots.style import WIDTH
from basegate.report.page.plots.text_layout import in_lines, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from basegate.report.page.plots.canvas import Canvas

ROW = 17.0
"""From one row to the next."""
MOST = 24
"""Rows in a picture; a table holds them all."""
_HEAD = 15.0
_LINES = 4
"""Lines of a panel's head, so that a name of forty characters is not cut."""
_LABEL = 150.0
"""How wide the name of a row may be where two panels stand side by side."""
_MARGIN = 10.0
_EDGE = 12.0
"""Room on the right for half of a tick's text."""


def fits_as_label(name: str) -> bool:
    """Whether a name can stand beside a row without being cut, however panels stand."""
    return width_of(name) <= _LABEL


@dataclass(frozen=True)
class Panel:
    """Where a panel is.

    Attributes:
        number: which one.
        head: in lines of text.
        left: where its rows begin.
        width: of its rows.
        top: of its first row.
        labelled: whether the names of rows stand beside it.
    """

    number: int
    head: list[str]
    left: float
    width: float
    top: float
    labelled: bool


@dataclass(frozen=True)
class Matrix:
    """How panels are laid out.

    Attributes:
        heads: of the panels.
        labels: of the rows, the same in every panel.
        below: room below each panel, for an axis.
        side_by_side: whether two panels may share a line.
    """

    heads: Sequence[str]
    labels: Sequence[str]
    below: float
    side_by_side: bool = True

    @property
    def _columns(self) -> int:
        return 2 if self.side_by_side and len(self.heads) > 1 else 1

    @property
    def _beside(self) -> float:
        """How wide the column of labels is."""
        return min(self._most, max(map(width_of, self.labels))) + _MARGIN

    @property
    def _most(self) -> float:
        """How wide the name of a row may be."""
        return _LABEL if self._columns > 1 else _LABEL + 30

    @property
    def _room(self) -> float:
        """How wide a panel is, with the gap after it."""
        return (WIDTH - self._beside - _EDGE) / self._columns

    @property
    def _width(self) -> float:
        """How wide a panel is."""
        return self._room - _EDGE * (self._columns - 1)

    @property
    def _lines(self) -> list[list[list[str]]]:
        """The heads, in lines of text, by the line of panels that they stand over."""
        width = self._width + _EDGE
        heads = [in_lines(head, width, _LINES, bold=True) for head in self.heads]
        return [heads[at : at + self._columns] for at in range(0, len(heads), self._columns)]

    def _height_of(self, line: list[list[str]]) -> float:
        return self._above(line) + len(self.labels) * ROW + self.below

    def _above(self, line: list[list[str]]) -> float:
        """How high the heads of a line of panels are."""
        return max(map(len, line)) * _HEAD + 4

    @property
    def height(self) -> float:
        """Of all panels."""
        return sum(map(self._height_of, self._lines))

    def panels(self, top: float) -> Iterator[Panel]:
        """Give the panels, the first of them below `top`."""
        number = 0
        for line in self._lines:
            for column, head in enumerate(line):
                left = self._beside + column * (self._room + _EDGE)
                yield Panel(number, head, left, self._width, top + self._above(line), column == 0)
                number += 1
            top += self._height_of(line)

    def paint(self, canvas: Canvas, top: float, paint: Callable[[Canvas, Panel], None]) -> None:
        """Write heads and labels, and let every panel be painted."""
        for panel in self.panels(top):
            for below, line in enumerate(panel.head, start=1 - len(panel.head)):
                canvas.text(panel.left, panel.top - 6 + below * _HEAD, line, bold=True)
            if panel.labelled:
                for number, label in enumerate(self.labels):
                    y = panel.top + number * ROW + 13
                    canvas.text(panel.left - _MARGIN, y, label, align="right", room=self._most)
            paint(canvas, panel)
