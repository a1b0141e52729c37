"""Properties of a test case in a JUnit file: flat names with a text each.

A metric is one property, named after it, and what is known of it stands beside it under its name
and a word. See `docs/reports.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from basegate.checks.labels import format_sample_size
from basegate.i18n.formatting import printable
from basegate.ledger import Record
from basegate.verdict import Result, deciding_rows

PREFIX = "basegate"
_NOT_XML = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def properties(records: Iterable[Record]) -> list[tuple[str, str]]:
    """Names, each once, and texts."""
    parts: dict[tuple[str, str], list[Result]] = {}
    for record in records:
        for row in record.results:
            parts.setdefault((row.check, row.part), []).append(row)
    found: dict[str, str] = {}
    for (check, part), rows in parts.items():
        head = PREFIX if len(parts) == 1 else f"{PREFIX}.{check}.{part}"
        found |= {_text(name): _text(value) for name, value in _part(head, rows)}
    return list(found.items())


def _part(head: str, rows: Sequence[Result]) -> Iterator[tuple[str, str]]:
    yield f"{head}.candidate", rows[0].candidate
    yield f"{head}.check", rows[0].check
    yield f"{head}.item", rows[0].part
    yield f"{head}.verdict", deciding_rows(rows)[0]
    for row in rows:
        if row.sample_size:
            yield f"{head}.sample_size", format_sample_size(row.sample_size)
        if row.measurement:
            yield f"{head}.measurement", row.measurement
        if row.metric:
            question = f"[{row.question}]" if row.question else ""
            yield from _metric(f"{head}.{row.metric}{question}", row)


def _metric(name: str, row: Result) -> Iterator[tuple[str, str]]:
    low, high = row.interval or (None, None)
    numbers = {
        name: row.value,
        f"{name}.low": low,
        f"{name}.high": high,
        f"{name}.confidence": row.confidence if row.interval else None,
        f"{name}.limit": row.limit,
    }
    yield from ((each, repr(value)) for each, value in numbers.items() if value is not None)
    yield f"{name}.unit", row.unit
    yield f"{name}.direction", row.direction or ""
    yield f"{name}.verdict", row.verdict
    if row.advisory:
        yield f"{name}.advisory", "true"


def _text(text: str) -> str:
    """A text on one line that an XML file can contain, in names, too."""
    return _NOT_XML.sub("\ufffd", printable(" ".join(text.split())))
