"""Fixtures of the acceptance tests: the candidate, its measurements, and its judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from basegate.config.declaration import CheckDeclaration
from basegate.plugin.collection import GATE, NO_CANDIDATE, NOT_CONFIGURED
from basegate.plugin.options import declared_checks

if TYPE_CHECKING:
    from basegate.judging.judge import Verdict
    from basegate.ledger import Record
    from basegate.measurement import Measurement
    from basegate.runner.candidate import Candidate


RECORDS: pytest.StashKey[list[Record]] = pytest.StashKey()
"""On a test: the records that `judge` made of its measurements."""


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once per `--model`, and once per corpus, bank or prompt file of its check."""
    gate = metafunc.config.stash.get(GATE, None)
    if _is_ours(metafunc, "candidate"):
        specs = list(gate.options.candidates) if gate is not None else [None]
        ids = [spec.name if spec is not None else NO_CANDIDATE for spec in specs]
        metafunc.parametrize("candidate", specs, ids=ids, indirect=True, scope="session")
    if gate is None:
        return  # a project that has other tests waits for nothing to be imported
    for check in declared_checks():
        if _is_ours(metafunc, check.name):
            items = gate.options.thresholds.items(check.name) or (NOT_CONFIGURED,)
            metafunc.parametrize(check.name, items, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let another plugin's fixture of the same name go before the one of this module.

    pytest takes the one of the plugin that was loaded later, which may be either.
    """
    manager: Any = session._fixturemanager
    # Since pytest 9.2 by node, and the one to take comes first; before, it came last.
    for by_node in getattr(manager, "_arg2node2fixturedefs", {}).values():
        by_node.get(session, []).sort(key=_is_defined_here)
    for definitions in getattr(manager, "_arg2fixturedefs", {}).values():
        definitions.sort(key=_is_defined_here, reverse=True)


def _is_defined_here(definition: pytest.FixtureDef[Any]) -> bool:
    return definition.func.__module__ == __name__


def _is_ours(metafunc: pytest.Metafunc, name: str) -> bool:
    """Whether the fixture of that name is this one: a project may have its own."""
    return any(map(_is_defined_here, metafunc._arg2fixturedefs.get(name, ())[-1:]))


@pytest.fixture(scope="session")
def candidate(request: pytest.FixtureRequest) -> Iterator[Candidate]:
    """The candidate under test. `candidate.engine()` loads it into this process."""
    gate = request.config.stash[GATE]
    handle = gate.open(request.param)
    yield handle
    gate.close(handle)


def check_fixtures() -> ModuleType:
    """A plugin with a fixture for every check that is declared when the run begins."""
    plugin = ModuleType("basegate-check-fixtures")
    for check in declared_checks():
        setattr(plugin, check.name, _fixture_of(check))
    return plugin


def _fixture_of(check: CheckDeclaration) -> Callable[..., Measurement]:
    def measured(request: pytest.FixtureRequest, candidate: Candidate) -> Measurement:
        return request.config.stash[GATE].measure(candidate, check.name, request.param)

    measured.__doc__ = check.doc
    return pytest.fixture(scope="session", name=check.name)(measured)


@pytest.fixture
def judge(request: pytest.FixtureRequest, candidate: Candidate) -> Callable[[Measurement], Verdict]:
    """Judge a measurement by the limits of `thresholds.toml`."""
    gate = request.config.stash[GATE]
    # Anew where a plugin runs a test again.
    records = request.node.stash[RECORDS] = []

    def judge_and_keep(measurement: Measurement) -> Verdict:
        verdict, record = gate.judge(candidate, measurement)
        records.append(record)
        return verdict

    return judge_and_keep
