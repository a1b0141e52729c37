"""`python -m basegate report`: the page and the summary, from stores alone."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.cli.candidate_args import add_models, chosen_by, judges, measure_commands
from basegate.cli.console import (
    STORE,
    add_language,
    add_thresholds,
    counted,
    echo,
    store_at,
    translator_of,
    warn,
    writing,
)
from basegate.config.output_paths import check_files
from basegate.config.thresholds import load_thresholds
from basegate.errors import UsageError
from basegate.judging.comparison import compare_candidates
from basegate.judging.from_store import ThresholdQuery, absent_from, judge_intact, ledger_of
from basegate.report.github import write_summary
from basegate.report.page.model import Page
from basegate.runner.measure import environment
from basegate.serialization import write_atomically
from basegate.store.union import MergedStore

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from basegate.judging.from_store import StoredJudgement
    from basegate.store.folder import Store

_PAGE = Path("report.html")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "report",
        help="the page that people decide from, or a summary, from stores alone",
        description="Writes the page of what is stored: the decision, plots, comparisons, and "
        "what was written. Exit status: 0 if all was written, whatever the verdicts; 4 for a "
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
    add_thresholds(parser)
    add_models(parser, "the page")
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help=f"the page, in place of an earlier one (default: {_PAGE}, unless --summary is given)",
    )
    parser.add_argument(
        "--summary",
        type=Path,
        metavar="FILE",
        help="a summary in Markdown, in place of an earlier one; where GITHUB_STEP_SUMMARY is set, "
        "as in GitHub Actions, that file gets it in any case",
    )
    add_language(parser, "of page and summary")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page and the summary, as far as they are asked for."""
    html = options.html or (None if options.summary else _PAGE)
    check_files({"html": html, "summary": options.summary})
    stores = [store_at(folder) for folder in options.stores or [STORE]]
    store = MergedStore(stores)
    thresholds = load_thresholds(options.thresholds)
    asked = ThresholdQuery.of(thresholds)
    chosen = chosen_by(options.models)

    judge_from = judges(thresholds, asked, chosen, stores[0])
    every, behind = judge_intact(store, judge_from)
    judged = [each for each in every if each.records]
    if not judged:
        raise UsageError(
            f"nothing stored answers {options.thresholds}, so there is nothing to report. `pytest "
            "--model NAME` measures; `python -m basegate store list` shows what is stored."
        )
    absent = [each.facts.name for each in every if not each.records]
    absent += absent_from(every, chosen.names)
    if absent:
        warn(
            f"nothing stored answers these limits for {', '.join(absent)}: not on the page; "
            "pytest --model NAME measures"
        )
    ledger = ledger_of(
        judged,
        thresholds,
        environment("cpu"),
        compare_candidates([row for each in judged for row in each.results], behind),
        commands=_commands(judged, options.thresholds, stores),
        unknown=asked.unknown,
        absent=absent,
    )
    page = Page(ledger, behind, translator_of(options))
    candidates = counted(len(judged), "candidate")
    if html is not None:
        from basegate.report.page.document import document

        with writing("html", html):
            write_atomically(html, document(page))
        echo(f"report: {html} ({candidates})")
    with writing("summary", options.summary):
        if missing := write_summary(ledger, options.summary, page.tr):
            warnings.warn(missing, stacklevel=1)
    if options.summary is not None:
        echo(f"summary: {options.summary} ({candidates})")
    return 0


def _commands(
    judged: Sequence[StoredJudgement], thresholds: Path, stores: Sequence[Store]
) -> dict[str, str]:
    """The command that measures the rest of each candidate, in the store that has most of it."""
    lacking = any(each.missing or each.undecided for each in judged)
    # Read once more only where it matters, since a store may be large.
    read = lacking and len(stores) > 1
    counts = {
        store: Counter(each.candidate.name for each in store) if read else Counter()
        for store in stores
    }

    def fullest(each: StoredJudgement) -> Path:
        return max(counts, key=lambda store: counts[store][each.name]).folder

    return measure_commands(judged, thresholds, fullest)
