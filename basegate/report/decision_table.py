"""What the page opens with: which candidate to take, and the table that it follows from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from basegate.checks.labels import check_label, format_number, format_short
from basegate.i18n.formatting import format_row_limit, format_value
from basegate.i18n.messages import Message
from basegate.judging.explanation import sentence
from basegate.judging.recommendation import plainest_of
from basegate.report import decision_text
from basegate.report.page.samples import samples_link
from basegate.report.page.templating import render
from basegate.verdict import Result, VerdictWord, deciding_rows, rows_by_reason

if TYPE_CHECKING:
    from markupsafe import Markup

    from basegate.i18n.catalogue import Translator
    from basegate.ledger import CandidateEntry
    from basegate.report.page.model import Page

SHOWN = 2
"""Metrics of a cell that are not met; the rest is counted."""


class Value(NamedTuple):
    """One metric of a cell: the number, its interval, its limit, and what a null model reaches."""

    found: str
    interval: str = ""
    asked: str = ""
    null: str = ""


class Cell(NamedTuple):
    """One candidate on one check; `word` and `text` stand in place of a verdict."""

    verdict: VerdictWord | None
    values: tuple[Value, ...] = ()
    more: str = ""
    link: str = ""
    word: str = ""
    text: str = ""


class Line(NamedTuple):
    """One candidate of the table."""

    entry: CandidateEntry
    decision: str
    chosen: bool
    cells: list[Cell]


def render_decision(page: Page) -> Markup:
    ledger = page.ledger
    return render(
        "decision.html",
        page.tr,
        sentences=decision_text.recommendation(ledger, page.tr),
        partial=decision_text.partial(page.tr) if ledger.suite.interrupted else "",
        heads=[check_label(check, part, page.tr) for check, part in columns(page)],
        lines=lines(page),
        unmet=unmet(page),
        limits=page.tr("Judged by the limits of {path}.", path=ledger.suite.thresholds.path),
    )


def columns(page: Page) -> tuple[tuple[str, str], ...]:
    """Checks that have rows, then those that have not been judged."""
    left = (each for entry in page.ledger.candidates for each in entry.not_judged)
    return tuple(dict.fromkeys((*page.parts, *((each.check, each.item) for each in left))))


def lines(page: Page) -> list[Line]:
    """The recommended candidate first."""
    choice, parts = page.ledger.recommendation, columns(page)
    found = []
    for entry in page.ledger.candidates:
        chosen = choice is not None and choice.candidate == entry.name
        cells = [_cell(page, entry, *part) for part in parts]
        found.append(Line(entry, _decision(page, entry), chosen, cells))
    return sorted(found, key=lambda line: not line.chosen)


def _decision(page: Page, entry: CandidateEntry) -> str:
    rows = page.ledger.results_of(entry.name)
    if not rows or entry.not_run:
        return decision_text.decided(entry, rows, page.ledger.suite.interrupted, page.tr)
    return decision_text.decision_in_words(entry.verdict, page.tr)


def _cell(page: Page, entry: CandidateEntry, check: str, part: str) -> Cell:
    tr, name = page.tr, entry.name
    rows = page.rows(name, check, part)
    if not rows:
        return _empty(tr, entry, check, part)
    own = [row for row in rows if not row.advisory]
    verdict, shown = deciding_rows(rows)
    told = [row for row in rows if row.advisory and (row.verdict != "pass" or not own)]
    measurement = page.measured(name, check, part)
    link = samples_link(measurement, name, check, part) if measurement else ""
    advisory = _values(page, told)
    if not own:
        return Cell(None, advisory, link=link, word=tr("advisory"))
    if len([row for row in own if row.question]) > 1:
        return Cell(verdict, (*_values(page, own), *advisory), link=link)
    # Of a check that passes one number tells enough; the others are met, too.
    values = tuple(_value(page, row) for row in shown[: 1 if verdict == "pass" else SHOWN])
    left = sum(row.verdict != "pass" or verdict == "pass" for row in own) - len(values)
    more = ""
    if left and verdict == "pass":
        more = tr("and {count} more, met", count=left)
    elif left:
        more = tr("and {count} more, not met or not known", count=left)
    return Cell(verdict, (*values, *advisory), more, link)


def _values(page: Page, rows: Sequence[Result]) -> tuple[Value, ...]:
    """All of them; several questions as one."""
    questions = [row for row in rows if row.question]
    if len(questions) < 2:
        return tuple(_value(page, row) for row in rows)
    return *(_value(page, row) for row in rows if not row.question), _questions(page.tr, questions)


def _empty(tr: Translator, entry: CandidateEntry, check: str, part: str) -> Cell:
    for each in entry.not_judged:
        if (each.check, each.item) == (check, part):
            word, text = decision_text.not_judged_in_words(each, tr)
            return Cell(None, word=word, text=text)
    return Cell(None, word=tr("not run"))


def _questions(tr: Translator, rows: Sequence[Result]) -> Value:
    """Of questions judged individually: how many are met, and the one with the fewest right.

    The limit is on this count; the interval of the probability behind it would mislead beside it.
    """
    met = sum(row.verdict == "pass" for row in rows)
    found = tr.ngettext(
        "{met} of {count} question met", "{met} of {count} questions met", len(rows), met=met
    )
    weakest = min((row for row in rows if row.n_generated), key=_share_right, default=None)
    if weakest is None:
        return Value(found)
    limits = {format_row_limit(row, tr) for row in rows}
    return Value(
        found,
        tr("weakest: {counted}", counted=format_number(weakest, weakest.limit, tr)),
        tr("{limit} right each", limit=limits.pop()) if len(limits) == 1 else "",
    )


def _share_right(row: Result) -> tuple[float, int]:
    """Of samples that were generated; where none is right, more of them say more against it."""
    generated = row.n_generated or 1
    return (row.value or 0.0) / generated, -generated


def _value(page: Page, row: Result) -> Value:
    tr = page.tr
    unknown = row.unresolved
    if unknown is not None and unknown.value is not None:
        value = format_value(unknown.value, unknown.unit, tr=tr)
        asked_ = tr("not known (relative to {name})", name=unknown.candidate)
        return Value(format_short(value, row.check, unknown.metric, unknown.unit, tr), asked=asked_)
    if not row.metric:
        return Value(tr("no measurement"))
    if row.counts:
        return Value(format_number(row, row.limit, tr), asked=format_row_limit(row, tr))
    value = format_value(row.value, row.unit, row.limit, tr)
    interval = ""
    if row.interval is not None:
        low, high = (format_value(end, row.unit, row.limit, tr) for end in row.interval)
        level = f"{row.confidence * 100:g}"
        interval = tr("{level} %: {low} to {high}", level=level, low=low, high=high)
    found = format_short(value, row.check, row.metric, row.unit, tr)
    return Value(found, interval, format_row_limit(row, tr), _best_null(page, row))


def _best_null(page: Page, row: Result) -> str:
    null = page.null(row.check, row.part, row.metric)
    if null is None:
        return ""
    value = format_value(null.value, null.unit, row.limit, page.tr)
    text = Message("best null model: {value} ({name})")
    if null.asked_in_part:
        text = Message("best null model, on a part: {value} ({name})")
    return page.tr(text, value=value, name=null.candidate)


class Unmet(NamedTuple):
    """A limit that is not met, or a check without a verdict; `why` is the reason for limits."""

    verdict: VerdictWord
    word: str
    text: str
    why: str = ""


class CandidateUnmet(NamedTuple):
    """What one candidate does not meet."""

    name: str
    summary: str
    items: list[Unmet]


def unmet(page: Page) -> list[CandidateUnmet]:
    found = []
    for entry in page.ledger.candidates:
        rows = [row for row in page.ledger.results_of(entry.name) if row.verdict != "pass"]
        items = [*_unmet_limits(page.tr, rows), *_not_judged(page.tr, entry)]
        if items:
            found.append(CandidateUnmet(entry.name, _summary(page, entry, rows), items))
    return found


def _unmet_limits(tr: Translator, rows: Sequence[Result]) -> Iterator[Unmet]:
    """The reason of limits that follow each other stands at the last one."""
    shared = rows_by_reason(rows)
    alone = (row for row in rows if row.metric or row.reason not in shared)
    for (_, why), group in groupby(alone, key=lambda row: (row.check, row.why)):
        *others, last = (Unmet(row.verdict, tr(row.verdict), sentence(row, tr)) for row in group)
        yield from others
        if why and others:
            last = last._replace(why=tr("Reason for these limits: {why}", why=why))
        elif why:
            last = last._replace(why=tr("Reason for the limit: {why}", why=why))
        yield last
    for reason, folded in shared.items():
        head = tr("{count} checks", count=len(folded))
        text = tr("{head}: {text}", head=head, text=tr.translate(reason))
        yield Unmet(folded[0].verdict, tr(folded[0].verdict), text)


def _not_judged(tr: Translator, entry: CandidateEntry) -> Iterator[Unmet]:
    for each in entry.not_judged:
        word, text = decision_text.not_judged_in_words(each, tr)
        text = tr("{head}: {text}", head=check_label(each.check, each.item, tr), text=text)
        yield Unmet("inconclusive", word, text)


def _summary(page: Page, entry: CandidateEntry, unmet_rows: Sequence[Result]) -> str:
    """Verdicts of a candidate's checks other than `pass`, counted, with the clearest as example."""
    tr, name = page.tr, entry.name
    verdicts = [deciding_rows(rows)[0] for part in page.parts if (rows := page.rows(name, *part))]
    # By the alphabet: fail, inconclusive, invalid.
    words = [tr(each) for each in sorted(verdicts) if each != "pass"]
    words += [decision_text.not_judged_in_words(each, tr)[0] for each in entry.not_judged]
    blocking = [row for row in unmet_rows if row.blocks]
    words += [tr("advisory") for row in unmet_rows if row.advisory]
    counted = [tr("{count} {verdict}", count=n, verdict=word) for word, n in Counter(words).items()]
    told = tr.ngettext(
        "{name}, of {count} check: {verdicts}",
        "{name}, of {count} checks: {verdicts}",
        len(verdicts) + len(entry.not_judged),
        name=name,
        verdicts=tr(", ").join(counted),
    )
    plainest = plainest_of(blocking or unmet_rows)
    if plainest is None:
        return told
    return tr(
        "{told}; for example {missed}",
        told=told,
        missed=decision_text.missed_in_words(plainest, tr),
    )
