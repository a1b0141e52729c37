"""`basegate`, or `python -m basegate`: the commands that need no pytest, one file each.

Nothing heavy is imported: neither torch, transformers, datasets, matplotlib nor pytest.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import basegate.checks  # noqa: F401  declares what thresholds may ask for
from basegate.cli import calibrate, console, init, judge, report, store
from basegate.config.declaration import load_checks
from basegate.errors import BasegateError
from basegate.i18n.formatting import printable

USAGE_ERROR = 4
"""Exit status, as pytest's."""
INTERRUPTED = 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE_ERROR, f"error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: exit status 0, 1 where something is not as it should be, 4 if misused."""
    console.escape_output()
    options = _parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        # Without the place in a file, which would not help a user.
        warnings.showwarning = lambda message, *_, **__: console.warn(str(message))
        try:
            status = _run(options)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read the output has seen enough; Python would complain while it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
    return status


def console_script() -> int:
    """Run a command as `basegate`: generators of problems are imported from the current folder.

    `python -m basegate` looks there by itself.
    """
    # Last: a file of that folder must not stand in for a library.
    sys.path.append("")
    return main()


def _run(options: argparse.Namespace) -> int:
    try:
        for given in getattr(options, "check", ()):
            load_checks(given)
        status: int = options.run(options)
    except BasegateError as error:
        print(f"error: {printable(error.message)}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    installed = Path(sys.argv[0]).stem == "basegate"
    parser: argparse.ArgumentParser = _Parser(
        prog="basegate" if installed else "python -m basegate",
        description="Sets up a folder for the gate; judges and manages stored measurements.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for each in (init, judge, report, calibrate):
        each.add(commands)
    schema = commands.add_parser(
        "schema",
        help="the JSON Schema of the ledger",
        description="Prints the JSON Schema (draft 2020-12) of the ledgers that this version "
        "writes.",
    )
    schema.set_defaults(run=_print_schema)
    store.add(commands)
    return parser


def _print_schema(options: argparse.Namespace) -> int:
    # Here: no other command needs it.
    from basegate.report.ledger_schema import ledger_schema

    print(ledger_schema())
    return 0
