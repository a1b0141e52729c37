"""The ledger on a terminal: one line per candidate and check."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from basegate.figures import asked, found, place, printable
from basegate.judge import Result, VerdictWord, telling
from basegate.report.wording import recommendation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from basegate.ledger import CandidateEntry, Ledger, Record
    from basegate.measurement import Earlier
    from basegate.options import RunOptions

_MARKUP: dict[VerdictWord, dict[str, bool]] = {
    "pass": {"green": True},
    "fail": {"red": True},
    "inconclusive": {"yellow": True},
    "invalid": {"red": True},
}
DECISION: dict[VerdictWord, str] = {
    "pass": "accepted",
    "fail": "rejected",
    "inconclusive": "not accepted (inconclusive)",
    "invalid": "not judged (invalid)",
}

PARTIAL = (
    "This report is partial: the run was stopped. What was measured is kept, and the same command "
    "goes on from there; without -x or --maxfail, if a failure stopped it."
)


def header(options: RunOptions) -> list[str]:
    """Return the lines at the top of the run."""
    names = ", ".join(spec.name for spec in options.candidates)
    return [f"basegate: {names}", f"thresholds: {options.thresholds.path}, store: {options.store}"]


def summary(
    ledger: Ledger, records: Iterable[Record] = ()
) -> Iterator[tuple[str, dict[str, bool]]]:
    """Yield the lines of the summary with their colours.

    Args:
        ledger: of the run.
        records: that it was built from, where it is to be said what came from the store.
    """
    kept = list(records)
    if ledger.suite.interrupted:
        yield PARTIAL, {"yellow": True, "bold": True}
    for entry in ledger.candidates:
        rows = ledger.results_of(entry.name)
        markup = _MARKUP[entry.verdict] if rows else {}
        decision = decided(entry, rows, ledger.suite.interrupted)
        yield f"{entry.name}: {decision}{_earlier(entry)}", {**markup, "bold": True}
        for (check, _), group in groupby(rows, key=lambda row: (row.check, row.part)):
            own = list(group)
            yield _line(check, own)
            for note in dict.fromkeys(note for row in own for note in row.notes):
                yield printable(f"  {'':<12} {'':<28} note: {note}"), {}
        if stored := _stored([each for each in kept if each.candidate.name == entry.name]):
            yield printable(f"  from the store: {stored}"), {}
        yield from _loaded(entry)
    if len(ledger.candidates) > 1 and ledger.recommendation is not None:
        yield printable(" ".join(recommendation(ledger))), {"bold": True}


def _earlier(entry: CandidateEntry) -> str:
    if not entry.compared:
        return ""
    return f" (measured on {entry.compared[:10]}, not in this run)"


def warned(warnings: Iterable[tuple[type[Warning], str]]) -> Iterator[str]:
    """Yield a line per kind of warning: the last one, which tells how things stand now."""
    kinds: dict[type[Warning], dict[str, None]] = {}
    for kind, text in warnings:
        kinds.setdefault(kind, {})[text] = None
    for texts in kinds.values():
        more = f" ({len(texts) - 1} more like it)" if len(texts) > 1 else ""
        yield printable(f"warning: {list(texts)[-1]}{more}")


def decided(entry: CandidateEntry, rows: Sequence[Result], interrupted: bool) -> str:
    """Return the decision on a candidate in words, and what it rests on if not on all checks."""
    if not rows and interrupted:
        return "not reached (the run was stopped before)"
    if not rows:
        return "not asked (no acceptance test of it was selected)"
    checks = dict.fromkeys(place(row.check, "") for row in rows if row.verdict != "pass")
    reasons = f" on {', '.join(checks)}" if checks else ""
    if not entry.not_run:
        return f"{DECISION[entry.verdict]}{reasons}"
    word = "no objection so far" if entry.verdict == "pass" else DECISION[entry.verdict]
    return f"{word}{reasons}; not run: {', '.join(entry.not_run)}"


def _line(check: str, rows: list[Result]) -> tuple[str, dict[str, bool]]:
    """Return the line of one check: all its metrics, or the ones that are not met."""
    verdict, shown = telling(rows)
    text = " ".join("; ".join(map(_found, shown[:3])).split())
    basis = f" [{rows[0].basis}]" if rows[0].basis else ""
    more = f"; and {len(shown) - 3} more" if len(shown) > 3 else ""
    return (
        printable(f"  {verdict:<12} {place(check, rows[0].part):<28} {text}{more}{basis}"),
        _MARKUP[verdict],
    )


def _found(row: Result) -> str:
    if row.limit is None:
        return row.detail.removeprefix(f"{row.candidate} on {row.item or row.check}: ")
    value = found(row, row.limit)
    value = f"{row.question} {value}" if row.question else value
    return f"{value}, limit {asked(row)}"


def _stored(records: Sequence[Record]) -> str:
    """Say what earlier runs had done of one candidate's checks; empty where they did nothing."""
    checks: dict[str, Earlier | None] = {}
    for record in records:
        for row in record.results:
            checks.setdefault(place(row.check, row.part), record.earlier)
    done = {name: earlier for name, earlier in checks.items() if earlier is not None}
    whole = sum(each.whole for each in done.values())
    parts = [f"{whole} of {len(checks)} check{'s' if len(checks) > 1 else ''}"] if whole else []
    parts += [
        f"{each.batches} of {each.batches_in_all} batches of {name}"
        for name, each in done.items()
        if each.batches
    ]
    if first := [name for name, each in done.items() if each.samples and not each.batches]:
        parts.append(f"the first samples of {', '.join(first)}")
    return "; ".join(parts)


def _loaded(entry: CandidateEntry) -> Iterator[tuple[str, dict[str, bool]]]:
    """Say how it was loaded when it was measured, which may have been in an earlier run."""
    if entry.load_seconds is not None and entry.peak_memory_bytes is not None:
        yield (
            f"  measured in {entry.weights_held}, {entry.dtype}, on {entry.device}: loaded in "
            f"{entry.load_seconds:.1f} s, at most {entry.peak_memory_bytes / 2**30:.2f} GiB in use",
            {},
        )
