"""Messages that can be shown in another language later: a template, and the values in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any


class Message(str):
    """A text for people, in English, that remembers what it was put together from.

    It is a string like any other, so that whoever knows nothing of languages need not; but what is
    made of it, as by an f-string or `+`, is a plain one. A record holds it as a `MessageField`;
    `Translator.translate` shows it in a language.

    Args:
        template: in English, with the names of its values in braces: the key of its translation.
            Without values it is the text as it is.
        values: by name; other than messages they are kept as text.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, str]

    def __new__(cls, template: str, /, **values: object) -> Message:
        kept = {name: each if isinstance(each, str) else str(each) for name, each in values.items()}
        made = super().__new__(cls, template.format(**kept) if kept else template)
        made.template, made.values = str(template), kept
        return made

    def __reduce__(self) -> tuple[Callable[..., Message], tuple[Any, ...]]:
        """Cross between processes with template and values."""
        return _again, (self.template, self.values)

    @classmethod
    def of(cls, text: str) -> Message:
        """A text as a message; one that is none has no translation."""
        return text if isinstance(text, Message) else cls(str(text))


def _again(template: str, values: Mapping[str, str]) -> Message:
    return Message(template, **values)


def joined(parts: Iterable[str]) -> str:
    """Parts in one text, with commas between them; they stay messages where they are."""
    every = [*parts]
    if len(every) < 2:
        return every[0] if every else ""
    # By halves: the names of a long registry would be nested too deeply one by one.
    half = len(every) // 2
    return Message("{some}, {next}", some=joined(every[:half]), next=joined(every[half:]))


def some(names: Sequence[str]) -> str:
    """The first three of some names, and how many more there are; as a message like `joined`."""
    if len(names) <= 3:
        return joined(names)
    return Message("{names} and {count} more", names=joined(names[:3]), count=len(names) - 3)
