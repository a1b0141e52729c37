"""k of n: a row of dots for every question that is judged alone, and for every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from basegate.checks.labels import check_label
from basegate.report.page.plots.canvas import (
    Canvas,
    Entry,
    draw,
    legend,
    legend_lines,
    limit_mark,
    limit_sign,
)
from basegate.report.page.plots.matrix import MOST, ROW, Matrix, Panel, fits_as_label
from basegate.report.page.plots.plot import Picture
from basegate.report.page.plots.style import LINE
from basegate.report.page.plots.values import (
    all_or_listed,
    joined,
    left_out,
    parts_of,
    sentences,
    short,
    sound,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup

    from basegate.i18n.catalogue import Translator
    from basegate.report.page.model import Page
    from basegate.verdict import Result

_WIDEST = 14
"""Dots in a row from which on panels do not stand side by side."""


@dataclass(frozen=True)
class Count:
    """The samples of one question.

    Attributes:
        right: of them.
        drawn: samples.
        count: of samples that would be drawn if all had to be.
        limit: right ones that are asked for.
        passed: whether there are as many.
    """

    right: int
    drawn: int
    count: int
    limit: int
    passed: bool

    @classmethod
    def of(cls, row: Result) -> Count | None:
        """Return what a row of the ledger counts; `None` where it counts nothing."""
        if row.metric != "correct" or row.value is None or row.limit is None or not row.count:
            return None
        drawn = row.count if row.drawn is None else row.drawn
        return cls(round(row.value), drawn, row.count, round(row.limit), row.verdict == "pass")

    @property
    def in_figures(self) -> str:
        """Right samples of those drawn, and how many there would have been."""
        text = f"{self.right}/{self.drawn}"
        return text if self.drawn == self.count else f"{text} ({self.count})"


Counts = dict[str, dict[str, Count]]
"""By candidate, then by question."""


def counts_of(page: Page, check: str, part: str) -> Counts:
    """Return the counts of a bank, as far as it is judged question by question."""
    found: Counts = {}
    for name in sound(page, check, part):
        rows = page.rows(name, check, part)
        own = {row.question: count for row in rows if (count := Count.of(row)) is not None}
        if own:
            found[name] = own
    return found


def hardest(found: Counts, most: int) -> list[str]:
    """Return the questions that fewest candidates pass, so many of them, in the bank's order."""
    questions = list(dict.fromkeys(question for own in found.values() for question in own))

    def right(question: str) -> tuple[int, float]:
        counts = [own[question] for own in found.values() if question in own]
        return sum(each.passed for each in counts), sum(each.right / each.count for each in counts)

    chosen = set(sorted(questions, key=right)[:most])
    return [question for question in questions if question in chosen]


def pictures(page: Page) -> Iterator[Picture]:
    """Give a picture for every bank that is judged question by question."""
    tr = page.tr
    for number, (check, part) in enumerate(parts_of(page, "knowledge", "reasoning"), start=1):
        found = counts_of(page, check, part)
        if not found:
            continue
        key = f"counts-{number}"
        title = tr("Right answers by question: {bank}", bank=short(check_label(check, part, tr)))
        everything = list(dict.fromkeys(each for own in found.values() for each in own))
        shown = hardest(found, MOST)
        caption = sentences(
            tr, _caption(tr, found, len(everything), len(shown)), left_out(tr, page, found)
        )
        yield Picture(
            key=key,
            title=title,
            caption=caption,
            svg=_drawn(tr, key, title, caption, found, shown),
            head=(tr("question"), *found),
            rows=tuple(
                (question, *(_cell(own.get(question)) for own in found.values()))
                for question in everything
            ),
        )


def _cell(count: Count | None) -> str:
    return count.in_figures if count else ""


def _caption(tr: Translator, found: Counts, questions: int, shown: int) -> str:
    return sentences(
        tr,
        _passing(tr, found, questions),
        tr("Dots that are small were not drawn, since they could not change the verdict.")
        if any(each.drawn < each.count for own in found.values() for each in own.values())
        else "",
        tr(
            "Of {count} questions, those {shown} are shown that fewest candidates pass.",
            count=questions,
            shown=shown,
        )
        if shown < questions
        else "",
    )


def _passing(tr: Translator, found: Counts, questions: int) -> str:
    """Say who has enough samples right: that is a count, so no interval limits what it says."""
    if questions == 1:
        passing = [name for name, own in found.items() if all(c.passed for c in own.values())]
        if not passing:
            return tr("Nobody has enough samples right for filled dots to reach the line.")
        return tr(
            "Enough samples are right, so that filled dots reach the line, for {names}.",
            names=all_or_listed(tr, passing, list(found)),
        )
    counts = [
        tr(
            "{name} in {reached} of {count}",
            name=short(name),
            reached=sum(each.passed for each in own.values()),
            count=len(own),
        )
        for name, own in found.items()
    ]
    return tr(
        "Questions in which enough samples are right, so that filled dots reach the line: "
        "{counts}.",
        counts=joined(tr, counts),
    )


def _drawn(
    tr: Translator, key: str, title: str, caption: str, found: Counts, questions: Sequence[str]
) -> Markup:
    names = list(found)
    # A name that is too wide for the column of labels has more room as a head.
    turned = len(questions) < min(3, len(names)) and all(map(fits_as_label, names))
    matrix = Matrix(
        heads=questions if turned else names,
        labels=names if turned else questions,
        below=0.6 * LINE,
        side_by_side=max(each.count for own in found.values() for each in own.values()) <= _WIDEST,
    )
    entries = _entries(tr, found)
    top = len(legend_lines(entries)) * LINE + 4

    def rows(panel: int) -> list[Count | None]:
        if turned:
            return [found[name].get(questions[panel]) for name in names]
        return [found[names[panel]].get(question) for question in questions]

    def paint(canvas: Canvas) -> None:
        legend(canvas, 0, entries)
        matrix.paint(canvas, top, lambda canvas, panel: _paint(canvas, panel, rows(panel.number)))

    return draw(key, title, caption, top + matrix.height, paint)


def _entries(tr: Translator, found: Counts) -> list[Entry]:
    entries = [Entry(tr("right"), _right_sign), Entry(tr("wrong"), _wrong_sign)]
    if any(each.drawn < each.count for own in found.values() for each in own.values()):
        entries.append(Entry(tr("not drawn"), _open_sign))
    limits = {(each.limit, each.count) for own in found.values() for each in own.values()}
    if len(limits) == 1:
        ((limit, count),) = limits
        text = tr("limit: {limit} of {count}", limit=limit, count=count)
        return [*entries, Entry(text, limit_sign)]
    return [*entries, Entry(tr("limit"), limit_sign)]


def _right_sign(canvas: Canvas, x: float, y: float) -> None:
    _dots(canvas, [((x, y), 1)], 10, "pass", 8)


def _wrong_sign(canvas: Canvas, x: float, y: float) -> None:
    _rings(canvas, [((x, y), 1)], 10, 8)


def _open_sign(canvas: Canvas, x: float, y: float) -> None:
    _dots(canvas, [((x, y), 1)], 10, "soft", 3)


def _paint(canvas: Canvas, panel: Panel, rows: Sequence[Count | None]) -> None:
    """Draw the dots of a panel: right ones first, so that they reach the limit or do not."""
    most = max((each.count for each in rows if each), default=1)
    pitch = panel.width / most
    size = min(8.0, pitch * 0.8)
    right, wrong, left = [], [], []
    for number, each in enumerate(rows):
        if each is None:
            continue
        y = panel.top + (number + 0.5) * ROW

        def at(place: int, y: float = y) -> tuple[float, float]:
            return panel.left + (place + 0.5) * pitch, y

        right.append((at(0), each.right))
        wrong.append((at(each.right), each.drawn - each.right))
        left.append((at(each.drawn), each.count - each.drawn))
        x = panel.left + each.limit * pitch
        limit_mark(canvas, x, y - ROW / 2, y + ROW / 2)
    _dots(canvas, right, pitch, "pass", size)
    _rings(canvas, wrong, pitch, size)
    _dots(canvas, left, pitch, "soft", size * 0.38)


Run = tuple[tuple[float, float], int]
"""Where the first of some dots is, and how many there are."""


def _dots(canvas: Canvas, runs: Sequence[Run], pitch: float, tint: str, size: float) -> None:
    """Draw dots as lines of dashes without length and with round ends: a shape for all of them."""
    canvas.lines(
        [((x, y), (x + (count - 1) * pitch + 0.1, y)) for (x, y), count in runs if count > 0],
        tint,
        width=size,
        dashes=(0.01, pitch - 0.01),
        round_ends=True,
    )


def _rings(canvas: Canvas, runs: Sequence[Run], pitch: float, size: float) -> None:
    _dots(canvas, runs, pitch, "fail", size)
    _dots(canvas, runs, pitch, "paper", size * 0.58)
