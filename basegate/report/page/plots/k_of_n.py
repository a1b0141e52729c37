"""k of n: a bar for every question that is judged individually, and for every candidate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from basegate.checks.labels import check_label
from basegate.report.page.plots.svg import (
    GREEN,
    GREY,
    LIMIT,
    RED,
    ROW,
    Plot,
    draw,
    label,
    shorten,
    side_by_side,
)
from basegate.report.page.plots.values import joined, left_out, parts_of, reached, sentences, sound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.i18n.catalogue import Translator
    from basegate.report.page.model import Page
    from basegate.verdict import Result


class Count(NamedTuple):
    """Right samples of one question, and how many are required.

    `n_max` samples would be generated without early stopping.
    """

    right: int
    n_generated: int
    n_max: int
    limit: int
    passed: bool

    @classmethod
    def of(cls, row: Result) -> Count | None:
        if row.metric != "correct" or row.value is None or row.limit is None or not row.count:
            return None
        generated = row.count if row.n_generated is None else row.n_generated
        return cls(round(row.value), generated, row.count, round(row.limit), row.verdict == "pass")

    @property
    def in_figures(self) -> str:
        """Right samples of those generated, and how many there would have been."""
        text = f"{self.right}/{self.n_generated}"
        return text if self.n_generated == self.n_max else f"{text} ({self.n_max})"


MOST = 24
"""Rows in a plot; a table holds them all."""
Counts = dict[str, dict[str, Count]]
"""By candidate, then by question."""


def counts_of(page: Page, check: str, part: str) -> Counts:
    found: Counts = {}
    for name in sound(page, check, part):
        rows = page.rows(name, check, part)
        if own := {row.question: count for row in rows if (count := Count.of(row))}:
            found[name] = own
    return found


def hardest(found: Counts, most: int) -> list[str]:
    """The questions that fewest candidates pass, at most `most`, in the bank's order."""
    questions = list(dict.fromkeys(question for own in found.values() for question in own))

    def passing(question: str) -> tuple[int, int]:
        counts = [own[question] for own in found.values() if question in own]
        return sum(each.passed for each in counts), sum(each.right for each in counts)

    chosen = set(sorted(questions, key=passing)[:most])
    return [question for question in questions if question in chosen]


def plots(page: Page) -> Iterator[Plot]:
    tr = page.tr
    for number, (check, part) in enumerate(parts_of(page, "knowledge", "reasoning"), start=1):
        found = counts_of(page, check, part)
        if not found:
            continue
        key = f"counts-{number}"
        questions = list(dict.fromkeys(each for own in found.values() for each in own))
        shown = hardest(found, MOST)
        # A bank of one or two questions has a row for every candidate.
        turned = len(shown) < min(3, len(found))
        rows = len(found) if turned else len(shown)
        yield Plot(
            key=key,
            title=tr(
                "Right answers by question: {bank}", bank=shorten(check_label(check, part, tr))
            ),
            caption=sentences(
                tr, _caption(tr, found, len(questions), len(shown)), left_out(page, found)
            ),
            svg=draw(key, rows * ROW, partial(_paint, tr, found, shown, turned)),
            head=(tr("question"), *found),
            rows=tuple(
                (each, *(own[each].in_figures if each in own else "" for own in found.values()))
                for each in questions
            ),
        )


def _caption(tr: Translator, found: Counts, questions: int, shown: int) -> str:
    passed = {name: [each.passed for each in own.values()] for name, own in found.items()}
    return sentences(
        tr,
        # A count, so that no interval limits what is said.
        tr("Questions with enough samples right: {counts}.", counts=reached(tr, passed)),
        any(each.n_generated < each.n_max for own in found.values() for each in own.values())
        and tr("Samples that could not change the verdict were not generated."),
        shown < questions
        and tr(
            "Of {count} questions, those {shown} are shown that fewest candidates pass.",
            count=questions,
            shown=shown,
        ),
    )


def _paint(
    tr: Translator, found: Counts, questions: Sequence[str], turned: bool, figure: Any
) -> list[Any]:
    names = list(found)
    cells = [[found[name].get(question) for question in questions] for name in names]
    heads, labels = names, questions
    if turned:
        heads, labels, cells = list(questions), names, list(map(list, zip(*cells, strict=True)))
    axes = side_by_side(figure, heads, labels)
    for one, column in zip(axes, cells, strict=True):
        most = max(each.n_max for own in found.values() for each in own.values())
        one.set(xlim=(0, most), xticks=[])
        one.spines["bottom"].set_visible(False)
        if any(column):
            marks = _paint_column(one, column)
    limits = {f"{each.limit}/{each.n_max}": None for own in found.values() for each in own.values()}
    limit = tr("{head}: {text}", head=tr("limit"), text=joined(tr, list(limits)))
    legend = [tr("right"), tr("wrong"), tr("not generated"), limit]
    figure.legend(marks, map(label, legend), loc="outside upper left", ncols=2)
    return axes[:1]


def _paint_column(axes: Any, column: Sequence[Count | None]) -> list[Any]:
    """Draw a bar for every count and return what a legend shows of them."""
    found = [(row, each) for row, each in enumerate(column) if each is not None]
    rows = [row for row, _ in found]
    right, generated, most, limits, _ = zip(*(each for _, each in found), strict=True)
    return [
        axes.hlines(rows, 0, right, GREEN, linewidth=10),
        axes.hlines(rows, right, generated, RED, linewidth=4),
        axes.hlines(rows, generated, most, GREY, linewidth=1.5, linestyle=":"),
        axes.vlines(limits, [y - 0.5 for y in rows], [y + 0.5 for y in rows], **LIMIT),
    ]
