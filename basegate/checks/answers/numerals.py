"""Numbers as people write them, in digits: 二十一, twenty-one, １,０００, 1⁄2."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from basegate.checks.answers.patterns import BECAUSE, SPECIAL, rx

_UNITS = [
    *["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
    *["eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"],
    "nineteen",
]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_HAN = {char: at for at, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "兩": 2, "两": 2}
_PLACES = {"十": 10, "百": 100, "千": 1000, "萬": 10_000, "万": 10_000}
_WORDS = (
    "一[共樣样齊定直般起切旦路向啲半邊边家人]|[唯統统萬]一|第[一二三四五六七八九十]+"
    "|(?:星期|禮拜)[一二三四五六]|十分(?!鐘|钟)|千萬別|百分|八達通|九龍|三文"
)
"""Words with a numeral that is no number."""
_NUMERAL = rx(
    rf"(?P<word>{_WORDS})|(?P<han>[{''.join((*_HAN, *_PLACES))}]+)"
    rf"|\b(?P<ty>{'|'.join(_TENS[2:])})(?:[ -](?P<one>{'|'.join(_UNITS[1:10])}))?\b"
    rf"|(?<!the )\b(?P<english>{'|'.join(sorted(_UNITS, key=len, reverse=True))})\b"
)
NUMBER = r"[-+]?\s?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:\s*/\s*[0-9]{1,40})?(?![0-9])\s*%?"
_EQUAL = rx(r"(?:\b(?:is|are)\s+)?\bequals?\b(?:\s+to\b)?|[等相]?等[於于]|[-=]>|[→⇒]|={2,}")


def _han(numeral: str) -> str | None:
    """A Chinese numeral in digits: 二十一, 百二 (120), 三千零五; `None` for what is none."""
    if all(char in _HAN for char in numeral):
        return "".join(str(_HAN[char]) for char in numeral) if len(numeral) == 1 else None
    total, digit, place, gap = 0, None, 0, False
    for char in numeral:
        if char in _PLACES:
            size = _PLACES[char]
            if size == 10_000:
                total, digit = (total + (digit or 0)) * size, None
            else:
                total, digit = total + (1 if digit is None else digit) * size, None
            place, gap = size, False
        elif digit is not None and digit != 0:
            return None
        else:
            digit, gap = _HAN[char], gap or _HAN[char] == 0
    last = digit or 0
    # 百二 is 120.
    return str(total + last * (place // 10 if place >= 100 and not gap else 1))


def _digits(match: re.Match[str]) -> str:
    if match["word"]:
        return match[0]
    if match["han"]:
        return _han(match["han"]) or match[0]
    if match["ty"]:
        unit = _UNITS.index(match["one"].lower()) if match["one"] else 0
        return str(10 * _TENS.index(match["ty"].lower()) + unit)
    return str(_UNITS.index(match["english"].lower()))


def value_of(number: str) -> Fraction | None:
    """The value of what `NUMBER` matches, exact; `None` for a division by zero."""
    over, _, under = re.sub(r"[\s%]", "", number).partition("/")
    if under and not int(under):
        return None
    value = Fraction(over) / (int(under) if under else 1)
    return value / 100 if "%" in number else value


def in_digits(text: str) -> str:
    """Bring numbers and equal signs to one notation; drop line numbers and negated numbers."""
    text = unicodedata.normalize("NFKC", text.replace("²", "^2").replace("³", "^3"))
    text = re.sub(rf"{SPECIAL}|\*\*", "", text.translate({0x2212: "-", 0x2044: "/"}))
    text = re.sub(r"(?<=[0-9%\u4e00-\u9fff])\s*[xX]\s*(?=[0-9])", "*", text)
    text = text.replace("零下", "-")
    text = _NUMERAL.sub(_digits, re.sub(f"(?i:{BECAUSE})", "; ", _EQUAL.sub(" = ", text)))
    text = re.sub(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", "", text)
    text = re.sub(r"([0-9]+)([\u4e00-\u9fff])半(?![價价折數数途夜天日年月個])", r"\1.5\2", text)
    text = re.sub(r"(?i)(?:\bnot|唔係|不是|[並并]非)[^\S\n]*-?[0-9.]*[0-9]", "", text)
    if re.search(r"(?m)^[ \t]*1[.)]\s", text) and re.search(r"(?m)^[ \t]*2[.)]\s", text):
        text = re.sub(r"(?m)^[ \t]*[0-9]{1,3}[.)]\s", "", text)
    return text


def numbers_in(text: str) -> frozenset[Fraction]:
    """The numbers that a text states, in whatever notation."""
    found = (value_of(each) for each in re.findall(NUMBER, in_digits(text)))
    return frozenset(each for each in found if each is not None)
