"""Values with their intervals, as a page has them, and sentences on how candidates compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.formatting import format_value
from basegate.judging.comparison import MIN_ITEMS
from basegate.report.page.comparison import winner
from basegate.report.page.plots.svg import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from basegate.ledger import Comparison
    from basegate.report.page.model import Page
    from basegate.verdict import Result


class Value(NamedTuple):
    """A measured value, with its interval and the interval's level."""

    value: float
    interval: tuple[float, float] | None = None
    confidence: float = 0.95

    @property
    def low(self) -> float:
        return self.interval[0] if self.interval else self.value

    @property
    def high(self) -> float:
        return self.interval[1] if self.interval else self.value


def paint_intervals(
    axes: Any, values: Sequence[Value], ys: Sequence[float], colour: str, marker: str
) -> Any:
    """Draw values from left to right with their intervals and return what a legend shows."""
    below = [each.value - each.low for each in values]
    above = [each.high - each.value for each in values]
    xs = [each.value for each in values]
    return axes.errorbar(xs, ys, xerr=[below, above], color=colour, fmt=marker, clip_on=False)


def row_of(page: Page, candidate: str, check: str, part: str, metric: str) -> Result | None:
    """The row in which a metric of a whole item was judged, if it was."""
    rows = page.rows(candidate, check, part)
    return next((row for row in rows if row.metric == metric and not row.question), None)


def read(page: Page, candidate: str, check: str, part: str, metric: str) -> Value | None:
    """A metric of a whole item: as it was judged, or as it was measured."""
    measured = page.measured(candidate, check, part)
    metrics = measured.findings.metrics if measured else ()
    found = row_of(page, candidate, check, part, metric) or next(
        (each for each in metrics if each.name == metric and not each.item), None
    )
    if found is None or found.value is None:
        return None
    return Value(found.value, found.interval, found.confidence)


def parts_of(page: Page, *checks: str) -> list[tuple[str, str]]:
    return [(check, part) for check, part in page.parts if check in checks]


def sound(page: Page, check: str, part: str) -> list[str]:
    """The candidates with a valid measurement of an item."""
    return [
        name
        for name in page.names
        if (rows := page.rows(name, check, part)) and all(row.metric for row in rows)
    ]


def leaders(
    page: Page, compared: tuple[str, str, str], found: Mapping[str, Value], best: float
) -> tuple[str, str]:
    """Who has the best value, and by the paired comparisons, how that one compares to the others.

    Intervals in a plot tell less: two may overlap, and the candidates still differ significantly on
    the same items. `compared` is check, corpus or bank, and metric; nothing is said of ties.
    """
    tr = page.tr
    first, *others = sorted(found, key=lambda name: found[name].value != best)
    if others and found[others[0]].value == best:
        return listed(tr, [name for name in found if found[name].value == best]), ""
    pairs = {
        frozenset((each.first, each.second)): each
        for each in page.ledger.comparisons
        if (each.check, each.part, each.metric) == compared
    }
    by_word: dict[str, list[str]] = {}
    for name in others:
        by_word.setdefault(_word(pairs.get(frozenset((first, name))), first), []).append(name)
    told = {word: listed(tr, own) for word, own in by_word.items()}
    return shorten(first), sentences(
        tr,
        "better" in told and tr("Significantly better than {names}.", names=told["better"]),
        "worse" in told and tr("Significantly worse than {names}.", names=told["worse"]),
        "same" in told and tr("No significant difference from {names}.", names=told["same"]),
        "few" in told and tr("Too few items in common with {names} to tell.", names=told["few"]),
        "none" in told and tr("Not compared with {names}.", names=told["none"]),
    )


def _word(each: Comparison | None, best: str) -> str:
    if each is None:
        return "none"
    if each.better is None:
        return "same" if each.items >= MIN_ITEMS else "few"
    return "better" if winner(each) == best else "worse"


def left_out(page: Page, shown: Iterable[str]) -> str:
    names = listed(page.tr, [name for name in page.names if name not in set(shown)])
    return names and page.tr("Not shown, for want of a valid measurement: {names}.", names=names)


def sentences(tr: Translator, *given: str | Literal[False]) -> str:
    return tr.gap.join([each for each in given if each])


def listed(tr: Translator, names: Iterable[str]) -> str:
    return joined(tr, list(map(shorten, names)))


def reached(tr: Translator, found: Mapping[str, Sequence[bool]]) -> str:
    return joined(tr, [f"{shorten(name)} {sum(own)}/{len(own)}" for name, own in found.items()])


def joined(tr: Translator, phrases: Sequence[str]) -> str:
    if len(phrases) < 2:
        return "".join(phrases)
    return tr("{some} and {last}", some=tr(", ").join(phrases[:-1]), last=phrases[-1])


def in_figures(value: Value | None, unit: str = "", tr: Translator = ENGLISH) -> str:
    """A value with its interval, e.g. `4.10 (95 %: 3.97–4.23)`."""
    if value is None:
        return ""
    text = format_value(value.value, unit, tr=tr)
    if value.interval is None:
        return text
    low, high = (format_value(end, unit, tr=tr) for end in value.interval)
    known = {"level": f"{value.confidence * 100:g}", "low": low.removesuffix("%").strip()}
    return text + tr(" ({level} %: {low}–{high})", **known, high=high)


def per_cent(share: float, tr: Translator) -> str:
    return tr("{value} %", value=f"{share * 100:.10g}")
