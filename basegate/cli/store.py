"""`python -m basegate store`: list, show and prune what is stored."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from basegate.checks.identity import identify_software
from basegate.checks.labels import check_label, format_chance, format_metric, format_sample_size
from basegate.cli.candidate_args import chosen_by
from basegate.cli.console import Commands, add_shared, counted, echo, one_line, open_store, size
from basegate.config.declaration import check_names
from basegate.errors import UsageError
from basegate.i18n.formatting import table
from basegate.measurement import Measurement, Sample
from basegate.store.folder import FILENAME_DIGITS, Store
from basegate.store.inventory import (
    DISPLAY_DIGITS,
    get_by_prefix,
    require_stored,
    sizes,
    unfinished,
)
from basegate.store.prune import Selection, prune

_CANDIDATE = ("source", "revision", "quantization", "dtype", "device")
_METRIC = ("name", "item", "value", "unit", "interval", "confidence")
_EVIDENCE = {
    "samples": "samples",
    "preferences": "pairs",
    "choices": "questions by likelihood",
    "documents": "documents",
}
"""Fields of `Findings`, and what is in them."""


def add(commands: Commands) -> None:
    store = commands.add_parser(
        "store",
        help="list, show and prune what is stored",
        description="Lists and manages stored measurements.",
    )
    commands = store.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser(
        "list", help="a line per measurement", description="Prints a line per measurement."
    )
    add_shared(listing, "--model", "--store")
    listing.set_defaults(run=_list)
    listing.add_argument("--json", action="store_true", help="print JSON, for programs")
    show = commands.add_parser(
        "show",
        help="one measurement, and what the model wrote",
        description="Prints one measurement: numbers, what they are based on, how they were made.",
    )
    add_shared(show, "--store")
    show.set_defaults(run=_show)
    show.add_argument("key", metavar="KEY", help="the first digits of its key")
    show.add_argument(
        "--samples",
        type=_up_to(10**9, int, "samples"),
        default=0,
        metavar="N",
        help="print the first N samples, pairs, questions or documents, too",
    )
    pruning = commands.add_parser(
        "prune",
        help="remove measurements, and files that belong to none",
        description="Says which measurements --outdated, --model and --older-than select (of "
        "several, all have to hold), and which files belong to no measurement; removes them with "
        "--yes.",
    )
    add_shared(pruning, "--model", "--store", "--check")
    pruning.set_defaults(run=_prune)
    pruning.add_argument(
        "--outdated",
        action="store_true",
        help="measurements of another version of a check or a library than the installed one, "
        "which no run here could be served any more",
    )
    pruning.add_argument(
        "--older-than",
        type=_up_to(36_500, float, "days"),
        metavar="DAYS",
        help="measurements made more than so many days ago",
    )
    pruning.add_argument("--yes", action="store_true", help="remove them, and not only say which")


def _up_to(most: int, kind: type[float], what: str) -> Callable[[str], float]:
    """The type of an argument: a number from 0 to `most`."""

    def number(text: str) -> float:
        with suppress(ValueError):
            if 0 <= (value := kind(text)) <= most:
                return value
        raise argparse.ArgumentTypeError(f"{text!r}: a number of {what}")

    return number


def _list(options: argparse.Namespace) -> int:
    store, chosen = open_store(options.store), chosen_by(options.model)
    bytes_of = sizes(store)
    every = list(store)
    known = {each.candidate.name for each in every}
    require_stored(chosen.names, known, chosen.registered)
    absent = [name for name in chosen.names if name not in known]
    names = chosen.names or known
    measured = [each for each in every if each.candidate.name in names]
    halves = unfinished(store)
    if options.json:
        listed = {
            "measurements": [_fields(each, bytes_of) for each in measured],
            "unfinished": [asdict(each) for each in halves],
        }
        print(json.dumps(listed, allow_nan=False))
        return 0
    rows = sorted((_row(each, bytes_of) for each in measured), key=lambda row: row[1:])
    echo(*table(rows))
    if absent:
        echo(f"nothing is stored of {', '.join(absent)}")
    total = sum(bytes_of.get(each.key[:FILENAME_DIGITS], 0) for each in measured)
    echo(f"{counted(len(measured), 'measurement')}, {size(total)}")
    begun = [] if chosen.names else [each for each in halves if each.batches]
    if begun:
        batches = counted(sum(each.batches for each in begun), "batch", "batches")
        bytes_in_all = size(sum(each.bytes for each in begun))
        unfinished_ones = counted(len(begun), "unfinished measurement")
        echo(f"{unfinished_ones}, {batches}, {bytes_in_all}: the same run resumes there")
    return 0


def _row(measurement: Measurement, bytes_of: Mapping[str, int]) -> tuple[str, ...]:
    findings = measurement.findings
    cells = (
        measurement.key[:DISPLAY_DIGITS],
        measurement.candidate.name,
        measurement.candidate.load_config,
        check_label(measurement.check, measurement.item),
        measurement.measured_at[:16].replace("T", " "),
        size(bytes_of.get(measurement.key[:FILENAME_DIGITS], 0)),
        f"{_main_metric(measurement)} [{format_sample_size(findings.sample_size)}]",
    )
    return tuple(map(one_line, cells))


def _main_metric(measurement: Measurement) -> str:
    """The first of the metrics, where each check puts the one that tells most."""
    findings = measurement.findings
    if not findings.metrics:
        return "no metrics"
    first = findings.metrics[0]
    alike = sum(each.name == first.name for each in findings.metrics) - 1
    text = f"{first.item} {format_metric(first, measurement.check)}".strip()
    return f"{text}; and {alike} more" if alike else text


def _fields(measurement: Measurement, bytes_of: Mapping[str, int]) -> dict[str, Any]:
    candidate, findings = measurement.candidate, measurement.findings
    size = findings.sample_size
    return {
        "key": measurement.key,
        "candidate": candidate.name,
        **{name: getattr(candidate, name) for name in _CANDIDATE},
        "check": measurement.check,
        "item": measurement.item,
        "metrics": [{name: getattr(each, name) for name in _METRIC} for each in findings.metrics],
        "sample_size": size.model_dump() if size is not None else None,
        "seconds": measurement.seconds,
        "measured_at": measurement.measured_at,
        "bytes": bytes_of.get(measurement.key[:FILENAME_DIGITS], 0),
    }


def _show(options: argparse.Namespace) -> int:
    store = open_store(options.store)
    measurement = get_by_prefix(store, options.key)
    findings = measurement.findings
    metrics = [
        (each.name, each.item, format_metric(each, measurement.check) + format_chance(each))
        for each in findings.metrics
    ]
    _section("measurement", [*_head(measurement, store)])
    _section("metrics", metrics)
    _section("facts", [(name, str(value)) for name, value in findings.facts.items()])
    _section("notes", [(each,) for each in findings.notes])
    _section("left out", [(each,) for each in findings.left_out])
    _section("identity", [*_flat(measurement.identity)])
    _section("environment", [*_flat(measurement.environment)])
    for sample in findings.samples[: options.samples]:
        echo(*_sample(sample))
    for name in ("preferences", "choices", "documents"):
        for each in getattr(findings, name)[: options.samples]:
            _section(each.item, [*_flat(each.model_dump(exclude={"item"}, exclude_none=True))])
    left = [
        f"{more:,} more {what}"
        for name, what in _EVIDENCE.items()
        if (more := len(getattr(findings, name)) - options.samples) > 0
    ]
    if left:
        echo(f"{', '.join(left)}: --samples N shows the first of them")
    return 0


def _section(title: str, rows: Sequence[Sequence[str]]) -> None:
    if rows:
        echo(title, markup={"bold": True})
        echo(*table([("", *map(one_line, row)) for row in rows]))


def _head(measurement: Measurement, store: Store) -> Iterator[tuple[str, str]]:
    candidate = measurement.candidate
    yield "key", measurement.key
    yield "candidate", f"{candidate.name} ({candidate.load_config})"
    yield "source", f"{candidate.source}, {candidate.revision or 'revision unknown'}"
    if candidate.quantized_before:
        yield "weights", f"quantised before, in a GGUF file ({candidate.quantized_before})"
    yield "check", check_label(measurement.check, measurement.item)
    yield "based on", format_sample_size(measurement.findings.sample_size)
    yield "measured", f"{measurement.measured_at}, in {measurement.seconds:.1f} s"
    if candidate.load_seconds is not None and candidate.peak_memory_bytes is not None:
        peak = size(candidate.peak_memory_bytes)
        yield "loaded", f"in {candidate.load_seconds:.1f} s, at most {peak} in use"
    for each in candidate.files:
        yield "file", f"{each.name}, {size(each.bytes)}, sha256 {each.sha256}"
    for path in sorted(store.files_of(measurement.key)):
        yield "stored in", f"{path.name}, {size(path.stat().st_size)}"


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of nested tables, under names with dots."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", "-" if value is None else json.dumps(value, ensure_ascii=False)


def _sample(sample: Sample) -> Iterator[str]:
    known = [f"seed {sample.seed}"]
    if sample.expected is not None:
        known += [f"answer {sample.answer}", f"right {sample.expected}"]
    if sample.degenerate:
        known.append("degenerate")
    yield f"{sample.item} ({', '.join(known)})"
    for line in f"{sample.prompt}[…]{sample.text}".split("\n"):
        yield f"  | {line}"


def _prune(options: argparse.Namespace) -> int:
    store, chosen = open_store(options.store), chosen_by(options.model)
    outdated = (
        {check: identify_software(check) for check in check_names()} if options.outdated else None
    )
    selection = Selection(chosen.names, chosen.registered, options.older_than, outdated)
    try:
        found = prune(store, selection, dry_run=not options.yes)
    except OSError as error:
        raise UsageError(
            f"--store {store.folder}: nothing more can be removed ({error.strerror or error}: "
            f"{error.filename or 'the store'})."
        ) from None
    done = "removed" if options.yes else "would remove"
    for each in found:
        echo(f"{done} {each.path.name} ({size(each.bytes)}): {each.why}")
    total = size(sum(each.bytes for each in found))
    hint = "" if options.yes or not found else "; --yes removes them"
    echo(f"{done} {counted(len(found), 'file')}, {total}{hint}")
    return 0
