"""What the commands share: options, words, and a terminal's colours."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.errors import UsageError
from basegate.i18n.catalogue import ENGLISH, LANGUAGES, Plural, Translator, of_locale, translator
from basegate.i18n.formatting import columns, padded, printable
from basegate.i18n.messages import Message
from basegate.store import Store
from basegate.store.inventory import the_one

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence


_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}

STORE = Path(".basegate")
THRESHOLDS = Path("thresholds.toml")
_OF_A_STORE = {"measurements", "measuring", "set-aside", ".lock", "ledger.json"}
"""What runs leave in a store; a folder with anything else and none of these is another one."""


def add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        type=Path,
        default=STORE,
        metavar="DIR",
        help="where measurements are kept (default: %(default)s)",
    )


def add_thresholds(parser: argparse.ArgumentParser, what: str = "limits") -> None:
    """Declare `--thresholds`.

    Args:
        parser: of a command.
        what: of the file the command takes.
    """
    parser.add_argument(
        "--thresholds",
        type=Path,
        default=THRESHOLDS,
        metavar="FILE",
        help=f"{what} (default: %(default)s)",
    )


def add_keys(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `--key`.

    Args:
        parser: of a command.
        what: is chosen by it.
    """
    parser.add_argument(
        "--key",
        dest="keys",
        action="append",
        default=[],
        metavar="PREFIX",
        help=f"{what} whose key begins so; repeatable",
    )


def add_language(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `--language`.

    Args:
        parser: of a command.
        what: is said in it, e.g. `of the page`.
    """
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        help=f"{what} (default: from LC_ALL, LC_MESSAGES or LANG)",
    )


def translator_of(options: argparse.Namespace) -> Translator:
    return translator(getattr(options, "language", None) or of_locale(os.environ))


@dataclass
class Reader:
    """Who reads what a command prints.

    Attributes:
        words: of their language.
    """

    tr: Translator = ENGLISH


reader = Reader()
"""Set when a command begins."""


def shown(text: str) -> str:
    """A text in the reader's language where it is a message; any other as it is."""
    return reader.tr.translate(text) if isinstance(text, Message) else text


def warn(text: str) -> None:
    """Print a warning to the standard error."""
    print(printable(reader.tr("warning: {text}", text=shown(text))), file=sys.stderr)


def keys_of(options: argparse.Namespace, store: Store) -> list[str]:
    """The keys, in full, that `--key` gives the beginnings of.

    Raises:
        UsageError: one is no key's, or several keys' beginning.
    """
    return [the_one(store, prefix, evidence=False).key for prefix in options.keys]


def store_of(options: argparse.Namespace) -> Store:
    """The store that is asked for.

    Raises:
        UsageError: there is none.
    """
    return store_at(options.store)


def store_at(folder: Path) -> Store:
    """The store of a folder.

    Raises:
        UsageError: there is none.
    """
    if not folder.is_dir():
        there = folder.exists()
        what = "is a file" if there else "there is no such folder"
        raise UsageError(
            f"--store {folder}: {what}. `pytest --model NAME` makes a store; give its folder."
        )
    held = {path.name for path in folder.iterdir()}
    if held and not held & _OF_A_STORE:
        raise UsageError(
            f"--store {folder}: is no store: it has no measurements/ in it. `pytest --model NAME` "
            "makes a store; give its folder."
        )
    return Store(folder)


@contextmanager
def writing(option: str, path: Path | None, lost: str = "") -> Iterator[None]:
    """Turn what keeps a file from being written into an error that says where to look.

    Args:
        option: that names the file.
        path: of the file.
        lost: what is lost with it, in words.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        so = f", so {lost}" if lost else ""
        raise UsageError(
            f"--{option} {path}: cannot be written ({error.strerror}){so}. Give another place."
        ) from None


def one_line(text: str) -> str:
    """Text as one line, without control characters: what is stored is untrusted."""
    return printable(" ".join(shown(text).split()))


def size(count: int) -> str:
    """A number of bytes in words, e.g. `4.5 KiB`."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


COUNTED = {
    "measurement": Plural("{count} measurement", "{count} measurements"),
    "unfinished": Plural("{count} unfinished measurement", "{count} unfinished measurements"),
    "batch": Plural("{count} batch", "{count} batches"),
    "file": Plural("{count} file", "{count} files"),
    "lock": Plural("{count} lock", "{count} locks"),
    "candidate": Plural("{count} candidate", "{count} candidates"),
}
"""What is counted."""


def many(count: int, what: str) -> str:
    """A count of what is one of `COUNTED`, e.g. `1 file` or `2 files`."""
    return reader.tr.ngettext(*COUNTED[what], count, count=f"{count:,}")


def echo(text: str = "", markup: Mapping[str, bool] | None = None) -> None:
    """Print a line; in colours on a terminal.

    Args:
        text: of the line, a message or as it is; control characters in it are not printed.
        markup: names of `_CODES` that hold, as the terminal summary gives them.
    """
    text = shown(text)
    text = one_line(text) if "\n" in text else printable(text)
    codes = [_CODES[name] for name, wanted in (markup or {}).items() if wanted]
    print(f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes and _colours() else text)


def _colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns; the last one is as long as it is."""
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)][:-1]
    return [
        "  ".join(
            [*(padded(cell, width) for cell, width in zip(row, widths, strict=False)), row[-1]]
        )
        for row in rows
    ]
