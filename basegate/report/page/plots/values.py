"""Values with their intervals, as a page has them, and sentences on how candidates compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.formatting import format_interval, format_list, format_value
from basegate.i18n.messages import Message
from basegate.judging.comparison import MIN_ITEMS
from basegate.ledger import Comparison
from basegate.report.page.model import Page
from basegate.report.page.plots.svg import shorten


class Value(NamedTuple):
    """A measured value, with its interval, the interval's level, and the limit if it was judged."""

    value: float
    interval: tuple[float, float] | None = None
    confidence: float = 0.95
    limit: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        return self.interval or (self.value, self.value)


def paint_intervals(
    axes: Any, values: Sequence[Value], ys: Sequence[float], colour: str, marker: str
) -> Any:
    """Draw values from left to right with their intervals and return what a legend shows."""
    xs = [each.value for each in values]
    reach = [(each.value - each.ends[0], each.ends[1] - each.value) for each in values]
    xerr = list(zip(*reach, strict=True))
    return axes.errorbar(xs, ys, xerr=xerr, color=colour, fmt=marker, clip_on=False)


def read(page: Page, candidate: str, check: str, part: str, metric: str) -> Value | None:
    for row in page.rows(candidate, check, part):
        if row.metric == metric and not row.question and row.value is not None:
            return Value(row.value, row.interval, row.confidence, row.limit)
    measured = page.measured(candidate, check, part)
    for each in measured.findings.metrics if measured else ():
        if each.name == metric and not each.item and each.value is not None:
            return Value(each.value, each.interval, each.confidence)
    return None


def parts_of(page: Page, *checks: str) -> list[tuple[str, str]]:
    return [(check, part) for check, part in page.parts if check in checks]


def sound(page: Page, check: str, part: str) -> list[str]:
    """The candidates with a valid measurement of an item."""
    return [
        name
        for name in page.names
        if (rows := page.rows(name, check, part)) and all(row.metric for row in rows)
    ]


BETTER = Message("Significantly better than {names}.")
WORSE = Message("Significantly worse than {names}.")
SAME = Message("No significant difference from {names}.")
FEW = Message("Too few items in common with {names} to tell.")
NOT_COMPARED = Message("Not compared with {names}.")


def leaders(
    page: Page,
    text: str,
    compared: tuple[str, str, str],
    found: Mapping[str, Value],
    best: Callable[[Iterable[float]], float],
    unit: str = "",
) -> str:
    """Who has the best value, and by the paired comparisons, how that one compares to the others.

    Intervals in a plot tell less: two may overlap, and the candidates still differ significantly on
    the same items. Nothing is said of ties. `text` is a sentence with `{names}`, their `{value}`
    and perhaps the `{part}`; `compared` is check, part and metric; `best` is `min` or `max`.
    """
    tr = page.tr
    value = best(each.value for each in found.values())
    first, *tied = (name for name, each in found.items() if each.value == value)
    names, shown = listed(tr, [first, *tied]), format_value(value, unit, tr=tr)
    told = tr(text, names=names, value=shown, part=compared[1])
    if tied:
        return told
    pairs = {
        frozenset((each.first, each.second)): each
        for each in page.ledger.comparisons
        if (each.check, each.part, each.metric) == compared
    }
    by_outcome: dict[str, list[str]] = {}
    for name in (each for each in found if each != first):
        outcome = _outcome(pairs.get(frozenset((first, name))), first)
        by_outcome.setdefault(outcome, []).append(name)
    outcomes = (BETTER, WORSE, SAME, FEW, NOT_COMPARED)
    standing = (tr(o, names=listed(tr, by_outcome[o])) for o in outcomes if o in by_outcome)
    return sentences(tr, told, *standing)


def _outcome(each: Comparison | None, first: str) -> str:
    if each is None:
        return NOT_COMPARED
    if each.better is None:
        return SAME if each.items >= MIN_ITEMS else FEW
    return BETTER if each.winner == first else WORSE


def left_out(page: Page, shown: Iterable[str], in_part: Iterable[str] = ()) -> str:
    """Who is not shown; `in_part` are those of whom too little was asked for it."""
    apart, absent = set(shown), {*shown, *in_part}
    invalid = listed(page.tr, [name for name in page.names if name not in absent])
    partial = listed(page.tr, [name for name in in_part if name not in apart])
    return sentences(
        page.tr,
        invalid and page.tr("Not shown, for want of a valid measurement: {names}.", names=invalid),
        partial
        and page.tr("Not shown, since the bank was asked in part only: {names}.", names=partial),
    )


def asked_in_part(page: Page, check: str, part: str) -> list[str]:
    found = ((name, page.measured(name, check, part)) for name in page.names)
    return [name for name, each in found if each and each.findings.facts.get("not_asked")]


def best_null(page: Page, check: str, part: str, metric: str) -> str:
    """A sentence on the line that is drawn for it; empty where there is none."""
    null = page.null(check, part, metric)
    if null is None:
        return ""
    value = format_value(null.value, null.unit, tr=page.tr)
    text = Message("The best null model on {part} is {name}, {value}.")
    if null.asked_in_part:
        text = Message("The best null model on {part} is {name}, {value}, where a part was asked.")
    return page.tr(text, part=shorten(part), name=null.candidate, value=value)


def sentences(tr: Translator, *given: str | Literal[False]) -> str:
    return tr.gap.join([each for each in given if each])


def listed(tr: Translator, names: Iterable[str]) -> str:
    return format_list(list(map(shorten, names)), tr)


def reached(tr: Translator, found: Mapping[str, Sequence[bool]]) -> str:
    return format_list(
        [f"{shorten(name)} {sum(own)}/{len(own)}" for name, own in found.items()], tr
    )


def in_figures(value: Value | None, unit: str = "", tr: Translator = ENGLISH) -> str:
    """A value with its interval, e.g. `4.10 (95 %: 3.97 to 4.23)`."""
    if value is None:
        return ""
    text = format_value(value.value, unit, tr=tr)
    if value.interval is None:
        return text
    return text + format_interval(value.interval, unit, value.confidence, tr=tr)
