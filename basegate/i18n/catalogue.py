"""The language of terminal and report: English, or Traditional Chinese as written in Hong Kong.

The English text is the key: `say("{count} samples", count=4)`. A text that the catalogue lacks
is shown in English, and a test lists it. What a ledger holds (sentences on verdicts, units, notes)
stays in English, so that it reads the same everywhere; renderers translate what they know of it
(`Words.known`). What is said where the reader's language is not known (errors, warnings, progress)
is a `Message`, which is retold where it is shown (`Words.retold`).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, cached_property
from importlib import resources
from itertools import count
from typing import TYPE_CHECKING, Literal

from basegate.i18n.messages import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "zh-HK"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-HK")
_CHINESE = ("zh_hk", "zh_mo", "zh_tw", "zh_hant", "yue")
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_PLACE = re.compile(r"\{(\w+)\}")
_SPACED = re.compile(r"( ?)\{(\w+)\}( ?)")
_MARKS = tuple("，。、；：？！（）「」")
_TELLING = 30
"""Characters of its own by which a template is recognised."""
_NUMBER = re.compile(r"\d(?:[\d,.:T+-]*\d)?")


class Translator:
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
        found = self._catalogue.get(text)
        if found is None:
            return text.format(**values) if values else text
        return set_in(found, values) if values else found

    def translate(self, text: str) -> str:
        """Return a message in the language, and what is known of any other text.

        Args:
            text: in English. A message whose template the catalogue lacks stays in English but for
                the messages in it.
        """
        if not isinstance(text, Message) or not text.values:
            return self.known(text)
        values = {name: self._within(each) for name, each in text.values.items()}
        return self(text.template, **values)

    def _within(self, value: str) -> str:
        return self.translate(value) if isinstance(value, Message) else value

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
        if key in self._catalogue:
            return self._catalogue[key].format(*numbers)
        return self._recognised(text)

    def _recognised(self, text: str) -> str:
        """Return a message that became plain text on its way, as in a store; any other as it is."""
        if len(text) < _TELLING:
            return text
        for template in self._telling:
            if (values := values_in(text, template)) is not None:
                return self(template, **{name: self.known(each) for name, each in values.items()})
        return text

    @cached_property
    def _telling(self) -> list[str]:
        """Templates with so many words of their own that no other text looks like them."""
        literal = {each: len(_PLACE.sub("", each)) for each in self._catalogue if "{{" not in each}
        found = (each for each in literal if literal[each] >= _TELLING and _PLACE.search(each))
        # One that begins with words of its own before one that takes any beginning for a value.
        return sorted(found, key=lambda each: (-each.index("{"), -literal[each]))


def without_numbers(text: str) -> tuple[str, list[str]]:
    """Return a text with `{0}`, `{1}`, ... in place of its numbers, and the numbers."""
    places = count()
    return _NUMBER.sub(lambda _: f"{{{next(places)}}}", text), _NUMBER.findall(text)


@cache
def _pieces(template: str) -> list[str]:
    return _SPACED.split(template)


def set_in(template: str, values: Mapping[str, object]) -> str:
    """Return a Chinese text with values in it, and no space where two Chinese ones meet.

    Args:
        template: with names in braces, and no braces else. A space stands beside a name where the
            value is Latin; one that is not, or ends in a bracket, needs none.
        values: by name.
    """
    text, *others = _pieces(template)
    space = ""
    for before, name, after, literal in zip(*[iter(others)] * 4, strict=True):
        text = _beside(text, space or before, str(values[name]))
        space = "" if literal else after
        if literal:
            text = _beside(text, after, literal)
    return text + space


def _beside(left: str, space: str, right: str) -> str:
    """Put two texts beside each other, with the space between them if it parts two scripts."""
    if (
        left
        and right
        and all(unicodedata.east_asian_width(each) in "WF" for each in (left[-1], right[0]))
    ):
        return f"{left}{right}"
    needless = left[-1:] in _MARKS or right[:1] in _MARKS
    return f"{left}{'' if needless and left and right else space}{right}"


def values_in(text: str, template: str) -> dict[str, str] | None:
    """Return what stands in a text in place of the names of a template; `None` where it is no such.

    Args:
        text: any.
        template: with names in braces, and no braces else.
    """
    first, *others = _PLACE.split(template)
    if not text.startswith(first):
        return None
    at, values = len(first), dict[str, str]()
    for name, literal in zip(others[::2], others[1::2], strict=True):
        last = literal is others[-1]
        end = len(text) - len(literal) if last else text.find(literal, at)
        if end < at or not text.startswith(literal, end):
            return None
        if values.setdefault(name, text[at:end]) != text[at:end]:
            return None
        at = end + len(literal)
    return values if at == len(text) else None


class _Later(Translator):
    """Words whose reader is not known yet."""

    def __call__(self, text: str, /, **values: object) -> Message:
        """Return a message, which is said in the reader's language later."""
        return Message(text, **values)


ENGLISH = Translator("en", {})
LATER: Translator = _Later("en", {})
"""What is said with these words becomes part of a `Message`."""


@cache
def translator(language: Language) -> Translator:
    """Return the words of a language."""
    if language == "en":
        return ENGLISH
    file = resources.files("basegate.i18n") / "locales" / f"{language}.toml"
    return Translator(language, tomllib.loads(file.read_text(encoding="utf-8")))


def of_locale(environment: Mapping[str, str]) -> Language:
    """Return the language that a user's environment asks for; English where it names no other.

    Args:
        environment: the variables of the process; `LC_ALL` before `LC_MESSAGES` before `LANG`.
    """
    asked = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    return "zh-HK" if asked.lower().replace("-", "_").startswith(_CHINESE) else "en"
