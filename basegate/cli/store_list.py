"""`python -m basegate store list`: a line per measurement."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from basegate.checks.labels import check_label, format_measured, format_sample_size
from basegate.cli.candidate_args import add_models, chosen_by
from basegate.cli.console import add_store, counted, echo, one_line, size, store_of, table
from basegate.store.folder import FILENAME_DIGITS
from basegate.store.inventory import DISPLAY_DIGITS, require_stored, sizes, unfinished

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from basegate.measurement import Findings, Measurement
    from basegate.store import Store

_CANDIDATE = ("source", "revision", "quantization", "dtype", "device")
_METRIC = ("name", "item", "value", "unit", "interval", "confidence")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "list", help="a line per measurement", description="Prints a line per measurement."
    )
    add_models(parser, "measurements")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    add_store(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a line per measurement, and what is unfinished."""
    store, chosen = store_of(options), chosen_by(options.models)
    bytes_of = sizes(store)
    every = list(store)
    known = {each.candidate.name for each in every}
    require_stored(chosen.names, known, chosen.registered)
    absent = [name for name in chosen.names if name not in known]
    names = chosen.names or known
    measured = [each for each in every if each.candidate.name in names]
    if options.json:
        listed = {
            "measurements": [_fields(each, bytes_of) for each in measured],
            "unfinished": [asdict(each) for each in unfinished(store)],
        }
        print(json.dumps(listed, allow_nan=False))
        return 0
    rows = sorted((_row(each, bytes_of) for each in measured), key=lambda row: row[1:])
    for line in table(rows):
        echo(line)
    if absent:
        echo(f"nothing is stored of {', '.join(absent)}")
    total = sum(bytes_of.get(each.key[:FILENAME_DIGITS], 0) for each in measured)
    echo(f"{counted(len(measured), 'measurement')}, {size(total)}")
    if not chosen.names:
        _say_unfinished(store)
    return 0


def _row(measurement: Measurement, bytes_of: Mapping[str, int]) -> tuple[str, ...]:
    findings = measurement.findings
    cells = (
        measurement.key[:DISPLAY_DIGITS],
        measurement.candidate.name,
        measurement.candidate.held,
        check_label(measurement.check, measurement.item),
        measurement.measured_at[:16].replace("T", " "),
        size(bytes_of.get(measurement.key[:FILENAME_DIGITS], 0)),
        f"{_main_metric(findings)} [{format_sample_size(findings.sample_size)}]",
    )
    return tuple(map(one_line, cells))


def _main_metric(findings: Findings) -> str:
    """The first of the metrics, where each check puts the one that tells most."""
    if not findings.metrics:
        return "no metrics"
    first = findings.metrics[0]
    alike = sum(each.name == first.name for each in findings.metrics) - 1
    text = f"{first.item} {format_measured(first)}".strip()
    return f"{text}; and {alike} more" if alike else text


def _say_unfinished(store: Store) -> None:
    begun = [each for each in unfinished(store) if each.batches]
    batches = sum(each.batches for each in begun)
    if begun:
        echo(
            f"{counted(len(begun), 'unfinished measurement')}, "
            f"{counted(batches, 'batch', 'batches')}, {size(sum(each.bytes for each in begun))}: "
            "the same run resumes there"
        )


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
