"""Numbers for people, the same in every report: value, interval, limit, probability."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.messages import Message

if TYPE_CHECKING:
    from basegate.ledger import ValueAndLimit
    from basegate.verdict import Reference, Result


GIB = 2**30
"""Bytes of a gibibyte, the unit of memory."""

FRACTION = "fraction"
"""The unit of a number between 0 and 1, which is shown in per cent."""

POINTS = "points"
"""The unit of a difference of such numbers."""

_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]"
)


def printable(text: str) -> str:
    """A text without control characters, which could steer a terminal, or be no width.

    Joiners of characters stay: emoji and some scripts are written with them.
    """
    return _CONTROL.sub("\ufffd", text)


def short_path(path: Path) -> str:
    """A path as people name it: from the working folder, if it lies in there."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(char) in "WF" for char in text)


def format_list(parts: Sequence[str], tr: Translator = ENGLISH) -> str:
    """Parts as a list in a sentence, e.g. `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return tr("{first} and {last}", first=tr(", ").join(parts[:-1]), last=parts[-1])


def padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns; the last one is as long as it is."""
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)][:-1]
    return ["  ".join([*map(padded, row, widths), row[-1]]) for row in rows]


def duration(seconds: float) -> Message:
    """A time as exact as an estimate is."""
    if seconds < 90:
        return Message("{seconds} s", seconds=max(1, round(seconds)))
    if seconds < 90 * 60:
        return Message("{minutes} min", minutes=round(seconds / 60))
    return Message("{hours} h", hours=f"{seconds / 3600:.1f}")


def format_value(
    value: float | None, unit: str = "", limit: float | None = None, tr: Translator = ENGLISH
) -> str:
    """A number with as many digits as a reader can use; a share in per cent.

    Where a limit is given, as many digits more as it takes to see on which side of it the number
    is: 5.004 does not become 5.00 beside a limit of 5.
    """
    if value is None:
        return tr("not a number")
    if unit == FRACTION:
        limit = None if limit is None else round(limit * 100, 10)
        return tr("{value} %", value=_digits(round(value * 100, 10), 1, limit))
    if unit == POINTS:
        limit = None if limit is None else round(limit * 100, 10)
        return _in_points(_digits(round(value * 100, 10), 1, limit), tr)
    return _digits(value, 2, limit)


def _in_points(points: str, tr: Translator) -> str:
    number = 1 if points == "1" else 2
    return tr.ngettext("{value} point", "{value} points", number, value=points)


def _digits(value: float, decimals: int, limit: float | None) -> str:
    if abs(value) >= 1e7:
        return f"{value:.3g}"
    if float(value).is_integer() or abs(value) >= 1000:
        decimals = 0
    if limit is not None:
        decimals = _telling(value, decimals, limit)
    return f"{value:,.{decimals}f}".removesuffix(".0")


def format_probability(chance: float, tr: Translator = ENGLISH) -> str:
    """A chance in whole per cent; never 0 or 100 of what can happen, or fail to."""
    if 0 < chance <= 0.005:
        return tr("under {value} %", value=1)
    if 0.995 <= chance < 1:
        return tr("over {value} %", value=99)
    return tr("{value} %", value=f"{chance * 100:.0f}")


def _telling(value: float, decimals: int, limit: float) -> int:
    """So many decimals, or more, that a number is seen on its side of a limit."""
    side = _side(value, limit)
    telling = (more for more in range(decimals, 9) if _side(round(value, more), limit) == side)
    # A limit with more digits was computed, and is shown with as few as the number that it equals.
    return next(telling, 8 if side else decimals)


def _side(value: float, limit: float) -> int:
    return (value > limit) - (value < limit)


def format_interval(
    interval: tuple[float, float],
    unit: str,
    confidence: float,
    limit: float | None = None,
    tr: Translator = ENGLISH,
) -> str:
    """An interval as it stands behind its value, e.g. ` (95 %: 5.24 to 5.38)`."""
    low, high = (format_value(end, unit, limit, tr) for end in interval)
    return tr(" ({level} %: {low} to {high})", level=f"{confidence * 100:g}", low=low, high=high)


def format_limit(
    limit: float,
    direction: Literal["max", "min"],
    unit: str = "",
    tr: Translator = ENGLISH,
    reference: Reference | None = None,
    beside: Sequence[float] = (),
) -> str:
    """A limit as it was given, e.g. `at most 5`, or `at least 50 %` of a share.

    One that was computed has four digits, or as many as it takes to see on which side of it the
    numbers beside it are, and behind it where it comes from.
    """
    share = unit in (FRACTION, POINTS)
    scaled = round(limit * 100, 10) if share else limit
    if reference is not None and not reference.is_of_drop:
        numbers = [round(each * 100, 10) if share else each for each in beside]
        text = _computed(scaled, numbers, 1 if share else 2)
    else:
        text = f"{scaled:.10g}" if share else f"{limit:,.10g}"
    value = tr("{value} %", value=text) if unit == FRACTION else text
    if unit == POINTS:
        value = _in_points(text, tr)
    if reference is not None:
        value = tr("{value} ({origin})", value=value, origin=_origin(reference, unit, tr))
    if direction == "max":
        return tr("at most {value}", value=value)
    return tr("at least {value}", value=value)


def _computed(limit: float, beside: Sequence[float], decimals: int) -> str:
    """A limit with four digits, or as many more as keep it on its side of what is beside it.

    A large one is shown as large numbers are, whatever is beside it. The numbers beside it are
    shown with `decimals` or more.
    """
    if abs(limit) >= 1e7:
        return _digits(limit, decimals, None)
    shown = [float(_digits(each, decimals, limit).replace(",", "")) for each in beside]
    sides = [_side(each, limit) for each in beside]
    places = 3 - math.floor(math.log10(abs(limit))) if limit else 3
    places = max(0, min(decimals, places) if 0 in sides else places)
    while places < 10 and [_side(each, round(limit, places)) for each in shown] != sides:
        places += 1
    text = f"{limit:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _origin(reference: Reference, unit: str, tr: Translator) -> str:
    """How a limit follows from what was measured on another candidate."""
    value = format_value(reference.value, FRACTION if unit == POINTS else unit, tr=tr)
    name = reference.candidate
    if reference.is_of_drop:
        return tr("from the {value} of {name}", value=value, name=name)
    if reference.factor is not None:
        factor = f"{reference.factor:g}"
        return tr("{factor} times the {value} of {name}", factor=factor, value=value, name=name)
    plus = reference.plus or 0.0
    amount = f"{abs(plus):g}"
    if unit == FRACTION:
        amount = _in_points(f"{abs(plus) * 100:g}", tr)
    if plus < 0:
        return tr("the {value} of {name} minus {amount}", value=value, name=name, amount=amount)
    return tr("the {value} of {name} plus {amount}", value=value, name=name, amount=amount)


def format_row_limit(row: Result | ValueAndLimit, tr: Translator = ENGLISH) -> str:
    """The limit of a row; empty where it has none."""
    if row.limit is None or row.direction is None:
        return ""
    beside = [each for each in (row.value, *(row.interval or ())) if each is not None]
    text = format_limit(row.limit, row.direction, row.unit, tr, row.reference, beside)
    return tr("{limit} (advisory)", limit=text) if getattr(row, "advisory", False) else text
