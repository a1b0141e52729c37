"""Language identification of sentences, and repetition loops.

Sentences are classified by canto-filter's markers, Simplified forms by OpenCC's tables, clauses of
English from the English words of Hong Kong speech by their length. Figures: docs/variety.md.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import Any, Literal

Label = Literal["cantonese", "written_chinese", "mixed", "english_mixed", "neutral", "foreign"]

_SENTENCE_END = re.compile(r"(?<=[。！？!?…\n])|(?<=[.])(?=\s)")
_CLOSERS = "」』”’）)"
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_LATIN = r"[A-Za-z\u00c0-\u024f\uff21-\uff3a\uff41-\uff5a]"
_WORD = rf"{_LATIN}+(?:['’-]{_LATIN}+)*"
LATIN_WORD = re.compile(_WORD)
# White space and the punctuation of English join words to a run; digits, Chinese characters and
# Chinese punctuation end it: Facebook、Instagram、WhatsApp are three runs.
LATIN_RUN = re.compile(rf"{_WORD}(?:[\s!-/:-@\[-`{{-~‘’“”–—]+{_WORD})*")
# Cantonese grammar around an English word, which canto-filter does not look at: check吓,
# check下個calendar, OT緊; 返office; and a classifier with no number or verb before it (個client,
# 我部iPhone, 呢間cafe). Not: meeting下午, iOS下個月, VIP緊張, 重返NBA, 三個app, 有個app.
CODE_MIXING = re.compile(
    rf"{_LATIN}\s?(?:吓(?![人到壞得])|下(?=個\s?{_LATIN}|[啲佢我你呢嗰先啦])|緊(?![急張密接縮要迫守隨跟]))"
    rf"|(?<![重往遣折回])返\s?{_LATIN}"
    rf"|(?:^|[，、；：。！？「（我你呢])[個份部隻件間條架]\s?{_LATIN}"
)
# Written so in Hong Kong although OpenCC would convert them and Big5 does not hold them.
_HONG_KONG_FORMS = frozenset("吓揾着响恒咤糍叠咏撑泪温烟痴脉脚踪霉韵卧厨凑麽")
CLAUSE_WORDS = 4
"""Words in Latin letters in a row that make an English clause of what stands in Chinese."""
ENGLISH_SHARE = 1 / 3
"""Share of clause words from which a sentence with Chinese in it counts as English-mixed."""
_PARTICLES = frozenset("啊呀吖啦喇嚹囉咯囖喎喔哦噢㗎嘛啩咩呢哩哈嘻呵嘿嗱唉哎欸嘩")
LOOP_SHARE = 0.5
"""Share of repeated 4-grams from which on a text counts as looping."""
LOOP_COMPRESSION = 2.75
"""Compression ratio from which on a text counts as looping."""
LOOP_BYTES = 150
"""Bytes of UTF-8 (50 Chinese characters) below which the compression ratio says nothing."""


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


def labels(text: str) -> list[Label]:
    """The varieties of the sentences of a text, in order.

    One of which at least half of the 4-grams stand before it in the text or in itself, or that
    stands there whole, goes round in a loop: it is `neutral`, as it tells nothing new.
    """
    found: list[Label] = []
    seen: set[str] = set()
    for sentence in sentences(text):
        dense = "".join(char for char in sentence if char.isalnum())
        grams = [dense[at : at + 4] for at in range(len(dense) - 3)] or [dense]
        fresh = len(set(grams) - seen)
        loops = 1 - fresh / len(grams) >= LOOP_SHARE
        found.append("neutral" if loops and _HAN.search(sentence) else label(sentence))
        seen.update(grams)
    return found


def label(sentence: str) -> Label:
    """The variety of one sentence.

    `foreign` has no Chinese character; `english_mixed` has clauses of English whose words are at
    least a third of words + Chinese characters; particles alone (啊啊啦喇) are `neutral`. The
    others are canto-filter's, `neutral` being what could be Cantonese or Mandarin; one that treats
    an English word as Cantonese does (`我check下個calendar先`) is `cantonese`.
    """
    from cantofilter import LanguageType, judge

    if not (characters := han_characters(sentence)):
        return "foreign"
    if _PARTICLES.issuperset(characters):
        return "neutral"
    if _is_english_mixed(sentence):
        return "english_mixed"
    by_marks: dict[LanguageType, Label] = {
        LanguageType.CANTONESE: "cantonese",
        LanguageType.MANDARIN: "written_chinese",
        LanguageType.MIXED: "mixed",
        LanguageType.NEUTRAL: "neutral",
    }
    found = by_marks[judge(sentence)]
    return "cantonese" if found == "neutral" and CODE_MIXING.search(sentence) else found


def _is_english_mixed(sentence: str) -> bool:
    words = sum(len(latin_words(run.group())) for run in clauses(sentence))
    return words > 0 and words / (words + len(han_characters(sentence))) >= ENGLISH_SHARE


def han_characters(text: str) -> list[str]:
    return _HAN.findall(text)


def latin_words(text: str) -> list[str]:
    return LATIN_WORD.findall(text)


def clause_words(text: str) -> list[str]:
    """Words in Latin letters that are English clauses and no code-mixing.

    In a sentence with Chinese characters, the words of runs of at least `CLAUSE_WORDS`: Hong Kong
    speech inserts one, two or three (`send個email畀我`, `work from home`), a clause is longer. In a
    sentence without Chinese characters, all words.
    """
    found = (run for sentence in sentences(text) for run in clauses(sentence))
    return [word for run in found for word in latin_words(run.group())]


def clauses(sentence: str) -> list[re.Match[str]]:
    """The runs of words in Latin letters that are clauses of English; see `clause_words`."""
    least = CLAUSE_WORDS if _HAN.search(sentence) else 1
    runs = LATIN_RUN.finditer(sentence)
    return [run for run in runs if len(latin_words(run.group())) >= least]


def simplified_characters(text: str) -> list[str]:
    """Characters that are Simplified forms.

    A character counts if OpenCC converts it for Hong Kong but not to Simplified (so that it is no
    traditional variant such as 爲), Big5, the traditional character set, does not hold it (it
    holds 台, 床, 群, 晒), and it is none of the further forms in use in Hong Kong (吓, 恒, 糍).
    """
    return [char for char in han_characters(text) if _is_simplified(char)]


@lru_cache(maxsize=20_000)
def _is_simplified(char: str) -> bool:
    if char in _HONG_KONG_FORMS or char.encode("big5", "ignore"):
        return False
    return bool(_opencc("s2hk").convert(char) != char == _opencc("t2s").convert(char))


@lru_cache(maxsize=2)
def _opencc(direction: str) -> Any:
    from opencc import OpenCC

    return OpenCC(direction)


def repeated_share(text: str, size: int = 4) -> float:
    """Share of character 4-grams that have occurred before: 1 - distinct / all.

    White space is left out; 0 for texts shorter than one 4-gram.
    """
    dense = "".join(text.split())
    grams = [dense[start : start + size] for start in range(len(dense) - size + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def compression_ratio(text: str) -> float:
    """Bytes of UTF-8 / bytes of their zlib stream, level 9, white space left out.

    Text that repeats with small changes (`第1個。第2個。`) compresses well although hardly a 4-gram
    of it repeats.
    """
    dense = _dense_bytes(text)
    return len(dense) / len(zlib.compress(dense, 9))


def _dense_bytes(text: str) -> bytes:
    return "".join(text.split()).encode(errors="replace")


def is_looping(text: str) -> bool:
    """Whether a text is a repetition loop.

    At least half of its 4-grams repeat earlier ones; or it is at least `LOOP_BYTES` long and zlib
    makes it at least `LOOP_COMPRESSION` times smaller. Short texts are left to the 4-grams: a
    plain enumeration (星期一、星期二、…) may compress as a loop does.
    """
    if repeated_share(text) >= LOOP_SHARE:
        return True
    return len(_dense_bytes(text)) >= LOOP_BYTES and compression_ratio(text) >= LOOP_COMPRESSION
