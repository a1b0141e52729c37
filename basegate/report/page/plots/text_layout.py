"""Text in pictures: how wide it is, about, and how it is cut where it is too wide.

Pictures are drawn before anyone knows the font that a browser will show them in.
"""

from __future__ import annotations

import unicodedata

from basegate.i18n.formatting import printable
from basegate.report.page.plots.style import SIZE

_NARROW = frozenset("ijlI.,:;'|!()[]{}/-· ")
_WIDE = frozenset("mwMW@%&")
_ELLIPSIS = "…"
_JOINTS = "-_/.: "
_BOLD = 1.12


def plain(text: str) -> str:
    """Return a text on one line that XML can hold, without characters that steer."""
    line = " ".join(printable(text).split())
    return "".join(char if _is_character(char) else "\ufffd" for char in line)


def width_of(text: str, *, bold: bool = False) -> float:
    """Return about how wide a text is shown, rather too wide than too narrow."""
    return SIZE * (_BOLD if bold else 1) * sum(map(_share_of_em, text))


def shorten(text: str, width: float, *, bold: bool = False) -> str:
    """Return a text that is not wider than `width`, without its middle where it has to be.

    Names of models differ at their ends as often as at their beginnings.
    """
    text = plain(text)
    if width_of(text, bold=bold) <= width:
        return text
    half = (width - width_of(_ELLIPSIS, bold=bold)) / (2 * (_BOLD if bold else 1))
    head, tail = _fitting(text, half), _fitting(text[::-1], half)[::-1]
    return f"{head.rstrip()}{_ELLIPSIS}{tail.lstrip()}"


def in_lines(text: str, width: float, most: int, *, bold: bool = False) -> list[str]:
    """Return a text in as few lines as it takes, the last one shortened where `most` are too few.

    It is broken where names have a joint (after a hyphen, say), unless a line would be left half
    empty or there would be too few lines.
    """
    text = plain(text)
    room = width / (_BOLD if bold else 1)
    for joints in (_JOINTS, ""):
        lines = _broken(text, room, most, joints)
        if width_of(lines[-1]) <= room:
            return lines
    return [*lines[:-1], shorten(lines[-1], width, bold=bold)]


def _broken(text: str, room: float, most: int, joints: str) -> list[str]:
    """Return a text in lines that fit, but for the last of so many."""
    lines: list[str] = []
    while width_of(text) > room and len(lines) < most - 1:
        end = max(1, len(_fitting(text, room)))
        at = next((at for at in range(end, end // 2, -1) if text[at - 1] in joints), end)
        lines.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*lines, text]


def _fitting(text: str, room: float) -> str:
    """Return as much of a text from its beginning as there is room for."""
    used = 0.0
    for place, char in enumerate(text):
        used += SIZE * _share_of_em(char)
        if used > room:
            return text[:place]
    return text


def _is_character(char: str) -> bool:
    return not ("\ud800" <= char <= "\udfff" or char in "\ufffe\uffff")


def _share_of_em(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if char in _NARROW:
        return 0.4
    return 0.98 if char in _WIDE else 0.75 if char.isupper() else 0.63
