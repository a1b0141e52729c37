"""Progress of a measuring process, told and shown."""

from __future__ import annotations

import io
import time

from basegate import progress
from basegate.progress import Progress
from basegate.runner import progress_relay as relay
from basegate.runner.progress_relay import ProgressReceiver, ProgressSender


class Screen(Progress):
    """Shows progress as lines, steps included."""

    def __init__(self):
        super().__init__(io.StringIO())

    @property
    def text(self):
        return self.stream.getvalue()


def joined(screen):
    """Return progress that is told, and shown on a screen at once."""
    shown = ProgressReceiver(screen)
    sent = []

    def send(message):
        sent.append(message)
        if message[0] != "phase":
            shown.show(message)

    return ProgressSender(send), shown, sent


def test_lines_and_steps_arrive(monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    screen = Screen()
    told, _, _ = joined(screen)
    told.status("one: 2.2 M parameters")
    with told.task("one: writing", 10, "sample") as step:
        step()
        step(4)
    assert screen.text.splitlines() == [
        "one: 2.2 M parameters",
        "one: writing: 1 of 10 samples, 0 s",
        "one: writing: 5 of 10 samples, 0 s",
    ]


def test_what_is_waited_for_is_told_with_how_far_it_is(monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.1)
    monkeypatch.setattr(relay, "DETAIL_EVERY", 0.01)
    screen = Screen()
    told, _, _ = joined(screen)
    with told.waiting("one: loading"), told.telling(lambda: "3.1 GiB in memory"):
        until = time.monotonic() + 10
        while "3.1 GiB in memory, " not in screen.text:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert screen.text.startswith("one: loading\n")


def test_phases_are_told():
    told, _, sent = joined(Screen())
    told.phase("measuring")
    assert sent == [("phase", "measuring")]


def test_what_a_dead_process_left_open_is_closed():
    screen = Screen()
    told, shown, _ = joined(screen)
    with told.task("one: writing", 10, "sample"):
        shown.show(("waiting", "one: loading"))
        shown.close()
        assert shown._open == []
