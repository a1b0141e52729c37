"""`python -m basegate judge`: verdicts from the store, for any limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from basegate.checks.labels import check_label
from basegate.cli.candidate_args import add_models, chosen_by, judges, measure_commands
from basegate.cli.console import (
    add_language,
    add_store,
    add_thresholds,
    echo,
    store_of,
    translator_of,
    writing,
)
from basegate.config.output_paths import check_files
from basegate.config.thresholds import load_thresholds
from basegate.judging.comparison import compare_candidates
from basegate.judging.from_store import ThresholdQuery, absent_from, judge_intact, ledger_of
from basegate.report.csv_table import table
from basegate.report.decision_text import not_judged_in_words
from basegate.report.terminal import line, origin, summary
from basegate.runner.measure import environment
from basegate.serialization import write_atomically

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from basegate.config.thresholds import Thresholds
    from basegate.i18n.catalogue import Translator
    from basegate.judging.from_store import StoredJudgement
    from basegate.ledger import Ledger


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "judge",
        help="verdicts from the store, without pytest and without a model",
        description="Prints verdicts on what is stored. Exit status: 0 if every verdict is pass "
        "and nothing is missing, 1 if not, 4 for a usage error.",
    )
    add_thresholds(parser)
    add_store(parser)
    add_models(parser, "verdicts")
    add_language(parser, "of the verdicts")
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="write the JSON record of the verdicts, in place of an earlier one; folders that are "
        "missing are made",
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="write a row per metric and candidate, for spreadsheets, in place of an earlier file",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the verdicts; write ledger and CSV where they are asked for."""
    check_files({"ledger": options.ledger, "csv": options.csv})
    store, tr = store_of(options), translator_of(options)
    thresholds = load_thresholds(options.thresholds)
    asked = ThresholdQuery.of(thresholds)
    chosen = chosen_by(options.models)

    judge_from = judges(thresholds, asked, chosen, store, brief=options.ledger is None)
    # What is written compares candidates by their evidence, so that it is read before anything is
    # said; a listing has no use for it.
    writes = options.ledger is not None or options.csv is not None
    judged, behind = judge_intact(store, judge_from) if writes else (judge_from(store), {})
    absent = absent_from(judged, chosen.names)
    echo(origin(options.thresholds, options.store, tr))
    # Judging needs no GPU, so none is looked for.
    machine = environment("cpu")
    commands = measure_commands(judged, options.thresholds, lambda each: options.store)
    for each in judged:
        # A ledger of its own: who looks for one candidate's rows goes through all of a ledger.
        ledger = ledger_of([each], thresholds, machine, commands=commands, choose=False)
        for text, markup in _lines(each, ledger, tr):
            echo(text, markup)
    for text in _missing(judged, absent, thresholds, asked, tr):
        echo(text)
    if writes:
        ledger = ledger_of(
            judged,
            thresholds,
            machine,
            compare_candidates([row for each in judged for row in each.results], behind),
            commands=commands,
            absent=absent,
            unknown=asked.unknown,
        )
        _write(ledger, options, tr)
    whole = judged and not absent and not asked.unknown
    return 0 if whole and all(each.passed for each in judged) else 1


def _lines(
    each: StoredJudgement, ledger: Ledger, tr: Translator
) -> Iterator[tuple[str, dict[str, bool]]]:
    """What is known of one candidate, as in the terminal summary of a run."""
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


def _missing(
    judged: Sequence[StoredJudgement],
    absent: Sequence[str],
    thresholds: Thresholds,
    asked: ThresholdQuery,
    tr: Translator,
) -> Iterator[str]:
    """What is missing for all candidates."""
    if absent:
        names = tr(", ").join(absent)
        yield tr("nothing is stored of {names}: pytest --model NAME measures", names=names)
    if not judged:
        yield tr("nothing is stored, so nothing is judged: pytest --model NAME measures")
    for check, reason in asked.unknown:
        text = tr(
            "no stored measurement can be told to be of it: {reason}", reason=tr.translate(reason)
        )
        yield line(tr("not found"), check_label(check.name, check.item, tr), text)
    stored = {name for each in judged for name in (each.name, *each.others)}
    for name in thresholds.own_limits:
        if judged and name not in stored:
            yield tr(
                "{name} has limits of its own in {path}, but is not judged here",
                name=name,
                path=thresholds.path,
            )


def _write(ledger: Ledger, options: argparse.Namespace, tr: Translator) -> None:
    lost = "the verdicts above are not recorded"
    if options.ledger is not None:
        with writing("ledger", options.ledger, lost):
            ledger.write(options.ledger)
        echo(tr("ledger: {path}", path=options.ledger))
    if options.csv is not None:
        with writing("csv", options.csv, lost):
            write_atomically(options.csv, table(ledger.results))
        echo(tr("CSV: {path}", path=options.csv))
