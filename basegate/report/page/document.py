"""The sections of the page in their order, for pytest-html's page or for one of our own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence

from markupsafe import Markup

from basegate.report.decision_table import render_decision
from basegate.report.page.comparison import render_comparisons
from basegate.report.page.model import Page
from basegate.report.page.plots import render_plots
from basegate.report.page.samples import SCRIPT, render_samples
from basegate.report.page.templating import asset, render


def render_provenance(page: Page) -> Markup:
    """Machine, versions, and how each candidate was loaded."""
    environment = {name: value for name, value in page.ledger.environment.items() if value}
    return render("provenance.html", page.tr, ledger=page.ledger, environment=environment)


SECTIONS: tuple[Callable[[Page], Markup], ...] = (
    render_decision,
    render_plots,
    render_comparisons,
    render_samples,
    render_provenance,
)
"""What the page shows, in this order; each gives nothing where it has nothing to show."""
_STYLES = ("page.css", "plots.css", "samples.css")


def fragment(page: Page) -> Markup:
    """The sections with their style, for pytest-html's page."""
    return _body(page, (*_STYLES, "pytest_html.css"), ("pytest_html.js",))


def document(page: Page) -> str:
    """A whole page in one file, without requests to the network."""
    return str(render("document.html", page.tr, body=_body(page, _STYLES), policy=_policy()))


def _body(page: Page, styles: Sequence[str], scripts: Sequence[str] = ()) -> Markup:
    return render(
        "fragment.html",
        page.tr,
        style=Markup("\n".join(map(asset, styles))),
        sections=[section(page) for section in SECTIONS],
        scripts=[Markup(asset(name)) for name in scripts],
    )


def _policy() -> str:
    """Content-Security-Policy: the page's own style and scripts, no request."""
    digest = base64.b64encode(hashlib.sha256(asset(SCRIPT).encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
