"""Mentions of options in a text, each replaced by one marker character.

A marker says which option is meant and how: by its letter, by its text, or by both. Reading a
text (``basegate.checks.answers.choice``) then is a matter of single characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import pairwise

from basegate.checks.answers.patterns import IS, SPECIAL, rx

# Markers live in the private use area: 0x800 each for a letter, a text, and a letter with its text.
LETTER, TEXT, FULL = 0xE000, 0xE800, 0xF000
ANY, BY_LETTER, BY_TEXT, BY_BOTH = (
    f"[{low}-{high}]"
    for low, high in ("\ue000\uf8ff", "\ue000\ue7ff", "\ue800\uf8ff", "\uf000\uf8ff")
)
"""Patterns for a marker: of any kind, of a letter alone, with a text, of a letter with its text."""
PUNCTUATION = r"(?:[^\w\ue000-\uf8ff]|_)"  # punctuation, space or emoji

_NOISE = re.compile(f"{SPECIAL}|[*`\ue000-\uf8ff\ufe0e\ufe0f\u200b-\u200d\ufeff]")
_NUMBER = re.compile(r"\(?[0-9]{1,3}(?:[)、]|\.(?![0-9]))\s*(?=[\w(])")
_SAME = rx(rf"({ANY})(?:[\s.:()\[\]「」『』\"'、,=/&+-]|{IS}|即)*+({ANY})")


def _normalise(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", text))


def option_index(marker: str) -> int:
    """Which option a marker means, counted from 0."""
    return ord(marker) & 0x7FF


def _bounded(pattern: str, first: str, last: str) -> str:
    """Keep a pattern that begins or ends in a Latin letter or digit from matching inside a word."""
    if first.isascii() and first.isalnum():
        pattern = r"(?<![A-Za-z0-9])(?<![0-9][.,:/])(?<!-)" + pattern
    if last.isascii() and last.isalnum():
        pattern += r"(?![A-Za-z0-9'])" + (r"(?![%°])(?![.,:/][0-9])" if last.isdigit() else "")
    return pattern


def _significant(text: str, at: int) -> bool:
    """Whether a character of an option distinguishes it: ``1.5`` is not ``15``."""
    char, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if char.isalnum() or char in "%/#" or unicodedata.category(char)[0] == "M":
        return True
    if char == "-":
        return after.isdigit()
    if char in ".:":
        return before.isdigit() and after.isdigit()
    return unicodedata.category(char)[0] == "S" and char != "^"


def _gap(left: str, right: str, *, apart: bool) -> str:
    """Pattern for what may stand between two neighbouring significant characters."""
    if apart or not (left.isascii() and left.isalnum() and right.isascii() and right.isalnum()):
        return r"(?:[^\w+<>=|~$°%/#-]|_|-(?!\d))*?"
    if left.isdigit() and right.isdigit():
        return ",?"
    return r"[\s_{}^]*" if left.isdigit() != right.isdigit() else ""


def _text_pattern(option: str, *, by_case: bool) -> str:
    """Pattern for an option text with free spacing and punctuation; empty if nothing is left."""
    kept = [at for at in range(len(option)) if _significant(option, at)]
    if not kept:
        return ""
    pattern = re.escape(option[kept[0]])
    for left, right in pairwise(kept):
        pattern += _gap(option[left], option[right], apart=right - left > 1)
        pattern += re.escape(option[right])
    pattern = _bounded(pattern, option[kept[0]], option[kept[-1]])
    flags = "" if by_case else "i"
    return f"(?{flags}:{pattern})" + (r"\s*\??" if option.rstrip().endswith("?") else "")


def _plain(text: str) -> str:
    return "".join(char for at, char in enumerate(text) if _significant(text, at))


def _mention_pattern(options: Mapping[str, str]) -> re.Pattern[str]:
    """One pattern with a group for every way to mention an option, the most telling way first."""
    keys = [_normalise(key).strip() for key in options]
    texts = [_normalise(text).strip() for text in options.values()]
    exact = [_plain(text) for text in texts]
    plain = [each.casefold() for each in exact]
    taken = {key.casefold() for key in keys}
    full, text_only, letters = [], [], []
    for at in sorted(filter(keys.__getitem__, range(len(keys))), key=lambda at: -len(plain[at])):
        # Where options differ in nothing else, case tells them: mW and MW.
        by_case = plain.count(plain[at]) > 1
        key, pattern = re.escape(keys[at]), _text_pattern(texts[at], by_case=by_case)
        letter = _bounded(key, keys[at][:1], keys[at][-1:])
        letters.append(
            rf"(?P<g{LETTER + at}>{letter}|(?<=\()(?i:{key})(?=\))|^(?i:{key})(?={PUNCTUATION}*$))"
        )
        if not pattern:
            continue
        start = _bounded("", keys[at][:1], "")
        label = rf"{start}(?:{key}[\s.:)\]、,=「『\"'(-]*|(?i:{key})[.:)]+\s*)"
        full.append(rf"(?P<g{FULL + at}>{label}{pattern})")
        if plain[at] not in taken and exact.count(exact[at]) == 1:
            text_only.append(rf"(?P<g{TEXT + at}>{pattern})")
    return re.compile("|".join(full + text_only + letters) or "(?!)")


def _merge(match: re.Match[str]) -> str:
    """Write one marker for two neighbours that mean the same option."""
    left, right = match[1], match[2]
    if option_index(left) != option_index(right):
        return match[0]
    return left if left == right else chr(FULL + option_index(left))


def marked_lines(text: str, options: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """Yield the lines that are not empty, with markers, and whether each begins with a number.

    A row of options becomes several lines. Where keys are numbers, ``1.`` is no line number.
    """
    mentions = _mention_pattern(options)
    keyed = any(key.strip().isdigit() for key in options)
    for raw in map(str.strip, _normalise(text).splitlines()):
        number, mention = None if keyed else _NUMBER.match(raw), mentions.match(raw)
        counted = number is not None and (mention is None or mention.end() <= number.end())
        line = raw[number.end() :] if number and counted else raw
        line = mentions.sub(lambda match: chr(int(str(match.lastgroup)[1:])), line)
        while (merged := _SAME.sub(_merge, line)) != line:
            line = merged
        if len(set(re.findall(BY_BOTH, line))) > 1:
            line = re.sub(f"(?={BY_BOTH}|(?:正確|正确)?答案\\s*[:係是])", "\n", line)
        yield from ((part.strip(), counted) for part in line.split("\n") if part.strip())
