"""What a picture of the page consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Picture:
    """A picture with what those need who cannot see it.

    Attributes:
        key: unlike that of any other picture of the page; letters, digits and hyphens.
        title: what it is about.
        caption: what to see in it, computed from its numbers.
        svg: the picture, to stand in a page as it is.
        head: heads of the columns of its numbers.
        rows: its numbers, a cell per column.
    """

    key: str
    title: str
    caption: str
    svg: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
