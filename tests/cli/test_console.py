"""What commands share: colours, text that is harmless to a terminal, files to write."""

import pytest

from tests.helpers.stored import (
    candidate,
    fill,
)


@pytest.mark.parametrize(
    "command",
    [("judge", "--csv"), ("judge", "--ledger"), ("report", "--html"), ("report", "--summary")],
    ids=" ".join,
)
def test_a_folder_for_a_file_is_refused_before_any_verdict(run, store, thresholds, command):
    fill(store, thresholds)
    name, option = command
    status, out, err = run(name, "--store", store.folder, option, "store")
    assert (status, out) == (4, "")
    assert err == f"error: {option} store: is a folder; give a file, which may be new.\n"
    status, out, err = run(name, "--store", store.folder, option, "-")
    assert (status, out) == (4, "")
    assert err.startswith(f"error: {option} -: is written to a file, not to standard output")


def test_names_that_would_steer_a_terminal_are_harmless(judge, manage, store, thresholds):
    fill(store, thresholds, candidate("evil\x1b[2J\nmine: accepted"))
    for _, out, _ in (judge(), manage("list"), manage("prune", "--older-than", "0")):
        assert "\x1b" not in out
        assert "\nmine" not in out


def test_colours_on_a_terminal_only(judge, store, thresholds, monkeypatch):
    fill(store, thresholds)
    assert "\x1b" not in judge()[1]
    monkeypatch.setattr("basegate.cli.console._colours", lambda: True)
    assert "\x1b[32;1myi-6b: accepted\x1b[0m" in judge()[1]
