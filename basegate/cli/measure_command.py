"""The command that measures what a store lacks of a candidate."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from basegate.cli.candidate_args import registry_here
from basegate.cli.console import STORE, THRESHOLDS
from basegate.config.model_source import asked_for
from basegate.config.registry import CandidateSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from basegate.judging.from_store import StoredJudgement


def places(thresholds: Path, store: Path) -> list[str]:
    """Return the options that let pytest use the same files, with `=`, as it wants them."""
    found = []
    if thresholds != THRESHOLDS:
        found.append(f"--thresholds={thresholds}")
    if store != STORE:
        found.append(f"--store={store}")
    return found


def commands(
    judged: Iterable[StoredJudgement], thresholds: Path, store_of: Callable[[StoredJudgement], Path]
) -> dict[str, str]:
    """Return what measures the rest of each candidate, by the name that it is shown by.

    Args:
        judged: the candidates.
        thresholds: that they are judged by.
        store_of: the store that a candidate's rest is to be kept in.
    """
    lacking = [each for each in judged if each.missing or each.undecided]
    registry = registry_here() if lacking else {}
    return {
        each.facts.name: command(each, thresholds, store_of(each), registry) for each in lacking
    }


def command(
    each: StoredJudgement, thresholds: Path, store: Path, registry: Mapping[str, CandidateSpec]
) -> str:
    """Return what measures the rest of a candidate, held as it is.

    Args:
        each: the candidate.
        thresholds: that it is judged by.
        store: that it is judged from.
        registry: the candidates that pytest knows by name; empty where that cannot be told.
    """
    held = each.facts
    parts = [
        "pytest",
        "--model",
        asked_for(each.name, held.located, registry),
        *places(thresholds, store),
    ]
    # Without such an option pytest goes by the entry, and would measure it held otherwise.
    usual = registry.get(each.name) or CandidateSpec(name=each.name, source=held.source)
    several = held.name != each.name
    if several or held.quantization != usual.quantization:
        parts += ["--quantization", held.quantization]
    if several or held.dtype != usual.dtype:
        parts += ["--dtype", held.dtype]
    if several:
        parts += ["--device", held.device]
    return shlex.join(parts)
