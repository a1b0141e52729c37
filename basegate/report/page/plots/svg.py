"""Plots as SVG to stand in a page: matplotlib's own, its text as text in the fonts of the page.

Text is black, which matplotlib leaves out of its SVG, so that it takes the page's colour of text;
other colours reach a contrast of 3:1 on the light page and on the dark one, and 4.5:1 under white.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from basegate.i18n.formatting import columns, printable

WIDTH = 380
"""Of a plot in pixels; narrow, so that text stays legible on a telephone."""
ROW = 17
"""From one row of a plot to the next."""
NAME = 44
"""Columns that a candidate's name may take, as in a terminal: a Chinese character takes two."""
SERIES = ("#2374c6", "#b35c00", "#00806c", "#c03a86", "#7b63d3", "#8a7400", "#a0522d", "#6f7a85")
BLUE, ORANGE, GREEN, PINK, VIOLET, OLIVE, BROWN, GREY = SERIES
RED = "#cf3f34"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""One for each colour of a series, which never tells series apart alone."""
DASHES = ("-", "--", ":", "-.")
LIMIT: Any = {"color": VIOLET, "linewidth": 2}
NULL: Any = {"color": PINK, "linewidth": 2, "linestyle": ":"}

_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "figure.facecolor": "none",
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.facecolor": "none",
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GREY,
    "grid.alpha": 0.35,
    "xtick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.color": GREY,
    "ytick.labelcolor": "black",
    "lines.markersize": 6.5,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "legend.borderpad": 0,
    "legend.borderaxespad": 0.25,
    "legend.handlelength": 1.6,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.2,
    "figure.constrained_layout.h_pad": 2 / 72,
    "figure.constrained_layout.w_pad": 2 / 72,
}
_BARE = dict.fromkeys(("Date", "Creator", "Format", "Type"))
"""No metadata: the same plot is the same text."""


@dataclass(frozen=True)
class Plot:
    """A plot, and its numbers as a table.

    Attributes:
        key: prefix of its ids, unique on the page; letters, digits and hyphens.
    """

    key: str
    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    svg: Markup


def draw(key: str, height: float, paint: Callable[[Any], Sequence[Any]]) -> Markup:
    """Draw a plot as SVG, in which every id begins with `key`.

    `height` is that of its axes in pixels, without what stands around them; `paint` draws on a
    matplotlib figure, and returns those of its axes that stand one below the other.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        # Whatever a user's matplotlibrc asks for, TeX for instance.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": key})
        # The font that matplotlib measures with lacks Chinese; the reader's browser has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure = Figure((WIDTH / 72, (height + 400) / 72), dpi=72, layout="constrained")
        axes = paint(figure)
        layout: Any = figure.get_layout_engine()
        layout.execute(figure)
        figure.set_layout_engine("none")
        _shrink(figure, axes, height)
        for number, artist in enumerate(figure.findobj()):
            artist.set_gid(f"bg-{key}-{number}")
        file = io.StringIO()
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(file, metadata=_BARE)
    text = file.getvalue()
    # The XML declaration and the document type are a file's, not a page's.
    return Markup(text[text.index("<svg") :])


def _shrink(figure: Any, rows: Sequence[Any], height: float) -> None:
    """Give rows of axes a height in pixels together, and all around them the size that it has.

    A second layout would do so too, in as much time as all the drawing takes.
    """
    boxes = {axes: axes.bbox.frozen() for axes in figure.axes}
    less = 1 - height / sum(boxes[row].height for row in rows)
    old = figure.bbox.height
    new = old - less * sum(boxes[row].height for row in rows)
    figure.set_figheight(new / 72)
    for axes, box in boxes.items():
        below = sum(boxes[row].height for row in rows if boxes[row].y1 <= box.y0)
        size = (box.x0 / WIDTH, (box.y0 - less * below) / new)
        axes.set_position((*size, box.width / WIDTH, box.height * (1 - less) / new))


def write(axes: Any, x: float, y: float, text: str, align: str = "left", **options: Any) -> None:
    """Write a text within axes, which do not get smaller for it."""
    axes.text(x, y, text, horizontalalignment=align, **options).set_in_layout(False)


def shorten(text: str, most: int = NAME) -> str:
    """A text on one line, without its middle where it takes more columns than `most`.

    Names of models differ at their ends as often as at their beginnings.
    """
    text = " ".join(printable(text).encode("utf-8", "replace").decode("utf-8").split())
    cut = len(text) // 2
    head, tail = text[:cut], text[cut:]
    while columns(head) + columns(tail) > most:
        head, tail = (head[:-1], tail) if columns(head) > columns(tail) else (head, tail[1:])
    return text if head + tail == text else f"{head[:-1].rstrip()}…{tail.lstrip()}"


def label(text: str, most: int = NAME, width: int = NAME) -> str:
    """A text for a plot, shortened to `most` columns, in lines of `width` columns."""
    text = shorten(text, most)
    # A line of Chinese holds half as many characters.
    width = max(1, width * len(text) // max(1, columns(text)))
    lines = textwrap.wrap(text, width)
    if (len(lines) - 1) * width >= len(text):
        lines = textwrap.wrap(text, width, break_on_hyphens=False)
    # matplotlib takes a Chinese character for little more than half as wide as it is shown. Spaces
    # make room, and are not shown at the end of a line.
    return "\n".join(line + " " * round(1.3 * (columns(line) - len(line))) for line in lines)


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
