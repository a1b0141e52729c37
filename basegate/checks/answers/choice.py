"""Find the option that a text gives as its answer to a multiple-choice question.

How ``find_choice`` reads a text; the first rule that yields an answer wins:

0. Normalise (NFKC, markdown stars dropped). Replace every mention of an option, be it the letter,
   the text or both, by one marker character, the longest text first. A letter beats a text that
   looks like a letter. Options in a row get lines of their own. Then go from line to line.
1. *Question*: a line that asks something, with other options below it than the caller's, or headed
   ``問題：`` without the caller's options, starts a question the model invented: stop.
2. *List*: labelled lines in rising order (``A. ... / B. ...``) are an echo. They answer only if
   exactly one is marked right (``正確``, ``✅``); else the search goes on below them. After two
   echoes the model is looping: then only an explicit statement (4) counts, for what looks like an
   answer may be the next echo, cut off.
3. *Labelled line*: ``A. 李家超`` gives A, unless it is marked wrong, asks, or names another option.
   A text after the label that is no option's is an explanation; after an echo it must be A's text.
4. *Explicit statement*: ``答案係A``, ``我揀A``, ``The answer is A``, anywhere in a sentence.
5. *Bare statement*: the letter or the option text alone, with filler words (``應該係``) at most.
6. *Sentence*: ``行政長官係李家超`` or ``李家超係...``, if it names one option only and either is
   the first line or draws a conclusion (``所以``).
7. Like statements (4, 5) on consecutive lines must agree, else they are no answer. Questions and
   negated clauses state nothing. After statements that disagree, ``A 或 B`` or ``A. <text of B>``
   only 2 and 4 still count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from basegate.checks.answers.mentions import (
    ANY,
    BY_BOTH,
    BY_LETTER,
    BY_TEXT,
    FULL,
    PUNCTUATION,
    TEXT,
    marked_lines,
    option_index,
)
from basegate.checks.answers.patterns import BECAUSE, IS, NEGATIVE, NOT, SO, rx, words

_OR = (
    r"(?:[\s.:()\[\]「」、,/&+-]|"
    + words("或 或者 和 及 與 与 跟 同 同埋 還是 还是 定係 抑或", "or and")
    + ")*+"
)
_YES = words("正確 正确 啱 對 对 ✅ ✓ ✔ ☑", "correct right true")
_OPTION = words("選項 选项", "option")
_PICK = words("揀 拣 選擇 选择 選 选", "choose pick select")
_CUE = f"(?:{words('答案 回應 回应 回答 作答 答', 'answer choice')}|{_OPTION}|{_PICK})"
_FILLER = (
    f"(?:{_CUE}|{_YES}|{IS}|{SO}|"
    + words(
        "咁 嗯 我 覺得 觉得 認為 认为 諗 估 應該 应该 應 应 會 会 可能 大概 一定 必定 梗"
        " 當然 当然 肯定 就 都 即 最 佳 終 后 後 嘅 的 咗 了 乃 而 但 呢個 這個 这个 呢題 這題 这题"
        " 本題 題目 題 题",
        "i'd i it's it that this the my think believe guess say would should will must probably"
        " maybe best final most likely be to go with but letter because here",
    )
    + ")"
)
_TAIL = (
    f"(?:{_YES}|{IS}|{_OPTION}|"
    + words("嘅 的 㗎 啦 喇 呀 囉 吧 喎 先 才 答案", "the answer one")
    + ")"
)

_SENTENCE = re.compile(r"(?:[^。!?;.]|\.(?!\s|$))+[。!?;.]*|[。!?;.]+")
_CLAUSE = re.compile(r"[,。!?;]|\.(?=\s|$)")
_HEADER = rx(
    rf"^{PUNCTUATION}*"
    + words("問題 问题 新問題 題目 题目 試題 试题 樣例 例子 例題", "question q")
    + r"\s*\w{0,3}\s*:"
)
_NEGATED = rx(rf"{NOT}(?:[\s:(\[「『\"']|{_OPTION}|the|係|是)*{ANY}(?:{_OR}{ANY})*")
_IF = rx(words("如果 假如 假設 係咪 係唔係 是否 是不是", "if"))
_JUDGED = rx(
    rf"^(?:{PUNCTUATION}|{ANY}|{SO}|{_OPTION}|{words('呢個 這個 答案 答 係 是', 'this that is')})*?"
    rf"(?:(?P<wrong>{NOT})|{_YES}|得|係|是)"
    rf"(?:{PUNCTUATION}|{_OPTION}|{words('嘅 的 了 㗎 喎 答案 選擇', 'answer')})*$"
)
_PAIR = rx(rf"({ANY}){_OR}({ANY})(?!\s*{words('係 是 都 則 则', 'is are')})")
_LABEL = rx(
    rf"^(?P<cue>(?:{_FILLER}|{PUNCTUATION})*?{words('答案 回應', 'answer')}"
    rf"(?:{PUNCTUATION}|{IS})*+)?"
    rf"(?:{PUNCTUATION}|{_OPTION})*+(?:[0-9]{{1,3}}[.)、](?:\s|{_OPTION})*)?"
    rf"(?P<key>{BY_BOTH}|{BY_LETTER}(?=(?P<mark>\s*[.:)\]、]))|{ANY}(?={PUNCTUATION}*{IS}?\s*(?:{NOT}|{_YES})))(?P<rest>.*)$"
)
_AFTER = rf"(?=$|[^\w]|{BECAUSE}|{_TAIL})"
_EXPLICIT = rx(
    rf"(?:{words('答案 回應 回应 回答', 'answer choice')}"
    rf"[^\ue000-\uf8ff]{{0,30}}?(?:{IS}|[:=]|->)|{_PICK})"
    rf"(?:{PUNCTUATION}|{_OPTION}|咗|了|項|项|就係|是)*+(?P<key>{ANY}){_AFTER}"
)
_START = rx(rf"^(?P<pre>(?:{PUNCTUATION}|{_FILLER})*+)(?P<key>{ANY})")
_END = rx(rf"\s*\(|(?:{PUNCTUATION}|{_TAIL})*+(?:$|{BECAUSE})")
_SUBJECT = rx(rf"^{PUNCTUATION}*(?P<key>{BY_TEXT})\s*(?:{IS}|was\s)")
_OBJECT = rx(rf"(?:{IS}|叫){PUNCTUATION}*(?P<key>{ANY})(?:{PUNCTUATION}|{_TAIL})*+$")


@dataclass(frozen=True)
class _Line:
    """A line with markers for the options: what kind of line, and which option it gives."""

    kind: str  # question, item, explicit, bare, text, sentence, clash or other
    text: str
    key: int | None = None
    whole: bool = False  # nothing but the statement
    label: int | None = None  # the option whose label or marker the line begins with
    right: bool | None = None  # whether the line calls that option right or wrong
    cue: bool = False  # the label comes after "答案:"
    counted: bool = False  # the line begins with a number such as "1."


def _clauses(text: str) -> list[str]:
    return [clause for clause in _CLAUSE.split(text) if re.search(rf"\w|{ANY}", clause)]


def _judgement(text: str, key: int) -> bool | None:
    """Whether the first or last clause of a labelled line calls it right or wrong."""
    clauses = [clause for clause in _CLAUSE.split(text) if clause.strip()]
    for clause in [clauses[0], clauses[-1]] if clauses else []:
        if verdict := _JUDGED.match(clause):
            return verdict["wrong"] is None
        explicit = _EXPLICIT.search(clause)
        if explicit and option_index(explicit["key"]) == key and not NEGATIVE.search(clause):
            return True
    return None


def _item(line: str) -> _Line | None:
    """Rule 3: read a line that begins with the label of an option."""
    match = _LABEL.match(line)
    if match is None:
        return None
    key, rest, cue = option_index(match["key"]), match["rest"].lstrip(" .:)]、"), bool(match["cue"])
    right, told = _judgement(rest, key), match["key"] >= chr(FULL)
    if not told and right is None and not (match["mark"] and re.search(rf"\w|{ANY}", rest)):
        return None
    if re.match(ANY, rest) and option_index(rest[0]) != key:
        return _Line("clash", line, label=key, right=right, cue=cue)
    sound = right is not False and (told or not rest.endswith("?"))
    return _Line("item", line, key if sound else None, label=key, right=right, cue=cue)


def _statement(line: str, *, first: bool) -> _Line | None:
    """Rules 4 to 6: read a line that carries no label; None if it states nothing."""
    whole, earlier = len(_clauses(line)) == 1, False
    sentences = [s for s in _SENTENCE.findall(_NEGATED.sub("", line)) if not s.endswith("?")]
    asserted = [[c for c in _clauses(s) if not NEGATIVE.search(c)] for s in sentences]
    told = {option_index(m["key"]) for s in asserted for c in s if (m := _EXPLICIT.search(c))}
    found = _Line("clash", line) if len(told) > 1 else None
    for clauses in filter(None, [] if found else asserted):
        clash = any(
            option_index(a) != option_index(b) for a, b in _PAIR.findall(", ".join(clauses))
        )
        for clause in clauses:
            if (match := _EXPLICIT.search(clause)) and not _IF.search(clause):
                return _Line(
                    "clash" if clash else "explicit", line, option_index(match["key"]), whole
                )
            match = _START.match(clause)
            if found is None and match and (not earlier or re.search(r"\w", match["pre"])):
                if clash:
                    found = _Line("clash", line)
                elif _END.match(clause, match.end()):
                    found = _Line(_kind(match), line, option_index(match["key"]), whole)
            earlier = True
    return found or _sentence(line, asserted, first=first)


def _kind(match: re.Match[str]) -> str:
    if re.search(_CUE, match["pre"], re.IGNORECASE):
        return "explicit"
    return "bare" if match["key"] < chr(TEXT) else "text"


def _sentence(line: str, asserted: list[list[str]], *, first: bool) -> _Line | None:
    """Rule 6: find the one option text that a sentence has as its subject or object."""
    text = ",".join(clause for clauses in asserted for clause in clauses)
    if len({option_index(marker) for marker in re.findall(ANY, text)}) != 1:
        return None
    for clause in text.split(","):
        match = _SUBJECT.match(clause) or _OBJECT.search(clause)
        concludes = match and re.search(
            f"{SO}|答案", text[: text.index(match["key"])], re.IGNORECASE
        )
        if match and (first or concludes) and not _IF.search(clause):
            return _Line("sentence", line, option_index(match["key"]))
    return None


def _classify(line: str, *, first: bool, counted: bool) -> _Line:
    """What kind of line this is; ``counted`` if a number stood before it."""
    asks = line.endswith("?") and not re.search(rf"{ANY}\W*$", line)
    if _HEADER.match(line) or (asks and not _LABEL.match(line)):
        return _Line("question", line)
    read = _item(line) or _statement(line, first=first)
    if read is None or (counted and read.kind in ("text", "sentence") and not read.whole):
        return _Line("other", line)
    return replace(read, counted=counted)


def _list_end(lines: Sequence[_Line], start: int) -> int:
    """Where the list of options that begins at ``start`` ends (rule 2)."""
    last, end, spread = lines[start].label, start + 1, False
    for at in range(start + 1, len(lines)):
        line, apart = lines[at], at > end
        label = line.key if line.kind == "bare" and not apart else line.label
        if line.kind in ("question", "explicit"):
            break
        if label is None or last is None:
            continue
        in_turn = label == last + 1 if apart and lines[start].label == 0 else not apart
        if label <= last or line.cue or not in_turn:
            break
        last, end, spread = label, at + 1, spread or apart
    # In a list with comments, the comment on the last option is no statement either.
    while spread and end < len(lines) and lines[end].label is None and lines[end].key == last:
        end += 1
    return end


def _marked_right(lines: Sequence[_Line]) -> int | None:
    """The only option of a list that is marked right, on its line or on the next."""
    right: set[int] = set()
    label = -1
    for line in lines:
        label = label if line.label is None else line.label
        if line.right or (line.kind == "other" and _judgement(line.text, label)):
            right.add(label)
    return right.pop() if len(right) == 1 else None


def _own_question(lines: Sequence[_Line], at: int) -> bool:
    """Whether the question at ``at`` is the caller's: its own options or an answer follow."""
    for line in lines[at + 1 :]:
        if line.kind in ("item", "clash") and line.label is not None:
            return re.search(f"{BY_BOTH}{PUNCTUATION}*$", line.text) is not None
        if line.kind in ("explicit", "bare", "text"):
            break
    return not _HEADER.match(lines[at].text)


def _agreed(lines: Sequence[_Line]) -> tuple[int | None, int]:
    """Rule 7: the key that the like statements at the start agree on, and how many they are."""
    first, count = lines[0], 1
    for line in lines[1:] if first.whole else []:
        if not line.whole or (line.kind, line.counted) != (first.kind, first.counted):
            break
        count += 1
    keys = {line.key for line in lines[:count]}
    return (first.key if len(keys) == 1 else None), count


def _search(lines: Sequence[_Line]) -> int | None:
    """Go through the lines by rules 1 to 3 and 7 until one of them decides."""
    at, echoes, clashed = 0, 0, False
    while at < len(lines):
        line, key, end = lines[at], None, at + 1
        if line.kind == "question" and not _own_question(lines, at):
            return None
        if line.label is not None and (end := _list_end(lines, at)) > at + 1:
            key = _marked_right(lines[at:end]) if echoes < 2 else None
            echoes += key is None
        elif line.kind == "clash":
            clashed = True
        elif line.key is not None:
            key, count = _agreed(lines[at:])
            end = at + count
            if key is None and line.kind == "explicit":
                return None
            clashed |= key is None
            part = echoes and line.kind == "item" and not re.search(BY_BOTH, line.text)
            if line.kind != "explicit" and (clashed or echoes > 1 or part):
                key = None
        if key is not None:
            return key
        at = end
    return None


def _as_list(lines: list[_Line], options: int) -> list[_Line]:
    """Lines that break off within a list, with the rest of it: what was cut is no answer."""
    last = lines[-1]
    # "A." may be the beginning of A's line.
    label = last.key if last.kind == "bare" and re.search(r"[.:)]\s*$", last.text) else last.label
    if label is None or last.cue or last.right is not None:
        return lines
    if label and (len(lines) < 2 or lines[-2].label != label - 1):
        return lines
    rest = [_Line("item", "", key, label=key) for key in range(label, options)]
    return [*lines[:-1], *rest]


def find_choice(text: str, options: Mapping[str, str], *, cut: bool = False) -> str | None:
    """The option that a text gives as its answer to a multiple-choice question.

    Args:
        text: What the model wrote after the prompt, without the prompt.
        options: The letter (or any other key) of each option and its text, in the prompt's order.
        cut: Whether the text was broken off at the most tokens: where that is within a list of the
            options, it is an echo of them.

    Returns:
        A key of ``options``, or None if the text gives no answer, several or a contradictory one.
        If an option's text looks like another option's key, that text alone means the key.
    """
    if not options:
        return None
    lines: list[_Line] = []
    for line, counted in marked_lines(text, options):
        first = not lines or (len(lines) == 1 and lines[0].kind == "question")
        lines.append(_classify(line, first=first, counted=counted))
    key = _search(_as_list(lines, len(options)) if cut and lines else lines)
    return None if key is None else list(options)[key]
