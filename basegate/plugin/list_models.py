"""The registry as a table for `--list-models`."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING

from basegate.config.tags import known_tags, tagged
from basegate.engines.architectures import known_model_types
from basegate.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from basegate.config.registry import CandidateSpec

WIDTH = 100


def format_registry(registry: Mapping[str, CandidateSpec], base: Path) -> str:
    """A line per candidate, then groups and notes; `base` is where `models.toml` is."""
    if not registry:
        return f"There is no candidate in {base / 'models.toml'}."
    head = ("name", "size", "context", "native", "licence", "source")
    rows = [head, *(_row(spec, base) for spec in registry.values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *_section(_groups(registry)), *_section(_notes(registry))])


def _row(spec: CandidateSpec, base: Path) -> tuple[str, ...]:
    context = str(spec.context_length) if spec.context_length else "unknown"
    known = "yes" if spec.architecture in known_model_types() else "unknown"
    native = "no" if spec.unsupported else known
    source = spec.source
    if spec.local:  # as `models.toml` would name it
        path = os.path.relpath(source, base)
        source = path if path.startswith("..") else f"./{path}"
    gated = " (gated)" if spec.gated else ""
    return (spec.name, spec.parameters, context, native, spec.licence, source + gated)


def _groups(registry: Mapping[str, CandidateSpec]) -> Iterator[str]:
    for tag in known_tags(registry.values()):
        names = (spec.name for spec in tagged(registry.values(), tag.removeprefix("@")))
        yield f"{tag}: {', '.join(names)}"


def _notes(registry: Mapping[str, CandidateSpec]) -> Iterator[str]:
    for spec in registry.values():
        for note in (spec.unsupported, spec.notes, _unknown(spec)):
            if note:
                yield f"{spec.name}: {note}"


def _unknown(spec: CandidateSpec) -> str:
    """A note on an architecture that may be misspelt, or newer than this version."""
    if not spec.architecture or spec.architecture in known_model_types():
        return ""
    return (
        f"no class is known for architecture {spec.architecture!r}; it loads only where the "
        f"installed transformers has one.{did_you_mean(spec.architecture, known_model_types())}"
    )


def _section(texts: Iterator[str]) -> list[str]:
    lines = [
        line
        for text in texts
        for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    ]
    return ["", *lines] if lines else []
