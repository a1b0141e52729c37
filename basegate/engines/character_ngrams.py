"""N-gram models over characters, with Witten and Bell's smoothing.

    p(w | h) = (c(hw) + T(h) * p(w | h')) / (c(h) + T(h))

c counts occurrences, T(h) the distinct characters that were seen after the history h, and h' is h
without its first character. Below the empty history every scalar value of Unicode is equally
likely, so that any text has a probability and those of all characters sum to 1.

Source: Witten and Bell, The zero-frequency problem, 1991 (method C); interpolated as in Chen and
Goodman, An empirical study of smoothing techniques for language modeling, 1998.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCALARS = 0x110000 - 0x800
"""Characters that a text can hold: Unicode's code points without surrogates."""


@dataclass(frozen=True)
class Counts:
    """What follows which history, in some texts.

    Attributes:
        followers: occurrences of each character by history, the empty one included.
        totals: their sums.
    """

    followers: dict[str, Counter[str]]
    totals: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        totals = {history: found.total() for history, found in self.followers.items()}
        object.__setattr__(self, "totals", totals)

    @classmethod
    def of(cls, texts: Iterable[str], order: int) -> Counts:
        """Count n-grams of up to `order` characters; none reaches over the end of a text."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for text in texts:
            for place, char in enumerate(text):
                for begin in range(max(0, place - order + 1), place + 1):
                    found[text[begin:place]][char] += 1
        return cls(dict(found))


class CharacterNgrams:
    """A smoothed model of `order`; `characters` are those of its texts, in code point order."""

    def __init__(self, texts: Iterable[str], order: int) -> None:
        self.order = order
        self.counts = Counts.of(texts, order)
        self.characters = tuple(sorted(self.counts.followers.get("", ())))
        self._places = {char: place for place, char in enumerate(self.characters)}
        self._after_one = lru_cache(maxsize=1024)(self._after_at_most_one)
        self._arrays = lru_cache(maxsize=16384)(self._followers)

    def probability(self, history: str, char: str) -> float:
        """Of a character after at most `order` - 1 characters of `history`."""
        return _witten_bell(history, char, self.order, self.seen)

    def seen(self, history: str, char: str) -> tuple[int, int, int]:
        """Occurrences of a history, kinds of characters after it, and occurrences of this one."""
        followers = self.counts.followers.get(history)
        if followers is None:
            return 0, 0, 0
        return self.counts.totals[history], len(followers), followers[char]

    def distribution(self, history: str) -> NDArray[np.float64]:
        """Of every one of `characters`, and at the end of every other one; [characters + 1]."""
        history = history[max(0, len(history) - self.order + 1) :]
        found = self._after_one(history[-1:])
        for begin in range(len(history) - 2, -1, -1):
            if history[begin:] not in self.counts.followers:
                break
            found = self._blended(found, history[begin:])
        return found.copy()

    def _after_at_most_one(self, history: str) -> NDArray[np.float64]:
        found = self._blended(np.full(len(self.characters) + 1, 1 / SCALARS), "")
        known = history and history in self.counts.followers
        return self._blended(found, history) if known else found

    def _blended(self, shorter: NDArray[np.float64], history: str) -> NDArray[np.float64]:
        places, counts = self._arrays(history)
        all_ = self.counts.totals[history] + len(counts)
        found = shorter * (len(counts) / all_)
        found[places] += counts / all_
        return found

    def _followers(self, history: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        followers = self.counts.followers[history]
        places = [self._places[char] for char in followers]
        return np.array(places), np.array([*followers.values()], dtype=np.float64)


def _witten_bell(
    history: str, char: str, order: int, seen: Callable[[str, str], tuple[int, int, int]]
) -> float:
    found = 1 / SCALARS
    for begin in range(len(history), max(-1, len(history) - order), -1):
        total, kinds, count = seen(history[begin:], char)
        if not total:  # nor was any longer history
            break
        found = (count + kinds * found) / (total + kinds)
    return found


class WithoutTexts:
    """A model as if it had not been trained on some of its texts.

    Their counts are taken away: exact, and as quick as these texts are short.
    """

    def __init__(self, model: CharacterNgrams, texts: Iterable[str]) -> None:
        self._model = model
        self._less = Counts.of(texts, model.order)
        self._lost = {
            history: sum(
                model.counts.followers[history][char] == count for char, count in own.items()
            )
            for history, own in self._less.followers.items()
        }

    def probability(self, history: str, char: str) -> float:
        return _witten_bell(history, char, self._model.order, self._seen)

    def _seen(self, history: str, char: str) -> tuple[int, int, int]:
        total, kinds, count = self._model.seen(history, char)
        less = self._less.followers.get(history)
        if less is None:
            return total, kinds, count
        return total - self._less.totals[history], kinds - self._lost[history], count - less[char]


SPAN = 13
"""Characters in a row that two texts hardly share by chance."""


class HeldOut:
    """Scores texts by a model that was not trained on the documents which they are taken from.

    A stretch of at least `SPAN` characters that stands in a training document is scored without
    that document, and without those of its group: the same content in another variety.
    """

    def __init__(self, groups: Sequence[Sequence[str]], order: int) -> None:
        self.model = CharacterNgrams([text for group in groups for text in group], order)
        self._groups = groups
        self._without: dict[int, WithoutTexts] = {}
        self._home = {
            text[begin : begin + SPAN]: number
            for number, group in enumerate(groups)
            for text in group
            for begin in range(len(text) - SPAN + 1)
        }

    def logprobs(self, text: str, before: str = "") -> NDArray[np.float64]:
        """The natural log-probability of every character of a text after another."""
        before = before[-max(SPAN, self.model.order) :]
        whole, first = before + text, len(before)
        homes = self._homes(whole)
        values = [
            self._model(homes[place]).probability(
                whole[max(0, place - self.model.order + 1) : place], whole[place]
            )
            for place in range(first, len(whole))
        ]
        found: NDArray[np.float64] = np.log(values)
        return found

    def _homes(self, text: str) -> list[int | None]:
        """By character, the group of the document that it is taken from."""
        found: list[int | None] = [None] * len(text)
        for begin in range(len(text) - SPAN + 1):
            home = self._home.get(text[begin : begin + SPAN])
            if home is not None:
                found[begin : begin + SPAN] = [home] * SPAN
        return found

    def _model(self, group: int | None) -> CharacterNgrams | WithoutTexts:
        if group is None:
            return self.model
        if group not in self._without:
            self._without[group] = WithoutTexts(self.model, self._groups[group])
        return self._without[group]
