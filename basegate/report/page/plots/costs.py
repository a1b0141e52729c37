"""Costs of a candidate, as a table: memory, and tokens for the same text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.i18n.formatting import GIB, format_value
from basegate.report.page.plots.bits_per_char import CHECK
from basegate.report.page.plots.svg import Plot
from basegate.report.page.plots.values import parts_of, read, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from basegate.report.page.model import Page


def plots(page: Page) -> Iterator[Plot]:
    tr = page.tr
    corpora = [part for _, part in parts_of(page, CHECK)]
    rows = []
    for entry in page.ledger.candidates:
        tokens = [read(page, entry.name, CHECK, part, "tokens_per_char") for part in corpora]
        numbers = [format_value(each.value) if each else "" for each in tokens]
        memory = format_value(entry.peak_memory_bytes / GIB) if entry.peak_memory_bytes else ""
        if memory and entry.device == "cpu":
            memory = tr("{value} (process)", value=memory)
        rows.append((entry.name, memory, *numbers))
    if not any(any(numbers) for _, *numbers in rows):
        return
    yield Plot(
        key="costs",
        title=tr("Memory and tokens"),
        caption=sentences(
            tr,
            tr("More tokens per character are more steps for the same text."),
            tr("Memory of a process on a CPU cannot be compared with that of GPUs.")
            if len({entry.device == "cpu" for entry in page.ledger.candidates}) > 1
            else "",
        ),
        head=(
            tr("candidate"),
            tr("GiB of memory at the most"),
            *(tr("tokens per character, {corpus}", corpus=corpus) for corpus in corpora),
        ),
        rows=tuple(rows),
    )
