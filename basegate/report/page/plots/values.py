"""Values with their intervals, as a page has them, and sentences that the intervals carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.formatting import FRACTION, format_value
from basegate.judging.comparison import FEWEST
from basegate.report.page.comparison import winner
from basegate.report.page.plots.style import WIDTH
from basegate.report.page.plots.text_layout import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from basegate.ledger import Comparison
    from basegate.measurement import Measurement, Metric
    from basegate.report.page.model import Page
    from basegate.verdict import Result


@dataclass(frozen=True)
class Reading:
    """A value that was found, and how sure it is.

    Attributes:
        value: the number.
        interval: lower and upper end, where there are any.
        confidence: the interval's level.
    """

    value: float
    interval: tuple[float, float] | None = None
    confidence: float = 0.95

    @property
    def low(self) -> float:
        """The lower end, or the value where no end is known."""
        return self.interval[0] if self.interval else self.value

    @property
    def high(self) -> float:
        """The upper end, or the value where no end is known."""
        return self.interval[1] if self.interval else self.value


def reading_of(metric: Metric | Result | None, confidence: float | None = None) -> Reading | None:
    """Return what a metric or a row of the ledger says was found; `None` for no number.

    Args:
        metric: either of them.
        confidence: for a metric, the level that its interval is wanted at.
    """
    if metric is None or metric.value is None:
        return None
    interval, level = metric.interval, metric.confidence
    if confidence is not None and hasattr(metric, "interval_at"):
        interval, level = metric.interval_at(confidence)
    return Reading(metric.value, interval, level)


def find(measurement: Measurement, metric: str, item: str = "") -> Metric | None:
    """Return a metric of a measurement, if it holds it."""
    metrics = measurement.findings.metrics
    return next((each for each in metrics if (each.name, each.item) == (metric, item)), None)


def row_of(page: Page, candidate: str, check: str, part: str, metric: str) -> Result | None:
    """Return the row in which a metric of a whole item was judged, if it was."""
    rows = page.rows(candidate, check, part)
    return next((row for row in rows if row.metric == metric and not row.question), None)


def read(page: Page, candidate: str, check: str, part: str, metric: str) -> Reading | None:
    """Return a metric of a whole item: as it was judged, or as it was measured."""
    judged = row_of(page, candidate, check, part, metric)
    if judged is not None:
        return reading_of(judged)
    measured = page.measured(candidate, check, part)
    return reading_of(find(measured, metric)) if measured else None


def parts_of(page: Page, *checks: str) -> list[tuple[str, str]]:
    """Return the items of some checks, in the order of the ledger."""
    return [(check, part) for check, part in page.parts if check in checks]


def sound(page: Page, check: str, part: str) -> list[str]:
    """Return the candidates that an item says something about: measured, and not broken."""
    return [
        name
        for name in page.names
        if (rows := page.rows(name, check, part)) and all(row.metric for row in rows)
    ]


def fewest_bits(page: Page, corpus: str, found: Mapping[str, Reading]) -> str:
    """Say who needs the fewest bits per character, and how that one stands to the others."""
    tr = page.tr
    if len(found) == 1:
        ((name, only),) = found.items()
        return tr(
            "{name} needs {value} bits per character on {corpus}.",
            name=short(name),
            value=in_figures(only, tr=tr),
            corpus=corpus,
        )
    fewest = min(each.value for each in found.values())
    first, others = split(found, fewest)
    told = {"names": listed(tr, first), "corpus": corpus}
    if not others:
        return tr(
            "All need the same number of bits per character on {corpus}, {value}.",
            corpus=corpus,
            value=format_value(fewest),
        )
    return sentences(
        tr,
        tr("{names} needs the fewest bits per character on {corpus}.", **told)
        if len(first) == 1
        else tr("{names} need the fewest bits per character on {corpus}, equally many.", **told),
        standing(page, ("perplexity", corpus, "bits_per_char"), first[0], others)
        if len(first) == 1
        else "",
    )


def split(found: Mapping[str, Reading], value: float) -> tuple[list[str], list[str]]:
    """Return who has a value exactly, and who has another, these in the order of theirs."""
    first = [name for name, each in found.items() if each.value == value]
    others = sorted(
        (name for name in found if name not in first),
        key=lambda name: abs(found[name].value - value),
    )
    return first, others


def standing(page: Page, compared: tuple[str, str, str], best: str, others: Sequence[str]) -> str:
    """Say how a candidate stands to others, as the comparisons of the run have it.

    What a reader sees of intervals in a picture tells less: two may meet, and the candidates still
    differ on the same items.

    Args:
        page: of the run.
        compared: check, corpus or bank, and metric.
        best: the candidate that is spoken of.
        others: in the order in which they are named.
    """
    tr = page.tr
    by_word: dict[str, list[str]] = {word: [] for word in _WORDS}
    for name in others:
        by_word[_standing(page, compared, best, name)].append(name)
    items = [each.items for name in by_word["few"] if (each := _pair(page, compared, best, name))]
    better, worse, same, few, apart = (listed(tr, names) for names in by_word.values())
    return sentences(
        tr,
        better and tr("On the same items it is better than {names}.", names=better),
        worse and tr("Better than it on the same items: {names}.", names=worse),
        same and tr("Not told apart from it: {names}.", names=same),
        few and _too_few(tr, compared[0], max(items), few),
        apart and tr("Not compared with it: {names}.", names=apart),
    )


_WORDS = ("better", "worse", "same", "few", "none")
"""How a candidate can stand to another; `none` where they were not compared."""


def _standing(page: Page, compared: tuple[str, str, str], best: str, other: str) -> str:
    each = _pair(page, compared, best, other)
    if each is None:
        return "none"
    if each.better is None:
        return "same" if each.items >= FEWEST else "few"
    return "better" if winner(each) == best else "worse"


def _pair(page: Page, compared: tuple[str, str, str], one: str, other: str) -> Comparison | None:
    found = (
        each
        for each in page.ledger.comparisons
        if (each.check, each.part, each.metric) == compared
        and {each.first, each.second} == {one, other}
    )
    return next(found, None)


def _too_few(tr: Translator, check: str, count: int, names: str) -> str:
    """Say how many items of a check are too few to tell candidates apart."""
    if check == "continuation":
        return tr(
            "Prompts in common: {count}; at least {fewest} are needed to tell it from {names}, "
            "since samples of one prompt are not compared with each other.",
            count=count,
            fewest=FEWEST,
            names=names,
        )
    return tr(
        "Too few items to tell it from {names}: {count}, and at least {fewest} are needed.",
        names=names,
        count=count,
        fewest=FEWEST,
    )


def left_out(tr: Translator, page: Page, shown: Iterable[str]) -> str:
    """Say which candidates a picture does not show; empty where it shows all."""
    missing = [name for name in page.names if name not in set(shown)]
    if not missing:
        return ""
    return tr("Not shown, for want of a valid measurement: {names}.", names=listed(tr, missing))


def sentences(tr: Translator, *given: str) -> str:
    """Return a text of those sentences that say something."""
    return tr.gap.join(filter(None, given))


def listed(tr: Translator, names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    return joined(tr, [short(name) for name in names])


def all_or_listed(tr: Translator, names: Sequence[str], everyone: Sequence[str]) -> str:
    """Return names as a list in a sentence, or in two words where they are all there are."""
    if len(names) == len(everyone) > 2:
        return tr("every candidate")
    return listed(tr, names)


def joined(tr: Translator, phrases: Sequence[str]) -> str:
    """Return phrases as a list in a sentence."""
    if len(phrases) < 2:
        return "".join(phrases)
    text = phrases[0]
    for phrase in phrases[1:-1]:
        text = tr("{some}, {next}", some=text, next=phrase)
    return tr("{some} and {last}", some=text, last=phrases[-1])


def short(name: str) -> str:
    """Return a name for a sentence or a cell."""
    return shorten(name, WIDTH)


def in_figures(reading: Reading | None, unit: str = "", tr: Translator = ENGLISH) -> str:
    """Return a value with its interval, e.g. `4.10 (95 %: 3.97–4.23)`; empty where there is none.

    Args:
        reading: what was found.
        unit: in words; one that begins with `share ` is shown in per cent.
        tr: the words of the reader's language.
    """
    if reading is None:
        return ""
    text = format_value(reading.value, unit, tr=tr)
    if reading.interval is None:
        return text
    low, high = (format_value(end, unit, tr=tr) for end in reading.interval)
    return text + tr(
        " ({level} %: {low}–{high})",
        level=f"{reading.confidence * 100:g}",
        low=low.removesuffix("%").strip(),
        high=high,
    )


def per_cent(share: float, tr: Translator = ENGLISH) -> str:
    """Return a share in per cent, as ticks of an axis say it."""
    return tr("{value} %", value=f"{share * 100:.10g}")


def in_per_cent(reading: Reading | None, tr: Translator = ENGLISH) -> str:
    """Return a share with its interval, in per cent."""
    return in_figures(reading, FRACTION, tr)
