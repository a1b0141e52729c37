"""`python -m basegate report`: the page, from stores alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from basegate.commands.choosing import add_models, chosen_by
from basegate.commands.output import STORE, add_language, many, say, store_at, words_of
from basegate.environment import environment
from basegate.errors import UsageError
from basegate.evidence import compare_candidates, measurements_behind
from basegate.files import write_atomically
from basegate.rejudging import Asked, ledger_of, rejudge
from basegate.report.page import Page
from basegate.store import Several
from basegate.thresholds import load_thresholds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from basegate.comparison import Comparison
    from basegate.judge import Result
    from basegate.measurement import Measurement


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "report",
        help="the page that people decide from, from stores alone",
        description="Writes the page of what is stored: the decision, pictures, comparisons, and "
        "what was written. Exit status: 0 if the page was written, whatever the verdicts; 4 for a "
        "usage error.",
    )
    parser.add_argument(
        "--store",
        dest="stores",
        type=Path,
        action="append",
        metavar="DIR",
        help=f"where measurements are kept (default: {STORE}); repeatable, for stores of several "
        "machines",
    )
    parser.add_argument(
        "--thresholds",
        type=Path,
        default=Path("thresholds.toml"),
        metavar="FILE",
        help="limits (default: %(default)s)",
    )
    add_models(parser, "the page")
    parser.add_argument(
        "--html",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="the page, in place of an earlier one (default: %(default)s)",
    )
    add_language(parser, "of the page")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page."""
    store = Several([store_at(folder) for folder in options.stores or [STORE]])
    thresholds = load_thresholds(options.thresholds)
    asked = Asked.of(thresholds)
    chosen = chosen_by(options)
    judged = rejudge(store, thresholds, asked, chosen.names, registered=chosen.registered)
    judged = [each for each in judged if each.records]
    if not judged:
        raise UsageError(
            f"nothing stored answers {options.thresholds}, so there is nothing to report. "
            f"`pytest --model NAME` measures; `python -m basegate store list` shows what is stored."
        )
    behind: dict[str, Measurement] = {}

    def compare(results: Sequence[Result]) -> Sequence[Comparison]:
        behind.update(measurements_behind(store, results))
        return compare_candidates(results, behind)

    ledger = ledger_of(judged, thresholds, environment("cpu"), compare)
    page = Page(ledger, behind, words_of(options))
    _write(page, options.html)
    say(f"report: {options.html} ({many(len(judged), 'candidate')})")
    return 0


def _write(page: Page, path: Path) -> None:
    from basegate.report.page.document import document

    try:
        write_atomically(path, document(page))
    except OSError as error:
        raise UsageError(
            f"--html {path}: cannot be written ({error.strerror}). Give another place."
        ) from None
