"""The plots of the page, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.report.page.plots import bits_per_char, k_of_n, operating_curves, topics, varieties
from basegate.report.page.templating import render

if TYPE_CHECKING:
    from markupsafe import Markup

    from basegate.report.page.model import Page
    from basegate.report.page.plots.svg import Plot

_KINDS = (bits_per_char, varieties, topics, k_of_n, operating_curves)


def plots(page: Page) -> list[Plot]:
    return [plot for kind in _KINDS for plot in kind.plots(page)]


def render_plots(page: Page) -> Markup:
    return render("plots.html", page.tr, plots=plots(page))
