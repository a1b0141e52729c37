"""What the commands share: options, stores, files to write, lines and tables."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.errors import UsageError
from basegate.i18n.catalogue import LANGUAGES, Translator, of_locale, translator
from basegate.i18n.formatting import columns, padded, printable
from basegate.store.folder import Store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence


_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}

STORE = Path(".basegate")
THRESHOLDS = Path("thresholds.toml")
_OF_A_STORE = {"measurements", "measuring", "set-aside", ".lock", "ledger.json"}
"""What runs leave in a store; a folder with anything else and none of these is another one."""


def add_store(parser: argparse.ArgumentParser) -> None:
    """Declare `--store`."""
    parser.add_argument(
        "--store",
        type=Path,
        default=STORE,
        metavar="DIR",
        help="where measurements are kept (default: %(default)s)",
    )


def add_thresholds(parser: argparse.ArgumentParser, what: str = "limits") -> None:
    """Declare `--thresholds`, of which the command takes `what`."""
    parser.add_argument(
        "--thresholds",
        type=Path,
        default=THRESHOLDS,
        metavar="FILE",
        help=f"{what} (default: %(default)s)",
    )
    add_checks(parser)


def add_checks(parser: argparse.ArgumentParser) -> None:
    """Declare `--check`."""
    parser.add_argument(
        "--check",
        dest="checks",
        action="append",
        default=[],
        metavar="FILE",
        help="a Python file, or a module, that declares checks of your own, such as conftest.py, "
        "which is imported; repeatable",
    )


def add_language(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare `--language`; `what` is said in it, e.g. `of the page`."""
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        help=f"{what} (default: from LC_ALL, LC_MESSAGES or LANG)",
    )


def translator_of(options: argparse.Namespace) -> Translator:
    return translator(getattr(options, "language", None) or of_locale(os.environ))


def warn(text: str) -> None:
    print(printable(f"warning: {text}"), file=sys.stderr)


def store_of(options: argparse.Namespace) -> Store:
    return store_at(options.store)


def store_at(folder: Path) -> Store:
    """The store of a folder; `UsageError` where there is none."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "there is no such folder"
        raise UsageError(
            f"--store {folder}: {what}. `pytest --model NAME` makes a store; give its folder."
        )
    found = {path.name for path in folder.iterdir()}
    if found and not found & _OF_A_STORE:
        raise UsageError(
            f"--store {folder}: is no store: it has no measurements/ in it. `pytest --model "
            "NAME` makes a store; give its folder."
        )
    return Store(folder)


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
    """A count of something, e.g. `1 file` or `2 files`."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def echo(text: str = "", markup: Mapping[str, bool] | None = None) -> None:
    """Print a line without control characters; on a terminal with markup of `_CODES`."""
    text = one_line(text) if "\n" in text else printable(text)
    codes = [_CODES[name] for name, wanted in (markup or {}).items() if wanted]
    print(f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes and _colours() else text)


def _colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns; the last one is as long as it is."""
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)][:-1]
    return ["  ".join([*map(padded, row, widths), row[-1]]) for row in rows]
