"""What the page opens with: which candidate to take, and the table that it follows from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from basegate.figures import asked, format_value, place, with_unit
from basegate.judge import telling, worst
from basegate.recommendation import plainest_of
from basegate.report.page.templating import render
from basegate.report.page.texts import address
from basegate.report.terminal import decided, decision_in_words, partial, verdict_in_words
from basegate.report.wording import missed_in_words, recommendation
from basegate.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from markupsafe import Markup

    from basegate.judge import Result, VerdictWord
    from basegate.language import Words
    from basegate.ledger import CandidateEntry
    from basegate.report.page import Page

SHOWN = 2
"""Metrics of a cell; the rest is counted."""
_SHORT = {
    "bits_per_char": "bits per character",
    "perplexity": "perplexity",
    "gap": "bits beyond written Chinese",
    "preferred_share": "right sentence likelier",
    "cantonese_share": "Cantonese",
    "latin_share": "English words",
    "simplified_share": "Simplified",
    "looping_share": "loops",
    "accuracy": "right answers",
    "likelihood_accuracy": "right by likelihood",
    "letter_accuracy": "right by letter",
}
"""Metrics as a cell below the name of its check can call them."""


@dataclass(frozen=True)
class Value:
    """One metric of a cell.

    Attributes:
        found: the number and what it is of.
        interval: its interval, if it has one.
        asked: the limit.
    """

    found: str
    interval: str = ""
    asked: str = ""


@dataclass(frozen=True)
class Cell:
    """One candidate on one check.

    Attributes:
        verdict: its word; `None` where the check was not run.
        values: the metrics that the verdict comes from.
        more: how many metrics are left out, in words; empty where none is.
        link: to the texts behind it; empty where there are none.
    """

    verdict: VerdictWord | None
    values: tuple[Value, ...] = ()
    more: str = ""
    link: str = ""


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
        lines=lines(page),
        unmet=unmet(page),
        told=sentence,
        limits=page.say("Judged by the limits of {path}.", path=ledger.suite.thresholds.path),
    )


def lines(page: Page) -> list[Line]:
    """Return the table: a line per candidate, the chosen one first, with a cell per check."""
    found_ = [_line(page, entry) for entry in page.ledger.candidates]
    return sorted(found_, key=lambda line: not line.chosen)


def _line(page: Page, entry: CandidateEntry) -> Line:
    ledger = page.ledger
    rows = ledger.results_of(entry.name)
    choice = ledger.recommendation
    return Line(
        entry=entry,
        decision=_decided(entry, rows, page),
        chosen=choice is not None and choice.candidate == entry.name,
        date=entry.compared[:10],
        cells=tuple(_cell(page, entry.name, *part) for part in page.parts),
    )


def _decided(entry: CandidateEntry, rows: Sequence[Result], page: Page) -> str:
    """Return the decision; on what it rests, the cells beside it say."""
    if not rows or entry.not_run:
        return decided(entry, rows, page.ledger.suite.interrupted, page.say)
    return decision_in_words(entry.verdict, page.say)


def _cell(page: Page, name: str, check: str, part: str) -> Cell:
    rows = page.rows(name, check, part)
    if not rows:
        return Cell(None)
    verdict, shown = telling(rows)
    link = _link(page, name, check, part)
    asked_alone = [row for row in rows if row.question]
    if asked_alone:
        whole = tuple(_value(page.say, row) for row in rows if not row.question)
        return Cell(verdict, (*whole, _questions(page, asked_alone)), link=link)
    # Of a check that passes one number tells enough; the others are met, too.
    count = 1 if verdict == "pass" else SHOWN
    values = tuple(_value(page.say, row) for row in shown[:count])
    left: Counter[VerdictWord] = Counter(row.verdict for row in rows)
    left[verdict] = len(shown) - len(values)
    if verdict != "pass":
        del left["pass"]
    return Cell(verdict, values, _more(page.say, left), link)


def _more(say: Words, left: Mapping[VerdictWord, int]) -> str:
    """Return how many metrics are left out, by their verdict."""
    return say("; ").join(_left(say, word, left[word]) for word in _WORST_FIRST if left[word] > 0)


_WORST_FIRST: tuple[VerdictWord, ...] = ("invalid", "fail", "inconclusive", "pass")


def _left(say: Words, verdict: VerdictWord, count: int) -> str:
    return {
        "pass": say("and {count} more, met", count=count),
        "fail": say("and {count} more, not met", count=count),
        "inconclusive": say("and {count} more, open", count=count),
        "invalid": say("and {count} more, not measured", count=count),
    }[verdict]


def _questions(page: Page, rows: Sequence[Result]) -> Value:
    """Return how many of the questions that are judged each alone are met."""
    say = page.say
    met = sum(row.verdict == "pass" for row in rows)
    limits = {asked(row, say) for row in rows}
    limit = limits.pop() if len(limits) == 1 else ""
    if len(rows) == 1:
        return Value(
            found=say("{met} of 1 question met", met=met),
            interval=_weakest(say, rows),
            asked=limit and say("{limit} right", limit=limit),
        )
    weakest = _weakest(say, rows)
    return Value(
        found=say("{met} of {count} questions met", met=met, count=len(rows)),
        interval=weakest and say("weakest: {counted}", counted=weakest),
        asked=limit and say("{limit} right each", limit=limit),
    )


def _weakest(say: Words, rows: Sequence[Result]) -> str:
    """Return how many samples are right of the question with the fewest.

    The count is held against the limit. The interval of the chance behind it is another thing, and
    beside the limit it would look as if it was held against that.
    """
    weakest = min((row for row in rows if row.drawn), key=_right_of_drawn, default=None)
    if weakest is None or not weakest.count:
        return ""
    known = {"right": f"{weakest.value:g}", "drawn": weakest.drawn, "count": weakest.count}
    if weakest.drawn == weakest.count:
        return say("{right} of {count} right", **known)
    return say("{right} of {drawn} drawn right, of {count}", **known)


def _right_of_drawn(row: Result) -> tuple[float, int]:
    """Return the share that is right; of two that are alike, the one with more draws is weaker."""
    drawn = row.drawn or 1
    share = (row.value or 0.0) / drawn
    return share, -drawn if share < 1 else drawn


def _value(say: Words, row: Result) -> Value:
    if not row.metric:
        return Value(say("no measurement"))
    value = format_value(row.value, row.unit, row.limit, say)
    name = _SHORT.get(row.metric, row.metric.replace("_", " "))
    interval = ""
    if row.interval is not None:
        low, high = (format_value(end, row.unit, row.limit, say) for end in row.interval)
        level = f"{row.confidence * 100:g}"
        interval = say("{level} %: {low} to {high}", level=level, low=low, high=high)
    return Value(with_unit(value, name, say), interval, asked(row, say))


def _link(page: Page, name: str, check: str, part: str) -> str:
    """Return where the texts behind a cell are."""
    measurement = page.measured(name, check, part)
    if measurement is None:
        return ""
    found = measurement.findings
    return address(name, check, part) if found.samples or found.preferences or found.choices else ""


@dataclass(frozen=True)
class Missed:
    """A row that is not met, or not known to be.

    Attributes:
        row: of the ledger.
        why: the reason for its limit, in words; empty where it has none, and where the next row
            has the same: the reason that a table gives stands once, after the last of its limits.
    """

    row: Result
    why: str = ""


@dataclass(frozen=True)
class Unmet:
    """What one candidate does not meet, or is not known to.

    Attributes:
        name: of the candidate.
        told: how many checks of which verdict, and the farthest from its limit.
        rows: in the order of the ledger.
    """

    name: str
    told: str
    rows: tuple[Missed, ...]


def unmet(page: Page) -> list[Unmet]:
    """Return what is not met, by candidate."""
    found_ = [
        (entry.name, [r for r in page.ledger.results_of(entry.name) if r.verdict != "pass"])
        for entry in page.ledger.candidates
    ]
    return [
        Unmet(name, _told(page, name, rows), tuple(_missed(page.say, rows)))
        for name, rows in found_
        if rows
    ]


def _missed(say: Words, rows: Sequence[Result]) -> Iterator[Missed]:
    for (_, why), group in groupby(rows, key=lambda row: (row.check, row.why)):
        *others, last = group
        yield from map(Missed, others)
        if not why:
            yield Missed(last)
        elif others:
            yield Missed(last, say("Reason for these limits: {why}", why=why))
        else:
            yield Missed(last, say("Reason for the limit: {why}", why=why))


def _told(page: Page, name: str, missed: Sequence[Result]) -> str:
    """Return in one line what is wrong with a candidate."""
    say = page.say
    checks: dict[tuple[str, str], list[VerdictWord]] = {}
    for row in page.ledger.results_of(name):
        checks.setdefault((row.check, row.part), []).append(row.verdict)
    counted = Counter(map(worst, checks.values()))
    words: tuple[VerdictWord, ...] = ("fail", "inconclusive", "invalid")
    verdicts = [
        say("{count} {verdict}", count=counted[word], verdict=verdict_in_words(word, say))
        for word in words
        if counted[word]
    ]
    known = {"name": name, "all": len(checks), "verdicts": say(", ").join(verdicts)}
    told = (
        say("{name}, of 1 check: {verdicts}", **known)
        if len(checks) == 1
        else say("{name}, of {all} checks: {verdicts}", **known)
    )
    plainest = plainest_of(missed)
    if plainest is None:
        return told
    return say("{told}; for example {missed}", told=told, missed=missed_in_words(plainest, say))
