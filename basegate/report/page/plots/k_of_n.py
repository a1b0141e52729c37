"""k of n: a bar for every question that is judged individually, and for every candidate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from basegate.checks.labels import check_label
from basegate.i18n.catalogue import Translator
from basegate.i18n.formatting import format_list
from basegate.report.page.model import Page
from basegate.report.page.plots import svg, values
from basegate.report.page.plots.svg import label
from basegate.verdict import Result

MOST = 24
"""Rows in a plot; a table holds them all."""
Counts = dict[str, dict[str, Result]]
"""By candidate, then by question."""


def counts_of(page: Page, check: str, part: str) -> Counts:
    found: Counts = {}
    for name in values.sound(page, check, part):
        rows = [row for row in page.rows(name, check, part) if row.counts and row.count]
        if own := {row.question: row for row in rows if None not in (row.value, row.limit)}:
            found[name] = own
    return found


def n_generated(row: Result) -> int:
    """Samples of a question; all of them where that is not known."""
    return row.n_generated or row.count or 0


def hardest(found: Counts, questions: Sequence[str], most: int) -> list[str]:
    """The questions that fewest candidates pass, at most `most`, in the bank's order."""

    def passing(question: str) -> tuple[int, float]:
        counts = [own[question] for own in found.values() if question in own]
        passed = sum(each.verdict == "pass" for each in counts)
        return passed, sum(each.value or 0.0 for each in counts)

    chosen = set(sorted(questions, key=passing)[:most])
    return [question for question in questions if question in chosen]


def plots(page: Page) -> Iterator[svg.Plot]:
    tr = page.tr
    for number, item in enumerate(values.parts_of(page, "knowledge", "reasoning"), start=1):
        found = counts_of(page, *item)
        if not found:
            continue
        key = f"counts-{number}"
        questions = list(dict.fromkeys(each for own in found.values() for each in own))
        rows = shown = hardest(found, questions, MOST)
        columns = found
        if len(shown) < min(3, len(found)):
            # A bank of one or two questions has a row for every candidate.
            rows = list(found)
            columns = {q: {name: own[q] for name, own in found.items() if q in own} for q in shown}
        caption = _caption(tr, found, len(questions), len(shown))
        yield svg.Plot(
            key=key,
            title=tr("Right answers by question: {bank}", bank=svg.shorten(check_label(*item, tr))),
            caption=values.sentences(tr, caption, values.left_out(page, found)),
            svg=svg.draw(key, len(rows) * svg.ROW, partial(_paint, tr, columns, rows)),
            head=(tr("question"), *found),
            rows=tuple(
                (each, *(_in_figures(own.get(each)) for own in found.values()))
                for each in questions
            ),
        )


def _caption(tr: Translator, found: Counts, questions: int, shown: int) -> str:
    passed = {
        name: [each.verdict == "pass" for each in own.values()] for name, own in found.items()
    }
    return values.sentences(
        tr,
        # A count, so that no interval limits what is said.
        tr("Questions with enough samples right: {counts}.", counts=values.reached(tr, passed)),
        any(n_generated(each) != each.count for own in found.values() for each in own.values())
        and tr("Samples that could not change the verdict were not generated."),
        shown < questions
        and tr(
            "Of {count} questions, those {shown} are shown that fewest candidates pass.",
            count=questions,
            shown=shown,
        ),
    )


def _in_figures(row: Result | None) -> str:
    """Right samples of those generated, and how many there would be without early stopping."""
    if row is None:
        return ""
    text = f"{row.value:g}/{n_generated(row)}"
    return text if n_generated(row) == row.count else f"{text} ({row.count})"


def _paint(
    tr: Translator, columns: Mapping[str, Mapping[str, Result]], rows: Sequence[str], figure: Any
) -> list[Any]:
    axes = svg.side_by_side(figure, list(columns), rows)
    counts = [each for own in columns.values() for each in own.values()]
    for one, own in zip(axes, columns.values(), strict=True):
        one.set(xlim=(0, max(each.count or 0 for each in counts)), xticks=[])
        one.spines["bottom"].set_visible(False)
        marks = _paint_column(one, {y: own[row] for y, row in enumerate(rows) if row in own})
    limits = dict.fromkeys(f"{each.limit:g}/{each.count}" for each in counts)
    limit = tr("{head}: {text}", head=tr("limit"), text=format_list(list(limits), tr))
    legend = [tr("right"), tr("wrong"), tr("not generated"), limit]
    figure.legend(marks, map(label, legend), loc="outside upper left", ncols=2)
    return axes[:1]


def _paint_column(axes: Any, counts: Mapping[int, Result]) -> list[Any]:
    """Draw a bar for every count, by its row, and return what a legend shows of them."""
    ys, rows = list(counts), counts.values()
    right, generated = [each.value for each in rows], [n_generated(each) for each in rows]
    return [
        axes.hlines(ys, 0, right, svg.GREEN, linewidth=10),
        axes.hlines(ys, right, generated, svg.RED, linewidth=4),
        axes.hlines(ys, generated, [r.count for r in rows], svg.GREY, linewidth=1.5, linestyle=":"),
        axes.vlines(
            [each.limit for each in rows], [y - 0.5 for y in ys], [y + 0.5 for y in ys], **svg.LIMIT
        ),
    ]
