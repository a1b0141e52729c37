"""What pictures are drawn on: lines, marks, boxes and text at places in the picture.

x grows to the right and y downwards, from the upper left corner, in the units of `style`.
matplotlib is imported here alone, and only where something is drawn.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from basegate.report.page.plots.style import LINE, SETTINGS, SIZE, WIDTH, colour
from basegate.report.page.plots.svg import inline
from basegate.report.page.plots.text_layout import plain, shorten, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from markupsafe import Markup

    Point = tuple[float, float]

_INCH = 72.0
_LAYER_OF_LINES, _LAYER_OF_MARKS, _LAYER_OF_TEXT = 2, 3, 4


def draw(
    key: str, title: str, description: str, height: float, paint: Callable[[Canvas], None]
) -> Markup:
    """Return what `paint` draws as SVG for a page.

    Args:
        key: of the picture; see `Picture`.
        title: see `inline`.
        description: likewise.
        height: of the picture.
        paint: draws on the canvas that it is given.
    """
    import matplotlib

    with matplotlib.rc_context():
        # Whatever a user's matplotlibrc asks for, TeX for instance.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        canvas = Canvas(height)
        paint(canvas)
        return inline(canvas.to_svg(), key, title, description)


@dataclass(frozen=True)
class Scale:
    """From values to places: `low` is at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float, *, margin: float) -> Scale:
        """Return a scale that has room for values, and for a share of their range around them."""
        found = sorted(values)
        room = (found[-1] - found[0]) * margin or abs(found[0]) * 0.1 or 1.0
        return cls(found[0] - room, found[-1] + room, start, end)

    def ticks(self, most: int = 5) -> list[float]:
        """Return round values on it, about so many."""
        from matplotlib.ticker import MaxNLocator

        found = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        # What rounding leaves beside zero would be labelled -0.
        values = (round(float(each), 10) for each in found)
        return [each for each in values if self.low <= each <= self.high]


class Canvas:
    """A picture in the making.

    Attributes:
        height: of the picture; it is as wide as `WIDTH`.
    """

    def __init__(self, height: float) -> None:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self.height = height
        self._figure = Figure(figsize=(WIDTH / _INCH, height / _INCH), dpi=_INCH)
        FigureCanvasSVG(self._figure)
        self._figure.patch.set_visible(False)
        self._axes: Any = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, WIDTH)
        self._axes.set_ylim(height, 0)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        tint: str = "ink",
        align: Literal["left", "center", "right"] = "left",
        bold: bool = False,
        room: float = WIDTH,
    ) -> None:
        """Write a line of text, shortened to its room; `y` is where its letters stand."""
        self._axes.text(
            *(x, y, shorten(text, room, bold=bold)),
            color=colour(tint),
            horizontalalignment=align,
            verticalalignment="baseline",
            fontweight="bold" if bold else "normal",
            fontsize=SIZE,
            # A name with two dollar signs is no formula.
            parse_math=False,
            zorder=_LAYER_OF_TEXT,
        )

    def upright(self, x: float, y: float, text: str) -> None:
        """Write a line of text from bottom to top, its middle at a place."""
        self._axes.text(
            *(x, y, plain(text)),
            color=colour("soft"),
            rotation=90,
            rotation_mode="anchor",
            horizontalalignment="center",
            verticalalignment="baseline",
            fontsize=SIZE,
            parse_math=False,
        )

    def lines(
        self,
        lines: Iterable[Sequence[Point]],
        tint: str,
        *,
        width: float = 1.0,
        dashes: Sequence[float] | None = None,
        round_ends: bool = False,
        layer: int = _LAYER_OF_LINES,
    ) -> None:
        """Draw lines through points, all of them as one shape."""
        xs: list[float] = []
        ys: list[float] = []
        for line in lines:
            xs += [*(x for x, _ in line), float("nan")]
            ys += [*(y for _, y in line), float("nan")]
        if not xs:
            return
        ends = "round" if round_ends else "butt"
        self._axes.plot(
            *(xs, ys),
            color=colour(tint),
            linewidth=width,
            linestyle=(0, tuple(dashes)) if dashes else "solid",
            solid_capstyle=ends,
            dash_capstyle=ends,
            clip_on=False,
            zorder=layer,
        )

    def marks(
        self,
        points: Sequence[Point],
        marker: str,
        tint: str,
        *,
        hollow: bool = False,
        size: float = 8.0,
    ) -> None:
        """Draw a mark at every point."""
        if not points:
            return
        self._axes.plot(
            *zip(*points, strict=True),
            linestyle="none",
            marker=marker,
            markersize=size,
            markeredgecolor=colour(tint),
            markeredgewidth=1.8 if hollow else 0,
            markerfacecolor=colour("paper" if hollow else tint),
            clip_on=False,
            zorder=_LAYER_OF_MARKS,
        )

    def box(
        self,
        corner: Point,
        width: float,
        height: float,
        tint: str,
        *,
        hatch: str = "",
    ) -> None:
        """Fill a box from its upper left corner, with lines of the paper's colour over it."""
        from matplotlib.patches import Rectangle

        self._axes.add_patch(
            Rectangle(
                *(corner, width, height),
                facecolor=colour(tint),
                edgecolor=colour("paper"),
                hatch=hatch or None,
                linewidth=0,
                clip_on=False,
            )
        )

    def area(self, points: Sequence[Point], tint: str) -> None:
        """Fill what is within a line, so that what is below can be seen."""
        from matplotlib.patches import Polygon

        self._axes.add_patch(
            Polygon(points, facecolor=colour(tint), alpha=0.25, linewidth=0, clip_on=False)
        )

    def to_svg(self) -> str:
        """Return it as matplotlib writes it."""
        file = io.StringIO()
        with warnings.catch_warnings():
            # The font that matplotlib measures with lacks Chinese; the reader's browser has it.
            warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
            self._figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        return file.getvalue()


def axis_below(
    canvas: Canvas,
    scale: Scale,
    lanes: Sequence[tuple[float, float]],
    *,
    label: str = "",
    written: Callable[[float], str] = "{:g}".format,
    most: int = 5,
) -> None:
    """Draw an upright line at round values, these values below, and what they are.

    Args:
        canvas: to draw on.
        scale: of x.
        lanes: from where to where there are lines, from top to bottom; text has the rest.
        label: what the values are, with their unit; takes another line of text.
        written: value to text.
        most: about how many values.
    """
    ticks = scale.ticks(most)
    marks = [((scale(t), top), (scale(t), bottom)) for t in ticks for top, bottom in lanes]
    canvas.lines(marks, "line", layer=0)
    below = lanes[-1][1] + LINE
    for tick in ticks:
        canvas.text(scale(tick), below, written(tick), tint="soft", align="center")
    if label:
        middle = (scale.start + scale.end) / 2
        canvas.text(middle, below + LINE, label, tint="soft", align="center")


def limit_mark(canvas: Canvas, x: float, top: float, bottom: float) -> None:
    """Draw a limit as an upright line."""
    canvas.lines([((x, top), (x, bottom))], "ink", width=2)


def limit_sign(canvas: Canvas, x: float, y: float) -> None:
    """Draw a limit's sign in a legend."""
    limit_mark(canvas, x, y - 6, y + 6)


@dataclass(frozen=True)
class Entry:
    """A line of a legend: what it says, and how its sign is drawn around a place."""

    text: str
    sign: Callable[[Canvas, float, float], None]


_SIGN = 24.0
"""How wide a sign is with the gap before its text."""
_AFTER = 9.0
"""Gap after its text."""


def legend_lines(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Return the entries by the line of text that they stand in, as many in each as fit."""
    lines: list[list[Entry]] = [[]]
    used = 0.0
    for entry in entries:
        width = _SIGN + width_of(entry.text) + _AFTER
        if lines[-1] and used + width > WIDTH:
            lines.append([])
            used = 0.0
        lines[-1].append(entry)
        used += width
    return lines


def legend(canvas: Canvas, top: float, entries: Sequence[Entry]) -> None:
    """Write a legend; it is as high as its lines are many, times `LINE`."""
    for number, line in enumerate(legend_lines(entries)):
        x, y = 0.0, top + (number + 1) * LINE - 5
        for entry in line:
            entry.sign(canvas, x + _SIGN / 2 - 3, y - 4.5)
            canvas.text(x + _SIGN, y, entry.text, room=WIDTH - x - _SIGN)
            x += _SIGN + width_of(entry.text) + _AFTER
