"""Groups of candidates: what `--model=@TAG` selects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from basegate.config.registry import CandidateSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Of a candidate, a corpus or a bank."""
TAG = "[a-z0-9][a-z0-9.-]*"
DEMO = "demo"
SIZES = ((2, "1b"), (5, "3b"), (10, "7b"), (20, "14b"), (40, "32b"), (float("inf"), "70b"))
"""Below so many billions of parameters, the tag of the usual size."""
LICENCES = {
    "apache-2.0": "apache",
    "apache-license-2.0": "apache",
    "mit": "mit",
    "mit-license": "mit",
}
"""By the licence in lower case, words joined by hyphens."""
SIZE = re.compile(r"(\d+(?:\.\d+)?)([BM])(?:-A\d+(?:\.\d+)?[BM])?")
"""Number of parameters; of a mixture of experts, with how many are active."""


def derived_tags(
    parameters: str, licence: str, gated: bool, tags: Collection[str]
) -> frozenset[str]:
    """Tags by size, licence and access.

    A size counts all parameters, not the active ones of a mixture of experts: memory has to hold
    them all. A demo candidate has its own tags only.
    """
    if DEMO in tags:
        return frozenset()
    size = billions(parameters)
    # Owners write Apache 2.0 and apache-2.0.
    known = LICENCES.get(re.sub(r"[\s_-]+", "-", licence.strip().lower()))
    found = {
        None if size is None else next(tag for below, tag in SIZES if size < below),
        known,
        "gated" if gated else None,
    }
    return frozenset(tag for tag in found if tag is not None)


def billions(parameters: str) -> float | None:
    """Parameters in billions; `None` where the text is no size.

    >>> billions("135M")
    0.135
    """
    given = SIZE.fullmatch(parameters)
    if given is None:
        return None
    return float(given[1]) / (1 if given[2] == "B" else 1000)


def tagged(specs: Iterable[CandidateSpec], tag: str) -> list[CandidateSpec]:
    return [spec for spec in specs if tag in spec.all_tags]


def known_tags(specs: Iterable[CandidateSpec]) -> list[str]:
    """Every tag as it is written after `--model`, sizes first."""
    sizes = [each for _, each in SIZES]
    tags = {tag for spec in specs for tag in spec.all_tags}
    first = [tag for tag in sizes if tag in tags]
    return [f"@{tag}" for tag in [*first, *sorted(tags - set(sizes))]]
