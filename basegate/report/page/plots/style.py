"""The one style of all pictures: sizes, colours, markers.

Lengths are units of the picture's own: pixels where it is shown as wide as `WIDTH`. matplotlib
cannot write CSS variables, so it is given a colour of its own for each, which `inline` replaces.
"""

from __future__ import annotations

from typing import Any

WIDTH = 380.0
"""Narrow, so that text stays legible on a telephone."""
SIZE = 12.5
"""Of all text."""
LINE = 17.0
"""From one line of text to the next."""

_NAMES = (
    *("ink", "soft", "line", "paper", "pass", "fail", "inconclusive", "invalid"),
    *(f"series-{number}" for number in range(1, 9)),
)
_CODES = {name: f"#0000{number:02x}" for number, name in enumerate(_NAMES, start=1)}
VARIABLES = {code: f"var(--bg-{name})" for name, code in _CODES.items()}
"""By the colour that matplotlib writes, what stands for it in the page."""


def colour(name: str) -> str:
    """Return what matplotlib is told for a colour of the page, e.g. `ink` or `series-1`."""
    return _CODES[name]


MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""One for each colour of a series, which never tells series apart alone."""
DASHES: tuple[tuple[float, ...] | None, ...] = (None, (6, 2), (1.5, 1.5), (7, 2, 1.5, 2))
"""Likewise of lines."""

SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "basegate",
    "path.simplify": False,
    "path.snap": False,
    "lines.scale_dashes": False,
    "lines.solid_capstyle": "butt",
    "hatch.linewidth": 1.2,
    "font.size": SIZE,
}
"""For matplotlib: text stays text, and the same picture is the same file."""
