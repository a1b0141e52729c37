"""What the tokenizer costs beside what the text costs: tokens and bits per character."""

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


def spots_of(page: Page, corpus: str) -> list[Spot]:
    """Return tokens and bits per character of the candidates that a corpus was put to."""
    spots = []
    for name in sound(page, CHECK, corpus):
        tokens = read(page, name, CHECK, corpus, "tokens_per_char")
        bits = read(page, name, CHECK, corpus, "bits_per_char")
        if tokens is not None and bits is not None:
            spots.append(Spot(name, tokens.value, bits))
    return spots


def pictures(page: Page) -> Iterator[Picture]:
    """Give the picture of the first corpus that tells candidates apart, and the numbers of all."""
    say = page.say
    corpora = {part: spots for _, part in parts_of(page, CHECK) if (spots := spots_of(page, part))}
    corpus, spots = first_of_several(corpora)
    if not spots:
        return
    key = "tokenizer"
    title = say("What the tokenizer costs")
    caption = sentences(
        say,
        _caption(say, corpus, spots),
        fewest_bits(say, corpus, {spot.name: spot.y for spot in spots}),
        left_out(say, page, [spot.name for spot in spots]),
    )
    yield Picture(
        key=key,
        title=title,
        caption=caption,
        svg=draw_scatter(
            *(key, title, caption, spots), say("tokens per character"), say("bits per character")
        ),
        head=(
            say("candidate"),
            say("corpus"),
            say("tokens per character"),
            say("bits per character"),
        ),
        rows=tuple(
            (spot.name, part, format_value(spot.x), in_figures(spot.y, say=say))
            for part, own in corpora.items()
            for spot in own
        ),
    )


def _caption(say: Words, corpus: str, spots: Sequence[Spot]) -> str:
    least, *_, most = sorted(spots, key=lambda spot: spot.x)
    if format_value(least.x) == format_value(most.x):
        return say(
            "A character of {corpus} takes {value} tokens.",
            corpus=corpus,
            value=format_value(least.x),
        )
    return say(
        "A character of {corpus} takes {most} tokens with {longest} and {least} with {shortest}: "
        "{times} times as many steps for the same text.",
        corpus=corpus,
        most=format_value(most.x),
        longest=short(most.name),
        least=format_value(least.x),
        shortest=short(least.name),
        times=format_value(most.x / least.x),
    )
