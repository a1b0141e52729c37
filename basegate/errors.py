"""What can go wrong for a user, each with a message that fits on one screen.

Messages say what happened, why it matters and what to do. They are shown without a
traceback, so they have to stand alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from basegate.i18n.messages import Message


class BasegateError(Exception):
    """Base of all errors whose message is written for the user, in English."""

    @property
    def message(self) -> str:
        text: str = self.args[0]
        return text


class UsageError(BasegateError):
    """The command line, `thresholds.toml` or `models.toml` is wrong: exit status 4."""


class InvalidMeasurement(BasegateError):
    """A measurement could not be made or is broken; it says nothing about the model.

    A text that speaks of what the model did is a `Message`, shown in the reader's language.

    Attributes:
        measurement: its key in the store, where there is something to look at.
    """

    def __init__(self, text: str, /, *, measurement: str | None = None, **values: object) -> None:
        super().__init__(Message(text, **values) if values else text)
        self.measurement = measurement


class UnforeseenError(InvalidMeasurement):
    """An error that nobody foresaw: a fault of basegate, told with where its traceback is."""


class CandidateError(InvalidMeasurement):
    """A candidate cannot be identified or loaded."""


class DataError(InvalidMeasurement):
    """A corpus, question bank or prompt file cannot be read."""


class StoreWarning(UserWarning):
    """What whoever reads the verdicts should know of the store; one of a kind is shown."""


class NotTrusted(StoreWarning):
    """A file of the store is not used, since it is damaged or cannot be read."""


class NotKept(StoreWarning):
    """A measurement, or how far it has come, could not be written to the store."""


class NotCompared(StoreWarning):
    """Candidates are not compared, or a stored one that was asked for is not shown."""


def summary(error: Exception) -> str:
    """The first sentence of an error that a library wrote, without its advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x' or 'y'?"` for the nearest known names, or an empty string."""
    near = difflib.get_close_matches(name.lower(), sorted(known), n=3, cutoff=0.5)
    if not near:
        return ""
    return f" Did you mean {' or '.join(map(repr, near))}?"
