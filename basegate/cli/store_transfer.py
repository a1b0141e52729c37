"""`python -m basegate store export` and `import`: measurements from one store into another."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.cli.candidate_args import absent_of, add_models, chosen_by
from basegate.cli.console import (
    add_keys,
    add_language,
    add_store,
    keys_of,
    many,
    one_line,
    reader,
    say,
    shown,
    size,
    store_at,
    store_of,
)
from basegate.errors import UsageError
from basegate.i18n.formatting import found, place, printable
from basegate.i18n.messages import Message, joined
from basegate.store import Store
from basegate.store.inventory import KEY
from basegate.store.transfer import Refused, export, merge

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from basegate.measurement import Measurement, Metric
    from basegate.store.transfer import Conflict


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
    add_language(parser, "of what is printed")
    parser.set_defaults(run=run_export)
    parser = commands.add_parser(
        "import",
        help="merge measurements of another machine in",
        description="Puts the measurements of an export into the store, by key. Nothing is "
        "written unless all of it can be trusted and none of it contradicts what is stored.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what `store export` wrote")
    add_store(parser)
    add_language(parser, "of what is printed")
    parser.set_defaults(run=run_import)


def run_export(options: argparse.Namespace) -> int:
    """Write the file, and say what is in it."""
    store, target = store_of(options), options.file
    if target.is_dir():
        raise UsageError("{target} is a folder; give a file that is not there yet.", target=target)
    if target.exists() and not options.force:
        raise UsageError(
            "{target} is there already; give another file, or --force to replace it.", target=target
        )
    chosen, keys = chosen_by(options), keys_of(options, store)
    if absent := absent_of(chosen, store):
        say(Message("nothing is stored of {names}", names=joined(absent)))

    def wanted(measurement: Measurement) -> bool:
        return chosen.holds(measurement) and (not keys or measurement.key in keys)

    try:
        count = export(store, target, wanted)
    except OSError as error:
        raise UsageError(
            "{target} cannot be written ({error}).", target=target, error=error.strerror or error
        ) from None
    if not count:
        anything = not (chosen.names or keys)
        what = Message("nothing") if anything else Message("nothing that was chosen")
        raise UsageError(
            "{what} is stored in {folder}, so nothing is exported.", what=what, folder=store.folder
        )
    say(
        Message(
            "{file}: {measurements}, {size}",
            file=target,
            measurements=many(count, "measurement"),
            size=size(target.stat().st_size),
        )
    )
    return 0


def run_import(options: argparse.Namespace) -> int:
    """Merge the file in; say what was done, or why nothing was."""
    source: Path = options.file
    _check_source(source)
    if options.store.exists() and not options.store.is_dir():
        raise UsageError(
            "--store {store}: is a file; give a folder, which may be new.", store=options.store
        )
    store = store_at(options.store) if options.store.exists() else Store(options.store)
    try:
        merged = merge(store, source)
    except Refused as error:
        text = Message("{error} Nothing was imported.", error=error.message)
        print(f"error: {printable(shown(text))}", file=sys.stderr)
        return 1
    except OSError as error:
        raise UsageError(
            "{source} could not be imported into {store} ({error}). What was imported before "
            "that is whole; importing again goes on.",
            source=source,
            store=options.store,
            error=error.strerror or error,
        ) from None
    new, fuller, same = (len(merged.keys[word]) for word in ("new", "fuller", "same"))
    for conflict in merged.conflicts:
        head, *lines = map(one_line, _explained(conflict, options.store))
        print("\n  ".join([head, *lines]), file=sys.stderr)
    if merged.conflicts:
        text = Message(
            "{conflicts} in {file}; nothing was imported.",
            conflicts=many(len(merged.conflicts), "conflict"),
            file=source,
        )
        if new + fuller:
            text = Message(
                "{conflicts} in {file}; {count} of the others were imported.",
                conflicts=many(len(merged.conflicts), "conflict"),
                file=source,
                count=new + fuller,
            )
        print(f"error: {printable(shown(text))}", file=sys.stderr)
        return 1
    if not new + fuller + same:
        say(Message("{file} holds no measurement", file=source))
        return 0
    say(
        Message(
            "{added} added, {fuller} replaced by fuller ones, {same} there already",
            added=many(new, "measurement"),
            fuller=fuller,
            same=same,
        )
    )
    return 0


def _check_source(source: Path) -> None:
    """Refuse what is no file; a store, or an export that was unpacked, can be made one."""
    if source.is_file():
        return
    if (source / "measurements").is_dir():
        raise UsageError(
            "{source} is a folder of measurements, and import takes the file that export "
            "makes of it: python -m basegate store export FILE --store {folder}",
            source=source,
            folder=shlex.quote(str(source)),
        )
    if source.exists():
        what = Message("a folder") if source.is_dir() else Message("no plain file")
        raise UsageError(
            "{source} is {what}; give the file that `store export` wrote.", source=source, what=what
        )
    raise UsageError("{source}: there is no such file.", source=source)


def _explained(conflict: Conflict, store: Path) -> Iterator[str]:
    """Say where two measurements of one key differ, and what to do."""
    ours, theirs = conflict.ours, conflict.theirs
    key = ours.key[:KEY]
    yield Message(
        "conflict: {key}, {name} on {place}",
        key=key,
        name=ours.candidate.name,
        place=place(ours.check, ours.item, reader.words),
    )
    mine, other = _first_difference(ours, theirs)
    yield Message("stored: {value}, {made}", value=mine, made=_made(ours))
    yield Message("to import: {value}, {made}", value=other, made=_made(theirs))
    prune = f"python -m basegate store prune --key {key} --store {store}"
    yield Message("to take the other one, remove this: {command}", command=prune)


def _first_difference(ours: Measurement, theirs: Measurement) -> tuple[str, str]:
    """Return the first metric that differs, of both sides; what one lacks is `-`."""
    mine, other = _by_name(ours), _by_name(theirs)
    for name in (*mine, *other):
        if mine.get(name) != other.get(name):
            return _shown(mine.get(name)), _shown(other.get(name))
    return Message("other samples"), Message("other samples")


def _by_name(measurement: Measurement) -> dict[tuple[str, str], Metric]:
    return {(each.name, each.item): each for each in measurement.findings.metrics}


def _shown(metric: Metric | None) -> str:
    """Return name and value of a metric, with all digits: they may differ in the last ones."""
    if metric is None:
        return "-"
    return f"{metric.name} {metric.item} {found(metric, say=reader.words)} ({metric.value!r})"


def _made(measurement: Measurement) -> str:
    environment = measurement.environment
    where = environment.get("gpu") or environment.get("platform") or Message("unknown")
    return Message("measured {date} on {where}", date=measurement.measured_at, where=where)
