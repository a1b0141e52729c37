"""The language of terminal and report: English, or Traditional Chinese as written in Hong Kong.

As with gettext, the English text is the key: `tr("Take {name}.", name=name)`, and for a number
`tr.ngettext("{count} file", "{count} files", count)`. A text that the catalogue lacks is shown in
English, and a test lists it. Records (ledger, store) hold data and `Message`s, which are put into
the reader's language where they are shown (`Translator.translate`).

Catalogues are `locales/LANGUAGE/LC_MESSAGES/basegate.po`, read as they are: `make messages` keeps
them up to date.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from basegate.i18n.messages import Message

Language = Literal["en", "zh-HK"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-HK")
_CHINESE = ("zh_hk", "zh_mo", "zh_tw", "zh_hant", "yue")
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_SPACED = re.compile(r"( ?)\{(\w+)\}( ?)")
_MARKS = tuple("，。、；：？！（）「」")


class Plural(NamedTuple):
    """An English text that goes with a number, for `Translator.ngettext`."""

    one: str
    many: str


class Translator:
    """Texts for people, in one language.

    Args:
        language: its tag, as `lang` of a page takes it.
        catalogue: translations by the English text; of a plural, by the singular.
    """

    def __init__(self, language: Language, catalogue: Mapping[str, str]) -> None:
        self.language = language
        self.gap = " " if language == "en" else ""
        """What stands between two sentences."""
        self._catalogue = catalogue

    def gettext(self, text: str, /, **values: object) -> str:
        found = self._catalogue.get(text)
        if found is None:
            return text.format(**values) if values else str(text)
        return set_in(found, values) if values else found

    __call__ = gettext

    def ngettext(self, one: str, many: str, number: int, /, **values: object) -> str:
        """A text for one or for several; `count` in it is the number unless given."""
        values.setdefault("count", number)
        found = self._catalogue.get(one)
        if found is not None:
            return set_in(found, values)
        return (one if number == 1 else many).format(**values)

    def translate(self, text: str) -> str:
        """A message in the language; as it is where it has no translation."""
        if not isinstance(text, Message) or text.template not in self._catalogue:
            return str(text)
        values = {name: self.translate(each) for name, each in text.values.items()}
        return self.gettext(text.template, **values)


_pieces = cache(_SPACED.split)


def set_in(template: str, values: Mapping[str, object]) -> str:
    """A Chinese text with values in place of the names in braces.

    A space beside a name stays only where the value is Latin there, and not a bracket.
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
    ends = (left[-1:], right[:1])
    if all(ends) and all(unicodedata.east_asian_width(each) in "WF" for each in ends):
        return f"{left}{right}"
    needless = left[-1:] in _MARKS or right[:1] in _MARKS
    return f"{left}{'' if needless and left and right else space}{right}"


ENGLISH = Translator("en", {})


@cache
def translator(language: Language) -> Translator:
    if language == "en":
        return ENGLISH
    folder = resources.files("basegate.i18n") / "locales" / language.replace("-", "_")
    text = (folder / "LC_MESSAGES" / "basegate.po").read_text(encoding="utf-8")
    return Translator(language, read_po(text))


_ENTRY = re.compile(
    r'^msgid (?P<id>".*"(?:\n".*")*)\n(?:msgid_plural (?:".*"\n)+msgstr\[0\]|msgstr) '
    r'(?P<text>".*"(?:\n".*")*)',
    re.MULTILINE,
)


def read_po(text: str) -> dict[str, str]:
    """Translations of a PO file by their English text; those that are missing are left out."""
    found = ((_unquoted(each["id"]), _unquoted(each["text"])) for each in _ENTRY.finditer(text))
    return {key: translated for key, translated in found if key and translated}


def _unquoted(lines: str) -> str:
    return "".join(map(json.loads, lines.split("\n")))


def of_locale(environment: Mapping[str, str]) -> Language:
    """The language that a user's environment asks for, by `LC_ALL`, `LC_MESSAGES` or `LANG`."""
    asked = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    return "zh-HK" if asked.lower().replace("-", "_").startswith(_CHINESE) else "en"
