"""How long the whole run still takes, shown beside the progress of what is being measured.

What is left is counted with the checks' own functions, in characters, since the tokenizers are in
the processes that measure: once there is something to show, in a thread, so that nothing waits for
it. The speed is that of what this run has measured so far.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import NamedTuple

import pytest

from basegate.config.declaration import check_names
from basegate.errors import BasegateError
from basegate.i18n.formatting import duration
from basegate.i18n.messages import Message
from basegate.plugin.collection import GATE, measured_by
from basegate.plugin.session import GateSession

TELLING = 0.1
"""Share of the samples of a measurement from which on they tell how fast it is."""
Key = tuple[str, str, str]
"""Candidate, check and item."""


@pytest.hookimpl
def pytest_collection_finish(session: pytest.Session) -> None:
    gate = session.config.stash[GATE]
    keys = [*measured_by(session.items, check_names())]

    def plan(name: str) -> list[Share]:
        return shares(gate, [key for key in keys if name in ("", key[0])])

    gate.progress.ahead = TimeLeft(lambda: gate.measuring, plan, of_candidate=gate.options.worker)


class Share(NamedTuple):
    """What one measurement is of the run."""

    key: Key
    amount: int  # characters read and tokens written, at most; 0 of what takes no time
    draws: bool
    steps: int  # texts, prompts and samples
    stored: bool = False
    least: int | None = None  # of the amount, where it may end before all of it

    @property
    def fewest(self) -> int:
        return self.amount if self.least is None else self.least


def shares(gate: GateSession, keys: Sequence[Key]) -> list[Share]:
    """The shares of all measurements of a run, in their order; of what cannot be read none."""
    from basegate.engines.counting import CountingEngine
    from basegate.runner.plan import Asked, count, find, least
    from basegate.store.folder import Store

    specs = {spec.name: spec for spec in gate.options.candidates}
    candidates = {name: gate.handle(specs[name]) for name, _, _ in keys}
    counted: dict[tuple[str, str], tuple[CountingEngine, int]] = {}
    found = []
    for key in keys:
        name, check, item = key
        try:
            asked = Asked(candidates[name], *gate.asked(*key))
            _, stored = find(asked, Store(gate.options.store), gate.options.remeasure)
            if (check, item) not in counted:
                engine = count(CountingEngine(), asked.check)
                counted[check, item] = engine, least(asked, engine.workload)
        except (BasegateError, RuntimeError):  # told where it is measured
            continue
        engine, fewest = counted[check, item]
        work, idle = engine.workload, specs[name].engine == "null"
        amount, fewest = (0, 0) if idle else (work.tokens, fewest)
        found.append(Share(key, amount, work.drawn > 0, engine.steps, stored, fewest))
    return found


@dataclass
class _Measured:
    """What was done of one measurement; `kept`: steps of an earlier run, which took no time.

    `total`: steps of its largest part.
    """

    since: float
    seconds: float = 0.0
    steps: int = 0
    kept: int = 0
    total: int = 1

    def share_of(self, steps: int) -> float:
        """How much of it is done, `steps` being how many were counted beforehand."""
        return min(1.0, self.steps / max(steps, self.total))

    def new_of(self, steps: int) -> float:
        """As `share_of`, without what was kept."""
        return self.share_of(steps) * (1 - self.kept / max(1, self.steps))


class TimeLeft:
    """Reckons with what was done, and what has to be done yet; see `progress.Ahead`.

    Args:
        current: what is being measured.
        plan: all measurements of the run, or of a candidate that is named, in their order; called
            once for each, in a thread.
        of_candidate: whether to reckon with those of the candidate at hand alone, as where others
            are measured by other workers.
    """

    def __init__(
        self,
        current: Callable[[], Key | None],
        plan: Callable[[str], Sequence[Share]],
        *,
        of_candidate: bool = False,
    ) -> None:
        self._current = current
        self._plan = plan
        self._of_candidate = of_candidate
        self._measured: dict[Key, _Measured] = {}
        self._shares: Sequence[Share] = ()
        self._planned: set[str] = set()

    def begin(self, total: int) -> None:
        if (key := self._current()) is not None:
            own = self._measured.setdefault(key, _Measured(time.monotonic()))
            own.total = max(own.total, total)

    def step(self, amount: int, kept: bool = False) -> None:
        if (own := self._measured.get(self._current() or ("", "", ""))) is not None:
            own.steps += amount
            own.kept += amount if kept else 0
            own.seconds = time.monotonic() - own.since

    def left(self) -> str:
        current = self._current()
        name = current[0] if current is not None and self._of_candidate else ""
        if name not in self._planned:
            self._planned.add(name)
            Thread(target=self._make, args=(name,), daemon=True).start()
        places = {each.key: at for at, each in enumerate(self._shares)}
        if current not in places:
            return ""
        done = [
            (share, share.amount * own.new_of(share.steps), own.seconds)
            for share in self._shares
            if share.amount
            and (own := self._measured.get(share.key)) is not None
            # Samples are drawn side by side: the first to end say little of the others.
            and (not share.draws or own.share_of(share.steps) >= TELLING)
        ]

        def done_of(share: Share) -> float:
            own = self._measured.get(share.key)
            return share.amount * own.share_of(share.steps) if own is not None else 0.0

        rest = [
            share
            for share in self._shares[places[current] :]
            if not share.stored and (share.key[0] == current[0] or not self._of_candidate)
        ]
        most, rough = seconds_left([(each, each.amount - done_of(each)) for each in rest], done)
        least, _ = seconds_left(
            [(each, max(0.0, each.fewest - done_of(each))) for each in rest], done
        )
        if most is None or least is None:
            return ""
        time_left: str = duration(most)
        if duration(least) != time_left:
            time_left = Message("{low} to {high}", low=duration(least), high=time_left)
        whole = Message("this candidate") if self._of_candidate else Message("whole run")
        if rough:
            return Message("{whole}: perhaps {time} left", whole=whole, time=time_left)
        return Message("{whole}: about {time} left", whole=whole, time=time_left)

    def _make(self, name: str) -> None:
        self._shares = [*self._shares, *self._plan(name)]


def seconds_left(
    rest: Sequence[tuple[Share, float]], done: Sequence[tuple[Share, float, float]]
) -> tuple[float | None, bool]:
    """How long what is left takes, and whether that is rough.

    The speed is that of the same candidate at reading or at writing, else of all others at it. It
    is rough where only the other of the two is known. `None` where nothing was measured yet.

    Args:
        rest: what is left of each measurement.
        done: how much of each is done, and in how many seconds.
    """

    def speed(name: str | None, draws: bool | None) -> float:
        own = [
            (amount, seconds)
            for share, amount, seconds in done
            if name in (None, share.key[0]) and draws in (None, share.draws)
        ]
        seconds = sum(each for _, each in own)
        return sum(amount for amount, _ in own) / seconds if seconds else 0.0

    total, rough = 0.0, False
    for share, amount in rest:
        if not amount:
            continue
        own = speed(share.key[0], share.draws) or speed(None, share.draws)
        known = own or speed(None, None)
        if not known:
            return None, True
        total, rough = total + amount / known, rough or not own
    return total, rough
