"""The summary on the page of a job of GitHub Actions."""

from __future__ import annotations

import pytest

from basegate.cli import main
from tests.helpers.markup import heads


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n2",), marks=pytest.mark.slow)], ids=["alone", "xdist_two"]
)
def test_in_github_actions_the_summary_is_added_to_the_jobs_page(isolated, monkeypatch, workers):
    page = isolated.path / "step.md"
    page.write_text("# before", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    result = isolated.runpytest_subprocess("--model", "one", *workers)
    assert result.ret == 0
    assert heads(page) == ["# before", "## Which model to take", "### Conditions"]
    assert "summary: " not in result.stdout.str()
    isolated.runpytest_subprocess("--model", "one", f"--summary={page}", *workers)
    assert heads(page).count("## Which model to take") == 2, "added once more, not twice"
    assert heads(page)[0] == "# before"


@pytest.mark.slow
def test_runs_without_verdicts_add_nothing(plain, monkeypatch):
    page = plain.path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    plain.runpytest_subprocess("--model", "one", "--collect-only")
    plain.runpytest_subprocess("--model", "one", "-k", "nothing")
    plain.runpytest_subprocess("--list-models")
    plain.makepyfile(test_own="def test_it(): pass")
    assert plain.runpytest_subprocess("test_own.py").ret == 0
    assert not page.exists()


def test_a_jobs_page_that_cannot_be_written_is_a_warning(plain, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(plain.path / "no/such/folder/step.md"))
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["warning: the summary could not be added to $GITHUB_STEP_SUMMARY: *", "ledger: *"]
    )


def test_a_jobs_page_that_a_report_cannot_write_is_a_warning(stored, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(stored / "no/such/step.md"))
    assert main(["report", "--store", "yi-6b", "--summary", "s.md"]) == 0
    assert "warning: the summary could not be added" in capsys.readouterr().err
