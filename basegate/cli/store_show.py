"""`python -m basegate store show`: all that is known of one measurement."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from basegate.checks.labels import check_label, format_chance, format_measured, format_sample_size
from basegate.cli.candidate_args import absent_of, add_models, chosen_by
from basegate.cli.console import (
    add_language,
    add_store,
    echo,
    one_line,
    reader,
    size,
    store_of,
    table,
)
from basegate.errors import UsageError
from basegate.i18n.messages import Message, joined
from basegate.store.inventory import the_one

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from basegate.cli.candidate_args import Chosen
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
    """Declare the command."""
    parser = commands.add_parser(
        "show",
        help="all that is known of one measurement, or of those of a candidate",
        description="Prints one measurement, by its key, or all of a candidate, by its name: "
        "numbers, what they rest on, how they were made.",
    )
    parser.add_argument("key", nargs="?", metavar="KEY", help="the first digits of its key")
    add_models(parser, "all measurements")
    parser.add_argument(
        "--samples",
        type=_count,
        default=0,
        metavar="N",
        help="print the first N samples, pairs or questions, too",
    )
    add_store(parser)
    add_language(parser, "of what is printed")
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: a number of samples")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Print the measurement, or those of the candidates that are named."""
    store, chosen = store_of(options), chosen_by(options)
    if options.key is None and _ends_with_key(options.models, chosen, store):
        options.key = options.models.pop()
        chosen = chosen_by(options)
    if options.key is not None:
        measurement = the_one(store, options.key)
        if not chosen.holds(measurement):
            raise UsageError(
                "{key} is a measurement of {name}, and --model names {names}. Leave one of "
                "the two out.",
                key=options.key,
                name=measurement.candidate.name,
                names=joined(chosen.names),
            )
        _show(measurement, store, options.samples)
        return 0
    if not chosen.names:
        raise UsageError("store show: give the first digits of a KEY, or --model NAME.")
    every = list(store)
    for name in absent_of(chosen, every):
        echo(Message("nothing is stored of {names}", names=name))
    own = sorted(
        filter(chosen.holds, every),
        key=lambda each: (each.candidate.name, each.candidate.held, each.check, each.item),
    )
    for number, each in enumerate(own):
        if number:
            echo()
        _show(store.get(each.key) or each, store, options.samples)
    return 0


def _ends_with_key(models: Sequence[str], chosen: Chosen, store: Store) -> bool:
    """Whether a KEY stands behind `--model NAME`, which takes every value that follows."""
    if len(models) < 2 or models[-1] in chosen.registered:
        return False
    every = list(store)
    names = {each.candidate.name for each in every}
    return models[-1] not in names and any(each.key.startswith(models[-1]) for each in every)


def _show(measurement: Measurement, store: Store, samples: int) -> None:
    for title, rows in _sections(measurement, store):
        if rows:
            echo(title, {"bold": True})
            for line in table([("", *map(one_line, row)) for row in rows]):
                echo(line)
    for text in _evidence(measurement.findings, samples):
        echo(text)


def _sections(
    measurement: Measurement, store: Store
) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    found = measurement.findings
    yield Message("measurement"), list(_head(measurement, store))
    yield Message("metrics"), [_metric(each) for each in found.metrics]
    yield Message("facts"), [(name, str(value)) for name, value in found.facts.items()]
    yield Message("notes"), [(reader.tr.translate(each),) for each in found.notes]
    yield Message("left out"), [(each,) for each in found.left_out]
    yield Message("identity"), list(_flat(measurement.identity))
    yield Message("environment"), list(_flat(measurement.environment))


def _head(measurement: Measurement, store: Store) -> Iterator[tuple[str, str]]:
    candidate = measurement.candidate
    yield Message("key"), measurement.key
    yield (
        Message("candidate"),
        Message("{item} ({known})", item=candidate.name, known=candidate.held),
    )
    revision = candidate.revision or Message("revision unknown")
    yield Message("source"), joined([candidate.source, revision])
    yield Message("check"), check_label(measurement.check, measurement.item, reader.tr)
    yield Message("rests on"), format_sample_size(measurement.findings.sample_size, reader.tr)
    yield (
        Message("measured"),
        Message(
            "{date}, in {seconds} s",
            date=measurement.measured_at,
            seconds=f"{measurement.seconds:.1f}",
        ),
    )
    if candidate.load_seconds is not None and candidate.peak_memory_bytes is not None:
        peak = size(candidate.peak_memory_bytes)
        yield (
            Message("loaded"),
            Message(
                "in {seconds} s, at most {peak} in use",
                seconds=f"{candidate.load_seconds:.1f}",
                peak=peak,
            ),
        )
    for each in candidate.files:
        parts = [each.name, size(each.bytes), f"sha256 {each.sha256}"]
        yield Message("file"), joined(parts)
    for path in sorted(store.files_of(measurement.key)):
        yield Message("stored in"), joined([path.name, size(path.stat().st_size)])


def _metric(metric: Metric) -> tuple[str, ...]:
    text = format_measured(metric, tr=reader.tr) + format_chance(metric, reader.tr)
    if metric.informative:
        text += reader.tr(" (shown only, never judged)")
    return metric.name, metric.item, text


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested tables under names with dots."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", "-" if value is None else json.dumps(value, ensure_ascii=False)


def _evidence(findings: Findings, count: int) -> Iterator[str]:
    """Yield the first samples, pairs or questions, and how many more there are."""
    for sample in findings.samples[:count]:
        yield from _sample(sample)
    for pair in findings.preferences[:count]:
        yield from _pair(pair)
    for question in findings.choices[:count]:
        yield from _options(question)
    for document in findings.documents[:count]:
        yield _document(document)
    left = [
        Message("{count} more {what}", count=f"{len(parts) - count:,}", what=what)
        for what, parts in (
            (Message("samples"), findings.samples),
            (Message("pairs"), findings.preferences),
            (Message("questions by likelihood"), findings.choices),
            (Message("documents"), findings.documents),
        )
        if len(parts) > count
    ]
    if left:
        yield Message("{left}: --samples N shows the first of them", left=joined(left))


def _pair(pair: Preference) -> Iterator[str]:
    yield Message("{item} ({known})", item=pair.item, known=pair.kind) if pair.kind else pair.item
    yield Message(
        "  | right, {bits} bits per character: {text}",
        bits=f"{pair.right_bits:.2f}",
        text=pair.right,
    )
    yield Message(
        "  | wrong, {bits} bits per character: {text}",
        bits=f"{pair.wrong_bits:.2f}",
        text=pair.wrong,
    )


def _options(question: OptionScores) -> Iterator[str]:
    right = Message("right {answer}", answer=question.expected)
    yield Message("{item} ({known})", item=question.item, known=right)
    for option, logprob in question.letters.items():
        yield Message(
            "  | {option}: log-probability {letter} of the letter, {text} per character of the "
            "text",
            option=option,
            letter=f"{logprob:.2f}",
            text=f"{question.texts[option]:.2f}",
        )


def _document(document: DocumentScore) -> str:
    return Message(
        "document {item}: {bits} bits per character; {characters} characters, {tokens} tokens",
        item=document.item,
        bits=f"{document.bits / document.characters:.2f}",
        characters=f"{document.characters:,}",
        tokens=f"{document.tokens:,}",
    )


def _sample(sample: Sample) -> Iterator[str]:
    known: list[str] = [Message("seed {seed}", seed=sample.seed)]
    if sample.expected is not None:
        known.append(Message("answer {answer}", answer=sample.answer))
        known.append(Message("right {answer}", answer=sample.expected))
    if sample.degenerate:
        known.append(Message("degenerate"))
    yield Message("{item} ({known})", item=sample.item, known=joined(known))
    for line in f"{sample.prompt}[…]{sample.text}".split("\n"):
        yield f"  | {line}"
