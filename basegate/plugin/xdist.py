"""pytest-xdist: the tests of one candidate go to one worker, so that it is loaded once.

Only hooks of pytest-xdist lead here, so that it is installed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from basegate.config.registry import CandidateSpec
from basegate.engines.devices import resolve_device
from basegate.plugin.collection import GATE, NO_CANDIDATE, scope_of
from basegate.plugin.options import parse, refuse_without_model


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Schedule by candidate, whatever `--dist` says."""
    gate = config.stash.get(GATE, None)
    if gate is None:
        return None
    names = [spec.name for spec in biggest_first(gate.options.candidates)]
    # Whoever limits are relative to begins first: what follows on its worker then finds it.
    first = gate.first
    names.sort(key=lambda name: name not in first)
    return CandidateScheduling(config, log, names, gate.options.thresholds.all_items())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: Sequence[str]) -> None:
    """Refuse acceptance tests without a candidate: workers cannot."""
    if any(scope_of(nodeid, [NO_CANDIDATE]) == NO_CANDIDATE for nodeid in ids):
        refuse_without_model(node.config)


def auto_workers(config: pytest.Config) -> int | None:
    """How many workers `-n auto` starts: one per candidate, as many as can measure at once.

    On GPUs as many as can hold leases at the same time, on a CPU one per core. `None` leaves it to
    pytest-xdist: where `--model` is absent, or where its own variable says how many.
    """
    if not config.option.basegate_model or os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    options = parse(config)
    if resolve_device(options.device) == "cpu":
        return min(len(options.candidates), _usable_cores())
    from basegate.runner.gpu_leases import visible_gpus

    gpus = len(visible_gpus())
    needs = sorted(spec.gpus or 1 for spec in options.candidates)
    return max(1, sum(together <= gpus for together in accumulate(needs)))


def biggest_first(candidates: Sequence[CandidateSpec]) -> list[CandidateSpec]:
    """The candidates by falling size, those of unknown size last.

    A big one that begins last would keep one worker busy long after the others have ended.
    """
    from basegate.config.registry import billions

    return sorted(candidates, key=lambda spec: billions(spec.parameters) or 0, reverse=True)


def share_threads(worker_input: dict[str, Any]) -> None:
    """Divide the machine's cores among the workers, unless the user has done so.

    Called in a worker before torch, which reads the variable, is imported.
    """
    threads = max(1, _usable_cores() // int(worker_input.get("workercount", 1)))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class CandidateScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """One work unit per candidate, handed out in the order of the candidates.

    `--dist loadgroup` would be the means for this, but pytest-xdist 3.8 writes the group
    into an attribute that pytest 9.2 no longer reads.
    """

    def __init__(
        self, config: pytest.Config, log: Any, candidates: Sequence[str], items: Sequence[str]
    ) -> None:
        """Hand out the candidates in their order; test ids name one of `items` after them."""
        super().__init__(config, log)
        self._candidates = candidates
        self._items = items

    def schedule(self) -> None:
        """Distribute the tests, or give a new worker its share of them.

        A worker keeps its last test until it knows whether another follows. pytest-xdist gives
        one that replaces a dead one a single unit; one of a single test would never be run.
        """
        super().schedule()
        for node in self.nodes:
            if self._pending_of(self.assigned_work[node]) < 2:
                self._reschedule(node)

    def remove_node(self, node: Any) -> str | None:
        """The test that killed its worker, if any; it is not tried again.

        pytest-xdist would put it back and let it kill the next worker, too. It would also put
        back candidates that are done: the next worker, given one, would wait for ever.
        """
        units = self.assigned_work[node]
        if hasattr(node, "workeroutput"):
            # It ended by itself: what it was given too late to run is for another.
            _drop_done(units)
            super().remove_node(node)
            return None
        crashed = _settle(units)
        super().remove_node(node)
        return crashed

    def _reschedule(self, node: Any) -> None:
        """Give a worker more to do, if it has told what it collected.

        pytest-xdist would give work to one that has not, raise, and lose the test that killed
        another. A worker gets its share once it has collected.
        """
        if node in self.registered_collections:
            super()._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid, self._candidates, self._items)

    def _assign_work_unit(self, node: Any) -> None:
        """Assign the next candidate; tests of no candidate come last.

        pytest-xdist would begin with the one that has most tests, and end with those that a
        worker left when it died.
        """
        self.workqueue.move_to_end(min(self.workqueue, key=self._place), last=False)
        super()._assign_work_unit(node)

    def _place(self, scope: str) -> int:
        return self._candidates.index(scope) if scope in self._candidates else len(self._candidates)


def _settle(units: dict[str, dict[str, bool]]) -> str | None:
    """Take what is over out of a dead worker's units, and return the test that killed it.

    `units`: by scope, whether each test is done, in the order in which they ran.
    """
    crashed = next(
        (test for unit in units.values() for test, done in unit.items() if not done), None
    )
    for unit in units.values():
        if crashed in unit:
            unit[crashed] = True
    _drop_done(units)
    return crashed


def _drop_done(units: dict[str, dict[str, bool]]) -> None:
    for scope, unit in list(units.items()):
        if all(unit.values()):
            del units[scope]
