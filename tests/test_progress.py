"""Progress: a bar on a terminal, lines elsewhere, or nothing."""

import errno
import io
import time

import pytest

from basegate import progress
from basegate.i18n.catalogue import translator
from basegate.i18n.messages import Message
from basegate.progress import SILENT, Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test turns on."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_lines_come_at_most_every_fifteen_seconds(clock):
    stream = io.StringIO()
    with Progress(stream).task("yi-6b on wiki", 10, "window") as step:
        for _ in range(9):
            clock.now += 4
            step()
    # After 16 and 32 seconds; at 36 the next is not due.
    assert stream.getvalue() == (
        "yi-6b on wiki: 4 of 10 windows, 16 s\nyi-6b on wiki: 8 of 10 windows, 32 s\n"
    )


@pytest.mark.parametrize(
    ("unit", "line"),
    [("window", "窗口 1/3"), ("prompt", "prompt 1/3"), ("sample", "樣本 1/3")],
)
def test_lines_are_in_the_readers_language(clock, unit, line):
    stream = io.StringIO()
    shown = Progress(stream)
    shown.tr = translator("zh-HK")
    with shown.task(Message("{name}: scoring", name="yi"), 3, unit) as step:
        clock.now += 20
        step()
    shown.status(Message("{name}: waiting for a free GPU", name="yi"))
    assert stream.getvalue() == f"yi：計算概率：{line}，20 秒\nyi：等候空閒的 GPU\n"


def test_a_step_may_be_more_than_one(clock):
    stream = io.StringIO()
    with Progress(stream).task("x", 100, "sample") as step:
        step(40)
        clock.now += 20
        step(20)
    assert stream.getvalue() == "x: 60 of 100 samples, 20 s\n"


def test_what_is_quick_writes_no_line(clock):
    stream = io.StringIO()
    with Progress(stream).task("x", 3, "window") as step:
        for _ in range(3):
            clock.now += 1
            step()
    assert stream.getvalue() == ""


def test_what_stands_half_written_is_ended_before_every_line(clock):
    stream = io.StringIO()
    shown = Progress(stream, before=lambda: stream.write("|"))
    shown.status("first")
    with shown.task("x", 2, "window") as step:
        clock.now += 15
        step()
    assert stream.getvalue() == "|first\n|x: 1 of 2 windows, 15 s\n"


def test_a_terminal_shows_a_bar_that_is_gone_at_the_end(monkeypatch):
    monkeypatch.setattr(progress, "BAR_AFTER", 0)
    stream = Terminal()
    with Progress(stream).task("yi-6b on wiki", 4, "window") as step:
        step(4)
    written = stream.getvalue()
    assert "yi-6b on wiki" in written
    assert "/4" in written
    assert written.rsplit("\r", 1)[-1].strip() == ""


class Ahead:
    """Knows how much longer the run takes, and remembers what it was told."""

    def __init__(self):
        self.told = []

    def begin(self, total):
        self.told.append(total)

    def step(self, amount, kept):
        self.told.append((amount, kept))

    def left(self):
        return Message("whole run: perhaps {time} left", time="9 s")


def test_a_bar_shows_how_much_longer_the_run_takes(monkeypatch, clock):
    monkeypatch.setattr(progress, "BAR_AFTER", 0)
    stream = Terminal()
    shown = Progress(stream)
    shown.ahead = Ahead()
    with shown.task("x", 40, "window") as step:
        step(1)
        assert "whole run" not in stream.getvalue(), "begun this moment"
        clock.now += 1
        time.sleep(0.11)  # how often tqdm looks
        step(2, True)
    assert "whole run: perhaps 9 s left" in stream.getvalue()
    assert shown.ahead.told == [40, (1, False), (2, True)]


def test_a_terminal_shows_no_bar_for_what_is_quick():
    stream = Terminal()
    with Progress(stream).task("x", 4, "window") as step:
        step(4)
    assert "x" not in stream.getvalue()


def test_an_error_within_a_task_is_not_swallowed():
    with pytest.raises(KeyError), Progress(Terminal()).task("x", 4, "window"):
        raise KeyError


def test_silence_takes_steps_and_writes_nothing(capfd):
    with SILENT.task("x", 4, "window") as step:
        step()
        step(3)
    SILENT.status("anything")
    assert capfd.readouterr() == ("", "")


def test_what_is_waited_for_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.02)
    stream = io.StringIO()
    shown = Progress(stream)

    def wait_for(text):
        for _ in range(500):
            if text in stream.getvalue():
                return
            time.sleep(0.01)
        raise AssertionError(stream.getvalue())

    with shown.waiting("loading"):
        wait_for("loading: 0 s")
        shown.tr = translator("zh-HK")
        wait_for("loading：0 秒")
        shown.tr = translator("en")
        with shown.telling(lambda: "1.0 of 2.0 GiB fetched"):
            wait_for("loading: 1.0 of 2.0 GiB fetched, 0 s")
    assert shown._detail() == ""


def test_what_is_waited_for_says_only_how_long_where_nobody_knows_how_far_it_is(monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.01)
    stream = io.StringIO()
    shown = Progress(stream)
    with shown.telling(lambda: ""), shown.waiting("loading"):
        for _ in range(500):
            if stream.getvalue().count("\n") > 1:
                break
            time.sleep(0.01)
    assert set(stream.getvalue().splitlines()) == {"loading", "loading: 0 s"}


class Gone(Terminal):
    """A terminal whose other end is closed."""

    def write(self, text):
        raise OSError(self.errno, "it is gone")


@pytest.mark.parametrize("number", [errno.EIO, errno.EPIPE, errno.ENOSPC])
@pytest.mark.parametrize("atty", [True, False])
def test_a_terminal_that_is_gone_does_not_end_what_is_measured(monkeypatch, clock, atty, number):
    monkeypatch.setattr(progress, "BAR_AFTER", 0)
    stream = Gone()
    stream.errno = number
    stream.isatty = lambda: atty
    done = []
    shown = Progress(stream, before=lambda: stream.write("|"))
    shown.status("one: 2.2 M parameters")
    with shown.waiting("one: loading"), shown.task("one: writing", 2, "sample") as step:
        clock.now += 20
        step(2)
        done.append(2)
    assert done == [2]
