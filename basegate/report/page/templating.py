"""Templates with everything escaped that is not markup of our own."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from basegate.i18n.catalogue import Translator
from basegate.i18n.formatting import printable


def render(template: str, tr: Translator, **values: object) -> Markup:
    found = _environment().get_template(template)
    return Markup(found.render(tr=tr, ngettext=tr.ngettext, **values))  # escaped by the template


def asset(name: str) -> str:
    return (resources.files("basegate.report.page") / "assets" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("basegate.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["printable"] = printable
    found.filters["tight"] = _tight
    return found


def _tight(text: str) -> str:
    """A text whose per cent signs stay on the line of their number."""
    return printable(text).replace(" %", "\u00a0%")
