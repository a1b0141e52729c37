"""`python -m basegate propose`: limits from stored measurements of good and bad candidates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from basegate.cli.candidate_args import named_by, origins_for
from basegate.cli.console import (
    add_language,
    add_store,
    add_thresholds,
    reader,
    say,
    shown,
    store_of,
    table,
    warn,
)
from basegate.config.limits import RelativeLimit
from basegate.config.model_source import names_in
from basegate.config.thresholds import load_thresholds
from basegate.errors import UsageError, did_you_mean
from basegate.i18n.catalogue import LATER
from basegate.i18n.formatting import format_limit, place
from basegate.i18n.messages import Message, joined
from basegate.judging.calibration import guess_levels, propose
from basegate.judging.checkpoint_identity import suggestion
from basegate.judging.from_store import Asked, answers_of, ledger_of, rejudge
from basegate.report.terminal import decided
from basegate.runner.environment import environment
from basegate.serialization import write_atomically

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from basegate.cli.candidate_args import Named
    from basegate.config.thresholds import Check, Thresholds
    from basegate.judging.calibration import Proposal
    from basegate.judging.checkpoint_identity import Origin
    from basegate.judging.from_store import Answered
    from basegate.measurement import Measurement
    from basegate.store import Store


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
        default="0.1",
        metavar="SHARE",
        help="without --bad: how far a limit is from the end of the interval of the worst good "
        "candidate, as a share of it (default: %(default)s)",
    )
    add_thresholds(parser, "settings, and the present limits")
    add_store(parser)
    add_language(parser, "of what is printed, and of each why in the file")
    parser.set_defaults(run=run)


def _add_names(parser: argparse.ArgumentParser, option: str, what: str) -> None:
    parser.add_argument(
        option,
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"{what}; several separated by commas or spaces, @TAG for a group of models.toml, "
        "'all' for all of it; of a group, those that the other option names are not meant",
    )


def _margin(given: str) -> float:
    """Return a margin; checked here and not by argparse, which knows no reader's language."""
    try:
        value = float(given)
        if 0 < value < 10:
            return value
    except ValueError:
        pass
    raise UsageError("--margin {given}: give a number above 0, such as 0.1.", given=given)


def run(options: argparse.Namespace) -> int:
    """Write the file; say what each limit rests on, and what it does to the candidates."""
    margin = _margin(options.margin)
    sides = _Named(named_by("--good", options.good), named_by("--bad", options.bad))
    if not sides.good.every:
        raise UsageError(
            "--good NAME: name at least one candidate that the limits should accept; limits that "
            "only reject could reject everything."
        )
    _check_out(options.out, force=options.force)
    store = store_of(options)
    good, bad = _stored_of(options, sides, store)
    thresholds = load_thresholds(options.thresholds)
    asked = Asked.of(thresholds)
    answered = _answered(store, asked, good, bad)
    proposals = _proposals(store, asked, answered, margin)
    origins = origins_for(thresholds, store)
    stored = {each.candidate.name for each in store} if thresholds.relative else set()
    for text in (
        *_warnings(thresholds, asked, answered, proposals),
        *_unknown(thresholds, stored, origins),
    ):
        warn(text)
    _write(options, proposals)
    for line in table([("", *_row(each)) for each in proposals]):
        say(line)
    _say_verdicts(store, options.out, good, bad, origins)
    say(Message("thresholds: {path}", path=options.out))
    return 0


class _Named(NamedTuple):
    good: Named
    bad: Named


def _stored_of(
    options: argparse.Namespace, sides: _Named, store: Store
) -> tuple[list[str], list[str]]:
    """Return good and bad candidates that something is stored of; warn of the rest of a group."""
    known = {measurement.candidate.name for measurement in store}
    found = [
        _of_side("--good", options.good, sides.good, sides.bad, known),
        _of_side("--bad", options.bad, sides.bad, sides.good, known),
    ]
    _check_names(*found)
    groups = dict.fromkeys((*sides.good.grouped, *sides.bad.grouped))
    if absent := [name for name in groups if name not in known]:
        warn(Message("nothing is stored of {names}; they are left out.", names=joined(absent)))
    return found[0], found[1]


def _of_side(
    option: str, given: Sequence[str], own: Named, other: Named, known: Collection[str]
) -> list[str]:
    """Return the names of one option: its groups hold none that the other one names by itself."""
    for name in own.plain:
        if name not in known:
            raise _nothing_stored(option, name, known)
    # Where nobody would be left, both mean the same ones, which is an error of its own.
    others = [name for name in own.grouped if name not in other.plain] or own.grouped
    found = [*own.plain, *(name for name in others if name in known)]
    if own.every and not found:
        raise _nothing_stored(option, joined(names_in(given)), known)
    return found


def _nothing_stored(option: str, name: str, known: Collection[str]) -> UsageError:
    return UsageError(
        "{option} {name}: nothing of it is stored.{hint} Stored: {stored}. "
        "`pytest --model NAME` measures.",
        option=option,
        name=name,
        hint=did_you_mean(name, known),
        stored=joined(sorted(known)) or Message("nothing"),
    )


def _check_names(good: Sequence[str], bad: Sequence[str]) -> None:
    if both := [name for name in good if name in bad]:
        raise UsageError(
            "{name} is named in --good and in --bad; leave one of the two out.", name=both[0]
        )


def _check_out(out: Path, *, force: bool) -> None:
    if out.is_dir():
        raise UsageError("--out {out}: is a folder; give a file.", out=out)
    if out.exists() and not force:
        raise UsageError("--out {out}: is there already; give another file, or --force.", out=out)


_Sides = tuple[list["Answered"], list["Answered"]]


def _answered(store: Store, asked: Asked, good: Sequence[str], bad: Sequence[str]) -> _Sides:
    """Return what is stored of good and of bad candidates."""
    found = answers_of(store, asked, [*good, *bad])
    sides = [[each for each in found if each.name in names] for names in (good, bad)]
    keys = [{m.key: each for each in side for m in each.answers if m} for side in sides]
    for key in keys[0].keys() & keys[1].keys():
        raise UsageError(
            "{one} and {other} are one checkpoint under two names, which cannot be good "
            "and bad. Leave one of the two out.",
            one=keys[0][key].label,
            other=keys[1][key].label,
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
        ways = joined(
            (Message("{name} in {way}", name=name, way=way) for way, name in held.items()), "; "
        )
        yield Message(
            "numbers of candidates that were held in different ways are compared: {ways}.",
            ways=ways,
        )
    for check, reason in asked.unknown:
        yield Message(
            "{place}: its limits are kept, since its data could not be found: {reason}",
            place=place(check.check, check.item, LATER),
            reason=reason,
        )
    for proposal in proposals:
        yield from proposal.warnings
    for limit in (each for check in thresholds.checks for each in check.limits):
        if isinstance(limit, RelativeLimit):
            yield Message(
                "{key} is kept: it is relative to {name}.", key=limit.key, name=limit.candidate
            )
    for name in dict.fromkeys(each.name for side in answered for each in side):
        if name in thresholds.own_limits:
            yield Message(
                "{name} keeps its own limits in [candidates.{name}]; they were not looked at.",
                name=name,
            )


def _unknown(
    thresholds: Thresholds, stored: Collection[str], known: Collection[str]
) -> Iterator[str]:
    """Warn of references that nobody knows."""
    for name in dict.fromkeys(limit.candidate for limit in thresholds.relative):
        if name not in stored and name not in known:
            hint = suggestion(name, stored, known)
            yield Message(
                "nothing is stored of {name}, to which limits are relative.{hint}",
                name=name,
                hint=hint,
            )


def _write(options: argparse.Namespace, proposals: Sequence[Proposal]) -> None:
    # Late: the other commands need not wait for it.
    from basegate.judging.calibration.rewrite import rewritten

    source: Path = options.thresholds
    text = source.read_bytes().decode("utf-8-sig")
    new = rewritten(text, proposals, source.parent, options.out.parent, reader.words)
    try:
        write_atomically(options.out, new)
    except OSError as error:
        raise UsageError(
            "--out {out}: cannot be written ({strerror}). Give another place.",
            out=options.out,
            strerror=error.strerror,
        ) from None


def _row(proposal: Proposal) -> tuple[str, ...]:
    limit = proposal.limit
    value = limit.value if proposal.value is None else proposal.value
    asked = format_limit(value, limit.direction, say=reader.words)
    return shown(proposal.place), asked, shown(proposal.why)


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
            words = decided(entry, rows, interrupted=False, say=reader.words)
        else:
            words = reader.words("nothing stored answers these limits")
        name, is_good = each.facts.name, each.name in good
        told = {"name": name, "decision": words}
        if is_good:
            say(Message("{name} (good): {decision}", **told))
        else:
            say(Message("{name} (bad): {decision}", **told))
        if is_good and each.verdict != "pass":
            warn(Message("{name} is good, but does not pass these limits: {decision}.", **told))
        if not is_good and each.verdict == "pass":
            warn(Message("{name} is bad, but no limit rejects it.", name=name))
