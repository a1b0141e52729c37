"""Operating curves: how likely each gate lets a model pass, by what the model truly has right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from basegate.checks.labels import check_label
from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.formatting import FRACTION, format_value
from basegate.report.page.plots.canvas import Canvas, Scale, axis_below, draw
from basegate.report.page.plots.plot import Picture
from basegate.report.page.plots.style import DASHES, LINE, MARKERS, WIDTH
from basegate.report.page.plots.text_layout import width_of
from basegate.report.page.plots.values import joined, per_cent, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.report.page.model import Page
    from basegate.verdict import Result

    Curve = tuple[tuple[float, float], ...]

COUNTED = "correct"
"""The metric of gates that count samples."""


@dataclass(frozen=True)
class Gate:
    """A gate on answers.

    Attributes:
        names: the checks with their items that have it.
        limit: samples of a question, or a share of answers, that have to be right.
        count: of how many samples of a question; `None` for a share.
        confidence: level of the interval that has to reach a share.
        low: its lowest curve: what a measurement is worth differs between candidates.
        middle: the one between.
        high: the highest.
    """

    names: tuple[str, ...]
    limit: float
    count: int | None
    confidence: float
    low: Curve
    middle: Curve
    high: Curve

    @property
    def varies(self) -> bool:
        """Whether it has more than one curve."""
        return self.low != self.high

    @property
    def name(self) -> str:
        """The checks with their items, in one line."""
        return " / ".join(self.names)

    def chance_at(self, share: float, tr: Translator = ENGLISH) -> str:
        """Return how likely a model with such a share right passes; empty where nobody knows."""
        ends = [dict(curve).get(share) for curve in (self.low, self.high)]
        shown = dict.fromkeys(format_value(end, FRACTION, tr=tr) for end in ends if end is not None)
        return "–".join(shown)


def gates(page: Page) -> list[Gate]:
    """Return the gates that have operating curves, in the order of the ledger.

    Questions are judged alike where as many samples of as many have to be right, in whatever bank;
    what a share is worth depends on its bank.
    """
    rows: dict[tuple[object, ...], list[Result]] = {}
    for row in page.ledger.results:
        if not row.curve or row.limit is None:
            continue
        points = tuple(point for point, _ in row.curve)
        where = (row.count,) if row.metric == COUNTED else (row.check, row.part)
        rows.setdefault((row.metric, row.limit, points, *where), []).append(row)
    return [_gate(own, page.tr) for own in rows.values()]


def _gate(rows: Sequence[Result], tr: Translator) -> Gate:
    first = rows[0]
    points = [point for point, _ in first.curve]
    chances = list(zip(*([chance for _, chance in row.curve] for row in rows), strict=True))
    return Gate(
        names=tuple(dict.fromkeys(check_label(row.check, row.part, tr) for row in rows)),
        limit=first.limit or 0.0,
        count=first.count if first.metric == COUNTED else None,
        confidence=first.confidence,
        low=tuple(zip(points, map(min, chances), strict=True)),
        middle=tuple(zip(points, map(median, chances), strict=True)),
        high=tuple(zip(points, map(max, chances), strict=True)),
    )


def pictures(page: Page) -> Iterator[Picture]:
    """Give the picture, where any gate is one on answers."""
    found = gates(page)
    if not found:
        return
    tr = page.tr
    key = "curves"
    title = tr("What the gates let through")
    caption = _caption(tr, found)
    points = sorted({point for gate in found for point, _ in gate.middle})
    yield Picture(
        key=key,
        title=title,
        caption=caption,
        svg=draw(key, title, caption, _height(found), partial(_paint, tr, found)),
        head=(
            tr("gate"),
            *(tr("{share} truly right", share=per_cent(point, tr)) for point in points),
        ),
        rows=tuple(
            (
                tr("{head}: {text}", head=gate.name, text=_limit(tr, gate)),
                *(gate.chance_at(point, tr) for point in points),
            )
            for gate in found
        ),
    )


def _limit(tr: Translator, gate: Gate) -> str:
    if gate.count is not None:
        limit = f"{gate.limit:g}"
        return tr("at least {limit} of {count} for a question", limit=limit, count=gate.count)
    return tr(
        "at least {limit}, {confidence} sure",
        limit=per_cent(gate.limit, tr),
        confidence=per_cent(gate.confidence, tr),
    )


def _asked(tr: Translator, gate: Gate) -> str:
    """Return what the curve is about: counts decide each question, not a bank."""
    return gate.name if gate.count is None else tr("one question of {name}", name=gate.name)


def _caption(tr: Translator, found: Sequence[Gate]) -> str:
    half = [f"{_asked(tr, gate)} {chance}" for gate in found if (chance := gate.chance_at(0.5, tr))]
    return sentences(
        tr,
        tr(
            "A model that is right half of the time passes: {gates}.",
            gates=joined(tr, half),
        )
        if half
        else "",
        tr("The steeper a curve, the better the gate tells good from bad."),
        tr("A gate with a band is as sure as the measurement that it judges, which differs.")
        if any(gate.varies for gate in found)
        else "",
    )


_LEFT, _RIGHT, _TOP, _HEIGHT, _BELOW = 66.0, WIDTH - 20, 8.0, 230.0, 2 * LINE + 14


_TEXT = 36.0
"""Where the text of the legend begins."""


def _named(gate: Gate) -> list[str]:
    """Return the checks with their items in lines of the legend, none of them broken."""
    first, *others = gate.names
    lines = [first]
    for name in others:
        longer = f"{lines[-1]} / {name}"
        if width_of(f"{longer} /") <= WIDTH - _TEXT:
            lines[-1] = longer
        else:
            lines[-1] += " /"
            lines.append(name)
    return lines


def _height(found: Sequence[Gate]) -> float:
    return _TOP + _HEIGHT + _BELOW + sum(len(_named(gate)) + 1 for gate in found) * LINE


def _paint(tr: Translator, found: Sequence[Gate], canvas: Canvas) -> None:
    bottom = _TOP + _HEIGHT
    across, up = Scale(0, 1, _LEFT, _RIGHT), Scale(0, 1, bottom, _TOP)
    label = tr("share that a model truly has right")
    axis_below(canvas, across, [(_TOP, bottom)], label=label, written=partial(per_cent, tr=tr))
    for tick in up.ticks():
        canvas.lines([((_LEFT, up(tick)), (_RIGHT, up(tick)))], "line", layer=0)
        canvas.text(_LEFT - 6, up(tick) + 4.5, per_cent(tick, tr), tint="soft", align="right")
    canvas.upright(14, (_TOP + bottom) / 2, tr("chance that it passes"))
    y = bottom + _BELOW - 5
    for number, gate in enumerate(found):
        tint = f"series-{number % len(MARKERS) + 1}"
        low, middle, high = (
            [(across(x), up(y)) for x, y in curve] for curve in (gate.low, gate.middle, gate.high)
        )
        if gate.varies:
            canvas.area([*low, *reversed(high)], tint)
        _paint_line(canvas, middle, number)
        sign = y + LINE - 4.5
        _paint_line(canvas, [(0, sign), (14, sign), (28, sign)], number, marks=[(14, sign)])
        for line in _named(gate):
            y += LINE
            canvas.text(_TEXT, y, line, room=WIDTH - _TEXT)
        y += LINE
        canvas.text(_TEXT, y - 2, _limit(tr, gate), tint="soft", room=WIDTH - _TEXT)


def _paint_line(
    canvas: Canvas,
    points: Sequence[tuple[float, float]],
    number: int,
    marks: Sequence[tuple[float, float]] | None = None,
) -> None:
    tint = f"series-{number % len(MARKERS) + 1}"
    canvas.lines([points], tint, width=1.8, dashes=DASHES[number % len(DASHES)])
    marker = MARKERS[number % len(MARKERS)]
    canvas.marks(points if marks is None else marks, marker, tint, size=6.5)
