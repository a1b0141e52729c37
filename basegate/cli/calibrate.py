"""`python -m basegate calibrate`: limits from stored measurements of good and bad candidates."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterable, Iterator, Sequence

from basegate.checks.labels import check_label
from basegate.cli.candidate_args import Chosen, chosen_by
from basegate.cli.console import Commands, add_file, add_shared, echo, open_store, warn, writing
from basegate.cli.stored_verdicts import origins_for
from basegate.config.declaration import declaration_of
from basegate.config.limits import Limit
from basegate.config.settings import CheckConfig, QuestionSettings
from basegate.config.thresholds import Thresholds, load_thresholds
from basegate.errors import DataError, UsageError
from basegate.i18n.formatting import printable, table
from basegate.i18n.messages import joined
from basegate.judging.bank_power import bank_power
from basegate.judging.calibration import Suggestion, calibrate, guess_levels, usable
from basegate.judging.comparison import compare
from basegate.judging.from_store import StoredJudgement, ThresholdQuery, judge_stored
from basegate.measurement import Measurement
from basegate.report import power_table
from basegate.serialization import write_atomically
from basegate.store.folder import Store
from basegate.store.inventory import require_stored


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "calibrate",
        help="suggest limits that good candidates pass and bad ones do not, from the store",
        description="Prints a table of suggested limits, what each is based on, and TOML to paste "
        "into thresholds.toml. Exit status: 0; 4 for a usage error.",
    )
    add_shared(parser, "--thresholds", "--check", "--store")
    parser.set_defaults(run=run)
    for option, what in (("--good", "accept"), ("--bad", "reject")):
        parser.add_argument(
            option,
            action="extend",
            nargs="+",
            default=[],
            metavar="NAME",
            help=f"a candidate that the limits should {what}; several separated by commas or "
            "spaces, @TAG for a group of models.toml, 'all' for all of it, without those that the "
            "other option names",
        )
    add_file(parser, "--out", "write the TOML to this new file instead")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="without --bad: how far a limit is from the end of the interval of the worst good "
        "candidate, as a share of it (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    if not 0 < options.margin < 10:
        raise UsageError(f"--margin {options.margin:g}: give a number above 0, such as 0.1.")
    if options.out is not None and options.out.exists():
        raise UsageError(f"--out {options.out}: exists already; give a new file.")
    store = open_store(options.store)
    good, bad = _sides(options, {each.candidate.name for each in store})
    thresholds = load_thresholds(options.thresholds)
    asked = ThresholdQuery.of(thresholds)
    origins = origins_for(thresholds, store)
    answers = judge_stored(store, thresholds, asked, [*good, *bad], origins=origins, brief=True)
    sides = [[each for each in answers if each.name in names] for names in (good, bad)]
    _check_apart(*sides)
    for text in _warnings(thresholds, asked, answers):
        warn(text)
    suggestions = list(_suggestions(store, thresholds, asked, sides, options.margin))
    echo(*table([("limit", "now", "suggested", "based on"), *map(_row, suggestions)]))
    echo(*_power(store, answers))
    toml = list(_toml(suggestions))
    if options.out is None:
        echo(*toml)
    else:
        with writing("out", options.out):
            write_atomically(options.out, "".join(f"{line}\n" for line in toml[1:]))
    return 0


def _sides(options: argparse.Namespace, stored: Collection[str]) -> tuple[list[str], list[str]]:
    """Names of good and bad candidates that something is stored of.

    Raises:
        UsageError: there is none, or one is on both sides.
    """
    good, bad = chosen_by(options.good, "--good"), chosen_by(options.bad, "--bad")
    if not good.names:
        raise UsageError("--good NAME: name at least one candidate that the limits should accept.")
    sides = _side("--good", good, bad, stored), _side("--bad", bad, good, stored)
    if both := [name for name in sides[0] if name in sides[1]]:
        raise UsageError(f"{both[0]} is named in --good and in --bad; leave one of the two out.")
    names = dict.fromkeys((*good.names, *bad.names))
    if absent := [name for name in names if name not in stored]:  # of groups
        warn(f"nothing is stored of {joined(absent)}; left out.")
    return sides


def _side(option: str, own: Chosen, other: Chosen, stored: Collection[str]) -> list[str]:
    """Stored names of one option, without those of its groups that the other names by itself."""
    there = own.grouped & {*other.names} - other.grouped
    # Where nobody would be left, both mean the same ones, which is an error of its own.
    names = [name for name in own.names if name not in there] or own.names
    return require_stored(names, stored, own.grouped, option)


def _check_apart(good: Sequence[StoredJudgement], bad: Sequence[StoredJudgement]) -> None:
    keys = [
        {m.key: each.facts.name for each in side for m in each.answers if m} for side in (good, bad)
    ]
    for key in keys[0].keys() & keys[1].keys():
        raise UsageError(
            f"{keys[0][key]} and {keys[1][key]} are one checkpoint under two names, which cannot "
            "be good and bad. Leave one of the two out."
        )


def _warnings(
    thresholds: Thresholds, asked: ThresholdQuery, answers: Iterable[StoredJudgement]
) -> Iterator[str]:
    loaded = {
        each.facts.load_config: f"{each.name} ({each.facts.load_config})"
        for each in answers
        if not each.facts.is_null
    }
    if len(loaded) > 1:
        ways = joined(loaded.values())
        yield f"candidates were loaded in different ways, so numbers may not compare: {ways}."
    for check, reason in asked.unknown:
        where = check_label(check.name, check.item)
        yield f"{where}: no limit is suggested, since its data could not be found: {reason}"
    for name in dict.fromkeys(each.name for each in answers):
        if name in thresholds.own_limits:
            yield f"the limits in [candidates.{name}] are not looked at."


def _suggestions(
    store: Store,
    thresholds: Thresholds,
    asked: ThresholdQuery,
    sides: Iterable[Iterable[StoredJudgement]],
    margin: float,
) -> Iterator[Suggestion]:
    for number, (check, _) in enumerate(asked.checks):
        limits, valid = thresholds.common_limits[check.name, check.item], []
        for side in sides:
            answers = {each.facts.name: each.answers[number] for each in side}
            measured, warnings = usable(check, limits, answers)
            valid.append(measured)
            for text in warnings:
                warn(text)
        good, bad = valid
        guessing = _guessing(store, check, [*good.values(), *bad.values()])
        yield from calibrate(check, limits, good, bad, margin, guessing)


def _power(store: Store, answers: Iterable[StoredJudgement]) -> Iterator[str]:
    """Lines on what each bank can tell of the candidates; none of fewer than two."""
    named = [(each.facts.name, answer) for each in answers for answer in each.answers if answer]
    whole = ((name, answer, store.get(answer.key)) for name, answer in named)
    power = bank_power(
        compare(
            (name, answer.model_copy(update={"findings": found.findings}))
            for name, answer, found in whole
            if found is not None
        )
    )
    if power:
        yield ""
        yield from table([power_table.heads(), *map(power_table.cells, power)])
        yield from filter(None, [power_table.not_telling(power)])


def _guessing(
    store: Store, check: CheckConfig, measured: Iterable[Measurement]
) -> tuple[float, ...]:
    """How likely guesses are to be right, from the first evidence that tells, or a local bank."""
    declared = declaration_of(check.name)
    if {"choices", "preferences"} & set(declared.evidence):
        for each in measured:
            whole = store.get(each.key)
            if whole is not None and (levels := guess_levels(whole.findings)):
                return levels
    settings = check.settings
    if not isinstance(settings, QuestionSettings) or not check.files:
        return ()
    try:
        return tuple(1 / len(each.options) for each in declared.prepare(settings).records)
    except DataError:
        return ()


def _row(suggestion: Suggestion) -> tuple[str, ...]:
    limit, value = suggestion.limit, suggestion.value
    now = f"{limit.value:.10g}" if isinstance(limit, Limit) else "relative"
    suggested = "keep" if value is None else f"{value:.10g}"
    return suggestion.label, now, suggested, suggestion.reason


def _toml(suggestions: Iterable[Suggestion]) -> Iterator[str]:
    """Lines of TOML: the suggested limits by table, each after a blank line, with a `why`."""
    tables: dict[str, list[Suggestion]] = {}
    for each in suggestions:
        if each.value is not None:
            tables.setdefault(_table(each.check), []).append(each)
    for name, changed in tables.items():
        yield from ("", f"[{name}]")
        yield from (f"{each.key} = {each.value!r}" for each in changed)
        reasons = [f"{each.key}: {each.reason}" for each in changed]
        why = "; ".join(reasons) if len(changed) > 1 else changed[0].reason
        yield f"why = {json.dumps(printable(why), ensure_ascii=False)}"


def _table(check: CheckConfig) -> str:
    group = declaration_of(check.name).table.item_tables
    item = f'"{check.item}"' if "." in check.item else check.item
    return f"{check.name}.{group}.{item}" if group else check.name
