"""The ledger on a terminal: one line per candidate and check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from basegate.checks.labels import check_label, format_measured, format_sample_size
from basegate.i18n.catalogue import ENGLISH, Plural, Translator
from basegate.i18n.formatting import (
    GIB,
    format_list,
    format_row_limit,
    padded,
    printable,
    short_path,
)
from basegate.i18n.messages import Message
from basegate.judging.explanation import reason
from basegate.ledger import CandidateEntry, Ledger, Record
from basegate.measurement import Earlier
from basegate.report.decision_text import decided, partial, recommendation
from basegate.verdict import Result, VerdictWord, checks_by_note, deciding_rows, rows_by_reason

_MARKUP: dict[VerdictWord, dict[str, bool]] = {
    "pass": {"green": True},
    "fail": {"red": True},
    "inconclusive": {"yellow": True},
    "invalid": {"red": True},
}


def header(
    candidates: Sequence[str], thresholds: Path, store: Path, tr: Translator = ENGLISH
) -> list[str]:
    first = tr("{head}: {text}", head="basegate", text=tr(", ").join(candidates))
    return [first, origin(thresholds, store, tr)]


def written(
    ledger: Path, summary: Path | None, errors: Sequence[str], tr: Translator = ENGLISH
) -> Iterator[tuple[str, dict[str, bool]]]:
    """Where files were written, or why they could not be, with colours."""
    for error in errors:
        yield f"ERROR: {error}", {"red": True}
    if not errors:
        yield tr("ledger: {path}", path=ledger), {}
        if summary is not None:
            yield tr("summary: {path}", path=summary), {}


def origin(thresholds: Path, store: Path, tr: Translator = ENGLISH) -> str:
    return tr(
        "thresholds: {thresholds}, store: {store}",
        thresholds=short_path(thresholds),
        store=short_path(store),
    )


def summary(
    ledger: Ledger, records: Iterable[Record] = (), tr: Translator = ENGLISH
) -> Iterator[tuple[str, dict[str, bool]]]:
    """The lines of the summary with their colours; `records` tell what came from the store."""
    kept = list(records)
    if ledger.suite.interrupted:
        yield partial(tr), {"yellow": True, "bold": True}
    for entry in ledger.candidates:
        rows = ledger.results_of(entry.name)
        markup = {**(_MARKUP[entry.verdict] if rows else {}), "bold": True}
        yield _headline(entry, decided(entry, rows, ledger.suite.interrupted, tr), tr), markup
        notes, shared = checks_by_note(rows), rows_by_reason(rows)
        alone = (row for row in rows if row.metric or row.reason not in shared)
        for place, group in groupby(alone, key=lambda row: (row.check, row.part)):
            yield from _lines(place[0], list(group), tr)
            for note in (note for note, places in notes.items() if places == [place]):
                yield printable(f"  {'':<12} {'':<28} {_note(note, tr)}"), {}
        for why, folded in shared.items():
            name = tr("{count} checks", count=len(folded))
            shown = line(tr(folded[0].verdict), name, tr.translate(why))
            yield printable(shown), _MARKUP[folded[0].verdict]
        for note, places in notes.items():
            if len(places) != 1:
                yield printable(f"  {_note(note, tr, places)}"), {}
        if stored := _stored([each for each in kept if each.candidate.name == entry.name], tr):
            yield printable("  " + tr("from the store: {stored}", stored=stored)), {}
        yield from _loaded(entry, tr)
    if len(ledger.candidates) > 1 and ledger.recommendation is not None:
        yield printable(tr.gap.join(recommendation(ledger, tr))), {"bold": True}


def _note(note: Message, tr: Translator, places: Sequence[tuple[str, str]] = ()) -> str:
    text = tr.translate(note)
    if places:
        head = format_list([check_label(*place, tr) for place in places], tr)
        text = tr("{head}: {text}", head=head, text=text)
    return tr("note: {note}", note=text)


def _headline(entry: CandidateEntry, decision: str, tr: Translator) -> str:
    text = printable(tr("{name}: {decision}", name=entry.name, decision=decision))
    if not entry.compared:
        return text
    return text + tr(" (measured on {date}, not in this run)", date=entry.compared[:10])


def warned(
    warnings: Iterable[tuple[type[Warning], str]], tr: Translator = ENGLISH
) -> Iterator[str]:
    """A line per kind of warning: the last one, which tells how things stand now."""
    kinds: dict[type[Warning], dict[str, None]] = {}
    for kind, text in warnings:
        kinds.setdefault(kind, {})[text] = None
    for texts in kinds.values():
        more = tr(" ({count} more like it)", count=len(texts) - 1) if len(texts) > 1 else ""
        yield printable(tr("warning: {text}", text=tr.translate(list(texts)[-1])) + more)


def _lines(check: str, rows: list[Result], tr: Translator) -> Iterator[tuple[str, dict[str, bool]]]:
    """The line of a check, and one for its advisory limits if it has no other or some are unmet."""
    own = [row for row in rows if not row.advisory]
    if own:
        yield _line(check, own, tr)
    told = [row for row in rows if row.advisory and (row.verdict != "pass" or not own)]
    if told:
        found = [tr("{head}: {text}", head=tr(row.verdict), text=_found(row, tr)) for row in told]
        more = tr("; and {count} more", count=len(told) - 3) if len(told) > 3 else ""
        text = " ".join(tr("; ").join(found[:3]).split()) + more
        shown = line(tr("advisory"), check_label(check, rows[0].part, tr), text)
        yield printable(shown), {"yellow": any(row.verdict != "pass" for row in told)}


def _line(check: str, rows: list[Result], tr: Translator) -> tuple[str, dict[str, bool]]:
    verdict, shown = deciding_rows(rows)
    text = tr("; ").join(_found(row, tr) for row in shown[:3])
    more = tr("; and {count} more", count=len(shown) - 3) if len(shown) > 3 else ""
    size = format_sample_size(rows[0].sample_size, tr)
    based = f" [{size}]" if size else ""
    text = f"{' '.join(text.split())}{more}{based}"
    shown_line = line(tr(verdict), check_label(check, rows[0].part, tr), text)
    return printable(shown_line), _MARKUP[verdict]


def line(word: str, name: str, text: str) -> str:
    return f"  {padded(word, 12)} {padded(name, 28)} {text}"


def _found(row: Result, tr: Translator) -> str:
    if row.limit is None:
        return reason(row, tr)
    value = format_measured(row, row.limit, tr)
    if row.question:
        value = tr("{question} {value}", question=row.question, value=value)
    return tr("{found}, limit {asked}", found=value, asked=format_row_limit(row, tr))


def _stored(records: Sequence[Record], tr: Translator) -> str:
    """What earlier runs had done of one candidate's checks."""
    checks: dict[str, Earlier | None] = {}
    for record in records:
        for row in record.results:
            checks.setdefault(check_label(row.check, row.part, tr), record.earlier)
    done = {name: earlier for name, earlier in checks.items() if earlier is not None}
    parts, first = [], []
    if whole := sum(each.whole for each in done.values()):
        number = Plural("{done} of {count} check", "{done} of {count} checks")
        parts.append(tr.ngettext(*number, len(checks), done=whole))
    for name, each in done.items():
        known = {"done": each.batches, "count": each.batches_in_all, "check": name}
        if each.batches:
            parts.append(tr("{done} of {count} batches of {check}", **known))
        elif each.samples:
            first.append(name)
    if first:
        parts.append(tr("the first samples of {checks}", checks=tr(", ").join(first)))
    text = tr("; ").join(parts)
    names = dict.fromkeys(each.name for each in done.values() if each.name)
    if not names:
        return text
    return tr("{stored}, kept under the name {names}", stored=text, names=format_list([*names], tr))


def _loaded(entry: CandidateEntry, tr: Translator) -> Iterator[tuple[str, dict[str, bool]]]:
    """How it was loaded when it was measured, perhaps in an earlier run."""
    if entry.load_seconds is not None and entry.peak_memory_bytes is not None:
        text = tr(
            "measured in {weights}, {dtype}, on {device}: loaded in {seconds} s, at most {memory} "
            "GiB in use",
            weights=tr(entry.precision),
            dtype=tr.translate(entry.computation),
            device=entry.device,
            seconds=f"{entry.load_seconds:.1f}",
            memory=f"{entry.peak_memory_bytes / GIB:.2f}",
        )
        yield printable(f"  {text}"), {}
