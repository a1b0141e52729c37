"""pytest-xdist: the tests of one candidate go to one worker, so that it is loaded once."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from basegate.collection import NO_CANDIDATE, candidate_in, split_test_id
from basegate.state import RUN

if TYPE_CHECKING:
    from collections.abc import Sequence


class XdistHooks:
    """Hooks of pytest-xdist; registered only where it is installed."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Schedule by candidate, whatever `--dist` says."""
        run = config.stash.get(RUN, None)
        if run is None:
            return None
        names = [spec.name for spec in run.options.candidates]
        return _scheduler(config, log, names, run.options.thresholds.all_items())

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Refuse acceptance tests without a candidate: workers cannot."""
        from basegate.options import missing_model

        if any(scope_of(nodeid, [NO_CANDIDATE]) == NO_CANDIDATE for nodeid in ids):
            raise missing_model(node.config)


def share_threads(worker_input: dict[str, Any]) -> None:
    """Divide the machine's cores among the workers, unless the user has done so.

    Called in a worker before torch, which reads the variable, is imported.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    threads = max(1, cores // int(worker_input.get("workercount", 1)))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def scope_of(nodeid: str, candidates: Sequence[str], items: Sequence[str] = ()) -> str:
    """Return the candidate that a test id names, or the test's file or class where it names none.

    >>> scope_of("tests_models/test_perplexity.py::test_perplexity[yi-6b-wiki]", ["yi-6b"])
    'yi-6b'
    """
    file, test, parameters = split_test_id(nodeid)
    return candidate_in(parameters, candidates, items) or f"{file}::{test}".rpartition("::")[0]


def _scheduler(
    config: pytest.Config, log: Any, candidates: Sequence[str], items: Sequence[str]
) -> Any:
    # Imported here: the module must be importable where pytest-xdist is not installed.
    from xdist.scheduler import LoadScopeScheduling

    class CandidateScheduling(LoadScopeScheduling):  # type: ignore[misc]
        """One work unit per candidate.

        `--dist loadgroup` would be the means for this, but pytest-xdist 3.8 writes the group
        into an attribute that pytest 9.2 no longer reads.
        """

        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid, candidates, items)

        def remove_node(self, node: Any) -> str | None:
            """Return the test that killed its worker, if any; it is not tried again.

            pytest-xdist would put it back and let it kill the next worker, too.
            """
            units = self.assigned_work[node].values()
            crashed = next(
                (test for unit in units for test, done in unit.items() if not done), None
            )
            for unit in units:
                if crashed in unit:
                    unit[crashed] = True
            super().remove_node(node)
            return crashed

    return CandidateScheduling(config, log)
