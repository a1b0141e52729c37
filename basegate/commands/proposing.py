"""`python -m basegate propose`: limits from stored measurements of good and bad candidates."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.commands.choosing import origins_for
from basegate.commands.output import add_store, add_thresholds, say, store_of, table
from basegate.environment import environment
from basegate.errors import UsageError, did_you_mean
from basegate.figures import format_limit, place, printable
from basegate.files import write_atomically
from basegate.limits import RelativeLimit
from basegate.proposing import guess_levels, propose
from basegate.references import suggestion
from basegate.rejudging import Asked, answers_of, ledger_of, rejudge
from basegate.report.terminal import decided
from basegate.sources import names_in
from basegate.thresholds import load_thresholds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from basegate.measurement import Measurement
    from basegate.proposing import Proposal
    from basegate.references import Origin
    from basegate.rejudging import Answered
    from basegate.store import Store
    from basegate.thresholds import Check, Thresholds


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "propose",
        help="limits that good candidates pass and bad ones do not, from the store",
        description="Writes a thresholds.toml with the settings of the present one, and limits "
        "that stored good candidates pass and bad ones do not. Exit status: 0, with warnings on "
        "the standard error where a limit could not be told; 4 for a usage error.",
    )
    _add_names(parser, "--good", "a candidate that the limits should accept")
    _add_names(parser, "--bad", "a candidate that they should reject")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the thresholds.toml to write"
    )
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument(
        "--margin",
        type=_share,
        default=0.1,
        metavar="SHARE",
        help="without --bad: how far a limit is from the end of the interval of the worst good "
        "candidate, as a share of it (default: %(default)s)",
    )
    add_thresholds(parser, "settings, and the present limits")
    add_store(parser)
    parser.set_defaults(run=run)


def _add_names(parser: argparse.ArgumentParser, option: str, what: str) -> None:
    parser.add_argument(
        option,
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"{what}; several separated by commas or spaces",
    )


def _share(text: str) -> float:
    try:
        value = float(text)
        if 0 < value < 10:
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r}: a number above 0, such as 0.1")


def run(options: argparse.Namespace) -> int:
    """Write the file; say what each limit rests on, and what it does to the candidates."""
    good, bad = (names_in(given) for given in (options.good, options.bad))
    _check_names(good, bad)
    _check_out(options.out, force=options.force)
    store = store_of(options)
    thresholds = load_thresholds(options.thresholds)
    asked = Asked.of(thresholds)
    answered = _answered(store, asked, good, bad)
    proposals = _proposals(store, asked, answered, options.margin)
    origins = origins_for(thresholds, store)
    stored = {each.candidate.name for each in store} if thresholds.relative else set()
    for text in (
        *_warnings(thresholds, asked, answered, proposals),
        *_unknown(thresholds, stored, origins),
    ):
        _warn(text)
    _write(options, proposals)
    for line in table([("", *_row(each)) for each in proposals]):
        say(line)
    _say_verdicts(store, options.out, good, bad, origins)
    say(f"thresholds: {options.out}")
    return 0


def _check_names(good: Sequence[str], bad: Sequence[str]) -> None:
    if not good:
        raise UsageError(
            "--good NAME: name at least one candidate that the limits should accept; limits that "
            "only reject could reject everything."
        )
    if both := [name for name in good if name in bad]:
        raise UsageError(f"{both[0]} is named in --good and in --bad; leave one of the two out.")


def _check_out(out: Path, *, force: bool) -> None:
    if out.is_dir():
        raise UsageError(f"--out {out}: is a folder; give a file.")
    if out.exists() and not force:
        raise UsageError(f"--out {out}: is there already; give another file, or --force.")


_Sides = tuple[list["Answered"], list["Answered"]]


def _answered(store: Store, asked: Asked, good: Sequence[str], bad: Sequence[str]) -> _Sides:
    """Return what is stored of good and of bad candidates."""
    known = {measurement.candidate.name for measurement in store}
    for option, names in (("--good", good), ("--bad", bad)):
        for name in names:
            if name not in known:
                raise UsageError(
                    f"{option} {name}: nothing of it is stored.{did_you_mean(name, known)} Stored: "
                    f"{', '.join(sorted(known)) or 'nothing'}. `pytest --model NAME` measures."
                )
    found = answers_of(store, asked, [*good, *bad])
    sides = [[each for each in found if each.name in names] for names in (good, bad)]
    keys = [{m.key: each for each in side for m in each.answers if m} for side in sides]
    for key in keys[0].keys() & keys[1].keys():
        raise UsageError(
            f"{keys[0][key].label} and {keys[1][key].label} are one checkpoint under two names, "
            f"which cannot be good and bad. Leave one of the two out."
        )
    return sides[0], sides[1]


def _proposals(store: Store, asked: Asked, answered: _Sides, margin: float) -> list[Proposal]:
    proposals = []
    for number, (check, _) in enumerate(asked.checks):
        good, bad = ({each.label: each.answers[number] for each in side} for side in answered)
        guessing = _guessing(store, check, [*good.values(), *bad.values()])
        proposals += propose(check, good, bad, margin, guessing)
    return proposals


def _guessing(
    store: Store, check: Check, measured: Sequence[Measurement | None]
) -> tuple[float, ...]:
    """Return how likely guesses are to be right, from the evidence of the first that has any."""
    if check.check in ("knowledge", "minimal_pairs"):
        for key in (each.key for each in measured if each is not None):
            whole = store.get(key)
            if whole is not None and (levels := guess_levels(whole.findings)):
                return levels
    return ()


def _warnings(
    thresholds: Thresholds, asked: Asked, answered: _Sides, proposals: Sequence[Proposal]
) -> Iterator[str]:
    held: dict[str, str] = {each.held: each.label for side in answered for each in side}
    if len(held) > 1:
        ways = "; ".join(f"{name} in {way}" for way, name in held.items())
        yield f"numbers of candidates that were held in different ways are compared: {ways}."
    for check, reason in asked.unknown:
        where = place(check.check, check.item)
        yield f"{where}: its limits are kept, since its data could not be found: {reason}"
    for proposal in proposals:
        yield from proposal.warnings
    for limit in (each for check in thresholds.checks for each in check.limits):
        if isinstance(limit, RelativeLimit):
            yield f"{limit.key} is kept: it is relative to {limit.candidate}."
    for name in dict.fromkeys(each.name for side in answered for each in side):
        if name in thresholds.own_limits:
            yield f"{name} keeps its own limits in [candidates.{name}]; they were not looked at."


def _unknown(
    thresholds: Thresholds, stored: Collection[str], known: Collection[str]
) -> Iterator[str]:
    """Warn of references that nobody knows."""
    for name in dict.fromkeys(limit.candidate for limit in thresholds.relative):
        if name not in stored and name not in known:
            hint = suggestion(name, stored, known)
            yield f"nothing is stored of {name}, to which limits are relative.{hint}"


def _warn(text: str) -> None:
    print(f"warning: {printable(text)}", file=sys.stderr)


def _write(options: argparse.Namespace, proposals: Sequence[Proposal]) -> None:
    # Late: the other commands need not wait for it.
    from basegate.rewriting import rewritten

    source: Path = options.thresholds
    text = source.read_bytes().decode("utf-8-sig")
    new = rewritten(text, proposals, source.parent, options.out.parent)
    try:
        write_atomically(options.out, new)
    except OSError as error:
        raise UsageError(
            f"--out {options.out}: cannot be written ({error.strerror}). Give another place."
        ) from None


def _row(proposal: Proposal) -> tuple[str, ...]:
    limit = proposal.limit
    value = limit.value if proposal.value is None else proposal.value
    return proposal.place, format_limit(value, limit.direction), proposal.why


def _say_verdicts(
    store: Store,
    out: Path,
    good: Sequence[str],
    bad: Sequence[str],
    origins: Mapping[str, Origin],
) -> None:
    """Judge the candidates by the file that was written; warn where it is not as intended."""
    thresholds = load_thresholds(out)
    asked = Asked.of(thresholds)
    machine = environment("cpu")
    for each in rejudge(store, thresholds, asked, [*good, *bad], origins=origins, brief=True):
        if each.records:
            [entry] = ledger_of([each], thresholds, machine).candidates
            rows = [row for record in each.records for row in record.results]
            words = decided(entry, rows, interrupted=False)
        else:
            words = "nothing stored answers these limits"
        side = "good" if each.name in good else "bad"
        say(f"{each.facts.name} ({side}): {words}")
        if side == "good" and each.verdict != "pass":
            _warn(f"{each.facts.name} is good, but does not pass these limits: {words}.")
        if side == "bad" and each.verdict == "pass":
            _warn(f"{each.facts.name} is bad, but no limit rejects it.")
