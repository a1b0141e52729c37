"""`python -m basegate judge`: verdicts from the store, for any limits."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.commands.choosing import add_models, chosen_by
from basegate.commands.output import STORE, add_store, say, store_of
from basegate.environment import environment
from basegate.errors import UsageError
from basegate.figures import place
from basegate.rejudging import Asked, ledger_of, rejudge
from basegate.report.terminal import summary
from basegate.thresholds import load_thresholds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from basegate.ledger import Ledger
    from basegate.rejudging import Rejudged
    from basegate.thresholds import Check, Thresholds

_THRESHOLDS = Path("thresholds.toml")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "judge",
        help="verdicts from the store, without pytest and without a model",
        description="Prints verdicts on what is stored. Exit status: 0 if every verdict is pass "
        "and nothing is missing, 1 if not, 4 for a usage error.",
    )
    parser.add_argument(
        "--thresholds",
        type=Path,
        default=_THRESHOLDS,
        metavar="FILE",
        help="limits (default: %(default)s)",
    )
    add_store(parser)
    add_models(parser, "verdicts")
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="write the JSON record of the verdicts, in place of an earlier one; folders that are "
        "missing are made",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the verdicts; write the ledger where it is asked for."""
    store = store_of(options)
    thresholds = load_thresholds(options.thresholds)
    asked = Asked.of(thresholds)
    chosen = chosen_by(options)
    judged = rejudge(
        store,
        thresholds,
        asked,
        chosen.names,
        registered=chosen.registered,
        brief=options.ledger is None,
    )
    absent = _absent(judged, chosen.names)
    say(f"thresholds: {options.thresholds}, store: {options.store}")
    places = _places(options)
    # Judging needs no GPU, so none is looked for.
    machine = environment("cpu")
    for each in judged:
        # A ledger of its own: who looks for one candidate's rows goes through all of a ledger.
        ledger = ledger_of([each], thresholds, machine, choose=False)
        for line, markup in _lines(each, ledger, places):
            say(line, markup)
    for text in _missing(judged, absent, thresholds, asked):
        say(text)
    if options.ledger is not None:
        _write(ledger_of(judged, thresholds, machine), options.ledger)
    whole = judged and not absent and not asked.unknown
    return 0 if whole and all(each.passed for each in judged) else 1


def _absent(judged: Sequence[Rejudged], names: Sequence[str]) -> list[str]:
    """Return the names that nothing is stored of."""
    stored = {name for each in judged for name in (each.name, *each.others)}
    return [name for name in names if name not in stored]


def _lines(
    each: Rejudged, ledger: Ledger, places: Sequence[str]
) -> Iterator[tuple[str, dict[str, bool]]]:
    """Yield what is known of one candidate, as the terminal summary of a run would."""
    if each.records:
        yield from summary(ledger)
    else:
        yield f"{each.facts.name}: nothing stored answers these limits", {"bold": True}
    if each.others:
        names = ", ".join(each.others)
        yield f"  stored as {names}, too; limits are those of {each.name}", {}
    again = _command(each, places)
    for check in each.undecided:
        yield _line("not decided", check, f"samples are missing: {again}"), {}
    for check in each.missing:
        yield _line("not measured", check, again), {}


def _places(options: argparse.Namespace) -> list[str]:
    """Return the options that let pytest use the same files, with `=`, as it wants them."""
    places = []
    if options.thresholds != _THRESHOLDS:
        places.append(f"--thresholds={options.thresholds}")
    if options.store != STORE:
        places.append(f"--store={options.store}")
    return places


def _command(each: Rejudged, places: Sequence[str]) -> str:
    """Return what measures the rest of a candidate, held as it is."""
    held = each.facts
    parts = ["pytest", "--model", each.name, *places]
    if held.name != each.name:
        parts += ["--quantization", held.quantization, "--dtype", held.dtype]
        parts += ["--device", held.device]
    return shlex.join(parts)


def _line(word: str, check: Check, text: str) -> str:
    return f"  {word:<12} {place(check.check, check.item):<28} {text}"


def _missing(
    judged: Sequence[Rejudged], absent: Sequence[str], thresholds: Thresholds, asked: Asked
) -> Iterator[str]:
    """Say what is missing for all candidates."""
    if absent:
        yield f"nothing is stored of {', '.join(absent)}: pytest --model NAME measures"
    if not judged:
        yield "nothing is stored, so nothing is judged: pytest --model NAME measures"
    for check, reason in asked.unknown:
        yield _line("not found", check, f"no stored measurement can be told to be of it: {reason}")
    stored = {name for each in judged for name in (each.name, *each.others)}
    for name in thresholds.own_limits:
        if judged and name not in stored:
            yield f"{name} has limits of its own in {thresholds.path}, but is not judged here"


def _write(ledger: Ledger, path: Path) -> None:
    try:
        ledger.write(path)
    except OSError as error:
        raise UsageError(
            f"--ledger {path}: cannot be written ({error.strerror}), so the verdicts above are not "
            f"recorded. Give another place."
        ) from None
    say(f"ledger: {path}")
