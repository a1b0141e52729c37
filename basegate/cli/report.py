"""`python -m basegate report`: the page and the summary, from stores alone."""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from pathlib import Path

from basegate.cli.console import (
    STORE,
    Commands,
    add_file,
    add_shared,
    counted,
    echo,
    open_store,
    translator_of,
    warn,
    writing,
)
from basegate.cli.stored_verdicts import judge_stores
from basegate.config.output_paths import check_files
from basegate.errors import UsageError
from basegate.report.markdown import write_summary
from basegate.report.page.model import Page
from basegate.serialization import write_atomically

_PAGE = Path("report.html")


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "report",
        help="the page that people decide from, or a summary, from stores alone",
        description="Writes the page of what is stored: the decision, plots, comparisons, and "
        "what was written. Exit status: 0 if all was written, whatever the verdicts; 4 for a "
        "usage error.",
    )
    add_shared(parser, "--thresholds", "--check", "--model", "--language")
    parser.set_defaults(run=run)
    parser.add_argument(
        "--store",
        type=Path,
        action="append",
        metavar="DIR",
        help=f"where measurements are kept (default: {STORE}); repeatable, for stores of several "
        "machines",
    )
    add_file(
        parser,
        "--html",
        f"the page, in place of an earlier one (default: {_PAGE}, unless --summary is given)",
    )
    add_file(
        parser,
        "--summary",
        "a summary in Markdown, in place of an earlier one; where GITHUB_STEP_SUMMARY is set, "
        "as in GitHub Actions, that file gets it in any case",
    )


def run(options: argparse.Namespace) -> int:
    html = options.html or (None if options.summary else _PAGE)
    check_files({"html": html, "summary": options.summary})
    stores = [open_store(folder) for folder in options.store or [STORE]]
    found = judge_stores(options, stores, evidence=True)
    judged = [each for each in found.judged if each.records]
    if not judged:
        raise UsageError(
            f"nothing stored answers {options.thresholds}, so there is nothing to report. `pytest "
            "--model NAME` measures; `python -m basegate store list` shows what is stored."
        )
    absent = [each.facts.name for each in found.judged if not each.records] + found.absent
    if absent:
        warn(
            f"nothing stored answers these limits for {', '.join(absent)}: not on the page; "
            "pytest --model NAME measures"
        )
    ledger = replace(found, judged=judged, absent=absent).ledger()
    page = Page(ledger, found.behind, translator_of(options))
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
