"""Operating curves: how likely each gate lets a model pass, by what the model truly has right."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from basegate.checks.labels import check_label
from basegate.i18n.formatting import FRACTION, format_value
from basegate.report.page.plots.svg import DASHES, MARKERS, SERIES, Plot, draw, label
from basegate.report.page.plots.values import joined, per_cent, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.i18n.catalogue import Translator
    from basegate.report.page.model import Page
    from basegate.verdict import Result

COUNTED = "correct"
"""The metric of gates that count samples."""


class Gate(NamedTuple):
    """A limit on answers: by the share truly right (`points`), the probability of passing.

    Effective sample sizes differ between candidates: `low` is of the smallest, `middle` the median.
    """

    name: str
    limit: str
    asked: str
    points: tuple[float, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]

    def chance_at(self, share: float, tr: Translator) -> str:
        if share not in self.points:
            return ""
        at = self.points.index(share)
        ends = [format_value(each[at], FRACTION, tr=tr) for each in (self.low, self.high)]
        return "–".join(dict.fromkeys(ends))


def gates(page: Page) -> list[Gate]:
    """The limits that have operating curves, in the order of the ledger.

    Questions with the same k of n have the same curve in any bank; that of a share does not.
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
    points = tuple(point for point, _ in first.curve)
    chances = list(zip(*([chance for _, chance in row.curve] for row in rows), strict=True))
    name = " / ".join(dict.fromkeys(check_label(row.check, row.part, tr) for row in rows))
    if first.metric == COUNTED:
        count = f"{first.limit:g}"
        limit = tr("at least {limit} of {count} for a question", limit=count, count=first.count)
        asked = tr("one question of {name}", name=name)
    else:
        share, level = (per_cent(each or 0, tr) for each in (first.limit, first.confidence))
        limit = tr("at least {limit}, {confidence} sure", limit=share, confidence=level)
        asked = name
    low, middle = tuple(map(min, chances)), tuple(map(median, chances))
    return Gate(name, limit, asked, points, low, middle, tuple(map(max, chances)))


def plots(page: Page) -> Iterator[Plot]:
    found = gates(page)
    if not found:
        return
    tr = page.tr
    points = sorted({point for gate in found for point in gate.points})
    shares = [tr("{share} truly right", share=per_cent(point, tr)) for point in points]
    half = joined(tr, [f"{gate.asked} {gate.chance_at(0.5, tr)}" for gate in found])
    yield Plot(
        key="curves",
        title=tr("Operating curves of the limits"),
        caption=sentences(
            tr,
            tr("A model that is right half of the time passes: {gates}.", gates=half),
            tr("The steeper a curve, the better the gate tells good from bad."),
            any(gate.low != gate.high for gate in found)
            and tr("A band is of candidates whose measurements are worth more or less."),
        ),
        svg=draw("curves", 230, partial(_paint, tr, found)),
        head=(tr("gate"), tr("limit"), *shares),
        rows=tuple(
            (gate.name, gate.limit, *(gate.chance_at(point, tr) for point in points))
            for gate in found
        ),
    )


def _paint(tr: Translator, found: Sequence[Gate], figure: Any) -> list[Any]:
    axes = figure.subplots()
    ticks = [number / 5 for number in range(6)]
    texts = [label(per_cent(tick, tr)) for tick in ticks]
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=ticks, yticks=ticks)
    axes.set(xticklabels=texts, yticklabels=texts)
    axes.set_xlabel(label(tr("share that a model truly has right")))
    axes.set_ylabel(label(tr("chance that it passes")))
    axes.grid()
    for number, gate in enumerate(found):
        colour = SERIES[number % len(SERIES)]
        axes.plot(
            *(gate.points, gate.middle),
            color=colour,
            linestyle=DASHES[number % len(DASHES)],
            marker=MARKERS[number % len(MARKERS)],
            clip_on=False,
            label=f"{label(gate.name, 500)}\n{label(gate.limit)}",
        )
        axes.fill_between(gate.points, gate.low, gate.high, color=colour, alpha=0.25, linewidth=0)
    figure.legend(loc="outside lower left", alignment="left")
    return [axes]
