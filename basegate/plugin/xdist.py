"""pytest-xdist: the tests of one candidate go to one worker, so that it is loaded once."""

from __future__ import annotations

import os
import sys
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest

from basegate.engines.devices import resolve_device
from basegate.plugin.collection import NO_CANDIDATE, scope_of
from basegate.plugin.stash import GATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.config.registry import CandidateSpec


class XdistHooks:
    """Hooks of pytest-xdist; registered only where it is installed."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Schedule by candidate, whatever `--dist` says."""
        gate = config.stash.get(GATE, None)
        if gate is None:
            return None
        # Late: this module must be importable where pytest-xdist is not installed.
        from basegate.plugin.xdist_scheduling import CandidateScheduling

        names = [spec.name for spec in biggest_first(gate.options.candidates)]
        # Whoever limits are relative to begins first: what follows on its worker then finds it.
        first = gate.first
        names.sort(key=lambda name: name not in first)
        return CandidateScheduling(config, log, names, gate.options.thresholds.all_items())

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Refuse acceptance tests without a candidate: workers cannot."""
        from basegate.plugin.options import missing_model

        if any(scope_of(nodeid, [NO_CANDIDATE]) == NO_CANDIDATE for nodeid in ids):
            raise missing_model(node.config)


def auto_workers(config: pytest.Config) -> int | None:
    """How many workers `-n auto` starts: one per candidate, as many as can measure at once.

    On GPUs as many as can hold leases at the same time, on a CPU one per core. `None` leaves it to
    pytest-xdist: where `--model` is absent, or where its own variable says how many.
    """
    if not config.option.basegate_model or os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    from basegate.plugin.options import parse

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
