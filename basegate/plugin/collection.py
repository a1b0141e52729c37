"""Which acceptance tests there are: one per candidate and item, grouped by candidate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from basegate.config.registry import CandidateSpec
    from basegate.plugin.session import GateSession

GATE: pytest.StashKey[GateSession] = pytest.StashKey()
"""On the config: the run of the gate; absent where `--model` is."""

NO_CANDIDATE = "no-candidate"
NOT_CONFIGURED = "not configured"
"""Stands for the item of a check that has no table in `thresholds.toml`."""


def candidate_of(item: pytest.Item) -> CandidateSpec | None:
    return cast("CandidateSpec | None", _parameters(item).get("candidate"))


def check_of(item: pytest.Item, checks: tuple[str, ...]) -> tuple[str, str]:
    """Check and item that a collected test is about; the test's name if it has none."""
    for name, value in _parameters(item).items():
        if name in checks:
            return name, str(value)
    return getattr(item, "originalname", item.name).removeprefix("test_"), ""


def measured_by(
    items: Iterable[pytest.Item], checks: tuple[str, ...]
) -> dict[tuple[str, str, str], CandidateSpec]:
    """What tests ask to be measured, each once: candidate, check and item, in their order."""
    return {
        (spec.name, name, str(value)): spec
        for item in items
        if (spec := candidate_of(item)) is not None
        for name, value in _parameters(item).items()
        if name in checks
    }


def lacks_candidate(item: pytest.Item) -> bool:
    """Whether a test asks for a candidate where `--model` names none."""
    return _parameters(item).get("candidate", NO_CANDIDATE) is None


def is_not_configured(item: pytest.Item) -> bool:
    return any(value is NOT_CONFIGURED for value in _parameters(item).values())


def _parameters(item: pytest.Item) -> dict[str, object]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec is not None else {}


def split_test_id(nodeid: str) -> tuple[str, str, str]:
    """File, test and parameters of a test id.

    >>> split_test_id("tests_models/test_perplexity.py::test_perplexity[yi-6b-wiki]")
    ('tests_models/test_perplexity.py', 'test_perplexity', 'yi-6b-wiki')
    """
    file, _, test = nodeid.partition("::")
    name, bracket, parameters = test.partition("[")
    return file, name, parameters.removesuffix("]") if bracket else ""


def candidate_in(
    parameters: str, candidates: Iterable[str], items: Iterable[str] = ()
) -> str | None:
    """The candidate that a test's parameters begin with.

    Names may hold dashes, which also stand between parameters: a name that leaves one of `items`
    is preferred, then the longest that fits.
    """
    known = set(items)
    return max(
        (name for name in candidates if f"{parameters}-".startswith(f"{name}-")),
        key=lambda name: (parameters.removeprefix(f"{name}-") in known, len(name)),
        default=None,
    )


def scope_of(nodeid: str, candidates: Sequence[str], items: Sequence[str] = ()) -> str:
    """The candidate that a test id names, or the test's file or class where it names none.

    >>> scope_of("tests_models/test_perplexity.py::test_perplexity[yi-6b-wiki]", ["yi-6b"])
    'yi-6b'
    """
    file, test, parameters = split_test_id(nodeid)
    return candidate_in(parameters, candidates, items) or f"{file}::{test}".rpartition("::")[0]


def by_candidate(items: list[pytest.Item], order: list[str]) -> list[pytest.Item]:
    """The tests with those of one candidate together, in the order of the command line.

    pytest groups by fixture on its own, but not after `--ff` or for subsets, and loading a
    candidate twice costs minutes. Within a candidate, checks come in the article's order.
    """
    from basegate.config.declaration import check_names

    checks = check_names()

    def rank(item: pytest.Item) -> tuple[int, int]:
        spec, (check, _) = candidate_of(item), check_of(item, checks)
        place = checks.index(check) if check in checks else len(checks)
        return (order.index(spec.name) if spec is not None else -1), place

    return sorted(items, key=rank)
