"""The pictures of the page: what its numbers look like, for those who would rather look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.report.page.plots import bits_per_char as bits
from basegate.report.page.plots import k_of_n as counts
from basegate.report.page.plots import memory, tokenizer, topics, varieties
from basegate.report.page.plots import operating_curves as curves
from basegate.report.page.plots.plot import Picture
from basegate.report.page.templating import render

if TYPE_CHECKING:
    from markupsafe import Markup

    from basegate.report.page.model import Page

__all__ = ["Picture", "render_pictures", "sections"]

_KINDS = (bits, varieties, topics, counts, tokenizer, memory, curves)


def sections(page: Page) -> list[Picture]:
    """Return the pictures that a page has numbers for."""
    return [picture for kind in _KINDS for picture in kind.pictures(page)]


def render_pictures(page: Page) -> Markup:
    """Return the pictures as a section of the page; empty where there is nothing to show."""
    return render("pictures.html", page, pictures=sections(page))
