"""How often answers are right, topic by topic, for every bank whose questions have topics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from basegate.checks.labels import check_label
from basegate.report.page.plots.canvas import (
    Canvas,
    Entry,
    Scale,
    draw,
    legend,
    limit_mark,
    limit_sign,
)
from basegate.report.page.plots.matrix import MOST, ROW, Matrix, Panel
from basegate.report.page.plots.plot import Picture
from basegate.report.page.plots.style import LINE
from basegate.report.page.plots.values import (
    Reading,
    in_per_cent,
    joined,
    left_out,
    parts_of,
    per_cent,
    reading_of,
    row_of,
    sentences,
    short,
    sound,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.i18n.catalogue import Translator
    from basegate.report.page.model import Page

METRIC = "topic_accuracy"


@dataclass(frozen=True)
class Topics:
    """What candidates have right in the topics of a bank.

    Attributes:
        topics: those that candidates have right most often first, on average.
        found: by candidate, then by topic.
        limits: by candidate, of the bank as a whole.
        questions: of the topic with the fewest, and with the most.
    """

    topics: tuple[str, ...]
    found: dict[str, dict[str, Reading]]
    limits: dict[str, float]
    questions: tuple[int, int]

    @property
    def shown(self) -> tuple[str, ...]:
        """The topics that a picture has room for: those that are right least often."""
        return self.topics[-MOST:]


def topics_of(page: Page, check: str, part: str) -> Topics | None:
    """Return what a bank's measurements hold on topics; `None` where that is nothing."""
    found: dict[str, dict[str, Reading]] = {}
    limits: dict[str, float] = {}
    counts: list[int] = []
    for name in sound(page, check, part):
        measured = page.measured(name, check, part)
        row = row_of(page, name, check, part, "accuracy")
        own: dict[str, Reading] = {}
        for metric in measured.findings.metrics if measured else ():
            if metric.name != METRIC:
                continue
            reading = reading_of(metric, row.confidence if row else None)
            if reading is not None:
                own[metric.item] = reading
                counts.append(metric.count or 0)
        if own:
            found[name] = own
            if row is not None and row.limit is not None:
                limits[name] = row.limit
    if not found:
        return None
    return Topics(_in_order(found), found, limits, (min(counts), max(counts)))


def _in_order(found: dict[str, dict[str, Reading]]) -> tuple[str, ...]:
    values: dict[str, list[float]] = {}
    for own in found.values():
        for topic, reading in own.items():
            values.setdefault(topic, []).append(reading.value)
    means = {topic: math.fsum(own) / len(own) for topic, own in values.items()}
    return tuple(sorted(means, key=lambda topic: -means[topic]))


def pictures(page: Page) -> Iterator[Picture]:
    """Give a picture for every bank with topics."""
    tr = page.tr
    for number, (check, part) in enumerate(parts_of(page, "knowledge", "reasoning"), start=1):
        found = topics_of(page, check, part)
        if found is None:
            continue
        key = f"topics-{number}"
        title = tr("Right answers by topic: {bank}", bank=short(check_label(check, part, tr)))
        caption = sentences(tr, _caption(tr, found), left_out(tr, page, found.found))
        matrix = Matrix([*found.found], [*map(tr, found.shown)], below=2 * LINE)
        height = _top(found) + matrix.height
        yield Picture(
            key=key,
            title=title,
            caption=caption,
            svg=draw(key, title, caption, height, partial(_paint, tr, found, matrix)),
            head=(tr("topic"), *found.found),
            rows=tuple(
                (tr(topic), *(in_per_cent(own.get(topic), tr) for own in found.found.values()))
                for topic in found.topics
            ),
        )


def _caption(tr: Translator, found: Topics) -> str:
    low, high = found.questions
    return sentences(
        tr,
        _against_the_limit(tr, found),
        tr(
            "A topic rests on 1 question; topics are not compared, and what differs between them "
            "may be chance."
        )
        if low == high == 1
        else tr(
            "A topic rests on {count} questions; topics are not compared, and what differs between "
            "them may be chance.",
            count=str(low) if low == high else f"{low}–{high}",
        ),
        tr(
            "Of {count} topics, the {shown} are shown that are right least often.",
            count=len(found.topics),
            shown=len(found.shown),
        )
        if len(found.shown) < len(found.topics)
        else "",
    )


def _against_the_limit(tr: Translator, found: Topics) -> str:
    """Say in how many topics each candidate surely reaches what is asked of the whole bank."""
    if not found.limits:
        return ""
    counts = [
        tr(
            "{name} in {reached} of {count}",
            name=short(name),
            reached=sum(each.low >= limit for each in found.found[name].values()),
            count=len(found.found[name]),
        )
        for name, limit in found.limits.items()
    ]
    return tr(
        "Topics whose whole interval reaches what is asked of the bank: {counts}.",
        counts=joined(tr, counts),
    )


def _top(found: Topics) -> float:
    return LINE + 4 if found.limits else 0


def _paint(tr: Translator, found: Topics, matrix: Matrix, canvas: Canvas) -> None:
    if found.limits:
        legend(canvas, 0, [Entry(_limit(tr, found), limit_sign)])
    names = list(found.found)

    def paint(canvas: Canvas, panel: Panel) -> None:
        name = names[panel.number]
        _paint_panel(tr, canvas, panel, found.shown, found.found[name], found.limits.get(name))

    matrix.paint(canvas, _top(found), paint)


def _limit(tr: Translator, found: Topics) -> str:
    limits = set(found.limits.values())
    if len(limits) > 1:
        return tr("limit of the whole bank")
    return tr("limit of the whole bank: {limit}", limit=per_cent(limits.pop(), tr))


def _paint_panel(
    tr: Translator,
    canvas: Canvas,
    panel: Panel,
    topics: Sequence[str],
    found: dict[str, Reading],
    limit: float | None,
) -> None:
    scale = Scale(0, 1, panel.left, panel.left + panel.width)
    bottom = panel.top + len(topics) * ROW
    _paint_axis(tr, canvas, scale, panel.top, bottom)
    if limit is not None:
        limit_mark(canvas, scale(limit), panel.top, bottom)
    places = {topic: panel.top + (number + 0.5) * ROW for number, topic in enumerate(topics)}
    guides = [((scale(0), y), (scale(1), y)) for y in places.values()]
    canvas.lines(guides, "line", layer=0)
    shown = [(places[topic], each) for topic, each in found.items() if topic in places]
    canvas.lines(
        [((scale(each.low), y), (scale(each.high), y)) for y, each in shown], "series-1", width=2.2
    )
    canvas.marks([(scale(each.value), y) for y, each in shown], "o", "series-1", size=7)


def _paint_axis(tr: Translator, canvas: Canvas, scale: Scale, top: float, bottom: float) -> None:
    """Draw the ends and the middle; the text of the ends stays within the panel."""
    lines = [((scale(p), top), (scale(p), bottom)) for p in (0, 0.5, 1)]
    canvas.lines(lines, "line", layer=0)
    below = bottom + LINE - 3
    canvas.text(scale(0), below, per_cent(0, tr), tint="soft")
    canvas.text(scale(1), below, per_cent(1, tr), tint="soft", align="right")
