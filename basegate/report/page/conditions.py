"""Conditions of the run: machine, versions, each candidate's quantization, dtype and device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.report.page.templating import render

if TYPE_CHECKING:
    from markupsafe import Markup

    from basegate.report.page.model import Page


def render_conditions(page: Page) -> Markup:
    environment = {name: value for name, value in page.ledger.environment.items() if value}
    return render("conditions.html", page, suite=page.ledger.suite, environment=environment)
