"""Drawing characters from a distribution, by the rule that samples of a model are drawn by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from basegate.config.settings import Sampling
from basegate.engines.character_ngrams import SCALARS

if TYPE_CHECKING:
    from numpy.typing import NDArray

IsFinal = Callable[[str], bool]
Write = Callable[[str, int, IsFinal | None], str]
"""A function of a prompt, a seed, and what tells that a text is complete, to the text."""


class Distribution(Protocol):
    """Probabilities of the next character; see `CharacterNgrams`."""

    @property
    def order(self) -> int: ...

    @property
    def characters(self) -> tuple[str, ...]: ...

    def distribution(self, history: str) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class Uniform:
    """Every one of some characters is equally likely, and so is that it is any other one."""

    characters: tuple[str, ...]

    @property
    def order(self) -> int:
        return 1

    def distribution(self, history: str) -> NDArray[np.float64]:
        found = np.full(len(self.characters) + 1, 1 / (len(self.characters) + 1))
        found[-1] /= SCALARS - len(self.characters)
        return found

    def logprobs(self, text: str, before: str) -> NDArray[np.float64]:
        """The natural log-probability of every character of a text."""
        known, *_, other = np.log(self.distribution("")).tolist()
        own = set(self.characters)
        return np.array([known if char in own else other for char in text])


class Kept(NamedTuple):
    """What is drawn from: places of characters in falling order, and their cumulated chances.

    The place behind the last character stands for all characters that are none of the model's.
    """

    places: NDArray[np.intp]
    cumulated: NDArray[np.float64]


def writing(model: Distribution, sampling: Sampling) -> Write:
    """A function that writes from a model, each text from its seed alone."""
    usual = lru_cache(maxsize=4096)(lambda history: keep(model.distribution(history), sampling))
    places = {char: place for place, char in enumerate(model.characters)}

    def penalised(text: str, history: str) -> Kept:
        chances = model.distribution(history)
        again = sorted({places[char] for char in text if char in places})
        # The penalty divides logits above 0 and multiplies others; logarithms are never above 0.
        chances[again] **= sampling.repetition_penalty
        return keep(chances, sampling)

    def write(prompt: str, seed: int, is_final: IsFinal | None) -> str:
        text = prompt
        numbers = np.random.Generator(np.random.Philox(key=seed)).random(sampling.max_new_tokens)
        for number in numbers.tolist():
            history = text[max(0, len(text) - model.order + 1) :]
            plain = sampling.repetition_penalty == 1.0
            kept = usual(history) if plain else penalised(text, history)
            char = pick(kept, number, model.characters)
            text += char
            if char == "\n" and is_final is not None and is_final(text[len(prompt) :]):
                break
        return text[len(prompt) :]

    return write


def keep(chances: NDArray[np.float64], sampling: Sampling) -> Kept:
    """Temperature, then the k most probable, then the most probable of these that hold top_p.

    `chances` are of a model's characters, and at the end of every other one, which is less likely
    than any of them. Of equally likely ones those with the lower code points come first.
    """
    own = chances[:-1]
    if sampling.temperature == 0:
        return Kept(np.array([own.argmax()]), np.ones(1))
    count = min(sampling.top_k or SCALARS, SCALARS)
    if count < len(own):
        # Only those that may be kept are sorted.
        least = np.partition(own, len(own) - count)[len(own) - count]
        likely = np.flatnonzero(own >= least)
        places = likely[np.argsort(-own[likely], kind="stable")][:count]
        weights = _heated(own[places], sampling)
    else:
        places = np.append(np.argsort(-own, kind="stable"), len(own))
        weights = _heated(chances[places], sampling)
        weights[-1] *= count - len(own)
    weights /= weights.sum()
    cumulated = weights.cumsum()
    # One stays if those before it hold less than top_p; the first always does.
    held = int((cumulated - weights < sampling.top_p).sum())
    return Kept(places[:held], cumulated[:held])


def _heated(chances: NDArray[np.float64], sampling: Sampling) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (chances / chances[0]) ** (1 / sampling.temperature)
    return found


def pick(kept: Kept, number: float, characters: tuple[str, ...]) -> str:
    """The character that a number in [0, 1) decides on."""
    threshold = number * float(kept.cumulated[-1])
    at = int(np.searchsorted(kept.cumulated, threshold, side="right"))
    at = min(at, len(kept.places) - 1)
    place = int(kept.places[at])
    if place < len(characters):
        return characters[place]
    below = float(kept.cumulated[at - 1]) if at else 0.0
    share = (threshold - below) / (float(kept.cumulated[at]) - below)
    return another(math.floor(share * (SCALARS - len(characters))), characters)


def another(number: int, characters: tuple[str, ...]) -> str:
    """The character of that number, from 0, among all that are none of `characters` (sorted)."""
    for char in characters:
        # The place of a character among all of Unicode's, in which surrogates have none.
        place = ord(char) if ord(char) < 0xD800 else ord(char) - 0x800
        if place > number:
            break
        number += 1
    return chr(number if number < 0xD800 else number + 0x800)
