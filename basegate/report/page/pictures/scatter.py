"""Pictures of two numbers for every candidate: a point with its name beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from basegate.report.page.pictures.canvas import Canvas, Scale, axis_below, draw
from basegate.report.page.pictures.lettering import shorten, width_of
from basegate.report.page.pictures.style import LINE, WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from basegate.report.page.pictures.readings import Reading


@dataclass(frozen=True)
class Spot:
    """A candidate's point.

    Attributes:
        name: of the candidate.
        x: a number without an interval.
        y: a number that may have one.
        hollow: whether it is drawn so, because `x` is not what it is for the others.
    """

    name: str
    x: float
    y: Reading
    hollow: bool = False


def first_of_several(spots: Mapping[str, list[Spot]]) -> tuple[str, list[Spot]]:
    """Return the first corpus with two points or more; a point alone is beside nothing."""
    several = (each for each in spots.items() if len(each[1]) > 1)
    return next(several, ("", []))


@dataclass(frozen=True)
class Box:
    """A place in a picture: left, top, right and bottom end."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Return how large an area both share."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)


_LEFT, _RIGHT, _TOP, _HEIGHT, _BELOW = 42.0, WIDTH - 6, 8.0, 250.0, 2 * LINE + 6
_ROOM = 150.0


def draw_scatter(
    key: str, title: str, caption: str, spots: Sequence[Spot], x_label: str, y_label: str
) -> Markup:
    """Return the picture of points; for the first three see `draw`."""
    paint = partial(_paint, spots, x_label, y_label)
    return draw(key, title, caption, _TOP + _HEIGHT + _BELOW, paint)


def _paint(spots: Sequence[Spot], x_label: str, y_label: str, canvas: Canvas) -> None:
    bottom = _TOP + _HEIGHT
    ends = [end for spot in spots for end in (spot.y.low, spot.y.high, spot.y.value)]
    across = Scale.over([spot.x for spot in spots], _LEFT, _RIGHT, margin=0.12)
    up = Scale.over(ends, bottom, _TOP, margin=0.08)
    axis_below(canvas, across, [(_TOP, bottom)], label=x_label)
    ticks = up.ticks()
    canvas.lines([((_LEFT, up(t)), (_RIGHT, up(t))) for t in ticks], "line", layer=0)
    for tick in ticks:
        canvas.text(_LEFT - 6, up(tick) + 4.5, f"{tick:g}", tint="soft", align="right")
    canvas.upright(10, (_TOP + bottom) / 2, y_label)
    bars = [((across(s.x), up(s.y.low)), (across(s.x), up(s.y.high))) for s in spots]
    canvas.lines(bars, "series-1", width=2.2)
    for hollow in (False, True):
        points = [(across(s.x), up(s.y.value)) for s in spots if s.hollow == hollow]
        canvas.marks(points, "s" if hollow else "o", "series-1", hollow=hollow)
    blocks = [
        *(Box(x - 2, upper, x + 2, lower) for (x, lower), (_, upper) in bars),
        *(
            Box(x - 6, y - 6, x + 6, y + 6)
            for x, y in ((across(s.x), up(s.y.value)) for s in spots)
        ),
    ]
    names = [shorten(spot.name, _ROOM) for spot in spots]
    places = [(across(spot.x), up(spot.y.value)) for spot in spots]
    room = Box(_LEFT, _TOP, WIDTH, bottom)
    for name, box in zip(names, place_labels(names, places, blocks, room), strict=True):
        canvas.text((box.left + box.right) / 2, box.bottom - 3.5, name, align="center")


def place_labels(
    names: Sequence[str], points: Sequence[tuple[float, float]], blocks: Sequence[Box], room: Box
) -> list[Box]:
    """Return a place beside its point for every name, clear of what is there if that can be.

    Args:
        names: in the order of the points.
        points: where the marks are.
        blocks: what names should not cover.
        room: what they should stay within.
    """
    taken = list(blocks)
    found = []
    for name, point in zip(names, points, strict=True):
        box = min(_beside(name, point), key=lambda each: _trouble(each, taken, room))
        taken.append(box)
        found.append(box)
    return found


def _beside(name: str, point: tuple[float, float]) -> list[Box]:
    """Return places for a name near a point, the best first."""
    (x, y), width, height = point, width_of(name), LINE - 2
    away = 9.0
    rows = [y - height / 2, y - height * 1.1, y + height * 0.1, y - height * 1.7, y + height * 0.7]
    columns = [x + away, x - away - width, x - width / 2]
    sides = [(left, top) for top in rows for left in columns[:2]]
    middle = [(columns[2], y - away - height), (columns[2], y + away)]
    return [
        Box(left, top, left + width, top + height)
        for left, top in [*sides[:2], *middle, *sides[2:]]
    ]


def _trouble(box: Box, taken: Sequence[Box], room: Box) -> float:
    """Return how much of a name would cover something, or be cut off."""
    area = (box.right - box.left) * (box.bottom - box.top)
    return sum(map(box.overlap, taken)) + 4 * (area - box.overlap(room))
