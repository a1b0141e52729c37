"""What the tokenizer costs beside what the text costs: tokens and bits per character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.i18n.formatting import format_value
from basegate.report.page.plots.dots import (
    CHECK,
    Spot,
    Subject,
    draw_first_corpus,
    spots_beside_bits,
)
from basegate.report.page.plots.values import in_figures, listed, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.i18n.catalogue import Translator
    from basegate.report.page.model import Page
    from basegate.report.page.plots.plot import Picture


def spots_of(page: Page, corpus: str) -> list[Spot]:
    """Return tokens and bits per character of the candidates that a corpus was put to."""

    def tokens(name: str) -> float | None:
        found = read(page, name, CHECK, corpus, "tokens_per_char")
        return None if found is None else found.value

    return spots_beside_bits(page, corpus, tokens)


def pictures(page: Page) -> Iterator[Picture]:
    """Give the picture of the first corpus that tells candidates apart, and the numbers of all."""
    tr = page.tr

    def rows(corpora: dict[str, list[Spot]], _: str) -> Iterator[tuple[str, ...]]:
        for part, spots in corpora.items():
            for spot in spots:
                yield spot.name, part, format_value(spot.x), in_figures(spot.y, tr=tr)

    across = tr("tokens per character")
    head = (tr("candidate"), tr("corpus"), across, tr("bits per character"))
    title = tr("What the tokenizer costs")
    yield from draw_first_corpus(
        page, Subject("tokenizer", title, across, spots_of, _said, head, rows)
    )


def _said(tr: Translator, corpus: str, spots: Sequence[Spot]) -> str:
    least, *_, most = sorted(spots, key=lambda spot: spot.x)

    def alike(other: Spot) -> str:
        shown = format_value(other.x)
        return listed(tr, [each.name for each in spots if format_value(each.x) == shown])

    if format_value(least.x) == format_value(most.x):
        return tr(
            "A character of {corpus} takes {value} tokens.",
            corpus=corpus,
            value=format_value(least.x),
        )
    return tr(
        "A character of {corpus} takes {most} tokens with {longest} and {least} with {shortest}: "
        "{times} times as many steps for the same text.",
        corpus=corpus,
        most=format_value(most.x),
        longest=alike(most),
        least=format_value(least.x),
        shortest=alike(least),
        times=format_value(most.x / least.x),
    )
