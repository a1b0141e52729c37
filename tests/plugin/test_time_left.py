"""How long the whole run still takes, by hand."""

from __future__ import annotations

import io

import pytest

from basegate import progress
from basegate.i18n.catalogue import translator
from basegate.plugin import time_left
from basegate.plugin.time_left import Share, TimeLeft, seconds_left
from basegate.progress import Progress


def share(name="one", check="perplexity", amount=100, *, draws=False, steps=10, stored=False):
    return Share((name, check, "x"), amount, draws, steps, stored)


READ, WRITE = share(), share(check="continuation", amount=60, draws=True)
OTHER = share("two", "continuation", 120, draws=True)


@pytest.mark.parametrize(
    ("rest", "done", "found"),
    [
        # 100 in 5 s are 20 a second.
        ([(READ, 40.0)], [(READ, 100.0, 5.0)], (2.0, False)),
        # Writing at 3 a second: 40 / 20 + 60 / 3.
        ([(READ, 40.0), (WRITE, 60.0)], [(READ, 100.0, 5.0), (WRITE, 30.0, 10.0)], (22.0, False)),
        # Of another candidate that writes, where this one did not yet.
        ([(OTHER, 120.0)], [(READ, 100.0, 5.0), (WRITE, 30.0, 10.0)], (40.0, False)),
        # Nobody wrote yet: at the speed of reading, which is rough.
        ([(WRITE, 60.0)], [(READ, 100.0, 5.0)], (3.0, True)),
        ([(WRITE, 60.0)], [], (None, True)),
        ([(WRITE, 0.0)], [], (0.0, False)),
    ],
)
def test_what_is_left_is_done_at_the_speed_of_what_was_done(rest, done, found):
    assert seconds_left(rest, done) == pytest.approx(found)


class Inline:
    """A thread that has ended when it is started."""

    def __init__(self, target, args, daemon):
        self.start = lambda: target(*args)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test turns on, and threads that take no time."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(time_left, "time", clock)
    monkeypatch.setattr(time_left, "Thread", Inline)
    return clock


PLAN = [
    share(check="before"),
    share(check="perplexity", amount=100, steps=10),
    share(check="minimal_pairs", amount=50, stored=True),
    share(check="knowledge", amount=150),
    share("two", "perplexity", 500),
]


@pytest.mark.parametrize(
    ("of_candidate", "language", "line"),
    [
        # 4 of 10 steps in 40 s are 1 a second; 60, 150 and 500 are left of the run.
        (False, "en", "x: 4 of 10 windows, 40 s; whole run: about 12 min left\n"),
        (True, "en", "x: 4 of 10 windows, 40 s; this candidate: about 4 min left\n"),
        (False, "zh-HK", "x：窗口 4/10，40 秒；整次執行還需約 12 分鐘\n"),
    ],
)
def test_progress_shows_it_in_the_readers_language(clock, of_candidate, language, line):
    current = ("one", "perplexity", "x")
    stream = io.StringIO()
    shown = Progress(stream)
    shown.tr = translator(language)
    shown.ahead = TimeLeft(lambda: current, lambda name: PLAN, of_candidate=of_candidate)
    with shown.task("x", 10, "window") as step:
        clock.now += 40
        step(4)
    assert stream.getvalue() == line


def test_what_was_measured_before_tells_the_speed_of_the_next(clock):
    current = ("one", "before", "x")
    left = TimeLeft(lambda: current, lambda name: PLAN)
    left.begin(10)
    clock.now += 50
    left.step(10)  # 100 in 50 s
    current = ("one", "perplexity", "x")
    # 100, 150 and 500 at 2 a second.
    assert str(left.left()) == "whole run: about 6 min left"


def test_more_steps_than_were_counted_are_no_more_than_all(clock):
    left = TimeLeft(lambda: ("two", "perplexity", "x"), lambda name: PLAN)
    left.begin(20)  # counted were 10 texts, in 20 windows
    clock.now += 30
    left.step(5)
    assert str(left.left()) == "whole run: about 2 min left"  # 375 at 125 in 30 s
    left.step(99)
    assert str(left.left()) == "whole run: about 1 s left"


def test_what_may_stop_early_takes_from_so_long_to_so_long(clock):
    plan = [PLAN[0], PLAN[1]._replace(amount=1000, least=100)]
    left = TimeLeft(lambda: PLAN[0].key, lambda name: plan)
    left.begin(10)
    clock.now += 50
    left.step(5)
    # 50 in 50 s: 50 are left of this, and 100 to 1000 of the next.
    assert str(left.left()) == "whole run: about 2 min to 18 min left"


def test_the_first_samples_to_end_tell_nothing_of_the_others(clock):
    drawn = share(check="continuation", amount=1000, draws=True, steps=100)
    left = TimeLeft(lambda: drawn.key, lambda name: [drawn])
    left.begin(100)
    clock.now += 60
    left.step(9)
    assert left.left() == ""
    left.step(1)
    assert str(left.left()) == "whole run: about 9 min left"


def test_what_an_earlier_run_did_tells_nothing_of_the_speed(clock):
    left = TimeLeft(lambda: PLAN[0].key, lambda name: PLAN[:1])
    left.begin(10)
    left.step(6, True)
    assert left.left() == "", "nothing was measured yet"
    clock.now += 30
    left.step(2)
    # 20 of 100 in 30 s, and 20 are left.
    assert str(left.left()) == "whole run: about 30 s left"


def test_a_worker_plans_for_the_candidate_at_hand_alone(clock):
    planned = []

    def plan(name):
        planned.append(name)
        return [each for each in PLAN if each.key[0] == name]

    current = []
    left = TimeLeft(lambda: current[-1], plan, of_candidate=True)
    for place in (0, 1, 4):
        current.append(PLAN[place].key)
        left.begin(10)
        clock.now += 10
        left.step(5)
        assert str(left.left()).startswith("this candidate: about ")
    assert planned == ["one", "two"]


def test_nothing_is_said_of_what_is_not_planned():
    left = TimeLeft(lambda: ("two", "own", "x"), lambda name: PLAN)
    assert left.left() == ""
