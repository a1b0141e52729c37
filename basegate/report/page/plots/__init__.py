"""The pictures of the page: what its numbers look like, for those who would rather look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.report.page.plots import (
    bits_per_char,
    k_of_n,
    operating_curves,
    topics,
    varieties,
)
from basegate.report.page.plots.plot import Picture
from basegate.report.page.templating import render

if TYPE_CHECKING:
    from markupsafe import Markup

    from basegate.report.page import Page

__all__ = ["Picture", "render_plots", "sections"]

_KINDS = (bits_per_char, varieties, topics, k_of_n, operating_curves)


def sections(page: Page) -> list[Picture]:
    """Return the pictures that a page has numbers for."""
    return [picture for kind in _KINDS for picture in kind.pictures(page)]


def render_plots(page: Page) -> Markup:
    """Return the pictures as a section of the page; empty where there is nothing to show."""
    return render("plots.html", page, pictures=sections(page))
