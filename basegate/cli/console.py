"""What the commands share: options, stores, files to write, lines and tables."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from basegate.errors import UsageError
from basegate.i18n.catalogue import LANGUAGES, Translator, of_locale, translator
from basegate.i18n.formatting import printable
from basegate.store.folder import Store

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
STORE = Path(".basegate")
THRESHOLDS = Path("thresholds.toml")
_OF_A_STORE = {"measurements", "measuring", "set-aside", ".lock", "ledger.json"}
"""What runs leave in a store; a folder with anything else and none of these is another one."""
_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}
_SHARED: Mapping[str, Mapping[str, Any]] = {
    "--store": {
        "type": Path,
        "default": STORE,
        "metavar": "DIR",
        "help": "where measurements are kept (default: %(default)s)",
    },
    "--thresholds": {
        "type": Path,
        "default": THRESHOLDS,
        "metavar": "FILE",
        "help": "settings and limits (default: %(default)s)",
    },
    "--check": {
        "action": "append",
        "default": [],
        "metavar": "FILE",
        "help": "a Python file, or a module, that declares checks of your own, such as "
        "conftest.py, which is imported; repeatable",
    },
    "--model": {
        "action": "extend",
        "nargs": "+",
        "default": [],
        "metavar": "NAME",
        "help": "what is stored of this candidate only; several separated by commas or spaces, "
        "@TAG for a group of models.toml, 'all' for all of it",
    },
    "--language": {
        "choices": LANGUAGES,
        "help": "language of what is shown (default: from LC_ALL, LC_MESSAGES or LANG)",
    },
}
"""Options of several commands, for `add_shared`."""


def add_shared(parser: argparse.ArgumentParser, *options: str) -> None:
    for option in options:
        parser.add_argument(option, **_SHARED[option])


def add_file(parser: argparse.ArgumentParser, option: str, text: str) -> None:
    parser.add_argument(option, type=Path, metavar="FILE", help=text)


def escape_output() -> None:
    """Let what the encoding of the output lacks be written with escapes, as pytest does it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def translator_of(options: argparse.Namespace) -> Translator:
    return translator(options.language or of_locale(os.environ))


def warn(text: str) -> None:
    print(printable(f"warning: {text}"), file=sys.stderr)


def open_store(folder: Path) -> Store:
    """The store of a folder; `UsageError` where there is none."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "there is no such folder"
    elif (found := {path.name for path in folder.iterdir()}) and not found & _OF_A_STORE:
        what = "is no store: it has no measurements/ in it"
    else:
        return Store(folder)
    raise UsageError(
        f"--store {folder}: {what}. `pytest --model NAME` makes a store; give its folder."
    )


@contextmanager
def writing(option: str, path: Path | None, lost: str = "") -> Iterator[None]:
    """Raise a `UsageError` where the file of an option cannot be written, and say what is lost."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"--{option} {path}: cannot be written ({error.strerror})"
            f"{f', so {lost}' if lost else ''}. Give another place."
        ) from None


def one_line(text: str) -> str:
    """Text as one line, without control characters: what is stored is untrusted."""
    return printable(" ".join(text.split()))


def size(count: int) -> str:
    """A number of bytes, e.g. `4.5 KiB`."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def counted(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def echo(*lines: str, markup: Mapping[str, bool] | None = None) -> None:
    """Print lines without control characters; on a terminal with markup of `_CODES`."""
    codes = [_CODES[name] for name, wanted in (markup or {}).items() if wanted]
    for line in lines:
        text = one_line(line) if "\n" in line else printable(line)
        print(f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes and _colours() else text)


def _colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
