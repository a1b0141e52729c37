"""The fixtures of the acceptance tests: the candidate, what was measured on it, and its judge."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import pytest

import basegate.checks  # noqa: F401  declares those that come with basegate
from basegate.config.declaration import check_names, declarations
from basegate.plugin.collection import parametrize_candidates, parametrize_check
from basegate.plugin.stash import RECORDS, RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from basegate.config.declaration import CheckDeclaration
    from basegate.measurement import Measurement
    from basegate.runner.candidate import Candidate
    from basegate.verdict import Verdict


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once per `--model`, and once per corpus, bank or prompt file of its check."""
    if _is_ours(metafunc, "candidate"):
        parametrize_candidates(metafunc)
    for check in check_names():
        if _is_ours(metafunc, check):
            parametrize_check(metafunc, check)


def _is_ours(metafunc: pytest.Metafunc, name: str) -> bool:
    """Whether the fixture of that name is this one: a project may have its own."""
    definitions = metafunc._arg2fixturedefs.get(name) or None
    return definitions is not None and definitions[-1].func.__module__ == __name__


@pytest.fixture(scope="session")
def candidate(request: pytest.FixtureRequest) -> Iterator[Candidate]:
    """The candidate under test. `candidate.engine()` loads it into this process."""
    run = request.config.stash[RUN]
    handle = run.open(request.param)
    yield handle
    run.close(handle)


def check_fixtures() -> ModuleType:
    """A plugin with a fixture for every check that is declared when the run begins."""
    plugin = ModuleType("basegate-check-fixtures")
    for check in declarations():
        setattr(plugin, check.name, _fixture_of(check))
    return plugin


def _fixture_of(check: CheckDeclaration) -> Callable[..., Measurement]:
    def measured(request: pytest.FixtureRequest, candidate: Candidate) -> Measurement:
        return request.config.stash[RUN].measure(candidate, check.name, request.param)

    measured.__doc__ = check.doc
    return pytest.fixture(scope="session", name=check.name)(measured)


@pytest.fixture
def judge(request: pytest.FixtureRequest, candidate: Candidate) -> Callable[[Measurement], Verdict]:
    """Hold a measurement against the limits of `thresholds.toml`."""
    run = request.config.stash[RUN]
    records = request.node.stash.setdefault(RECORDS, [])

    def judge_and_keep(measurement: Measurement) -> Verdict:
        verdict, record = run.judge(candidate, measurement)
        records.append(record)
        return verdict

    return judge_and_keep
