"""The ledger on a terminal: one line per candidate and check."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from basegate.judge import Result, VerdictWord, format_limit, format_metric, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from basegate.ledger import CandidateEntry, Ledger
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
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return a text without control characters, which could steer a terminal."""
    return _CONTROL.sub("\ufffd", text)


def header(options: RunOptions) -> list[str]:
    """Return the lines at the top of the run."""
    names = ", ".join(spec.name for spec in options.candidates)
    return [f"basegate: {names}", f"thresholds: {options.thresholds.path}, store: {options.store}"]


def summary(ledger: Ledger) -> Iterator[tuple[str, dict[str, bool]]]:
    """Yield the lines of the summary with their colours."""
    for entry in ledger.candidates:
        rows = ledger.results_of(entry.name)
        yield (
            f"{entry.name}: {DECISION[entry.verdict]}{_reasons(rows)}",
            {
                **_MARKUP[entry.verdict],
                "bold": True,
            },
        )
        if not rows:
            yield "  no check was run on it", {}
        for (check, _), group in groupby(rows, key=lambda row: (row.check, row.part)):
            yield _line(check, list(group))
        yield from _loaded(entry)


def _reasons(rows: Sequence[Result]) -> str:
    checks = dict.fromkeys(row.check for row in rows if row.verdict != "pass")
    return f" on {', '.join(checks)}" if checks else ""


def _line(check: str, rows: list[Result]) -> tuple[str, dict[str, bool]]:
    """Return the line of one check: all its metrics, or the ones that are not met."""
    verdict = worst(row.verdict for row in rows)
    shown = [row for row in rows if row.verdict == verdict]
    found = " ".join("; ".join(map(_found, shown[:3])).split())
    more = f"; and {len(shown) - 3} more" if len(shown) > 3 else ""
    part = rows[0].part
    place = f"{check} {part}" if part not in ("", check) else check
    return printable(f"  {verdict:<12} {place:<28} {found}{more}"), _MARKUP[verdict]


def _found(row: Result) -> str:
    if row.limit is None or row.direction is None:
        return row.detail.removeprefix(f"{row.candidate} on {row.item or row.check}: ")
    value = format_metric(row.value, row.unit, row.interval, row.confidence)
    found = f"{row.question} {value}" if row.question else value
    return f"{found}, limit {format_limit(row.limit, row.direction)}"


def _loaded(entry: CandidateEntry) -> Iterator[tuple[str, dict[str, bool]]]:
    if entry.load_seconds is not None and entry.peak_memory_bytes is not None:
        yield (
            f"  loaded in {entry.load_seconds:.1f} s ({entry.quantization}, {entry.dtype}, "
            f"{entry.device}), at most {entry.peak_memory_bytes / 2**30:.2f} GiB in use",
            {},
        )
