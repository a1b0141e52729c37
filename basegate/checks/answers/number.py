"""Find the number that a text gives as its answer to a problem."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from basegate.checks.answers.patterns import BECAUSE, IS, NEGATIVE, SO, SPECIAL, rx, words

_UNITS = [
    *["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
    *["eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"],
    "nineteen",
]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_HAN = {char: at for at, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "兩": 2, "两": 2}
_DIGIT = f"(?:{'|'.join(_HAN)})"
_NUMERAL = rx(
    rf"(?P<tens>{_DIGIT})?(?P<ten>十)(?P<unit>{_DIGIT})?(?![十百千萬万億])|(?P<digit>{_DIGIT})"
    rf"|\b(?P<ty>{'|'.join(_TENS[2:])})(?:[ -](?P<one>{'|'.join(_UNITS[1:10])}))?\b"
    rf"|(?<!the )\b(?P<word>{'|'.join(sorted(_UNITS, key=len, reverse=True))})\b"
)
_NUM = r"[-+]?\s?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:\s*/\s*[0-9]{1,40})?(?![0-9])\s*%?"
_EQUAL = rx(r"(?:\b(?:is|are)\s+)?\bequals?\b(?:\s+to\b)?|[等相]?等[於于]|[-=]>|[→⇒]")
_STATEMENT = re.compile(r"((?:[^;。!?,:.]|[.:](?=[0-9]))+)([;。!?,:.]*)")
# What may stand left of "=": words, then one variable or plain arithmetic; no "1 + n", no "2n".
_LEFT = rx(r"(?:^|[^\W\d_]{2}|[^\x00-\x7f])\s*(?:(?<![^\W_])[a-z]|[-+*/×÷^().0-9\s]*)\s*$")
_RESULT = rx(rf"\s*({_NUM})(?P<rest>\s*(?:$|\(?\s*(?:[a-z]{{2}}|[^\x00-\xff])|[)\"'$]).*)")
_SAYING = (
    f"(?:{IS}|{SO}|"
    + words(
        "答案 應該 应该 即 就 結果 结果 得 得出 嘅 的 值 正確 正确",
        "then the answer value result number solution correct final be it that this must should"
        " would will get we have gives i think believe of to but",
    )
    + rf"|hk(?=\$)|(?<![^\W_])[a-z]\s*(?={IS}|should|must|would|will))"
)
_ALONE = rx(rf"^(?:[^\w-]|{_SAYING})*+({_NUM})(?P<rest>.*)$")
_OTHER = rx(
    rf"[\s(]*(?:(?:or|或者?)\s*(?:[a-z]\s*=\s*)?|(?:and|和|同|及)\s*|(?=[0-9]))(?P<other>{_NUM})"
)


# What is counted or measured, right behind its number: 8蚊, 40個蛋撻, 14 km.
_UNIT = rx(
    r"\s*(?:(?:港元|港幣|公里|公斤|分鐘|分钟|[蚊元個个隻只張张粒條条層层樓楼歲岁次日年月本枝盒杯位名人"
    r"點点度米克斤班程盤盘部架塊块碗件])(?:(?![或和同及與跟])[\u4e00-\u9fff]){0,4}"
    r"|(?:hkd|dollars?|years?|days?|weeks?|hours?|minutes?|people|pieces?|km|m|kg|cm)\b)"
)

_NEXT = re.compile(rf"\s*(?P<other>{_NUM})\s*(?:$|[.,;。])")
_NOTHING = rx(
    rf"(?:{_UNIT.pattern})?(?:{_OTHER.pattern})?(?:{_UNIT.pattern})?(?:[^\w+*/×÷^-]|{_SAYING})*+$"
)


def _digits(match: re.Match[str]) -> str:
    """Write a Chinese or English numeral in digits."""
    if match["ty"]:
        unit = _UNITS.index(match["one"].lower()) if match["one"] else 0
        return str(10 * _TENS.index(match["ty"].lower()) + unit)
    if match["ten"]:
        return str(10 * _HAN[match["tens"] or "一"] + _HAN[match["unit"] or "零"])
    return str(_HAN[match["digit"]] if match["digit"] else _UNITS.index(match["word"].lower()))


def _value(number: str) -> Fraction | None:
    over, _, under = re.sub(r"[\s%]", "", number).partition("/")
    if under and not int(under):
        return None
    value = Fraction(over) / (int(under) if under else 1)
    return value / 100 if "%" in number else value


def _stated(statement: str) -> tuple[str, str] | None:
    """The number that a statement states and what follows it."""
    if NEGATIVE.search(statement) or re.search("[<>≤≥≠]", statement):
        return None
    left, *sides = statement.split("=")
    if not sides:
        match = _ALONE.match(left)
        return (match[1], match["rest"]) if match and _NOTHING.match(match["rest"]) else None
    if re.fullmatch(rf"\s*{_NUM}\s*", left) and re.fullmatch(r"\s*[A-Za-z]\s*", sides[0]):
        return left, ""
    for at, side in enumerate(sides if _LEFT.search(left) else []):
        if match := _RESULT.match(side):
            return match[1], "=".join([match["rest"], *sides[at + 1 :]])
        if not re.fullmatch(r"[-+*/×÷^().0-9\s]*", side):
            break
    return None


def _in_digits(text: str) -> str:
    """Bring numbers and equal signs to one notation; drop line numbers and negated numbers."""
    text = unicodedata.normalize("NFKC", text.replace("²", "^2").replace("³", "^3"))
    text = re.sub(rf"{SPECIAL}|\*\*", "", text.translate({0x2212: "-", 0x2044: "/"}))
    text = _NUMERAL.sub(_digits, re.sub(f"(?i:{BECAUSE})", "; ", _EQUAL.sub(" = ", text)))
    text = re.sub(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", "", text)
    text = re.sub(r"(?i)(?:\bnot|唔係|不是|[並并]非)\s*-?[0-9.]*[0-9]", "", text)
    if re.search(r"(?m)^[ \t]*1[.)]\s", text) and re.search(r"(?m)^[ \t]*2[.)]\s", text):
        text = re.sub(r"(?m)^[ \t]*[0-9]{1,3}[.)]\s", "", text)
    return text


def find_number(text: str) -> Fraction | None:
    """The number that a text gives as its answer, exact; None if it states none or several.

    The text is read statement by statement, and the first that states a number decides: an
    assignment (``n = 9``), a calculation with its result (``10 - 1 = 9``), or a number alone or
    with filler words or a unit (``So, the answer is nine.``, ``8蚊``). Skipped are equations with
    a variable inside an expression (``1 + n = 10``), calculations without a result, questions,
    negations and prose. ``9 or 6`` states several.

    Numbers may be decimal, fractions, Chinese numerals or English words up to 99; ``9%`` is 9/100.
    ``text`` does not include the prompt.
    """
    for line in _in_digits(text).splitlines():
        for match in _STATEMENT.finditer(line):
            stated = None if "?" in match[2] else _stated(match[1])
            if stated is None or (value := _value(stated[0])) is None:
                continue
            unit = _UNIT.match(stated[1])
            other = _OTHER.match(stated[1], unit.end() if unit else 0)
            if "," in match[2]:
                other = other or _NEXT.match(line, match.end())
            return value if other is None or _value(other["other"]) == value else None
    return None
