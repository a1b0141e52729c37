"""Find the number that a text gives as its answer to a problem."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from basegate.checks.answers.numerals import NUMBER, in_digits, numbers_in, value_of
from basegate.checks.answers.patterns import IS, NEGATIVE, SO, rx, words

_CLAUSE = re.compile(r"((?:[^;。!?,:.]|[.:](?=[0-9]))+)([;。!?,:.]*)")
_VARIABLE = re.compile(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])")
_ASSIGNED = rx(r"(?:^|[^\x00-\x7f]|[a-z]{2})[\s(]*(?P<variable>[a-z])\s*$")
_RESULT = rx(
    rf"\s*(?:hk)?\$?\s*({NUMBER})(?P<rest>\s*(?:$|\(?\s*(?:[a-z]{{2}}|[^\x00-\xff])|[)\"'$]).*)"
)
_MARKS = words("答案 答", "answer ans")
_SUMS = words(
    "一共 總共 总共 合共 共 合計 總數 總和 即係 即 應該 应该 需要 要 仲有 還有 还有 有 剩返 剩低"
    " 剩下 剩 得返 得出 得 結果 结果 約 大約 平均 每人 每個",
    "total result altogether",
)
_SAYING = (
    f"(?:{_MARKS}|{_SUMS}|{IS}|{SO}|"
    + words(
        "就 嘅 的 值 正確 正确 為 佢 佢哋",
        "then the value number solution correct final be it that this must should would will get we"
        " have gives i think believe of to but",
    )
    + rf"|hk(?=\$)|(?<![^\W_])[a-z]\s*(?={IS}|should|must|would|will))"
)
_ALONE = rx(rf"^(?P<before>(?:[^\w-]|{_SAYING})*+)({NUMBER})(?P<rest>.*)$")
_OTHER = rx(
    rf"[\s(]*(?:(?:or|或者?)\s*(?:[a-z]\s*=\s*)?|(?:and|和|同|及)\s*|(?=[0-9]))(?P<other>{NUMBER})"
)
# What is counted or measured, right behind its number: 8蚊, 13套, 40個蛋撻, 14 km.
_PIECE = r"(?![或和同及與跟後前內]|[除乘加減]\s*[0-9])[\u4e00-\u9fff]"
_UNIT = rx(
    rf"\s*(?:{_PIECE}(?:{_PIECE})?(?![\u4e00-\u9fff])|(?:{_PIECE}){{3,4}}(?![0-9\u4e00-\u9fff])"
    r"|(?:hkd|dollars?|years?|days?|weeks?|hours?|minutes?|people|pieces?|km|m|kg|cm)\b)"
)
_NEXT_NUMBER = re.compile(rf"\s*(?P<other>{NUMBER})\s*(?:$|[.,;。])")
_NOTHING = rx(
    rf"(?:{_UNIT.pattern})?(?:{_OTHER.pattern})?(?:{_UNIT.pattern})?(?:[^\w+*/×÷^-]|{_SAYING})*+$"
)
_FINAL = rx(rf"#{{2,}}\s*(?:hk)?\$?\s*({NUMBER})|\\boxed\{{\s*\$?\s*({NUMBER})")
_QUESTION = rx(
    r"^[\s#*]*(?:問題|题目|題目|問|例題|例题|練習|question|problem|q|user)\s*[0-9]*\s*[:.)]|問題\s*:"
)
_ASKS = rx(r"幾多|多少|幾時|幾點|how (?:many|much|long|far|old)|\?")
_QUANTITY = rx(
    r"(?P<lead>[^,;。!?\n]*?)(?:幾多|多少|幾(?![時點個]))\s*(?P<han>[\u4e00-\u9fff]{0,8})"
    r"|(?P<how>how (?:many|much|long|old|far)) (?P<english>[a-z]+)?"
)
_MONEY = {*"蚊元塊块錢钱"}
_LISTED = re.compile(r"\s*[(（]?[A-Z][.:)、）]")
_PARENTHESES = re.compile(r"(?<=[^\s=(])[^\S\n]*\([^()\n]*\)")
_COPULAS = "係是為为要有會会"
_TOLD = rx(rf"(?:{_SUMS}|{IS}|畀|給|给)\s*\$?\s*$")


class _Kind(Enum):
    MARK = "called the answer"
    SAID = "said in the question's words"
    ASSIGNED = "the value of the unknown"
    ALONE = "a number and nothing else"
    CONCLUSION = "what follows, or the sum"
    RESULT = "the result of a calculation"
    SENTENCE = "counted in a sentence"


class _Reading(NamedTuple):
    """A number that a clause states; `None` where it states several."""

    kind: _Kind
    value: Fraction | None
    place: int  # of the clause
    end: int
    shared: int = 0  # words around it that stand around the question's, too


class _Asked:
    """What a problem says and asks, so that an answer can be told from an echo of it."""

    def __init__(self, prompt: str) -> None:
        text = in_digits(prompt)
        self.dense = _dense(text)
        self.stated = {abs(each) for each in numbers_in(prompt)}
        equations = text if "=" in text else ""
        self.variables = {each.lower() for each in _VARIABLE.findall(equations)}
        found = [*_QUANTITY.finditer(text)]
        self.quantity = found[-1] if found else None

    def echoes(self, clause: str) -> bool:
        dense = _dense(clause)
        whole = rf"(?<![0-9]){re.escape(dense)}(?![0-9])"
        return len(dense) > 3 and re.search(whole, self.dense) is not None

    def counts(self, before: str, behind: str) -> bool:
        """Whether a number is of what is asked for, by its unit."""
        if not behind.strip(" .") and _TOLD.search(before):
            return bool(self.dense) and not self.variables
        if self.quantity is None:
            return False
        han, english = self.quantity["han"], self.quantity["english"]
        if self.quantity["how"]:
            english = "year" if "old" in self.quantity["how"].lower() else (english or "").lower()
            return bool(english) and behind.strip().lower().startswith(english.rstrip("s"))
        if not han:
            return _UNIT.match(behind) is not None or not behind.strip()
        first = _MONEY if han[0] in _MONEY else {han[0]}
        return behind.strip()[:1] in first or (han[0] in _MONEY and before.endswith("$"))

    def shared(self, before: str, behind: str) -> int:
        """How many words around a number are those of the question: 應該找返幾多蚊, 幾多年之後."""
        if self.quantity is None or self.quantity["how"]:
            return 0
        tail = _dense(self.quantity["han"])
        if re.match(".之?[前後]", tail) and _dense(behind).startswith(tail[:3]):
            return 3
        lead, own = (_dense(each).rstrip(_COPULAS) for each in (self.quantity["lead"], before))
        pairs = zip(reversed(lead), reversed(own), strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        return same if same > 1 and self.counts(before, behind) else 0


_ask = lru_cache(maxsize=1024)(_Asked)


def _dense(text: str) -> str:
    return re.sub(r"[\W_]", "", text).lower()


def find_number(text: str, prompt: str = "", *, cut: bool = False) -> Fraction | None:
    r"""The number that a text gives as its answer, exact; None if it states none or several.

    What follows a next question is left out, as are lists of options. Of the rest decides, in this
    order: the first clause, if it states a number alone (``9``, ``8蚊``, ``Total: 9``), the value
    of the unknown (``n = 9``) or what it calls the answer (``答案係9``); a final answer in marks
    (``#### 9``, ``\boxed{9}``); the first that is called the answer or the value of the unknown; a
    number said in the words of the question (``應該找返9蚊``); the last conclusion (``所以9蚊``,
    ``一共9個``); the last result of a calculation or number in a sentence that counts what is asked
    for. Skipped are clauses that stand in the prompt, equations with a variable inside an
    expression (``1 + n = 10``), calculations without a result, questions and negations. ``9 or 6``
    states several.

    Numbers may be decimal, fractions, Chinese numerals, English words up to 99; ``9%`` is 9/100.

    Args:
        text: without the prompt.
        prompt: the problem; without it nothing is known of what is asked: sentences are skipped.
        cut: whether the text was broken off at the most tokens. Of steps that go on to there, no
            result is the answer.
    """
    asked, own = _ask(prompt), _PARENTHESES.sub("", in_digits(text))
    own = own[: _end_of_own(own, asked)]
    if cut and not text.endswith("\n"):
        own = re.sub(r"[^;。!?,\n]*$", "", own) or own
    readings = [*_readings(own, asked)]
    decisive = [each for each in readings if each.kind in (_Kind.MARK, _Kind.ASSIGNED)]
    first = readings[0] if readings else None
    if first and not first.place and (first.kind is _Kind.ALONE or first in decisive):
        return first.value
    if marked := _FINAL.search(own):
        return value_of(marked[1] or marked[2])
    if decisive:
        return decisive[0].value
    if said := [each for each in readings if each.kind is _Kind.SAID]:
        return max(said, key=lambda each: each.shared).value
    if conclusions := [each for each in readings if each.kind is _Kind.CONCLUSION]:
        return conclusions[-1].value
    if not readings or (cut and _goes_on(own, readings[-1])):
        return None
    return readings[-1].value


def _goes_on(text: str, last: _Reading) -> bool:
    """Whether a text breaks off in its calculations: no other sentence stands behind them."""
    return last.kind in (_Kind.RESULT, _Kind.ALONE) and not re.search(
        r"[^\W\d_]{2}.*[.。!]", text[last.end :]
    )


def _end_of_own(text: str, asked: _Asked) -> int:
    """Where a next question begins, or the same anew; the text's length if none does."""
    place = 0
    for line in text.splitlines(keepends=True):
        if found := _QUESTION.search(line):
            return place + found.start()
        asks = _ASKS.search(line)
        known = not asks or asked.echoes(line)
        if not known and (asked.dense or re.search("[0-9]", line[: asks.start() if asks else 0])):
            # 9日。如果每日飲3包，可以飲幾多日？
            first = _CLAUSE.match(line)
            alone = first and "?" not in first[2] and _alone(first[1], called=False)
            return place + (first.end() if first and alone and not text[:place].strip() else 0)
        anew = len(dense := _dense(line)) > 7 and asked.dense.startswith(dense[:8])
        if anew and text[:place].strip():
            return place
        place += len(line)
    return place


def _readings(text: str, asked: _Asked) -> Iterator[_Reading]:
    place = 0
    for line in re.finditer(r".+", text):
        called = False
        if _LISTED.match(line[0]):
            continue
        for match in _CLAUSE.finditer(line[0]):
            clause, mark = match[1], match[2]
            # "Total: 45" is the number alone.
            heads = ":" in mark and len(clause) < 20 and not re.search("[0-9]", clause)
            place += bool(clause.strip()) and not heads
            if "?" in mark or asked.echoes(clause):
                continue
            behind = line[0][match.end() :] if "," in mark else ""
            end = line.start() + match.end()
            if found := _stated(clause, behind, called, asked):
                kind, value, shared = found
                yield _Reading(kind, value, place - 1, end, shared)
            called = ":" in mark and re.search(f"{_MARKS}\\W*$", clause, re.IGNORECASE) is not None


def _stated(
    clause: str, behind: str, called: bool, asked: _Asked
) -> tuple[_Kind, Fraction | None, int] | None:
    """The number that a clause states, `called` the answer by the words before it."""
    if NEGATIVE.search(clause) or re.search("[<>≤≥≠]", clause):
        return None
    told, shared = _counted(clause, asked.shared)
    if told is not None and not called:
        return _Kind.SAID, told, shared
    found = _result(clause, asked) if "=" in clause else _alone(clause, called)
    if found is None:
        told, _ = _counted(clause, asked.counts)
        fresh = told is not None and abs(told) not in asked.stated
        return (_Kind.SENTENCE, told, 0) if fresh else None
    kind, number, rest = found
    if (value := value_of(number)) is None:
        return None
    if kind is _Kind.CONCLUSION and abs(value) in asked.stated and not re.search(SO, clause):
        return None
    unit = _UNIT.match(rest)
    other = _OTHER.match(rest, unit.end() if unit else 0) or _NEXT_NUMBER.match(behind)
    return kind, value if other is None or value_of(other["other"]) == value else None, 0


def _alone(clause: str, called: bool) -> tuple[_Kind, str, str] | None:
    match = _ALONE.match(clause)
    if match is None or not _NOTHING.match(match["rest"]):
        return None
    before = match["before"]
    if called or re.search(_MARKS, before, re.IGNORECASE):
        kind = _Kind.MARK
    elif re.search(f"{_SUMS}|{SO}", before, re.IGNORECASE):
        kind = _Kind.CONCLUSION
    else:
        kind = _Kind.ASSIGNED if _VARIABLE.search(before) else _Kind.ALONE
    return kind, match[2], match["rest"]


def _result(clause: str, asked: _Asked) -> tuple[_Kind, str, str] | None:
    """The right side of an equation whose left one is an unknown or without any."""
    left, *sides = clause.split("=")
    if re.fullmatch(rf"\s*{NUMBER}\s*", left) and _VARIABLE.fullmatch(sides[0].strip()):
        return _Kind.ASSIGNED, left, ""
    kind = _Kind.RESULT
    if not left.strip(" $"):
        kind = _Kind.ASSIGNED
    elif not re.search(r"[0-9]", left) and not _VARIABLE.search(left):
        kind = _Kind.ALONE  # 利潤 = 510
    elif _VARIABLE.search(left):
        found = _ASSIGNED.search(left)
        if found is None or len(_VARIABLE.findall(left)) > 1:
            return None
        if (
            not asked.dense
            or found["variable"].lower() in asked.variables
            or left.strip().isalpha()
        ):
            kind = _Kind.ASSIGNED
    for at, side in enumerate(sides):
        if match := _RESULT.match(side):
            return kind, match[1], "=".join([match["rest"], *sides[at + 1 :]])
        if _VARIABLE.search(side):
            break
    return None


def _counted(clause: str, meant: Callable[[str, str], int]) -> tuple[Fraction | None, int]:
    """The one number in a sentence that is most likely meant, and how likely."""
    if "=" in clause:
        return None, 0
    found = [
        (meant(clause[: match.start()], clause[match.end() :]), value)
        for match in re.finditer(NUMBER, clause)
        if (value := value_of(match[0])) is not None
    ]
    most = max((likely for likely, _ in found), default=0)
    values = {value for likely, value in found if likely == most > 0}
    return (values.pop() if len(values) == 1 else None), most
