"""Texts of records without what nobody sees: edges of white space, marks without a width."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from basegate.data.text_files import with_lf

_MARKS = "\u00ad\u180e\u200b\u2060-\u2064\ufeff"
"""Soft hyphens, zero-width spaces, byte order marks. Joiners are part of emoji and of scripts."""
_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_KILLERS = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
"""Marks of Indic scripts that take a vowel away: a joiner behind one is a form of the letter."""
_HAN = "\u3001-\u3020\u3041-\u3096\u309d-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff60"
"""What stands without spaces between: Han, kana, and their punctuation."""
_INVISIBLE = re.compile(f"[{_MARKS}{_DIRECTION}]")
_INSIDE = re.compile(f"[{_MARKS}]")
_BEFORE = re.compile(rf"^[\s\u200d\ufe0e\ufe0f{_MARKS}{_DIRECTION}]+")
_BEHIND = re.compile(rf"(?:[\s{_MARKS}{_DIRECTION}]|(?<![{_KILLERS}])\u200d)+$")
_BREAK = re.compile(r"[^\S\n]*\n\s*")
_BREAK_IN_HAN = re.compile(rf"(?<=[{_HAN}])[^\S\n]*\n\s*(?=[{_HAN}])")
_SPACE_AT_HAN = re.compile(rf"(?<=[{_HAN}]) (?=[!-~]|\w)| (?=[{_HAN}])")


def composed(value: Any) -> Any:
    """Texts in NFC, as models have met é, not as e and an accent; lines end with LF."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", with_lf(value))
    if isinstance(value, dict):
        return {composed(key): composed(each) for key, each in value.items()}
    return value


def trimmed(text: str) -> str:
    r"""A sentence without white space and invisible characters at its ends, nor the latter inside.

    >>> trimmed(" \ufeff佢\u200b去咗。\u3000\n")
    '佢去咗。'
    """
    return _BEHIND.sub("", _BEFORE.sub("", _INSIDE.sub("", text)))


def on_one_line(text: str) -> str:
    r"""An option on one line. Between Chinese characters a line break was no space.

    >>> on_one_line("旺\n角 \n (MK)")
    '旺角 (MK)'
    """
    return _BREAK.sub(" ", _BREAK_IN_HAN.sub("", trimmed(_INVISIBLE.sub("", text))))


def form(text: str) -> str:
    """What tells an option from others: not its width, white space or invisible characters.

    Case does: AA, Aa and aa are three options, as are mW and MW. So does a space between words,
    but none beside Chinese characters.

    >>> form("Ａ \u200bB") == form("A  B")
    True
    >>> form("李 家超") == form("李家超")
    True
    """
    plain = unicodedata.normalize("NFKC", re.sub("[\ufe0e\ufe0f]", "", _INVISIBLE.sub("", text)))
    return _SPACE_AT_HAN.sub("", " ".join(trimmed(plain).split()))
