"""`python -m basegate store list`: a line per measurement."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from basegate.checks.labels import check_label, format_measured, format_sample_size
from basegate.cli.candidate_args import absent_of, add_models, chosen_by
from basegate.cli.console import (
    add_language,
    add_store,
    echo,
    many,
    one_line,
    reader,
    size,
    store_of,
    table,
)
from basegate.i18n.messages import Message, joined
from basegate.store.folder import SHORT
from basegate.store.inventory import KEY, set_aside, sizes, unfinished

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from basegate.measurement import Findings, Measurement, Metric
    from basegate.store import Store
    from basegate.store.inventory import Unfinished

_SHOWN = 5


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "list", help="a line per measurement", description="Prints a line per measurement."
    )
    add_models(parser, "measurements")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    add_store(parser)
    add_language(parser, "of what is printed")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a line per measurement, and what there is beside them."""
    store, chosen = store_of(options), chosen_by(options)
    bytes_of = sizes(store)
    every = list(store)
    absent, measured = absent_of(chosen, every), [each for each in every if chosen.holds(each)]
    if options.json:
        print(json.dumps(_as_json(measured, store, bytes_of), allow_nan=False))
        return 0
    rows = sorted((_row(each, bytes_of) for each in measured), key=lambda row: row[1:])
    for line in table(rows):
        echo(line)
    if absent:
        echo(Message("nothing is stored of {names}", names=joined(absent)))
    if chosen.names:
        total = sum(bytes_of.get(each.key[:SHORT], 0) for each in measured)
        echo(Message("{what}, {size}", what=many(len(measured), "measurement"), size=size(total)))
        return 0
    for text in _totals(store, len(measured), sum(bytes_of.values())):
        echo(text)
    return 0


def _row(measurement: Measurement, bytes_of: Mapping[str, int]) -> tuple[str, ...]:
    based = format_sample_size(measurement.findings.sample_size, reader.tr)
    cells = (
        measurement.key[:KEY],
        measurement.candidate.name,
        measurement.candidate.held,
        check_label(measurement.check, measurement.item, reader.tr),
        measurement.measured_at[:16].replace("T", " "),
        size(bytes_of.get(measurement.key[:SHORT], 0)),
        f"{_main(measurement.findings)} [{based}]",
    )
    return tuple(map(one_line, cells))


def _main(findings: Findings) -> str:
    """Return the first of the metrics, which each measure puts there as the one that tells most."""
    metrics = findings.metrics
    if not metrics:
        return reader.tr("no metrics")
    first = metrics[0]
    value = format_measured(first, tr=reader.tr)
    alike = sum(each.name == first.name for each in metrics) - 1
    text = f"{first.item} {value}" if first.item else value
    return text + reader.tr("; and {count} more", count=alike) if alike else text


def _totals(store: Store, count: int, size_in_all: int) -> Iterator[str]:
    """Say how much there is, and what is no whole measurement."""
    yield Message("{what}, {size}", what=many(count, "measurement"), size=size(size_in_all))
    begun = unfinished(store)
    if halves := [each for each in begun if each.batches]:
        yield Message(
            "{measurements} ({keys}), {batches}, {size}: a run that asks the same goes on there",
            measurements=many(len(halves), "unfinished"),
            keys=_keys(halves),
            batches=many(sum(each.batches for each in halves), "batch"),
            size=size(sum(each.bytes for each in halves)),
        )
    if empty := [each for each in begun if not each.batches]:
        yield Message(
            "{measurements} without a finished batch ({keys}): a run that asks the same begins "
            "anew",
            measurements=many(len(empty), "measurement"),
            keys=_keys(empty),
        )
    if aside := set_aside(store):
        total = size(sum(path.stat().st_size for path in aside))
        yield Message(
            "{files} set aside, {size}: python -m basegate store prune",
            files=many(len(aside), "file"),
            size=total,
        )


def _keys(begun: Sequence[Unfinished]) -> str:
    """Return the first few keys, and how many more there are."""
    keys = joined(each.key[:KEY] for each in begun[:_SHOWN])
    if len(begun) <= _SHOWN:
        return keys
    return Message("{keys} and {count} more", keys=keys, count=len(begun) - _SHOWN)


def _as_json(
    measured: Sequence[Measurement], store: Store, bytes_of: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "measurements": [_fields(each, bytes_of) for each in measured],
        "unfinished": [
            {
                "key": each.key,
                "bytes": each.bytes,
                "changed": each.changed,
                "batches": each.batches,
            }
            for each in unfinished(store)
        ],
        "set_aside": [path.name for path in set_aside(store)],
    }


def _fields(measurement: Measurement, bytes_of: Mapping[str, int]) -> dict[str, Any]:
    candidate, size = measurement.candidate, measurement.findings.sample_size
    return {
        "key": measurement.key,
        "candidate": candidate.name,
        "source": candidate.source,
        "revision": candidate.revision,
        "quantization": candidate.quantization,
        "dtype": candidate.dtype,
        "device": candidate.device,
        "check": measurement.check,
        "item": measurement.item,
        "metrics": [_metric(each) for each in measurement.findings.metrics],
        "sample_size": size.model_dump() if size is not None else None,
        "seconds": measurement.seconds,
        "measured_at": measurement.measured_at,
        "bytes": bytes_of.get(measurement.key[:SHORT], 0),
    }


def _metric(metric: Metric) -> dict[str, Any]:
    names = ("name", "item", "value", "unit", "interval", "confidence")
    return {name: getattr(metric, name) for name in names}
