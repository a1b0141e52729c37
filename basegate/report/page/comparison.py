"""Every two candidates on the same items, and the article's table beside the run's.

The article: Joseph Cheng, 調教大語言模型三步曲之一：揀預訓練模型, 2023-12-18.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from basegate.checks.labels import check_label, unit_label
from basegate.i18n.formatting import FRACTION, format_value
from basegate.i18n.messages import Message
from basegate.judging.comparison import MIN_ITEMS
from basegate.report import power_table
from basegate.report.page.templating import render

if TYPE_CHECKING:
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
        page.tr,
        groups=_groups(page),
        power=[power_table.cells(each, page.tr) for each in page.ledger.power],
        power_heads=power_table.heads(page.tr),
        not_telling=power_table.not_telling(page.ledger.power, page.tr),
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
        place, unit = check_label(check, part, tr), unit_label(check, metric, tr)
        groups.append(Group(place, unit, items, level, rows, significant))
    return groups


def signed(each: Comparison, value: float) -> str:
    scaled = value * 100 if each.unit == FRACTION else value
    text = f"{scaled:+.1f}" if each.unit == FRACTION else f"{scaled:+.2f}"
    return text.replace("-", "\u2212")


def interval(tr: Translator, each: Comparison) -> str:
    if each.interval is None:
        return ""
    low, high = (signed(each, end) for end in each.interval)
    return tr("{low} to {high}", low=low, high=high)


UNSTABLE = Message(
    "worse than guessing every token alike: a numerically unstable run, not a bad model"
)
PUBLISHED: dict[str, tuple[str, str]] = {
    "01-ai/Yi-6B": ("81.5", ""),
    "01-ai/Yi-34B": ("55.2", ""),
    "THUDM/chatglm3-6b-base": ("inf", UNSTABLE),
    "Qwen/Qwen-7B": ("880640", UNSTABLE),
    "meta-llama/Llama-2-7b-hf": ("37.2", ""),
    "indiejoseph/cantonese-llama-2-7b": ("22.9", ""),
}
"""Perplexity as the article gives it, by hub id, and what is wrong with it."""


def _article(page: Page) -> Iterator[tuple[str, ...]]:
    """Candidates that the article measured, too: its perplexity, the same of this run, and bits."""
    for entry in page.ledger.candidates:
        if published := PUBLISHED.get(entry.source):
            metrics = ("article_perplexity", "bits_per_char")
            yield entry.name, *published, *(_first(page, entry.name, each) for each in metrics)


def _first(page: Page, name: str, metric: str) -> str:
    """What a run found, on the first corpus where it found it; else that it did not."""
    for check, part in page.parts:
        measurement = page.measured(name, check, part) if check == "perplexity" else None
        for each in measurement.findings.metrics if measurement is not None else ():
            if each.name == metric:
                value = format_value(each.value, tr=page.tr)
                return page.tr("{value} on {part}", value=value, part=part)
    return page.tr("not measured")
