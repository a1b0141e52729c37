"""`python -m basegate store prune`: leftovers go, and what somebody chose."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from basegate.cli.candidate_args import add_models, chosen_by
from basegate.cli.console import (
    add_keys,
    add_language,
    add_store,
    echo,
    keys_of,
    many,
    size,
    store_of,
)
from basegate.errors import UsageError
from basegate.i18n.messages import Message
from basegate.store.prune import UNHELD, Choice, prune

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.store.prune import Gone


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "prune",
        help="remove leftovers, or measurements",
        description="Removes leftovers: files set aside, samples that no measurement names, "
        "half-written files and locks that no process holds. --outdated, --model, --older-than and "
        "--key choose measurements to remove beside; of several, all have to hold.",
    )
    parser.add_argument(
        "--outdated",
        action="store_true",
        help="measurements of another version of a measure or a library than the installed one, "
        "which no run here could be served any more",
    )
    add_models(parser, "measurements")
    parser.add_argument(
        "--older-than",
        type=_days,
        metavar="DAYS",
        help="measurements made more than so many days ago",
    )
    add_keys(parser, "the measurement")
    parser.add_argument(
        "--unfinished",
        action="store_true",
        help="remove the journals of all unfinished measurements, too, which a run that asks the "
        "same would go on with",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go; remove nothing")
    add_store(parser)
    add_language(parser, "of what is printed")
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
    """Remove what may go, and say what went."""
    store, chosen = store_of(options), chosen_by(options)
    choice = Choice(
        outdated=options.outdated,
        models=chosen.names,
        registered=chosen.registered,
        older_than=options.older_than,
        keys=tuple(keys_of(options, store)),
    )
    try:
        gone = prune(store, choice, unfinished=options.unfinished, dry_run=options.dry_run)
    except OSError as error:
        raise UsageError(
            "--store {folder}: nothing more can be removed ({error}).",
            folder=store.folder,
            error=error.strerror or error,
        ) from None
    for line in _lines(gone, dry=options.dry_run):
        echo(line)
    # Of locks nothing is said: they are empty, and the next prune tries again.
    left = [each for each in gone if each.refused and each.why != UNHELD]
    for each in left:
        echo(
            Message(
                "left {file}: the system does not remove it ({error})",
                file=each.path.name,
                error=each.refused,
            )
        )
    return 1 if left else 0


def _lines(gone: Sequence[Gone], *, dry: bool) -> Iterator[str]:
    """Yield a line per file that held something; of locks, which are empty, only the number."""
    gone = [each for each in gone if not each.refused]
    locks = [each for each in gone if each.why == UNHELD]
    for each in gone:
        if each.why != UNHELD:
            yield _removed(
                Message(
                    "{file} ({size}): {why}",
                    file=each.path.name,
                    size=size(each.bytes),
                    why=each.why,
                ),
                dry=dry,
            )
    if locks:
        count = many(len(locks), "lock")
        yield _removed(Message("{locks} that no process holds", locks=count), dry=dry)
    in_all = size(sum(each.bytes for each in gone))
    yield _removed(Message("{what}, {size}", what=many(len(gone), "file"), size=in_all), dry=dry)


def _removed(what: str, *, dry: bool) -> Message:
    if dry:
        return Message("would remove {what}", what=what)
    return Message("removed {what}", what=what)
