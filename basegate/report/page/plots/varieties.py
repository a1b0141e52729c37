"""Which variety of Chinese the continuations are in: a bar for every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from basegate.i18n.formatting import FRACTION, format_value
from basegate.report.page.plots.canvas import (
    Canvas,
    Entry,
    Scale,
    draw,
    legend,
    legend_lines,
)
from basegate.report.page.plots.plot import Picture
from basegate.report.page.plots.style import LINE, WIDTH
from basegate.report.page.plots.text_layout import width_of
from basegate.report.page.plots.values import (
    Reading,
    in_per_cent,
    left_out,
    listed,
    parts_of,
    read,
    sentences,
    short,
    sound,
    split,
    standing,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from basegate.i18n.catalogue import Translator
    from basegate.measurement import Sample
    from basegate.report.page.model import Page

CHECK = "continuation"
VARIETIES = ("cantonese", "mixed", "written_chinese", "foreign", "neutral")
"""As `Sample.notes` counts sentences; the last counts for no share."""
_TINTS = ("series-1", "series-3", "series-2", "series-4", "soft")
_HATCHES = ("", "/", "\\\\", "x", "-")


@dataclass(frozen=True)
class Written:
    """What a candidate wrote.

    Attributes:
        sentences: of each variety.
        cantonese: share of Cantonese in those that show their variety.
    """

    sentences: tuple[int, ...]
    cantonese: Reading | None

    @property
    def shares(self) -> tuple[float, ...]:
        """Of all sentences, by variety."""
        return tuple(count / sum(self.sentences) for count in self.sentences)


def count_varieties(samples: Iterable[Sample]) -> tuple[int, ...]:
    """Return how many sentences of each of `VARIETIES` there are."""
    notes = [sample.notes for sample in samples]
    return tuple(sum(int(each.get(name, 0)) for each in notes) for name in VARIETIES)


def written(page: Page, part: str) -> dict[str, Written]:
    """Return what candidates wrote, those without a sentence left out."""
    found = {}
    for name in sound(page, CHECK, part):
        measured = page.measured(name, CHECK, part)
        counts = count_varieties(measured.findings.samples) if measured else ()
        if sum(counts):
            found[name] = Written(counts, read(page, name, CHECK, part, "cantonese_share"))
    return found


def pictures(page: Page) -> Iterator[Picture]:
    """Give a picture for every file of prompts."""
    tr = page.tr
    parts = parts_of(page, CHECK)
    for number, (_, part) in enumerate(parts, start=1):
        found = written(page, part)
        if not found:
            continue
        key = f"varieties-{number}"
        title = tr("Language of the continuations")
        if len(parts) > 1:
            title = tr("{head}: {text}", head=title, text=short(part))
        caption = sentences(
            tr,
            _caption(page, part, found),
            tr("Neutral sentences fit Cantonese and written Chinese alike and do not count."),
            left_out(tr, page, found),
        )
        labels = _labels(tr)
        yield Picture(
            key=key,
            title=title,
            caption=caption,
            svg=draw(
                key, title, caption, _height(found, labels), partial(_paint, tr, found, labels)
            ),
            head=(
                tr("candidate"),
                *labels,
                tr("sentences"),
                tr("Cantonese, of those that show their variety"),
            ),
            rows=tuple(
                (
                    name,
                    *(format_value(share, FRACTION, tr=tr) for share in each.shares),
                    str(sum(each.sentences)),
                    in_per_cent(each.cantonese, tr),
                )
                for name, each in found.items()
            ),
        )


def _labels(tr: Translator) -> tuple[str, ...]:
    return (
        tr("Cantonese"),
        tr("mixed"),
        tr("written Chinese"),
        tr("other language"),
        tr("neutral"),
    )


def _caption(page: Page, part: str, found: Mapping[str, Written]) -> str:
    tr = page.tr
    shares = {name: each.cantonese for name, each in found.items() if each.cantonese is not None}
    if not shares:
        return ""
    most = max(each.value for each in shares.values())
    first, others = split(shares, most)
    best = first[0]
    if len(shares) == 1:
        return tr(
            "Of the sentences of {name} that show their variety, {value} are Cantonese.",
            name=short(best),
            value=in_per_cent(shares[best], tr),
        )
    if not others:
        return tr(
            "Where sentences show their variety, {value} are Cantonese, the same for all.",
            value=format_value(most, FRACTION, tr=tr),
        )
    if len(first) > 1:
        return tr(
            "Where sentences show their variety, {names} write the most Cantonese, {value} each.",
            names=listed(tr, first),
            value=format_value(most, FRACTION, tr=tr),
        )
    return sentences(
        tr,
        tr(
            "Where sentences show their variety, {name} writes the most Cantonese, {value}.",
            name=short(best),
            value=in_per_cent(shares[best], tr),
        ),
        standing(page, (CHECK, part, "cantonese_share"), best, others),
    )


_BAR = 20.0
_ROW = LINE + _BAR + 9.0


def _entries(labels: Sequence[str]) -> list[Entry]:
    def sign(number: int) -> Entry:
        def paint(canvas: Canvas, x: float, y: float) -> None:
            corner = (x - 9, y - 6)
            canvas.box(corner, 18, 12, _TINTS[number], hatch=_HATCHES[number])

        return Entry(labels[number], paint)

    return [sign(number) for number in range(len(labels))]


def _height(found: Mapping[str, Written], labels: Sequence[str]) -> float:
    return len(legend_lines(_entries(labels))) * LINE + 6 + len(found) * _ROW + LINE


def _paint(
    tr: Translator, found: Mapping[str, Written], labels: Sequence[str], canvas: Canvas
) -> None:
    entries = _entries(labels)
    legend(canvas, 0, entries)
    top = len(legend_lines(entries)) * LINE + 6
    scale = Scale(0, 1, 0, WIDTH)
    for name, each in found.items():
        canvas.text(0, top + LINE - 5, short(name))
        begin = 0.0
        for number, share in enumerate(each.shares):
            text = tr("{value} %", value=f"{share * 100:.0f}")
            _paint_part(canvas, scale, begin, share, top + LINE, number, text)
            begin += share
        top += _ROW


def _paint_part(
    canvas: Canvas,
    scale: Scale,
    begin: float,
    share: float,
    top: float,
    number: int,
    text: str,
) -> None:
    x, width = scale(begin), scale(share) - scale(0)
    canvas.box((x, top), max(width - 1, 0.5), _BAR, _TINTS[number], hatch=_HATCHES[number])
    room = width_of(text) + 4
    if width < room + 4:
        return
    middle = x + width / 2
    if _HATCHES[number]:
        canvas.box((middle - room / 2, top + 2.5), room, _BAR - 5, _TINTS[number])
    canvas.text(middle, top + _BAR - 5.5, text, tint="paper", align="center")
