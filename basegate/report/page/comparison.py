"""Every two candidates on the same items, and the article's table beside the run's.

The article: Joseph Cheng, 調教大語言模型三步曲之一：揀預訓練模型, 2023-12-18.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from basegate.checks.labels import check_label, format_measured, unit_label
from basegate.i18n.formatting import FRACTION, format_value
from basegate.i18n.messages import Message
from basegate.judging.comparison import MIN_ITEMS
from basegate.report.page.templating import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

    from basegate.i18n.catalogue import Translator
    from basegate.ledger import Comparison
    from basegate.report.page.model import Page


class Group(NamedTuple):
    """The comparisons in one metric of one check; `level` is that of the intervals, in per cent."""

    place: str
    unit: str
    items: str
    level: str
    rows: tuple[Comparison, ...]
    significant: int


def render_comparisons(page: Page) -> Markup:
    return render(
        "comparison.html",
        page,
        groups=_groups(page),
        article=list(_article(page)),
        format_value=format_value,
        signed=signed,
        interval=interval,
        fewest=MIN_ITEMS,
    )


def _groups(page: Page) -> list[Group]:
    tr, groups = page.tr, []
    parts = groupby(page.ledger.comparisons, key=lambda each: (each.check, each.part, each.metric))
    for (check, part, metric), found in parts:
        rows = tuple(found)
        fewest, most = min(each.items for each in rows), max(each.items for each in rows)
        items = str(most) if fewest == most else tr("{low} to {high}", low=fewest, high=most)
        level = f"{rows[0].confidence * 100:.4g}"
        significant = sum(each.better is not None for each in rows)
        place, unit = check_label(check, part, tr), unit_label(metric, tr)
        groups.append(Group(place, unit, items, level, rows, significant))
    return groups


def signed(each: Comparison, value: float) -> str:
    """A difference with its sign; of shares in percentage points."""
    scaled = value * 100 if each.unit == FRACTION else value
    text = f"{scaled:+.1f}" if each.unit == FRACTION else f"{scaled:+.2f}"
    return text.replace("-", "\u2212")


def interval(tr: Translator, each: Comparison) -> str:
    if each.interval is None:
        return ""
    low, high = (signed(each, end) for end in each.interval)
    return tr("{low} to {high}", low=low, high=high)


class Published(NamedTuple):
    """What the article says of one model; of several answers it shows the best."""

    perplexity: str
    knows: bool
    reasons: bool
    broken: str = ""


QUESTION, PROBLEM = "chief-executive", "article"
"""Their ids in the banks that come with the suite."""

_NOT_A_BAD_MODEL = Message(
    "worse than guessing every token alike: a numerically unstable run, not a bad model"
)

PUBLISHED: dict[str, Published] = {
    "01-ai/Yi-6B": Published("81.5", True, True),
    "01-ai/Yi-34B": Published("55.2", True, True),
    "THUDM/chatglm3-6b-base": Published("inf", True, True, _NOT_A_BAD_MODEL),
    "Qwen/Qwen-7B": Published("880640", True, False, _NOT_A_BAD_MODEL),
    "meta-llama/Llama-2-7b-hf": Published("37.2", False, False),
    "indiejoseph/cantonese-llama-2-7b": Published("22.9", False, False),
}
"""By hub id."""


def _article(page: Page) -> Iterator[tuple[str, Published, list[str]]]:
    """Candidates that the article measured, too, with its numbers and those of this run."""
    asked = (
        ("perplexity", "article_perplexity"),
        ("perplexity", "bits_per_char"),
        ("knowledge", "correct", QUESTION),
        ("reasoning", "correct", PROBLEM),
    )
    for entry in page.ledger.candidates:
        if published := PUBLISHED.get(entry.source):
            yield entry.name, published, [_metric(page, entry.name, *each) for each in asked]


def _metric(page: Page, name: str, check: str, metric: str, item: str = "") -> str:
    """What a run found, on the first corpus or bank where it found it; else that it did not."""
    for checked, part in page.parts:
        measurement = page.measured(name, check, part) if checked == check else None
        for each in measurement.findings.metrics if measurement is not None else ():
            if (each.name, each.item) == (metric, item) and item:
                return format_measured(each, None, page.tr)
            if each.name == metric and not item:
                value = format_value(each.value, tr=page.tr)
                return page.tr("{value} on {part}", value=value, part=part)
    return page.tr("not measured")
