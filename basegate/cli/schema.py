"""`python -m basegate schema`: what a ledger looks like, for programs that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "schema",
        help="the JSON Schema of the ledger",
        description="Prints the JSON Schema (draft 2020-12) of the ledgers that this version "
        "writes.",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the schema."""
    # Here: no other command needs it.
    from basegate.report.ledger_schema import ledger_schema

    print(ledger_schema())
    return 0
