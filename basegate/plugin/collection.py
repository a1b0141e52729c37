"""Which acceptance tests there are: one per candidate and item, grouped by candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from basegate.plugin.stash import GATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest

    from basegate.config.registry import CandidateSpec

NO_CANDIDATE = "no-candidate"


class _NotConfigured:
    """Stands for the item of a check that has no table in `thresholds.toml`."""

    def __str__(self) -> str:
        return "not-configured"


NOT_CONFIGURED = _NotConfigured()


def parametrize_candidates(metafunc: pytest.Metafunc) -> None:
    """Run a test once per candidate of the command line."""
    gate = metafunc.config.stash.get(GATE, None)
    specs = list(gate.options.candidates) if gate is not None else [None]
    ids = [spec.name if spec is not None else NO_CANDIDATE for spec in specs]
    metafunc.parametrize("candidate", specs, ids=ids, indirect=True, scope="session")


def parametrize_check(metafunc: pytest.Metafunc, check: str) -> None:
    """Run a test once per corpus, bank or prompt file of a check."""
    gate = metafunc.config.stash.get(GATE, None)
    items = (gate.options.thresholds.items(check) if gate is not None else ()) or (NOT_CONFIGURED,)
    metafunc.parametrize(check, items, ids=str, indirect=True, scope="session")


def candidate_of(item: pytest.Item) -> CandidateSpec | None:
    return cast("CandidateSpec | None", _parameters(item).get("candidate"))


def check_of(item: pytest.Item, checks: tuple[str, ...]) -> tuple[str, str]:
    """Check and item that a collected test is about; the test's name if it has none."""
    for name, value in _parameters(item).items():
        if name in checks:
            return name, str(value)
    return getattr(item, "originalname", item.name).removeprefix("test_"), ""


def lacks_candidate(item: pytest.Item) -> bool:
    """Whether a test asks for a candidate where `--model` names none."""
    return _parameters(item).get("candidate", NO_CANDIDATE) is None


def is_not_configured(item: pytest.Item) -> bool:
    return any(value is NOT_CONFIGURED for value in _parameters(item).values())


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
    fitting = [
        name for name in candidates if parameters == name or parameters.startswith(f"{name}-")
    ]
    return max(
        fitting,
        key=lambda name: (parameters.removeprefix(f"{name}-") in known, len(name)),
        default=None,
    )


def by_candidate(items: list[pytest.Item], order: list[str]) -> list[pytest.Item]:
    """The tests with those of one candidate together, in the order of the command line.

    pytest groups by fixture on its own, but not after `--ff` or for subsets, and loading a
    candidate twice costs minutes. Within a candidate, checks come in the article's order.
    """
    from basegate.config.declaration import check_names

    checks = check_names()

    def rank(item: pytest.Item) -> tuple[int, int]:
        spec = candidate_of(item)
        if spec is None:
            return -1, 0
        check, _ = check_of(item, checks)
        return order.index(spec.name), checks.index(check) if check in checks else len(checks)

    return sorted(items, key=rank)


def _parameters(item: pytest.Item) -> dict[str, object]:
    callspec = getattr(item, "callspec", None)
    return dict(callspec.params) if callspec is not None else {}


def scope_of(nodeid: str, candidates: Sequence[str], items: Sequence[str] = ()) -> str:
    """The candidate that a test id names, or the test's file or class where it names none.

    >>> scope_of("tests_models/test_perplexity.py::test_perplexity[yi-6b-wiki]", ["yi-6b"])
    'yi-6b'
    """
    file, test, parameters = split_test_id(nodeid)
    return candidate_in(parameters, candidates, items) or f"{file}::{test}".rpartition("::")[0]
