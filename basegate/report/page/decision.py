"""What the page opens with: which candidate to take, and the table that it follows from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from basegate.figures import asked, found, place
from basegate.judge import telling
from basegate.report.page.templating import render
from basegate.report.terminal import decided, partial
from basegate.report.wording import recommendation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from basegate.judge import Result, VerdictWord
    from basegate.ledger import CandidateEntry
    from basegate.report.page import Page

SHOWN = 3
"""Lines of a cell; the rest is counted."""


@dataclass(frozen=True)
class Cell:
    """One candidate on one check.

    Attributes:
        verdict: its word; `None` where the check was not run.
        lines: what was measured, or a question that is not met each.
        asked: the limit, where there is one for all lines.
        more: lines that are left out.
    """

    verdict: VerdictWord | None
    lines: tuple[str, ...] = ()
    asked: str = ""
    more: int = 0


@dataclass(frozen=True)
class Line:
    """One candidate of the table.

    Attributes:
        entry: of the ledger.
        decision: in words.
        chosen: whether it is the one to take.
        date: of its measurements, where it was taken from the store to be compared with.
        cells: of all checks.
    """

    entry: CandidateEntry
    decision: str
    chosen: bool
    date: str
    cells: tuple[Cell, ...]


def render_decision(page: Page) -> Markup:
    """Return the section: recommendation, table, and what is not met."""
    ledger = page.ledger
    choice = ledger.recommendation
    return render(
        "decision.html",
        page,
        sentences=recommendation(ledger, page.say),
        found=choice.candidate if choice is not None else None,
        partial=partial(page.say) if ledger.suite.interrupted else "",
        heads=[place(check, part, page.say) for check, part in page.parts],
        lines=[_line(page, entry) for entry in ledger.candidates],
        unmet=_unmet(page),
    )


def _line(page: Page, entry: CandidateEntry) -> Line:
    ledger = page.ledger
    rows = ledger.results_of(entry.name)
    choice = ledger.recommendation
    return Line(
        entry=entry,
        decision=decided(entry, rows, ledger.suite.interrupted, page.say),
        chosen=choice is not None and choice.candidate == entry.name,
        date=entry.compared[:10],
        cells=tuple(_cell(page, page.rows(entry.name, *part)) for part in page.parts),
    )


def _cell(page: Page, rows: Sequence[Result]) -> Cell:
    if not rows:
        return Cell(None)
    verdict, shown = telling(rows)
    limits = {asked(row, page.say) for row in shown}
    return Cell(
        verdict=verdict,
        lines=tuple(_value(page, row) for row in shown[:SHOWN]),
        asked=limits.pop() if len(limits) == 1 else "",
        more=max(0, len(shown) - SHOWN),
    )


def _value(page: Page, row: Result) -> str:
    if not row.metric:
        return page.say("no measurement")
    value = found(row, row.limit, page.say)
    return (
        page.say("{question}: {value}", question=row.question, value=value)
        if row.question
        else value
    )


def _unmet(page: Page) -> list[tuple[CandidateEntry, list[Result]]]:
    """Return the rows that are not met, by candidate."""
    found_ = [
        (entry, [row for row in page.ledger.results_of(entry.name) if row.verdict != "pass"])
        for entry in page.ledger.candidates
    ]
    return [(entry, rows) for entry, rows in found_ if rows]
