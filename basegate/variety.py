"""Which language a text is written in, and whether it turns in circles.

Sentences are told apart by canto-filter's markers, Simplified forms by OpenCC's tables.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

Label = Literal["cantonese", "written_chinese", "mixed", "neutral", "foreign"]

_SENTENCE_END = re.compile(r"(?<=[。！？!?…\n])|(?<=[.])(?=\s)")
_CLOSERS = "」』”’）)"
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_LATIN = r"[A-Za-z\u00c0-\u024f\uff21-\uff3a\uff41-\uff5a]"
_LATIN_WORD = re.compile(rf"{_LATIN}+(?:['’-]{_LATIN}+)*")
# Written so in Hong Kong although OpenCC would convert them and Big5 does not hold them.
_HONG_KONG_FORMS = frozenset("吓揾着响恒咤糍叠咏撑泪温烟痴脉脚踪霉韵卧厨凑麽")
LOOP_SHARE = 0.5
"""Share of repeated 4-grams above which a text counts as looping."""


def sentences(text: str) -> list[str]:
    """Split a text at the ends of sentences and lines; what holds no letter is dropped."""
    parts: list[str] = []
    for part in _SENTENCE_END.split(text):
        # Closing quotation marks belong to the sentence before them.
        rest = part.lstrip(_CLOSERS) if parts else part
        if parts:
            parts[-1] += part[: len(part) - len(rest)]
        parts.append(rest)
    return [part.strip() for part in parts if any(char.isalpha() for char in part)]


def label(sentence: str) -> Label:
    """Return the variety of one sentence; `neutral` if it could be Cantonese or Mandarin."""
    from cantofilter import LanguageType, judge

    if not _HAN.search(sentence):
        return "foreign"
    labels: dict[LanguageType, Label] = {
        LanguageType.CANTONESE: "cantonese",
        LanguageType.MANDARIN: "written_chinese",
        LanguageType.MIXED: "mixed",
        LanguageType.NEUTRAL: "neutral",
    }
    return labels[judge(sentence)]


def han_characters(text: str) -> list[str]:
    """Return the Chinese characters of a text, in order."""
    return _HAN.findall(text)


def latin_words(text: str) -> list[str]:
    """Return the words of a text that are written in Latin letters."""
    return _LATIN_WORD.findall(text)


def simplified_characters(text: str) -> list[str]:
    """Return the characters of a text that are Simplified forms.

    A character counts if OpenCC converts it for Hong Kong but not to Simplified (so that it is no
    traditional variant such as 爲), Big5, the traditional character set, does not hold it (it
    holds 台, 床, 群, 晒), and it is none of the further forms in use in Hong Kong (吓, 恒, 糍).
    """
    return [char for char in han_characters(text) if _is_simplified(char)]


@lru_cache(maxsize=20_000)
def _is_simplified(char: str) -> bool:
    if char in _HONG_KONG_FORMS or _in_big5(char):
        return False
    return _convert("s2hk", char) != char and _convert("t2s", char) == char


def _convert(direction: str, text: str) -> str:
    return str(_converter(direction).convert(text))


@lru_cache(maxsize=2)
def _converter(direction: str) -> Any:
    from opencc import OpenCC

    return OpenCC(direction)


def _in_big5(char: str) -> bool:
    try:
        char.encode("big5")
    except UnicodeEncodeError:
        return False
    return True


def repeated_share(text: str, size: int = 4) -> float:
    """Return the share of a text's character 4-grams that have occurred before in it.

    1 - distinct / all, white space left out; 0 for texts shorter than one 4-gram.
    """
    dense = "".join(text.split())
    grams = [dense[start : start + size] for start in range(len(dense) - size + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def is_looping(text: str) -> bool:
    """Whether at least half of a text's 4-grams repeat earlier ones."""
    return repeated_share(text) >= LOOP_SHARE


def is_degenerate(text: str) -> bool:
    """Whether a text is what a broken model writes: nothing, one character, or no characters.

    Empty or white space; one character repeated at least eight times and nothing else (the
    `!!!!!!!!` of a model whose numerics broke); or at least half replacement characters.
    """
    dense = "".join(text.split())
    if not dense:
        return True
    if len(dense) >= 8 and len(set(dense)) == 1:
        return True
    return dense.count("\ufffd") * 2 >= len(dense)
