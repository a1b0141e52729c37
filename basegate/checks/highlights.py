"""Spans of a text that `language_variety` counts, to highlight them on the page.

cantonese   canto-filter's markers, or Cantonese grammar around an English word
latin       clauses of English
simplified  Simplified forms
loop        repeated text, in a repetition loop
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag
from itertools import groupby
from typing import NamedTuple

from basegate.checks import language_variety as variety

Span = tuple[int, int]
"""Of characters: the first, and the one after the last."""
_BEFORE_CLASSIFIER = "，、；：。！？「（"


class Kind(IntFlag):
    """What is highlighted; a character may be several at once."""

    CANTONESE = 1
    LATIN = 2
    SIMPLIFIED = 4
    LOOP = 8


class Highlight(NamedTuple):
    """A part of a text.

    Attributes:
        start: its first character.
        end: the character after its last.
        kinds: what it is.
    """

    start: int
    end: int
    kinds: Kind


def highlights(text: str) -> tuple[Highlight, ...]:
    """The parts of a text that are something; where they overlap, each piece has all kinds."""
    kinds = [Kind(0)] * len(text)

    def mark(kind: Kind, spans: Iterable[Span], offset: int = 0) -> None:
        for start, end in spans:
            for at in range(offset + start, offset + end):
                kinds[at] |= kind

    mark(Kind.LOOP, loops(text))
    mark(Kind.SIMPLIFIED, simplified_forms(text))
    start = 0
    for sentence in variety.sentences(text):
        start = text.index(sentence, start)
        mark(Kind.CANTONESE, cantonese_markers(sentence), start)
        mark(Kind.LATIN, english_clauses(sentence), start)
        start += len(sentence)
    return tuple(
        Highlight(places[0], places[-1] + 1, kind)
        for kind, group in groupby(range(len(text)), kinds.__getitem__)
        if kind and (places := list(group))
    )


def cantonese_markers(sentence: str) -> list[Span]:
    """canto-filter's markers, or English words used with Cantonese grammar."""
    # `cantofilter.judge` is a function, too, which hides the module from an attribute's view.
    from cantofilter.judge import CANTO_UNIQUE_CHAR, CANTO_UNIQUE_WORD

    found = [
        match.span()
        for pattern in (CANTO_UNIQUE_CHAR, CANTO_UNIQUE_WORD)
        for match in pattern.finditer(sentence)
    ]
    if not found and variety.label(sentence) == "cantonese":
        found = [
            _whole_words(sentence, *match.span())
            for match in variety.CODE_MIXING.finditer(sentence)
        ]
    return _merged(found)


def english_clauses(sentence: str) -> list[Span]:
    """The clauses of English whose words `language_variety.clause_words` counts."""
    return [run.span() for run in variety.clauses(sentence)]


def simplified_forms(text: str) -> list[Span]:
    """Simplified forms; those in a row are one part."""
    forms = set(variety.simplified_characters(text))
    return _merged((at, at + 1) for at, char in enumerate(text) if char in forms)


def loops(text: str) -> list[Span]:
    """The repeated part of a text in a repetition loop; nothing of other texts.

    Every 4-gram that occurs earlier in it. Where these are less than half of the text
    (`第1個。第2個。`, which zlib finds), every 2-gram.
    """
    if not variety.is_looping(text):
        return []
    # White space is left out, as in `variety.repeated_share`.
    places = [at for at, char in enumerate(text) if not char.isspace()]
    for size in (4, 2):
        covered = _said_before("".join(text[at] for at in places), size)
        if len(covered) >= variety.LOOP_SHARE * len(places):
            break
    return [
        (places[first], places[last - 1] + 1)
        for first, last in _merged((at, at + 1) for at in sorted(covered))
    ]


def difference(right: str, wrong: str) -> tuple[Span, Span]:
    """The part of each of two texts between what both begin and end with."""
    shorter = min(len(right), len(wrong))
    start = next((at for at in range(shorter) if right[at] != wrong[at]), shorter)
    rest = shorter - start
    end = next((at for at in range(rest) if right[-1 - at] != wrong[-1 - at]), rest)
    return (start, len(right) - end), (start, len(wrong) - end)


def _whole_words(sentence: str, start: int, end: int) -> Span:
    """A match of `CODE_MIXING`, extended to whole English words."""
    if sentence[start] in _BEFORE_CLASSIFIER:
        start += 1
    for word in variety.LATIN_WORD.finditer(sentence):
        if word.start() < end and start < word.end():
            start, end = min(start, word.start()), max(end, word.end())
    return start, end


def _said_before(text: str, size: int) -> set[int]:
    """The places covered by n-grams that occur earlier in the text."""
    seen: set[str] = set()
    covered: set[int] = set()
    for start in range(len(text) - size + 1):
        gram = text[start : start + size]
        if gram in seen:
            covered.update(range(start, start + size))
        seen.add(gram)
    return covered


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order; those that touch or overlap are joined."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
