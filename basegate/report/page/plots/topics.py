"""How often answers are right, topic by topic, for every bank whose questions have topics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import fmean
from typing import Any

from basegate.checks.labels import check_label
from basegate.i18n.catalogue import Translator
from basegate.i18n.formatting import FRACTION, format_list, format_value
from basegate.report.page.model import Page
from basegate.report.page.plots import svg, values
from basegate.report.page.plots.svg import label
from basegate.report.page.plots.values import Value, in_figures


def topics_of(page: Page, check: str, part: str) -> dict[str, dict[str, Value]]:
    """By candidate, then by topic, with the limit and the level of the bank as a whole."""
    found = {}
    accuracy = whole_accuracy(page, check, part)
    for name in values.sound(page, check, part):
        measured = page.measured(name, check, part)
        whole = values.read(page, name, check, part, accuracy)
        own = {}
        for metric in measured.findings.metrics if measured else ():
            if metric.name == "topic_accuracy" and metric.value is not None:
                interval = metric.interval_at(whole.confidence if whole else metric.confidence)
                own[metric.item] = Value(metric.value, *interval, whole.limit if whole else None)
        if own:
            found[name] = own
    return found


def whole_accuracy(page: Page, check: str, part: str) -> str:
    """The metric that stands for all topics of a bank: of samples, or of options by likelihood."""
    names = values.sound(page, check, part)
    sampled = any(values.read(page, name, check, part, "accuracy") for name in names)
    return "accuracy" if sampled else "likelihood_accuracy"


def easiest_first(found: dict[str, dict[str, Value]]) -> list[str]:
    shares: dict[str, list[float]] = {}
    for own in found.values():
        for topic, value in own.items():
            shares.setdefault(topic, []).append(value.value)
    return sorted(shares, key=lambda topic: -fmean(shares[topic]))


def plots(page: Page) -> Iterator[svg.Plot]:
    tr = page.tr
    for number, item in enumerate(values.parts_of(page, "knowledge", "reasoning"), start=1):
        found = topics_of(page, *item)
        if not found:
            continue
        key = f"topics-{number}"
        topics = easiest_first(found)
        yield svg.Plot(
            key=key,
            title=tr("Right answers by topic: {bank}", bank=svg.shorten(check_label(*item, tr))),
            caption=values.sentences(
                tr,
                _caption(tr, found),
                values.best_null(page, *item, whole_accuracy(page, *item)),
                values.left_out(page, found, values.asked_in_part(page, *item)),
            ),
            svg=svg.draw(key, len(topics) * svg.ROW, partial(_paint, page, item, found, topics)),
            head=(tr("topic"), *found),
            rows=tuple(
                (tr(each), *(in_figures(own.get(each), FRACTION, tr) for own in found.values()))
                for each in topics
            ),
        )


def _caption(tr: Translator, found: dict[str, dict[str, Value]]) -> str:
    sure = {
        name: [each.ends[0] >= each.limit for each in own.values() if each.limit is not None]
        for name, own in found.items()
    }
    sure = {name: own for name, own in sure.items() if own}
    return values.sentences(
        tr,
        bool(sure)
        and tr(
            "Topics whose whole interval reaches what is asked of the bank: {counts}.",
            counts=values.reached(tr, sure),
        ),
        tr("Topics are not compared, and what differs between them may be chance."),
    )


def _paint(
    page: Page,
    item: tuple[str, str],
    found: dict[str, dict[str, Value]],
    topics: Sequence[str],
    figure: Any,
) -> list[Any]:
    tr, null = page.tr, page.null(*item, whole_accuracy(page, *item))
    axes = svg.side_by_side(figure, list(found), [*map(tr, topics)])
    limits = set()
    legend: dict[str, Any] = {}
    for one, own in zip(axes, found.values(), strict=True):
        one.set(xlim=(0, 1), xticks=(0, 0.5, 1), xticklabels=())
        one.grid(axis="x")
        one.hlines(range(len(topics)), 0, 1, svg.GREY, linewidth=0.5, alpha=0.5)
        limit = next(iter(own.values())).limit
        if limit is not None:
            limits.add(limit)
            line = one.axvline(limit, **svg.LIMIT)
        if null is not None:
            legend[label(tr("best null model"))] = one.axvline(null.value, **svg.NULL)
        rows = [topics.index(topic) for topic in own]
        values.paint_intervals(one, list(own.values()), rows, svg.BLUE, "o")
    figure.supxlabel(label(tr("right answers, from 0 to 100 %")), fontsize="medium")
    if limits:
        text = format_list([format_value(each, FRACTION, tr=tr) for each in sorted(limits)], tr)
        text = tr("limit of the whole bank: {limit}", limit=text)
        legend = {label(text): line, **legend}
    if legend:
        figure.legend(legend.values(), legend, loc="outside upper left")
    return axes[:1]
