"""The language of terminal and report: English, or Traditional Chinese as written in Hong Kong.

The English text is the key: `say("{count} samples", count=4)`. A text that the catalogue lacks
is shown in English, and a test lists it. What a ledger holds (sentences on verdicts, units, notes)
stays in English, so that it reads the same everywhere; renderers translate what they know of it
(`Words.known`).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from itertools import count
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "zh-HK"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-HK")
_CHINESE = ("zh_hk", "zh_mo", "zh_tw", "zh_hant", "yue")
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_NUMBER = re.compile(r"\d(?:[\d,.:T+-]*\d)?")


class Words:
    """Texts for people, in one language.

    Attributes:
        language: its tag, as `lang` of a page takes it.
        gap: what stands between two sentences.
    """

    def __init__(self, language: Language, catalogue: Mapping[str, str]) -> None:
        self.language = language
        self.gap = " " if language == "en" else ""
        self._catalogue = catalogue

    def __call__(self, text: str, /, **values: object) -> str:
        """Return a text with values in place of its names in braces.

        Args:
            text: in English, and the key of its translation.
            values: by name; what they hold is shown as it is.
        """
        found = self._catalogue.get(text, text)
        return found.format(**values) if values else found

    def knows(self, text: str) -> bool:
        """Whether a text is shown in the language, and not in English for want of words."""
        return self.language == "en" or text in self._catalogue

    def known(self, text: str) -> str:
        """Return a text of a ledger in the language, as far as the catalogue knows it.

        Args:
            text: in English; any text. The catalogue has its numbers as `{0}`, `{1}`, ...
        """
        if text in self._catalogue:
            return self._catalogue[text]
        key, numbers = without_numbers(text)
        return self._catalogue[key].format(*numbers) if key in self._catalogue else text


def without_numbers(text: str) -> tuple[str, list[str]]:
    """Return a text with `{0}`, `{1}`, ... in place of its numbers, and the numbers."""
    places = count()
    return _NUMBER.sub(lambda _: f"{{{next(places)}}}", text), _NUMBER.findall(text)


ENGLISH = Words("en", {})


@cache
def words(language: Language) -> Words:
    """Return the words of a language."""
    if language == "en":
        return ENGLISH
    file = resources.files("basegate") / "locales" / f"{language}.toml"
    return Words(language, tomllib.loads(file.read_text(encoding="utf-8")))


def of_locale(environment: Mapping[str, str]) -> Language:
    """Return the language that a user's environment asks for; English where it names no other.

    Args:
        environment: the variables of the process; `LC_ALL` before `LC_MESSAGES` before `LANG`.
    """
    asked = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    return "zh-HK" if asked.lower().replace("-", "_").startswith(_CHINESE) else "en"
