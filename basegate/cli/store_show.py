"""`python -m basegate store show`: one measurement, and what the model wrote."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from basegate.checks.labels import check_label, format_chance, format_measured, format_sample_size
from basegate.cli.console import add_store, echo, one_line, size, store_of, table
from basegate.store.inventory import get_by_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from basegate.measurement import (
        DocumentScore,
        Findings,
        Measurement,
        Metric,
        OptionScores,
        Preference,
        Sample,
    )
    from basegate.store import Store


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "show",
        help="one measurement, and what the model wrote",
        description="Prints one measurement: numbers, what they are based on, how they were made.",
    )
    parser.add_argument("key", metavar="KEY", help="the first digits of its key")
    parser.add_argument(
        "--samples",
        type=_count,
        default=0,
        metavar="N",
        help="print the first N samples, pairs, questions or documents, too",
    )
    add_store(parser)
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: a number of samples")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Print the measurement."""
    store = store_of(options)
    measurement = get_by_prefix(store, options.key)
    findings = measurement.findings
    _section("measurement", list(_head(measurement, store)))
    _section("metrics", [_metric(each) for each in findings.metrics])
    _section("facts", [(name, str(value)) for name, value in findings.facts.items()])
    _section("notes", [(each,) for each in findings.notes])
    _section("left out", [(each,) for each in findings.left_out])
    _section("identity", list(_flat(measurement.identity)))
    _section("environment", list(_flat(measurement.environment)))
    for line in _evidence(findings, options.samples):
        echo(line)
    return 0


def _section(title: str, rows: Sequence[Sequence[str]]) -> None:
    if rows:
        echo(title, {"bold": True})
    for line in table([("", *map(one_line, row)) for row in rows]):
        echo(line)


def _head(measurement: Measurement, store: Store) -> Iterator[tuple[str, str]]:
    candidate = measurement.candidate
    yield "key", measurement.key
    yield "candidate", f"{candidate.name} ({candidate.held})"
    yield "source", f"{candidate.source}, {candidate.revision or 'revision unknown'}"
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


def _metric(metric: Metric) -> tuple[str, ...]:
    text = format_measured(metric) + format_chance(metric)
    return metric.name, metric.item, text


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of nested tables, under names with dots."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", "-" if value is None else json.dumps(value, ensure_ascii=False)


def _evidence(findings: Findings, count: int) -> Iterator[str]:
    """The first samples, pairs, questions and documents, and how many more there are."""
    for sample in findings.samples[:count]:
        yield from _sample(sample)
    for pair in findings.preferences[:count]:
        yield from _pair(pair)
    for question in findings.choices[:count]:
        yield from _options(question)
    for document in findings.documents[:count]:
        yield _document(document)
    parts = {
        "samples": findings.samples,
        "pairs": findings.preferences,
        "questions by likelihood": findings.choices,
        "documents": findings.documents,
    }
    left = [
        f"{len(part) - count:,} more {name}" for name, part in parts.items() if len(part) > count
    ]
    if left:
        yield f"{', '.join(left)}: --samples N shows the first of them"


def _sample(sample: Sample) -> Iterator[str]:
    known = [f"seed {sample.seed}"]
    if sample.expected is not None:
        known += [f"answer {sample.answer}", f"right {sample.expected}"]
    if sample.degenerate:
        known.append("degenerate")
    yield f"{sample.item} ({', '.join(known)})"
    for line in f"{sample.prompt}[…]{sample.text}".split("\n"):
        yield f"  | {line}"


def _pair(pair: Preference) -> Iterator[str]:
    yield f"{pair.item} ({pair.kind})" if pair.kind else pair.item
    yield f"  | right, {pair.right_bits:.2f} bits per character: {pair.right}"
    yield f"  | wrong, {pair.wrong_bits:.2f} bits per character: {pair.wrong}"


def _options(question: OptionScores) -> Iterator[str]:
    yield f"{question.item} (right {question.expected})"
    for option, logprob in question.letters.items():
        yield (
            f"  | {option}: log-probability {logprob:.2f} of the letter, "
            f"{question.texts[option]:.2f} per character of the text"
        )


def _document(document: DocumentScore) -> str:
    return (
        f"document {document.item}: {document.bits / document.characters:.2f} bits per character; "
        f"{document.characters:,} characters, {document.tokens:,} tokens"
    )
