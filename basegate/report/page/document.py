"""The sections of the page in their order, for pytest-html's page or for one of our own."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from markupsafe import Markup

from basegate.report.decision_table import render_decision
from basegate.report.page.comparison import render_comparisons
from basegate.report.page.conditions import render_conditions
from basegate.report.page.plots import render_plots
from basegate.report.page.samples_section import SCRIPT, render_texts
from basegate.report.page.templating import asset, render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from basegate.report.page.model import Page

SECTIONS: tuple[Callable[[Page], Markup], ...] = (
    render_decision,
    render_plots,
    render_comparisons,
    render_texts,
    render_conditions,
)
"""What the page shows, in this order; each gives nothing where it has nothing to show."""
_STYLES = ("page.css", "plots.css", "texts.css")
_SCRIPTS = (SCRIPT,)
"""All that a page of our own lets run: an event handler in a text would not."""
_HOST_STYLES = ("host.css",)
_HOST_SCRIPTS = ("host.js",)
"""What mends the page of pytest-html around the sections."""


def fragment(page: Page) -> Markup:
    """The sections with their style, for pytest-html's page."""
    return _body(page, (*_STYLES, *_HOST_STYLES), _HOST_SCRIPTS)


def document(page: Page) -> str:
    """A whole page in one file, without requests to the network."""
    return str(render("document.html", page, body=_body(page, _STYLES), policy=_policy(_SCRIPTS)))


def _body(page: Page, styles: Sequence[str], scripts: Sequence[str] = ()) -> Markup:
    return render(
        "fragment.html",
        page,
        style=Markup("\n".join(map(asset, styles))),
        sections=[section(page) for section in SECTIONS],
        scripts=[Markup(asset(name)) for name in scripts],
    )


def _policy(scripts: Sequence[str]) -> str:
    """Content-Security-Policy: the page's own style and scripts, no request."""
    digests = (hashlib.sha256(asset(name).encode()).digest() for name in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(each).decode()}'" for each in digests)
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {allowed}; "
        f"base-uri 'none'; form-action 'none'"
    )
