"""`python -m basegate store prune`: delete selected measurements and leftover files."""

from __future__ import annotations

import argparse

from basegate.checks.identity import identify_software
from basegate.cli.candidate_args import add_models, chosen_by
from basegate.cli.console import add_store, counted, echo, size, store_of
from basegate.config.thresholds import CHECKS
from basegate.errors import UsageError
from basegate.store.prune import Selection, prune


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "prune",
        help="remove measurements, and files that belong to none",
        description="Says which measurements --outdated, --model and --older-than select (of "
        "several, all have to hold), and which files belong to no measurement; removes them with "
        "--yes.",
    )
    parser.add_argument(
        "--outdated",
        action="store_true",
        help="measurements of another version of a check or a library than the installed one, "
        "which no run here could be served any more",
    )
    add_models(parser, "measurements")
    parser.add_argument(
        "--older-than",
        type=_days,
        metavar="DAYS",
        help="measurements made more than so many days ago",
    )
    parser.add_argument("--yes", action="store_true", help="remove them, and not only say which")
    add_store(parser)
    parser.set_defaults(run=run)


def _days(text: str) -> float:
    try:
        days = float(text)
        if 0 <= days <= 36_500:
            return days
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r}: a number of days")


def run(options: argparse.Namespace) -> int:
    """Remove what is selected, or say what would be."""
    store, chosen = store_of(options), chosen_by(options.models)
    outdated = {check: identify_software(check) for check in CHECKS} if options.outdated else None
    selection = Selection(chosen.names, chosen.registered, options.older_than, outdated)
    try:
        found = prune(store, selection, dry_run=not options.yes)
    except OSError as error:
        raise UsageError(
            f"--store {store.folder}: nothing more can be removed ({error.strerror or error}: "
            f"{error.filename or 'the store'})."
        ) from None
    done = "removed" if options.yes else "would remove"
    for each in found:
        echo(f"{done} {each.path.name} ({size(each.bytes)}): {each.why}")
    total = size(sum(each.bytes for each in found))
    hint = "" if options.yes or not found else "; --yes removes them"
    echo(f"{done} {counted(len(found), 'file')}, {total}{hint}")
    return 0
