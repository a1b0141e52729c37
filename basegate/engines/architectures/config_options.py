"""A `config.json` of an original format, read option by option."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any, NoReturn

from basegate.errors import CandidateError


class Options:
    """The options of a checkpoint; what cannot be honoured is refused, never ignored."""

    def __init__(self, values: Mapping[str, Any], folder: Path) -> None:
        self.values = values
        self.path = folder / "config.json"

    def count(self, name: str) -> int:
        """A whole number above 0 that has to be there."""
        value = self.values.get(name)
        if type(value) is not int or value < 1:
            held = f"is {value!r}" if name in self.values else "is absent"
            self._damaged(f"{name} should be a whole number above 0, and it {held}")
        return value

    def number(self, name: str, default: float) -> float:
        """A number above 0, or what the original code takes where there is none."""
        value = self.values.get(name, default)
        if type(value) not in (int, float) or not 0 < value < inf:
            self._damaged(f"{name} should be a number above 0, and it is {value!r}")
        return float(value)

    def _damaged(self, what: str) -> NoReturn:
        raise CandidateError(f"{self.path}: {what}. Fetch the checkpoint again.")

    def require(self, name: str, wanted: Any, default: Any) -> None:
        """Refuse an option other than `wanted`, the only value that is computed as in the original.

        `default` is what the original code takes where config.json says nothing.
        """
        value = self.values.get(name, default)
        if value != wanted:
            held = f"= {value!r}" if name in self.values else "is absent"
            self.refuse(f"{name} {held}, and only {wanted!r} is supported")

    def refuse(self, what: str) -> NoReturn:
        raise CandidateError(
            f"{self.path}: {what} for model_type {self.values.get('model_type')!r}. Loaded all "
            "the same, the model would compute something else than its own code. Choose a "
            "checkpoint without it, or one converted to a class of transformers."
        )
