"""`python -m basegate store export` and `import`: measurements from one store into another."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.commands.choosing import absent_of, add_models, chosen_by
from basegate.commands.output import (
    add_keys,
    add_store,
    keys_of,
    many,
    one_line,
    say,
    size,
    store_at,
    store_of,
)
from basegate.errors import UsageError
from basegate.figures import found, place, printable
from basegate.store import Store
from basegate.store.merging import Refused, export, merge
from basegate.store.overview import KEY

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from basegate.measurement import Measurement, Metric
    from basegate.store.merging import Conflict


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the two commands."""
    parser = commands.add_parser(
        "export",
        help="measurements into one file, for another machine",
        description="Writes measurements and their samples into a zip file.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the zip file to write")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    add_models(parser, "measurements")
    add_keys(parser, "the measurement")
    add_store(parser)
    parser.set_defaults(run=run_export)
    parser = commands.add_parser(
        "import",
        help="merge measurements of another machine in",
        description="Puts the measurements of an export into the store, by key. Nothing is "
        "written unless all of it can be trusted and none of it contradicts what is stored.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what `store export` wrote")
    add_store(parser)
    parser.set_defaults(run=run_import)


def run_export(options: argparse.Namespace) -> int:
    """Write the file, and say what is in it."""
    store, target = store_of(options), options.file
    if target.is_dir():
        raise UsageError(f"{target} is a folder; give a file that is not there yet.")
    if target.exists() and not options.force:
        raise UsageError(f"{target} is there already; give another file, or --force to replace it.")
    chosen, keys = chosen_by(options), keys_of(options, store)
    if absent := absent_of(chosen, store):
        say(f"nothing is stored of {', '.join(absent)}")

    def wanted(measurement: Measurement) -> bool:
        return chosen.holds(measurement) and (not keys or measurement.key in keys)

    try:
        count = export(store, target, wanted)
    except OSError as error:
        raise UsageError(f"{target} cannot be written ({error.strerror or error}).") from None
    if not count:
        what = "nothing that was chosen" if chosen.names or keys else "nothing"
        raise UsageError(f"{what} is stored in {store.folder}, so nothing is exported.")
    say(f"{target}: {many(count, 'measurement')}, {size(target.stat().st_size)}")
    return 0


def run_import(options: argparse.Namespace) -> int:
    """Merge the file in; say what was done, or why nothing was."""
    source: Path = options.file
    _check_source(source)
    if options.store.exists() and not options.store.is_dir():
        raise UsageError(f"--store {options.store}: is a file; give a folder, which may be new.")
    store = store_at(options.store) if options.store.exists() else Store(options.store)
    try:
        merged = merge(store, source)
    except Refused as error:
        print(f"error: {printable(str(error))} Nothing was imported.", file=sys.stderr)
        return 1
    except OSError as error:
        raise UsageError(
            f"{source} could not be imported into {options.store} ({error.strerror or error}). "
            f"What was imported before that is whole; importing again goes on."
        ) from None
    new, fuller, same = (len(merged.keys[word]) for word in ("new", "fuller", "same"))
    for conflict in merged.conflicts:
        head, *lines = map(one_line, _explained(conflict, options.store))
        print("\n  ".join([head, *lines]), file=sys.stderr)
    if merged.conflicts:
        written = f"{new + fuller} of the others were" if new + fuller else "nothing was"
        count = many(len(merged.conflicts), "conflict")
        print(f"error: {count} in {source}; {written} imported.", file=sys.stderr)
        return 1
    if not new + fuller + same:
        say(f"{source} holds no measurement")
        return 0
    say(f"{many(new, 'measurement')} added, {fuller} replaced by fuller ones, {same} there already")
    return 0


def _check_source(source: Path) -> None:
    """Refuse what is no file; a store, or an export that was unpacked, can be made one."""
    if source.is_file():
        return
    if (source / "measurements").is_dir():
        raise UsageError(
            f"{source} is a folder of measurements, and import takes the file that export makes of "
            f"it: python -m basegate store export FILE --store {shlex.quote(str(source))}"
        )
    if source.exists():
        what = "a folder" if source.is_dir() else "no plain file"
        raise UsageError(f"{source} is {what}; give the file that `store export` wrote.")
    raise UsageError(f"{source}: there is no such file.")


def _explained(conflict: Conflict, store: Path) -> Iterator[str]:
    """Say where two measurements of one key differ, and what to do."""
    ours, theirs = conflict.ours, conflict.theirs
    key = ours.key[:KEY]
    yield f"conflict: {key}, {ours.candidate.name} on {place(ours.check, ours.item)}"
    mine, other = _first_difference(ours, theirs)
    yield f"stored: {mine}, {_made(ours)}"
    yield f"to import: {other}, {_made(theirs)}"
    prune = f"python -m basegate store prune --key {key} --store {store}"
    yield f"to take the other one, remove this: {prune}"


def _first_difference(ours: Measurement, theirs: Measurement) -> tuple[str, str]:
    """Return the first metric that differs, of both sides; what one lacks is `-`."""
    mine, other = _by_name(ours), _by_name(theirs)
    for name in (*mine, *other):
        if mine.get(name) != other.get(name):
            return _shown(mine.get(name)), _shown(other.get(name))
    return "other samples", "other samples"


def _by_name(measurement: Measurement) -> dict[tuple[str, str], Metric]:
    return {(each.name, each.item): each for each in measurement.findings.metrics}


def _shown(metric: Metric | None) -> str:
    """Return name and value of a metric, with all digits: they may differ in the last ones."""
    if metric is None:
        return "-"
    return f"{metric.name} {metric.item} {found(metric)} ({metric.value!r})"


def _made(measurement: Measurement) -> str:
    environment = measurement.environment
    where = environment.get("gpu") or environment.get("platform") or "unknown"
    return f"measured {measurement.measured_at} on {where}"
