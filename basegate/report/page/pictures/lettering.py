"""Text in pictures: how wide it is, about, and how it is cut where it is too wide.

Pictures are drawn before anyone knows the font that a browser will show them in.
"""

from __future__ import annotations

import unicodedata

from basegate.figures import printable
from basegate.report.page.pictures.style import SIZE

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


def in_two_lines(text: str, width: float, *, bold: bool = False) -> list[str]:
    """Return a text in one line, or in two if it takes them, either shortened to a width.

    It is broken where names have a joint (after a hyphen, say), unless the first line would be
    left half empty.
    """
    text = plain(text)
    if width_of(text, bold=bold) <= width:
        return [text]
    most = len(_fitting(text, width / (_BOLD if bold else 1)))
    joints = (at for at in range(most, most // 2, -1) if text[at - 1] in _JOINTS)
    at = next(joints, most)
    return [text[:at].rstrip(), shorten(text[at:], width, bold=bold)]


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
