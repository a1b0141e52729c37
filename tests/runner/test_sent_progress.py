"""Progress of a measuring process, sent and shown."""

from __future__ import annotations

import io
import time
from contextlib import contextmanager
from queue import SimpleQueue

from basegate import progress
from basegate.progress import Progress
from basegate.runner import worker
from basegate.runner.isolation import show
from basegate.runner.worker import SentProgress


def sending():
    """Return progress that sends, and the messages that it has sent."""
    sent = SimpleQueue()
    return SentProgress(lambda *message: sent.put(message)), sent


def drained(sent):
    while not sent.empty():
        yield sent.get()


def test_lines_and_steps_arrive(monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    screen = io.StringIO()
    told, sent = sending()
    told.status("one: 2.2 M parameters")
    with told.task("one: writing", 10, "sample") as step:
        step()
        told.status("one: halved")
        step(4)
    told.status("one: done")
    show(drained(sent), Progress(screen))
    assert screen.getvalue().splitlines() == [
        "one: 2.2 M parameters",
        "one: writing: 1 of 10 samples, 0 s",
        "one: halved",
        "one: writing: 5 of 10 samples, 0 s",
        "one: done",
    ]


def test_how_far_loading_is_is_sent_now_and_then(monkeypatch):
    monkeypatch.setattr(worker, "DETAIL_EVERY", 0.01)
    told, sent = sending()
    with told.waiting("one: loading"), told.telling(lambda: "3.1 GiB in memory"):
        assert sent.get(timeout=10) == ("waiting", "one: loading")
        while sent.get(timeout=10) != ("detail", "3.1 GiB in memory"):
            pass
    assert list(drained(sent))[-1] == ("done",)


def test_what_is_waited_for_is_shown_with_how_far_it_is(monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.01)
    screen = io.StringIO()

    def messages():
        yield "waiting", "one: loading"
        yield "detail", "3.1 GiB in memory"
        until = time.monotonic() + 10
        while "one: loading: 3.1 GiB in memory, 0 s" not in screen.getvalue():
            assert time.monotonic() < until
            time.sleep(0.01)
        yield ("done",)

    shown = Progress(screen)
    show(messages(), shown)
    assert screen.getvalue().startswith("one: loading\n")
    assert shown._detail() == ""


def test_phases_are_told():
    told, sent = sending()
    told.phase("measuring")
    assert sent.get() == ("phase", "measuring")


def test_what_a_dead_process_left_open_is_closed():
    open_now = []

    class Screen(Progress):
        @contextmanager
        def task(self, *given):
            open_now.append(given)
            yield lambda amount=1, kept=False: None
            open_now.pop()

    def messages():
        yield "task", "one: writing", 10, "sample"
        yield "waiting", "one: loading"
        assert open_now == [("one: writing", 10, "sample")]

    show(messages(), Screen())
    assert open_now == []
