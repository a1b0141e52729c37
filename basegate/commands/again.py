"""The command that measures what a store lacks of a candidate."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from basegate.commands.output import STORE, THRESHOLDS

if TYPE_CHECKING:
    from pathlib import Path

    from basegate.rejudging import Rejudged


def places(thresholds: Path, store: Path) -> list[str]:
    """Return the options that let pytest use the same files, with `=`, as it wants them."""
    found = []
    if thresholds != THRESHOLDS:
        found.append(f"--thresholds={thresholds}")
    if store != STORE:
        found.append(f"--store={store}")
    return found


def command(each: Rejudged, thresholds: Path, store: Path) -> str:
    """Return what measures the rest of a candidate, held as it is.

    Args:
        each: the candidate.
        thresholds: that it is judged by.
        store: that it is judged from.
    """
    held = each.facts
    parts = ["pytest", "--model", each.name, *places(thresholds, store)]
    if held.name != each.name:
        parts += ["--quantization", held.quantization, "--dtype", held.dtype]
        parts += ["--device", held.device]
    return shlex.join(parts)
