"""Plugins that run tests again: a check has the rows of its last attempt."""

from __future__ import annotations

import pytest

from tests.helpers.plain import WORKERS, ledger

REPEATING = pytest.mark.parametrize(
    ("plugin", "option"), [("pytest_rerunfailures", "--reruns=2"), ("pytest_repeat", "--count=3")]
)


@WORKERS
@REPEATING
def test_a_check_that_ran_again_has_its_rows_once(isolated, plugin, option, workers):
    pytest.importorskip(plugin)
    asked = ("--model", "bad,one", "-k", "perplexity or knowledge")
    assert isolated.runpytest_subprocess(*asked).ret == 1
    once = ledger(isolated)["results"]
    result = isolated.runpytest_subprocess(*asked, option, *workers)
    assert result.ret == 1
    assert ledger(isolated)["results"] == once


@REPEATING
def test_the_last_attempt_counts(plain, plugin, option):
    pytest.importorskip(plugin)
    (plain.path / "tests_models" / "test_perplexity.py").write_text(
        "TRIED = []\n\n\n"
        "def test_perplexity(perplexity, judge):\n"
        "    TRIED.append(judge(perplexity))\n"
        "    assert len(TRIED) > 1, 'not yet'\n"
    )
    result = plain.runpytest_subprocess("--model", "one", "-k", "perplexity", option)
    assert result.ret == (0 if plugin == "pytest_rerunfailures" else 1)
    [row] = ledger(plain)["results"]
    assert row["verdict"] == "pass"
    result.stdout.fnmatch_lines(["one: passed so far; *"])
