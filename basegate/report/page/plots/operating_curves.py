"""Operating curves: how likely each gate lets a model pass, by what the model truly has right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any, NamedTuple

from basegate.checks.labels import check_label
from basegate.i18n.catalogue import Translator
from basegate.i18n.formatting import FRACTION, format_list, format_value
from basegate.report.page.model import Page
from basegate.report.page.plots import svg, values
from basegate.report.page.plots.svg import label
from basegate.verdict import Result


class Gate(NamedTuple):
    """A limit on answers: by the share truly right, the probabilities of passing.

    There is one for every row, since effective sample sizes differ between candidates.
    """

    name: str
    limit: str
    asked: str
    chances: dict[float, tuple[float, ...]]

    def chance_at(self, share: float, tr: Translator) -> str:
        found = self.chances.get(share)
        ends = (min(found), max(found)) if found else ()
        return "–".join(dict.fromkeys(format_value(end, FRACTION, tr=tr) for end in ends))


def gates(page: Page) -> list[Gate]:
    """The limits that have operating curves, in the order of the ledger.

    Questions with the same k of n have the same curve in any bank; that of a share does not.
    """
    rows: dict[tuple[object, ...], list[Result]] = {}
    for row in page.ledger.results:
        if row.curve and row.limit is not None:
            points = tuple(point for point, _ in row.curve)
            where = (row.count,) if row.counts else (row.check, row.part)
            rows.setdefault((row.metric, row.limit, points, *where), []).append(row)
    return [_gate(own, page.tr) for own in rows.values()]


def _gate(rows: Sequence[Result], tr: Translator) -> Gate:
    first = rows[0]
    name = " / ".join(dict.fromkeys(check_label(row.check, row.part, tr) for row in rows))
    if first.counts:
        count = f"{first.limit:g}"
        limit = tr("at least {limit} of {count} for a question", limit=count, count=first.count)
        asked = tr("one question of {name}", name=name)
    else:
        share, level = (
            format_value(each, FRACTION, tr=tr) for each in (first.limit, first.confidence)
        )
        limit = tr("at least {limit}, {confidence} sure", limit=share, confidence=level)
        asked = name
    curves = [dict(row.curve) for row in rows]
    chances = {point: tuple(curve[point] for curve in curves) for point in curves[0]}
    return Gate(name, limit, asked, chances)


def plots(page: Page) -> Iterator[svg.Plot]:
    found = gates(page)
    if not found:
        return
    tr = page.tr
    points = sorted({point for gate in found for point in gate.chances})
    shares = [tr("{share} truly right", share=format_value(p, FRACTION, tr=tr)) for p in points]
    half = format_list([f"{gate.asked} {gate.chance_at(0.5, tr)}" for gate in found], tr)
    yield svg.Plot(
        key="curves",
        title=tr("Operating curves of the limits"),
        caption=values.sentences(
            tr,
            tr("A model that is right half of the time passes: {gates}.", gates=half),
            tr("The steeper a curve, the better the gate tells good from bad."),
            any(len(set(own)) > 1 for gate in found for own in gate.chances.values())
            and tr("A band is of candidates whose measurements are worth more or less."),
        ),
        svg=svg.draw("curves", 230, partial(_paint, tr, found)),
        head=(tr("gate"), tr("limit"), *shares),
        rows=tuple(
            (gate.name, gate.limit, *(gate.chance_at(point, tr) for point in points))
            for gate in found
        ),
    )


def _paint(tr: Translator, found: Sequence[Gate], figure: Any) -> list[Any]:
    axes = figure.subplots()
    ticks = [number / 5 for number in range(6)]
    texts = [label(format_value(tick, FRACTION, tr=tr)) for tick in ticks]
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=ticks, yticks=ticks)
    axes.set(xticklabels=texts, yticklabels=texts)
    axes.set_xlabel(label(tr("share that a model truly has right")))
    axes.set_ylabel(label(tr("chance that it passes")))
    axes.grid()
    for number, gate in enumerate(found):
        colour = svg.SERIES[number % len(svg.SERIES)]
        points, chances = list(gate.chances), gate.chances.values()
        axes.plot(
            *(points, list(map(median, chances))),
            color=colour,
            linestyle=svg.DASHES[number % len(svg.DASHES)],
            marker=svg.MARKERS[number % len(svg.MARKERS)],
            clip_on=False,
            label=f"{label(gate.name, 500)}\n{label(gate.limit)}",
        )
        band = list(map(min, chances)), list(map(max, chances))
        axes.fill_between(points, *band, color=colour, alpha=0.25, linewidth=0)
    figure.legend(loc="outside lower left", alignment="left")
    return [axes]
