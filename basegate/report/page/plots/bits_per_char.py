"""Bits per character of every corpus: Cantonese beside the same in written Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from basegate.i18n.formatting import format_value
from basegate.report.page.plots.canvas import (
    Canvas,
    Entry,
    Scale,
    axis_below,
    draw,
    legend,
    legend_lines,
    limit_mark,
    limit_sign,
)
from basegate.report.page.plots.plot import Picture
from basegate.report.page.plots.style import LINE, WIDTH
from basegate.report.page.plots.values import (
    Reading,
    all_or_listed,
    fewest_bits,
    in_figures,
    left_out,
    parts_of,
    read,
    row_of,
    sentences,
    short,
    sound,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.i18n.catalogue import Translator
    from basegate.report.page.model import Page

CHECK = "perplexity"


@dataclass(frozen=True)
class Cost:
    """What a corpus costs a candidate, in bits per character.

    Attributes:
        candidate: its name.
        cantonese: of the corpus.
        written: of its documents in written Chinese, where it has them.
        gap: by how much they differ, in the same documents.
        limit: of `cantonese`, if there is one.
    """

    candidate: str
    cantonese: Reading
    written: Reading | None = None
    gap: Reading | None = None
    limit: float | None = None


def costs(page: Page, corpus: str) -> list[Cost]:
    """Return what a corpus costs the candidates that were measured on it."""
    found = []
    for name in sound(page, CHECK, corpus):
        cantonese = read(page, name, CHECK, corpus, "bits_per_char")
        if cantonese is None:
            continue
        row = row_of(page, name, CHECK, corpus, "bits_per_char")
        written = read(page, name, CHECK, corpus, "written_chinese_bits_per_char")
        gap = read(page, name, CHECK, corpus, "gap")
        found.append(Cost(name, cantonese, written, gap, row.limit if row else None))
    return found


def pictures(page: Page) -> Iterator[Picture]:
    """Give the picture, where anything was measured."""
    corpora = {part: found for _, part in parts_of(page, CHECK) if (found := costs(page, part))}
    if not corpora:
        return
    tr = page.tr
    title = tr("Bits per character")
    caption = _caption(page, corpora)
    key = "bits"
    panels = list(corpora.items())
    yield Picture(
        key=key,
        title=title,
        caption=caption,
        svg=draw(key, title, caption, _height(panels, tr), partial(_paint, panels, tr)),
        head=(
            tr("candidate"),
            tr("corpus"),
            tr("Cantonese"),
            tr("written Chinese"),
            tr("limit"),
        ),
        rows=tuple(
            (
                each.candidate,
                corpus,
                in_figures(each.cantonese, tr=tr),
                in_figures(each.written, tr=tr),
                "" if each.limit is None else f"{each.limit:g}",
            )
            for corpus, found in panels
            for each in found
        ),
    )


def _caption(page: Page, corpora: dict[str, list[Cost]]) -> str:
    tr = page.tr
    corpus, first = next(iter(corpora.items()))
    shown = {each.candidate for found in corpora.values() for each in found}
    return sentences(
        tr,
        fewest_bits(page, corpus, {each.candidate: each.cantonese for each in first}),
        *(_on_the_gap(tr, corpus, found) for corpus, found in corpora.items()),
        left_out(tr, page, shown),
    )


def _on_the_gap(tr: Translator, corpus: str, found: Sequence[Cost]) -> str:
    """Say for whom written Chinese is surely cheaper, on a corpus that has both."""
    both = [each for each in found if each.gap is not None]
    if not both:
        return ""
    sure = [each.candidate for each in both if each.gap and each.gap.interval and each.gap.low > 0]
    if not sure:
        return tr(
            "On {corpus}, no interval tells the cost of Cantonese from that of written Chinese.",
            corpus=corpus,
        )
    return tr(
        "On {corpus}, the same content costs fewer bits in written Chinese for {names}, beyond "
        "what their intervals leave open.",
        corpus=corpus,
        names=all_or_listed(tr, sure, [each.candidate for each in both]),
    )


_LANE = 11.0
_GAP = 8.0
_HEAD = 1.8 * LINE
_AXIS = 2 * LINE + 4


def _entries(panels: Sequence[tuple[str, list[Cost]]], tr: Translator) -> list[Entry]:
    entries = [Entry(tr("Cantonese"), _cantonese_sign)]
    everything = [each for _, found in panels for each in found]
    if any(each.written for each in everything):
        entries.append(Entry(tr("written Chinese"), _written_sign))
    if any(each.limit is not None for each in everything):
        entries.append(Entry(tr("limit"), limit_sign))
    return entries


def _cantonese_sign(canvas: Canvas, x: float, y: float) -> None:
    canvas.lines([((x - 9, y), (x + 9, y))], "series-1", width=2.2)
    canvas.marks([(x, y)], "o", "series-1")


def _written_sign(canvas: Canvas, x: float, y: float) -> None:
    canvas.lines([((x - 9, y), (x + 9, y))], "series-2", width=2.2)
    canvas.marks([(x, y)], "s", "series-2", hollow=True)


def _row_height(each: Cost) -> float:
    return LINE + _LANE * (2 if each.written else 1) + _GAP


def _height(panels: Sequence[tuple[str, list[Cost]]], tr: Translator) -> float:
    rows = sum(_row_height(each) for _, found in panels for each in found)
    return len(legend_lines(_entries(panels, tr))) * LINE + rows + len(panels) * (_HEAD + _AXIS)


def _paint(panels: Sequence[tuple[str, list[Cost]]], tr: Translator, canvas: Canvas) -> None:
    entries = _entries(panels, tr)
    legend(canvas, 0, entries)
    top = len(legend_lines(entries)) * LINE
    scale = Scale.over(_values(panels), 6, WIDTH - 6, margin=0.05)
    for corpus, found in panels:
        top += _HEAD
        canvas.text(0, top - 8, corpus, bold=True)
        lanes = []
        for each in found:
            _paint_row(canvas, scale, top, each)
            lanes.append((top + LINE, top + _row_height(each) - _GAP))
            top += _row_height(each)
        axis_below(canvas, scale, lanes, label=tr("bits per character"))
        top += _AXIS


def _paint_row(canvas: Canvas, scale: Scale, top: float, each: Cost) -> None:
    value = format_value(each.cantonese.value)
    canvas.text(0, top + LINE - 4, short(each.candidate), room=WIDTH - 60)
    canvas.text(WIDTH, top + LINE - 4, value, align="right", tint="soft")
    lane = top + LINE + _LANE / 2
    _paint_reading(canvas, scale, lane, each.cantonese, "o", "series-1")
    if each.written:
        _paint_reading(canvas, scale, lane + _LANE, each.written, "s", "series-2", hollow=True)
    if each.limit is not None:
        limit_mark(canvas, scale(each.limit), top + LINE, top + _row_height(each) - _GAP)


def _paint_reading(
    canvas: Canvas,
    scale: Scale,
    y: float,
    reading: Reading,
    marker: str,
    tint: str,
    *,
    hollow: bool = False,
) -> None:
    canvas.lines([((scale(reading.low), y), (scale(reading.high), y))], tint, width=2.2)
    canvas.marks([(scale(reading.value), y)], marker, tint, hollow=hollow)


def _values(panels: Sequence[tuple[str, list[Cost]]]) -> Iterator[float]:
    for _, found in panels:
        for each in found:
            for reading in filter(None, (each.cantonese, each.written)):
                yield from (reading.low, reading.high, reading.value)
            if each.limit is not None:
                yield each.limit
