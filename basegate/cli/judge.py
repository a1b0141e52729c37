"""`python -m basegate judge`: verdicts from the store, for any limits."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from basegate.checks.labels import check_label
from basegate.cli.console import (
    Commands,
    add_file,
    add_shared,
    echo,
    open_store,
    translator_of,
    writing,
)
from basegate.cli.stored_verdicts import StoredVerdicts, judge_stores
from basegate.config.output_paths import check_files
from basegate.i18n.catalogue import Translator
from basegate.judging.from_store import StoredJudgement, ledger_of
from basegate.report.csv_table import table
from basegate.report.decision_text import not_judged_in_words
from basegate.report.terminal import line, origin, summary
from basegate.serialization import write_atomically


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "judge",
        help="verdicts from the store, without pytest and without a model",
        description="Prints verdicts on what is stored. Exit status: 0 if every verdict is pass "
        "and nothing is missing, 1 if not, 4 for a usage error.",
    )
    add_shared(parser, "--thresholds", "--check", "--store", "--model", "--language")
    parser.set_defaults(run=run)
    add_file(
        parser,
        "--ledger",
        "write the JSON record of the verdicts, in place of an earlier one; folders that are "
        "missing are made",
    )
    add_file(
        parser,
        "--csv",
        "write a row per metric and candidate, for spreadsheets, in place of an earlier file",
    )


def run(options: argparse.Namespace) -> int:
    check_files({"ledger": options.ledger, "csv": options.csv})
    tr = translator_of(options)
    # What is written compares candidates by their evidence, so that it is read before anything is
    # said; a listing has no use for it.
    writes = options.ledger is not None or options.csv is not None
    brief = options.ledger is None
    found = judge_stores(options, [open_store(options.store)], evidence=writes, brief=brief)
    echo(origin(options.thresholds, options.store, tr))
    for each in found.judged:
        for text, markup in _lines(each, found, tr):
            echo(text, markup=markup)
    echo(*_missing(found, tr))
    if writes:
        _write(found, options, tr)
    whole = found.judged and not found.absent and not found.asked.unknown
    return 0 if whole and all(each.passed for each in found.judged) else 1


def _lines(
    each: StoredJudgement, found: StoredVerdicts, tr: Translator
) -> Iterator[tuple[str, dict[str, bool]]]:
    """What is known of one candidate, as in the terminal summary of a run."""
    # A ledger of its own: who looks for one candidate's rows goes through all of a ledger.
    ledger = ledger_of(
        [each], found.thresholds, found.machine, commands=found.commands, choose=False
    )
    if each.records:
        yield from summary(ledger, tr=tr)
    else:
        text = tr("{name}: nothing stored answers these limits", name=each.facts.name)
        yield text, {"bold": True}
    if each.others:
        names = tr(", ").join(each.others)
        text = tr("stored as {names}, too; limits are those of {name}", names=names, name=each.name)
        yield f"  {text}", {}
    for left in ledger.candidates[0].not_judged:
        word, text = not_judged_in_words(left, tr)
        yield line(word, check_label(left.check, left.item, tr), text), {}


def _missing(found: StoredVerdicts, tr: Translator) -> Iterator[str]:
    if found.absent:
        names = tr(", ").join(found.absent)
        yield tr("nothing is stored of {names}: pytest --model NAME measures", names=names)
    if not found.judged:
        yield tr("nothing is stored, so nothing is judged: pytest --model NAME measures")
    for check, reason in found.asked.unknown:
        text = tr(
            "no stored measurement can be told to be of it: {reason}", reason=tr.translate(reason)
        )
        yield line(tr("not found"), check_label(check.name, check.item, tr), text)
    stored = {name for each in found.judged for name in (each.name, *each.others)}
    for name in found.thresholds.own_limits:
        if found.judged and name not in stored:
            yield tr(
                "{name} has limits of its own in {path}, but is not judged here",
                name=name,
                path=found.thresholds.path,
            )


def _write(found: StoredVerdicts, options: argparse.Namespace, tr: Translator) -> None:
    ledger = found.ledger()
    lost = "the verdicts above are not recorded"
    if options.ledger is not None:
        with writing("ledger", options.ledger, lost):
            ledger.write(options.ledger)
        echo(tr("ledger: {path}", path=options.ledger))
    if options.csv is not None:
        with writing("csv", options.csv, lost):
            write_atomically(options.csv, table(ledger.results))
        echo(tr("CSV: {path}", path=options.csv))
