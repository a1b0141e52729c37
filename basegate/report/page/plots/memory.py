"""Memory beside quality: what a candidate takes, and what it costs it to predict Cantonese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.i18n.formatting import GIB, format_value
from basegate.judging.recommendation import TOLD
from basegate.report.page.plots.dots import (
    Spot,
    Subject,
    draw_first_corpus,
    spots_beside_bits,
)
from basegate.report.page.plots.values import in_figures, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.i18n.catalogue import Translator
    from basegate.report.page.model import Page
    from basegate.report.page.plots.plot import Picture


def spots_of(page: Page, corpus: str) -> list[Spot]:
    """Return GiB at the most and bits per character of every candidate that has both.

    Memory of a process on a CPU is another thing than that of a GPU: such points are hollow.
    """
    entries = {entry.name: entry for entry in page.ledger.candidates}

    def used(name: str) -> float | None:
        found = entries[name].peak_memory_bytes
        return None if found is None else found / GIB

    on_cpu = {name for name, entry in entries.items() if entry.device == "cpu"}
    return spots_beside_bits(page, corpus, used, on_cpu)


def pictures(page: Page) -> Iterator[Picture]:
    """Give the picture of the first corpus that tells candidates apart."""
    tr = page.tr

    def rows(corpora: dict[str, list[Spot]], drawn: str) -> Iterator[tuple[str, ...]]:
        for spot in corpora[drawn]:
            of = tr("the process") if spot.hollow else tr("the GPUs")
            yield spot.name, format_value(spot.x), of, in_figures(spot.y, tr=tr)

    across = tr("GiB of memory at the most")
    head = (tr("candidate"), across, tr("memory of"), tr("bits per character"))
    title = tr("Memory and quality")
    yield from draw_first_corpus(
        page, Subject("memory", title, across, spots_of, _said, head, rows, from_zero=True)
    )


def _said(tr: Translator, _corpus: str, spots: Sequence[Spot]) -> str:
    if len({spot.hollow for spot in spots}) > 1:
        return tr(
            "Hollow squares are memory of a process on a CPU, which cannot be compared with that "
            "of a GPU."
        )
    least, most = (format_value(end(spot.x for spot in spots)) for end in (min, max))
    if least == most:
        return tr("All take {value} GiB at the most.", value=least)
    if _are_alike(spots):
        return tr(
            "All take about the same memory, {least} to {most} GiB at the most: two runs of one "
            "candidate may differ by as much.",
            least=least,
            most=most,
        )
    return tr(
        "The least memory is taken by {names}, {value} GiB at the most; the most by {others}, "
        "{largest} GiB.",
        names=listed(tr, [spot.name for spot in spots if format_value(spot.x) == least]),
        value=least,
        others=listed(tr, [spot.name for spot in spots if format_value(spot.x) == most]),
        largest=most,
    )


def _are_alike(spots: Sequence[Spot]) -> bool:
    """Whether what candidates take differs by no more than two runs of one of them may."""
    return max(spot.x for spot in spots) <= min(spot.x for spot in spots) * (1 + TOLD)
