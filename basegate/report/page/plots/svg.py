"""matplotlib's SVG, made fit to stand in a page beside others.

Colours become the page's variables, fonts the page's own, ids the picture's own. What a browser
does not need goes: preamble, metadata, groups, defaults, digits that nobody can see.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from markupsafe import Markup, escape

from basegate.report.page.plots.style import SIZE, VARIABLES
from basegate.report.page.plots.text_layout import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?|-?\d+e-?\d+")
_REFERENCE = re.compile(r"url\(#([^)]+)\)|^#(.+)$")
_GEOMETRY = frozenset(("d", "x", "y", "width", "height", "transform"))
_DEFAULTS = {
    "stroke-linejoin": "miter",
    "stroke-linecap": "butt",
    "stroke-dashoffset": "0",
    "text-anchor": "start",
    "font-size": f"{SIZE:g}px",
}
"""Declarations that change nothing: text has its size from the picture."""
_LEFT_TO_THE_PAGE = ("font-family", "font")


def inline(drawn: str, key: str, title: str, description: str) -> Markup:
    """Return a picture for a page.

    Args:
        drawn: what matplotlib wrote.
        key: begins every id; unlike that of any other picture of the page.
        title: read to those who cannot see it.
        description: likewise, after the title.
    """
    # What is parsed was written by matplotlib a moment ago, and by nobody else.
    root = ElementTree.fromstring(drawn)
    names = _new_ids(root, f"bg-{key}")
    content = "".join(_markup(child, names) for child in root)
    heading, detail = f"bg-{key}-title", f"bg-{key}-desc"
    return Markup(
        '<svg class="bg-svg" viewBox="{box}" role="img" aria-labelledby="{heading} {detail}" '
        'font-size="{size}"><title id="{heading}">{title}</title>'
        '<desc id="{detail}">{description}</desc>{content}</svg>'
    ).format(
        box=root.attrib["viewBox"],
        heading=heading,
        detail=detail,
        size=f"{SIZE:g}",
        title=plain(title),
        description=plain(description),
        content=Markup(content),
    )


def _new_ids(root: Element, prefix: str) -> dict[str, str]:
    """Return by old id a new one, of those that something refers to."""
    used: dict[str, None] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            if name != "id":
                used.update(dict.fromkeys(_referred_to(value)))
    return {old: f"{prefix}-{number}" for number, old in enumerate(used, start=1)}


def _referred_to(value: str) -> Iterator[str]:
    for in_url, alone in _REFERENCE.findall(value):
        yield in_url or alone


def _markup(element: Element, names: dict[str, str], inherited: str = "") -> str:
    tag = _local(element.tag)
    if tag in ("metadata", "style"):
        return ""
    style = _style(element.get("style", ""), names)
    shared = _shared_style(element, names)
    inner = "".join(_markup(child, names, shared) for child in element)
    attributes = _attributes(element, names)
    if said := shared or ("" if style == inherited else style):
        attributes.append(("style", said))
    if tag in ("g", "defs") and not (inner and (attributes or tag == "defs")):
        return inner
    given = "".join(f' {name}="{escape(value)}"' for name, value in attributes)
    text = escape(element.text or "") if tag == "text" else ""
    return f"<{tag}{given}>{text}{inner}</{tag}>" if text or inner else f"<{tag}{given}/>"


def _shared_style(element: Element, names: dict[str, str]) -> str:
    """Return the style of an element's marks where all have the same, to be said once."""
    if not len(element) or any(_local(child.tag) != "use" for child in element):
        return ""
    styles = {_style(child.get("style", ""), names) for child in element}
    return styles.pop() if len(styles) == 1 else ""


def _attributes(element: Element, names: dict[str, str]) -> list[tuple[str, str]]:
    found = []
    for full, value in element.attrib.items():
        name = _local(full)
        if name == "style" or (name == "id" and value not in names):
            continue
        if name == "transform" and value.startswith("rotate(-0 "):
            continue
        if name == "id":
            value = names[value]
        elif name in _GEOMETRY:
            value = _rounded(value)
        else:
            value = _replaced(value, names)
        found.append((name, value))
    return found


def _style(given: str, names: dict[str, str]) -> str:
    """Return the declarations of a style that the page does not make itself."""
    kept = []
    for declaration in filter(None, (part.strip() for part in given.split(";"))):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name in _LEFT_TO_THE_PAGE or _DEFAULTS.get(name) == value:
            continue
        kept.append(f"{name}:{_replaced(value, names)}")
    return ";".join(kept)


def _replaced(value: str, names: dict[str, str]) -> str:
    value = VARIABLES.get(value, value)
    for old in _referred_to(value):
        value = value.replace(f"#{old}", f"#{names[old]}")
    return value


def _rounded(value: str) -> str:
    """Return coordinates with digits that can be seen, and no more white space than it takes."""
    text = " ".join(value.split())
    text = _NUMBER.sub(lambda match: _short(float(match[0])), text)
    return re.sub(r" ?([A-Za-z]) ?", r"\1", text)


def _short(number: float) -> str:
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _local(name: str) -> str:
    return name.rpartition("}")[2]
