"""Pictures of two numbers for every candidate: a point with its name beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from basegate.report.page.plots.canvas import Canvas, Scale, axis_below, draw
from basegate.report.page.plots.plot import Picture
from basegate.report.page.plots.style import LINE, WIDTH
from basegate.report.page.plots.text_layout import plain, width_of
from basegate.report.page.plots.values import (
    Reading,
    fewest_bits,
    left_out,
    parts_of,
    read,
    sentences,
    sound,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from markupsafe import Markup

    from basegate.i18n.catalogue import Translator
    from basegate.report.page.model import Page

CHECK = "perplexity"
"""The check whose bits per character the points are above."""


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


def spots_beside_bits(
    page: Page,
    corpus: str,
    across: Callable[[str], float | None],
    hollow: Collection[str] = (),
) -> list[Spot]:
    """Return a point for every candidate with a number across and bits per character upwards.

    Args:
        page: of the run.
        corpus: that the bits are of.
        across: a candidate's name to its number; `None` where it has none.
        hollow: candidates whose points are drawn so.
    """
    found = []
    for name in sound(page, CHECK, corpus):
        x, bits = across(name), read(page, name, CHECK, corpus, "bits_per_char")
        if x is not None and bits is not None:
            found.append(Spot(name, x, bits, hollow=name in hollow))
    return found


@dataclass(frozen=True)
class Subject:
    """What a picture of points is about.

    Attributes:
        key: see `Picture`.
        title: likewise.
        across: what is told from left to right.
        spots: the points of a corpus.
        said: what there is to say of a corpus and its points.
        head: see `Picture`.
        rows: from corpora with their points, and the corpus that is drawn, to rows of numbers.
        from_zero: whether the scale across begins at zero, so that what differs little looks so.
    """

    key: str
    title: str
    across: str
    spots: Callable[[Page, str], list[Spot]]
    said: Callable[[Translator, str, list[Spot]], str]
    head: tuple[str, ...]
    rows: Callable[[dict[str, list[Spot]], str], Iterator[tuple[str, ...]]]
    from_zero: bool = False


def draw_first_corpus(page: Page, about: Subject) -> Iterator[Picture]:
    """Give the picture of the first corpus with two points or more; one alone is beside nothing."""
    tr = page.tr
    corpora = {part: about.spots(page, part) for _, part in parts_of(page, CHECK)}
    corpus = next((part for part, spots in corpora.items() if len(spots) > 1), None)
    if corpus is None:
        return
    spots = corpora[corpus]
    caption = sentences(
        tr,
        about.said(tr, corpus, spots),
        fewest_bits(page, corpus, {spot.name: spot.y for spot in spots}),
        left_out(tr, page, [spot.name for spot in spots]),
    )
    drawn = _drawn(about, caption, spots, tr("bits per character"))
    rows = tuple(about.rows(corpora, corpus))
    yield Picture(about.key, about.title, caption, drawn, about.head, rows)


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


_LEFT, _RIGHT, _TOP, _HEIGHT, _BELOW = 54.0, WIDTH - 6, 8.0, 250.0, 2 * LINE + 6
_ROOM = 150.0
"""How wide a name beside a point may be."""
_KEY = 26.0
"""Where names begin that stand below, each after its number."""


def _drawn(about: Subject, caption: str, spots: Sequence[Spot], upwards: str) -> Markup:
    paint = partial(_paint, spots, _across(about, spots), about.across, upwards)
    height = _TOP + _HEIGHT + _BELOW + (len(spots) * LINE if _are_numbered(spots) else 0)
    return draw(about.key, about.title, caption, height, paint)


def _are_numbered(spots: Sequence[Spot]) -> bool:
    """Whether points have numbers, and their names stand below: some are too long beside them."""
    return any(width_of(plain(spot.name)) > _ROOM for spot in spots)


def _across(about: Subject, spots: Sequence[Spot]) -> Scale:
    if about.from_zero:
        return Scale(0.0, max(spot.x for spot in spots) * 1.12 or 1.0, _LEFT, _RIGHT)
    return Scale.over([spot.x for spot in spots], _LEFT, _RIGHT, margin=0.12)


def _paint(
    spots: Sequence[Spot], across: Scale, x_label: str, y_label: str, canvas: Canvas
) -> None:
    bottom = _TOP + _HEIGHT
    ends = [end for spot in spots for end in (spot.y.low, spot.y.high, spot.y.value)]
    up = Scale.over(ends, bottom, _TOP, margin=0.08)
    axis_below(canvas, across, [(_TOP, bottom)], label=x_label)
    ticks = up.ticks()
    canvas.lines([((_LEFT, up(t)), (_RIGHT, up(t))) for t in ticks], "line", layer=0)
    for tick in ticks:
        canvas.text(_LEFT - 6, up(tick) + 4.5, f"{tick:g}", tint="soft", align="right")
    canvas.upright(14, (_TOP + bottom) / 2, y_label)
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
    names = [plain(spot.name) for spot in spots]
    if _are_numbered(spots):
        for number, name in enumerate(names, start=1):
            y = bottom + _BELOW + number * LINE - 5
            canvas.text(_KEY - 8, y, str(number), align="right", tint="soft")
            canvas.text(_KEY, y, name, room=WIDTH - _KEY)
        names = [str(number) for number in range(1, len(names) + 1)]
    points = [(across(spot.x), up(spot.y.value)) for spot in spots]
    room = Box(_LEFT, _TOP, WIDTH, bottom)
    for name, (x, _), box in zip(
        names, points, place_labels(names, points, blocks, room), strict=True
    ):
        _write(canvas, name, x, box)


def _write(canvas: Canvas, name: str, x: float, box: Box) -> None:
    """Write a name in its box, towards the point that it is beside."""
    y = box.bottom - 3.5
    if box.left > x:
        canvas.text(box.left, y, name)
    elif box.right < x:
        canvas.text(box.right, y, name, align="right")
    else:
        canvas.text((box.left + box.right) / 2, y, name, align="center")


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
