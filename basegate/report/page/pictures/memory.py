"""Memory beside quality: what a candidate takes, and what it costs it to predict Cantonese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.figures import format_value
from basegate.report.page.pictures.picture import Picture
from basegate.report.page.pictures.readings import (
    fewest_bits,
    in_figures,
    left_out,
    parts_of,
    read,
    sentences,
    short,
    sound,
)
from basegate.report.page.pictures.scatter import Spot, draw_scatter, first_of_several

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.language import Words
    from basegate.report.page import Page

CHECK = "perplexity"
GIB = 2**30


def spots_of(page: Page, corpus: str) -> list[Spot]:
    """Return GiB at the most and bits per character of every candidate that has both.

    Memory of a process on a CPU is another thing than that of a GPU: such points are hollow.
    """
    entries = {entry.name: entry for entry in page.ledger.candidates}
    spots = []
    for name in sound(page, CHECK, corpus):
        bits = read(page, name, CHECK, corpus, "bits_per_char")
        used = entries[name].peak_memory_bytes
        if bits is not None and used is not None:
            spots.append(Spot(name, used / GIB, bits, hollow=entries[name].device == "cpu"))
    return spots


def pictures(page: Page) -> Iterator[Picture]:
    """Give the picture of the first corpus that tells candidates apart."""
    say = page.say
    corpora = {part: spots_of(page, part) for _, part in parts_of(page, CHECK)}
    corpus, spots = first_of_several(corpora)
    if not spots:
        return
    key = "memory"
    title = say("Memory and quality")
    caption = sentences(
        say,
        _caption(say, spots),
        fewest_bits(say, corpus, {spot.name: spot.y for spot in spots}),
        left_out(say, page, [spot.name for spot in spots]),
    )
    yield Picture(
        key=key,
        title=title,
        caption=caption,
        svg=draw_scatter(
            *(key, title, caption, spots),
            say("GiB of memory at the most"),
            say("bits per character"),
        ),
        head=(
            say("candidate"),
            say("GiB of memory at the most"),
            say("memory of"),
            say("bits per character"),
        ),
        rows=tuple(
            (
                spot.name,
                format_value(spot.x),
                say("the process") if spot.hollow else say("the GPUs"),
                in_figures(spot.y, say=say),
            )
            for spot in spots
        ),
    )


def _caption(say: Words, spots: Sequence[Spot]) -> str:
    if len({spot.hollow for spot in spots}) > 1:
        return say(
            "Hollow squares are memory of a process on a CPU, which cannot be compared with that "
            "of a GPU."
        )
    least, *_, most = sorted(spots, key=lambda spot: spot.x)
    if format_value(least.x) == format_value(most.x):
        return say("All take {value} GiB at the most.", value=format_value(least.x))
    return say(
        "{name} takes the least memory, {value} GiB at the most; {other} takes the most, "
        "{largest} GiB.",
        name=short(least.name),
        value=format_value(least.x),
        other=short(most.name),
        largest=format_value(most.x),
    )
