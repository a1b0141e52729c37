"""The order in which pytest-xdist hands out tests; needs pytest-xdist to be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadScopeScheduling

from basegate.plugin.collection import scope_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


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
