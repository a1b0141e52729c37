"""The rows of a ledger as CSV, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from basegate.checks.labels import format_sample_size
from basegate.i18n.formatting import printable
from basegate.verdict import Result

COLUMNS = (
    *("candidate", "check", "item", "question", "metric", "value", "unit", "low", "high"),
    *("confidence", "limit", "direction", "verdict", "sample_size", "measurement"),
    "advisory",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes a cell that begins with it for; some take full-width forms, too."""


def table(rows: Iterable[Result]) -> str:
    """A line per metric and candidate, below one that names the columns.

    Numbers have all their digits. Texts are quoted, and one that a spreadsheet would take for a
    formula has an apostrophe before it.
    """
    text = io.StringIO()
    # In quotes, a text stays in its cell where semicolons part them, too.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_cells, rows))
    return text.getvalue()


def _cells(row: Result) -> Iterator[str | float | None]:
    low, high = row.interval or (None, None)
    confidence = row.confidence if row.interval else None
    cells = (
        *(row.candidate, row.check, row.part, row.question, row.metric, row.value, row.unit),
        *(low, high, confidence, row.limit, row.direction or "", row.verdict),
        *(format_sample_size(row.sample_size), row.measurement or ""),
        "yes" if row.advisory else "",
    )
    return (_text(cell) if isinstance(cell, str) else cell for cell in cells)


def _text(text: str) -> str:
    shown = printable(text)
    return f"'{shown}" if shown.lstrip(" ").startswith(_FORMULA) else shown
