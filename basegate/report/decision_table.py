"""What the page opens with: which candidate to take, and the table that it follows from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from basegate.checks.labels import check_label, metric_label
from basegate.i18n.formatting import format_row_limit, format_value
from basegate.i18n.messages import Message
from basegate.judging.explanation import sentence
from basegate.judging.recommendation import plainest_of
from basegate.report.page.samples import samples_link
from basegate.report.page.templating import render
from basegate.report.terminal import decided, decision_in_words, not_judged_in_words, partial
from basegate.report.wording import missed_in_words, recommendation
from basegate.verdict import telling, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from markupsafe import Markup

    from basegate.i18n.catalogue import Translator
    from basegate.ledger import CandidateEntry
    from basegate.report.page.model import Page
    from basegate.verdict import Result, VerdictWord

SHOWN = 2
"""Metrics of a cell; the rest is counted."""


@dataclass(frozen=True)
class Value:
    """One metric of a cell: the number, its interval, its limit."""

    found: str
    interval: str = ""
    asked: str = ""


@dataclass(frozen=True)
class Cell:
    """One candidate on one check; `word` and `text` stand in place of a verdict."""

    verdict: VerdictWord | None
    values: tuple[Value, ...] = ()
    more: str = ""
    link: str = ""
    word: str = ""
    text: str = ""


@dataclass(frozen=True)
class Line:
    """One candidate of the table; `date` is that of measurements from the store."""

    entry: CandidateEntry
    decision: str
    chosen: bool
    date: str
    cells: tuple[Cell, ...]


def render_decision(page: Page) -> Markup:
    ledger = page.ledger
    choice = ledger.recommendation
    return render(
        "decision.html",
        page,
        sentences=recommendation(ledger, page.tr),
        found=choice.candidate if choice is not None else None,
        partial=partial(page.tr) if ledger.suite.interrupted else "",
        heads=[check_label(check, part, page.tr) for check, part in columns(page)],
        lines=lines(page),
        unmet=unmet(page),
        told=sentence,
        limits=page.tr("Judged by the limits of {path}.", path=ledger.suite.thresholds.path),
    )


def columns(page: Page) -> tuple[tuple[str, str], ...]:
    """Checks that have rows, then those that have not been judged."""
    left = (each for entry in page.ledger.candidates for each in entry.not_judged)
    return tuple(dict.fromkeys((*page.parts, *((each.check, each.item) for each in left))))


def lines(page: Page) -> list[Line]:
    every = (_line(page, entry) for entry in page.ledger.candidates)
    return sorted(every, key=lambda line: not line.chosen)


def _line(page: Page, entry: CandidateEntry) -> Line:
    choice = page.ledger.recommendation
    return Line(
        entry=entry,
        decision=_decision(page, entry),
        chosen=choice is not None and choice.candidate == entry.name,
        date=entry.compared[:10],
        cells=tuple(_cell(page, entry, *part) for part in columns(page)),
    )


def _decision(page: Page, entry: CandidateEntry) -> str:
    rows = page.ledger.results_of(entry.name)
    if not rows or entry.not_run:
        return decided(entry, rows, page.ledger.suite.interrupted, page.tr)
    return decision_in_words(entry.verdict, page.tr)


def _cell(page: Page, entry: CandidateEntry, check: str, part: str) -> Cell:
    name = entry.name
    rows = page.rows(name, check, part)
    if not rows:
        return _empty(page.tr, entry, check, part)
    verdict, shown = telling(rows)
    measurement = page.measured(name, check, part)
    link = samples_link(measurement, name, check, part) if measurement else ""
    asked_alone = [row for row in rows if row.question]
    if asked_alone:
        whole = tuple(_value(page.tr, row) for row in rows if not row.question)
        return Cell(verdict, (*whole, _questions(page, asked_alone)), link=link)
    # Of a check that passes one number tells enough; the others are met, too.
    count = 1 if verdict == "pass" else SHOWN
    values = tuple(_value(page.tr, row) for row in shown[:count])
    left: Counter[VerdictWord] = Counter(row.verdict for row in rows)
    left[verdict] = len(shown) - len(values)
    if verdict != "pass":
        del left["pass"]
    unknown = all(row.unresolved is not None for row in rows if row.verdict == "invalid")
    return Cell(verdict, values, _more(page.tr, left, unknown), link)


def _empty(tr: Translator, entry: CandidateEntry, check: str, part: str) -> Cell:
    for each in entry.not_judged:
        if (each.check, each.item) == (check, part):
            word, text = not_judged_in_words(each, tr)
            return Cell(None, word=word, text=text)
    return Cell(None, word=tr("not run"))


def _more(tr: Translator, left: Mapping[VerdictWord, int], unknown: bool) -> str:
    """How many metrics are left out; `unknown`: the invalid ones only lack a known limit."""
    texts = dict(_LEFT_OUT)
    if unknown:
        texts["invalid"] = Message("and {count} more, limit not known")
    parts = (tr(text, count=left[word]) for word, text in texts.items() if left[word] > 0)
    return tr("; ").join(parts)


_LEFT_OUT: dict[VerdictWord, Message] = {
    "invalid": Message("and {count} more, not measured"),
    "fail": Message("and {count} more, not met"),
    "inconclusive": Message("and {count} more, open"),
    "pass": Message("and {count} more, met"),
}


def _questions(page: Page, rows: Sequence[Result]) -> Value:
    tr = page.tr
    met = sum(row.verdict == "pass" for row in rows)
    limits = {format_row_limit(row, tr) for row in rows}
    limit = limits.pop() if len(limits) == 1 else ""
    count = len(rows)
    weakest, each = _weakest(tr, rows), tr("{limit} right", limit=limit)
    if count > 1:
        weakest = weakest and tr("weakest: {counted}", counted=weakest)
        each = tr("{limit} right each", limit=limit)
    found = tr.ngettext(
        "{met} of {count} question met", "{met} of {count} questions met", count, met=met
    )
    return Value(found, weakest, limit and each)


def _weakest(tr: Translator, rows: Sequence[Result]) -> str:
    """Right samples of the question with the fewest.

    The limit is on this count; the interval of the probability behind it would mislead beside it.
    """
    weakest = min((row for row in rows if row.n_generated), key=_right_of_drawn, default=None)
    if weakest is None or not weakest.count:
        return ""
    known = {"right": f"{weakest.value:g}", "drawn": weakest.n_generated, "count": weakest.count}
    if weakest.n_generated == weakest.count:
        return tr("{right} of {count} right", **known)
    return tr("{right} of {drawn} drawn right, of {count}", **known)


def _right_of_drawn(row: Result) -> tuple[float, int]:
    """The share that is right; of two equal ones, the one with more draws is weaker."""
    drawn = row.n_generated or 1
    share = (row.value or 0.0) / drawn
    return share, -drawn if share < 1 else drawn


def _value(tr: Translator, row: Result) -> Value:
    unknown = row.unresolved
    if unknown is not None and unknown.value is not None:
        value = format_value(unknown.value, unknown.unit, tr=tr)
        asked_ = tr("not known (relative to {name})", name=unknown.candidate)
        return Value(tr(metric_label(unknown.metric).short, value=value), asked=asked_)
    if not row.metric:
        return Value(tr("no measurement"))
    value = format_value(row.value, row.unit, row.limit, tr)
    interval = ""
    if row.interval is not None:
        low, high = (format_value(end, row.unit, row.limit, tr) for end in row.interval)
        level = f"{row.confidence * 100:g}"
        interval = tr("{level} %: {low} to {high}", level=level, low=low, high=high)
    found = tr(metric_label(row.metric).short, value=value)
    return Value(found, interval, format_row_limit(row, tr))


@dataclass(frozen=True)
class Missed:
    """A row that is not met, and the reason for its limit; one that rows share follows the last."""

    row: Result
    why: str = ""


@dataclass(frozen=True)
class Unmet:
    """What one candidate does not meet; `left` are checks without a verdict."""

    name: str
    told: str
    rows: tuple[Missed, ...]
    left: tuple[tuple[str, str], ...] = ()


def unmet(page: Page) -> list[Unmet]:
    found = []
    for entry in page.ledger.candidates:
        rows = [row for row in page.ledger.results_of(entry.name) if row.verdict != "pass"]
        if rows or entry.not_judged:
            missed, left = tuple(_missed(page.tr, rows)), tuple(_left(page.tr, entry))
            found.append(Unmet(entry.name, _told(page, entry, rows), missed, left))
    return found


def _left(tr: Translator, entry: CandidateEntry) -> Iterator[tuple[str, str]]:
    for each in entry.not_judged:
        word, text = not_judged_in_words(each, tr)
        yield word, tr("{head}: {text}", head=check_label(each.check, each.item, tr), text=text)


def _missed(tr: Translator, rows: Sequence[Result]) -> Iterator[Missed]:
    for (_, why), group in groupby(rows, key=lambda row: (row.check, row.why)):
        *others, last = group
        yield from map(Missed, others)
        if not why:
            yield Missed(last)
        elif others:
            yield Missed(last, tr("Reason for these limits: {why}", why=why))
        else:
            yield Missed(last, tr("Reason for the limit: {why}", why=why))


def _told(page: Page, entry: CandidateEntry, missed: Sequence[Result]) -> str:
    tr, name = page.tr, entry.name
    checks: dict[tuple[str, str], list[VerdictWord]] = {}
    for row in page.ledger.results_of(name):
        checks.setdefault((row.check, row.part), []).append(row.verdict)
    counted = Counter(map(worst, checks.values()))
    words: tuple[VerdictWord, ...] = ("fail", "inconclusive", "invalid")
    verdicts = [
        tr("{count} {verdict}", count=counted[word], verdict=tr(word))
        for word in words
        if counted[word]
    ]
    left = Counter(not_judged_in_words(each, tr)[0] for each in entry.not_judged)
    verdicts += [tr("{count} {verdict}", count=count, verdict=word) for word, count in left.items()]
    count = len(checks) + left.total()
    told = tr.ngettext(
        "{name}, of {count} check: {verdicts}",
        "{name}, of {count} checks: {verdicts}",
        count,
        name=name,
        verdicts=tr(", ").join(verdicts),
    )
    plainest = plainest_of(missed)
    missed_ = plainest and missed_in_words(plainest, tr)
    return tr("{told}; for example {missed}", told=told, missed=missed_) if missed_ else told
