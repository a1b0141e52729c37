"""`--model` or `--basegate-model`: an option's short name, where nobody else declares it.

Another plugin or a `conftest.py` may declare `--model` or `--device`, too, before or after this
plugin, and argparse refuses whoever comes second. So the plugin declares its long names at once,
and short ones that are still free when the initial `conftest.py` files have declared theirs. pytest
has no public list of the options that are declared, nor a way to give one up.
"""

from __future__ import annotations

import argparse
import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from basegate.errors import UsageError

_LONG = "--basegate-"


class OptionNames:
    """The names that basegate's options have in one run; `taken` are short names of others."""

    def __init__(
        self, parser: pytest.Parser, group: pytest.OptionGroup, options: Mapping[str, Any]
    ) -> None:
        """Declare the long names, from which `dest` follows, in a group of their own.

        `options`: arguments of `add_argument` by short name.
        """
        self._parser = parser
        self._group = group
        self._options = options
        self.taken: frozenset[str] = frozenset()
        for name, attributes in options.items():
            group.addoption(_long(name), **attributes)

    def parse_early(self, config: pytest.Config, args: list[str]) -> None:
        """Read the command line once more before `conftest.py` files are looked for.

        The value of a short name that is not declared yet would be taken for a test path, and
        they would be looked for there.
        """
        known = config.known_args_namespace
        again = self._parser.parse_known_args(
            list(self._without_short_names(args)), namespace=copy.copy(config.option)
        )
        again.confcutdir = known.confcutdir
        config.known_args_namespace = again

    def add_short_names(self) -> None:
        """Declare the short names that are free; `--help` then shows the names to write."""
        self.taken = self._declared_elsewhere()
        for option in tuple(self._group.options):
            name = "--" + option.names()[0].removeprefix(_LONG)
            attributes = self._options[name]
            text = self.in_text(attributes["help"])
            if name in self.taken:
                text += f" ({name} is declared elsewhere in this project)"
            else:
                self._group.addoption(name, dest=option.dest, **{**attributes, "help": text})
                text = argparse.SUPPRESS
            option.attrs()["help"] = text

    def release_short_names(self) -> None:
        """Give them up once the command line is read.

        A `conftest.py` further down, which pytest loads while it collects, may declare one.
        """
        parser = getattr(self._parser, "optparser", None)
        declared: dict[str, object] = getattr(parser, "_option_string_actions", {})
        for name in self._options.keys() - self.taken:
            declared.pop(name, None)

    @contextmanager
    def usage_errors(self) -> Iterator[None]:
        """A user's mistakes as pytest's usage errors, which name the options as declared here."""
        try:
            yield
        except UsageError as error:
            raise pytest.UsageError(self.in_text(error.message)) from None

    def in_text(self, text: str) -> str:
        """A text with the long names of the options whose short ones are taken."""
        if not self.taken:
            return text
        names = "|".join(map(re.escape, self.taken))
        return re.sub(rf"(?<![\w-])(?:{names})(?![\w-])", lambda found: _long(found[0]), text)

    def _declared_elsewhere(self) -> frozenset[str]:
        # Before pytest 9 the group of those without a group is none of the groups.
        groups = (self._parser._anonymous, *self._parser._groups)
        options = (option for group in groups for option in group.options)
        return frozenset(self._options) & {name for option in options for name in option.names()}

    def _without_short_names(self, args: list[str]) -> Iterator[str]:
        free = self._options.keys() - self._declared_elsewhere()
        before = ""
        for at, arg in enumerate(args):
            if arg == "--":
                yield from args[at:]
                return
            is_value = before in free and self._options[before].get("action") != "store_true"
            if arg.partition("=")[0] not in free and not (is_value and not arg.startswith("-")):
                yield arg
            before = arg


def _long(short: str) -> str:
    return _LONG + short.removeprefix("--")


NAMES: pytest.StashKey[OptionNames] = pytest.StashKey()
"""On the config: what the options are called."""
