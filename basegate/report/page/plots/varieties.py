"""Which variety of Chinese the continuations are in: a bar for every candidate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from basegate.i18n.catalogue import Translator
from basegate.i18n.formatting import FRACTION, format_value
from basegate.i18n.messages import Message
from basegate.measurement import Sample
from basegate.report.page.model import Page
from basegate.report.page.plots import svg, values
from basegate.report.page.plots.svg import label
from basegate.report.page.plots.values import Value

CHECK, METRIC = "continuation", "cantonese_share"
VARIETIES = {
    "cantonese": (Message("Cantonese"), svg.BLUE),
    "mixed": (Message("mixed"), svg.GREEN),
    "written_chinese": (Message("written Chinese"), svg.ORANGE),
    "foreign": (Message("other language"), svg.PINK),
    "neutral": (Message("neutral"), svg.GREY),
}
"""What they are called and drawn in, by the name by which `Sample.notes` counts their sentences.

The last one counts for no share."""


def count_varieties(samples: Iterable[Sample]) -> tuple[int, ...]:
    notes = [sample.notes for sample in samples]
    return tuple(sum(int(each.get(name, 0)) for each in notes) for name in VARIETIES)


def sentences_of(page: Page, part: str) -> dict[str, tuple[int, ...]]:
    measured = {name: page.measured(name, CHECK, part) for name in values.sound(page, CHECK, part)}
    return {
        name: counts
        for name, each in measured.items()
        if each and sum(counts := count_varieties(each.findings.samples))
    }


def plots(page: Page) -> Iterator[svg.Plot]:
    tr = page.tr
    parts = values.parts_of(page, CHECK)
    for number, (_, part) in enumerate(parts, start=1):
        found = sentences_of(page, part)
        if not found:
            continue
        key = f"varieties-{number}"
        title = tr("Language of the continuations")
        if len(parts) > 1:
            title = tr("{head}: {text}", head=title, text=svg.shorten(part))
        cantonese = {name: values.read(page, name, CHECK, part, METRIC) for name in found}
        shares = {name: [each / sum(own) for each in own] for name, own in found.items()}
        names = [tr(name) for name, _ in VARIETIES.values()]
        yield svg.Plot(
            key=key,
            title=title,
            caption=values.sentences(
                tr,
                most_cantonese(page, part, {n: each for n, each in cantonese.items() if each}),
                tr("Neutral sentences fit Cantonese and written Chinese alike and do not count."),
                values.left_out(page, found),
            ),
            svg=svg.draw(key, len(found) * 46, partial(_paint, tr, shares)),
            head=(tr("candidate"), *names, tr("sentences"), tr("Cantonese, without neutral")),
            rows=tuple(
                (
                    name,
                    *(format_value(share, FRACTION, tr=tr) for share in own),
                    str(sum(found[name])),
                    values.in_figures(cantonese[name], FRACTION, tr),
                )
                for name, own in shares.items()
            ),
        )


def most_cantonese(page: Page, part: str, found: Mapping[str, Value]) -> str:
    if not found:
        return ""
    text = Message("Most Cantonese, of sentences that show their variety: {names}, {value}.")
    return values.leaders(page, text, (CHECK, part, METRIC), found, max, FRACTION)


def _paint(tr: Translator, found: Mapping[str, Sequence[float]], figure: Any) -> list[Any]:
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(len(found) - 0.4, -0.7), yticks=[], xticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    rows = range(len(found))
    begins = [0.0] * len(found)
    by_variety = zip(*found.values(), strict=True)
    for (variety, colour), shares in zip(VARIETIES.values(), by_variety, strict=True):
        bars = axes.barh(rows, shares, 0.48, begins, color=colour, label=label(tr(variety)))
        texts = [tr("{value} %", value=f"{x * 100:.0f}") if x >= 0.1 else "" for x in shares]
        axes.bar_label(bars, texts, label_type="center", color="white")
        begins = [begin + share for begin, share in zip(begins, shares, strict=True)]
    for row, name in zip(rows, found, strict=True):
        svg.write(axes, 0, row - 0.34, label(name))
    figure.legend(loc="outside upper left", ncols=3)
    return [axes]
