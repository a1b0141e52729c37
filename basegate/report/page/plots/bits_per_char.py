"""Bits per character of every corpus: Cantonese beside the same in written Chinese."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from basegate.i18n.catalogue import Translator
from basegate.i18n.formatting import format_value
from basegate.i18n.messages import Message
from basegate.report.page.model import Page
from basegate.report.page.plots import svg, values
from basegate.report.page.plots.svg import label
from basegate.report.page.plots.values import Value, in_figures

CHECK, METRIC = "perplexity", "bits_per_char"


class Bits(NamedTuple):
    """What a corpus costs a candidate, and the same documents in written Chinese, if it has any.

    `tokens` are per character.
    """

    cantonese: Value
    written: Value | None = None
    tokens: Value | None = None


def bits_of(page: Page, corpus: str) -> dict[str, Bits]:
    found = {}
    for name in values.sound(page, CHECK, corpus):
        if cantonese := values.read(page, name, CHECK, corpus, METRIC):
            written = values.read(page, name, CHECK, corpus, "written_chinese_bits_per_char")
            tokens = values.read(page, name, CHECK, corpus, "tokens_per_char")
            found[name] = Bits(cantonese, written, tokens)
    return found


def plots(page: Page) -> Iterator[svg.Plot]:
    corpora = {
        part: found for _, part in values.parts_of(page, CHECK) if (found := bits_of(page, part))
    }
    if not corpora:
        return
    tr = page.tr
    every = [(name, corpus, each) for corpus in corpora for name, each in corpora[corpus].items()]
    kinds = tr("Cantonese"), tr("written Chinese"), tr("limit"), tr("tokens per character")
    yield svg.Plot(
        key="bits",
        title=tr("Bits per character"),
        caption=values.sentences(
            tr,
            *(fewest_bits(page, corpus, found) for corpus, found in corpora.items()),
            *(values.best_null(page, CHECK, corpus, METRIC) for corpus in corpora),
            values.left_out(page, [name for name, _, _ in every]),
        ),
        svg=svg.draw("bits", len(every) * 44, partial(_paint, page, corpora)),
        head=(tr("candidate"), tr("corpus"), *kinds),
        rows=tuple(
            (
                *(name, corpus, in_figures(each.cantonese, tr=tr), in_figures(each.written, tr=tr)),
                "" if each.cantonese.limit is None else f"{each.cantonese.limit:g}",
                in_figures(each.tokens, tr=tr),
            )
            for name, corpus, each in every
        ),
    )


def fewest_bits(page: Page, corpus: str, bits: Mapping[str, Bits]) -> str:
    text = Message("Fewest bits per character on {part}: {names}, {value}.")
    found = {name: each.cantonese for name, each in bits.items()}
    return values.leaders(page, text, (CHECK, corpus, METRIC), found, min)


def _paint(page: Page, corpora: dict[str, dict[str, Bits]], figure: Any) -> list[Any]:
    tr = page.tr
    heights = {"height_ratios": list(map(len, corpora.values()))}
    grid = figure.subplots(len(corpora), squeeze=False, sharex=True, gridspec_kw=heights)
    axes = list(grid[:, 0])
    legend: dict[str, Any] = {}
    for one, (corpus, found) in zip(axes, corpora.items(), strict=True):
        one.set_title(label(corpus))
        one.set(ylim=(len(found), 0), yticks=[])
        one.spines["left"].set_visible(False)
        one.grid(axis="x")
        for row, (name, each) in enumerate(found.items()):
            legend |= _paint_row(tr, one, row, name, each)
        if null := page.null(CHECK, corpus, METRIC):
            legend[label(tr("best null model"))] = one.axvline(null.value, **svg.NULL)
    axes[-1].set_xlabel(label(tr("bits per character")))
    figure.legend(legend.values(), legend, loc="outside upper left", ncols=min(3, len(legend)))
    return axes


def _paint_row(tr: Translator, axes: Any, row: int, name: str, each: Bits) -> dict[str, Any]:
    """Draw a candidate's values and return what a legend says of them."""
    value = format_value(each.cantonese.value)
    for x, text, align in ((0, label(name), "left"), (1, value, "right")):
        svg.write(axes, x, row + 0.3, text, align=align, transform=axes.get_yaxis_transform())
    marks = values.paint_intervals(axes, [each.cantonese], [row + 0.5], svg.BLUE, "o")
    legend = {label(tr("Cantonese")): marks}
    if each.written:
        marks = values.paint_intervals(axes, [each.written], [row + 0.72], svg.ORANGE, "s")
        legend[label(tr("written Chinese"))] = marks
    if each.cantonese.limit is not None:
        limit = axes.vlines(each.cantonese.limit, row + 0.38, row + 0.86, **svg.LIMIT)
        legend[label(tr("limit"))] = limit
    return legend
