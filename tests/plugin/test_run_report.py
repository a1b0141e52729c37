"""What a run shows and writes: terminal, page and ledger, in two languages."""

from __future__ import annotations

import html
import json
import re

import pytest

from basegate.i18n.formatting import columns
from tests.helpers.plain import SLOW_WITH_WORKERS, WORKERS, ledger


@SLOW_WITH_WORKERS
def test_a_run_that_a_failure_stopped_is_partial_if_something_was_left_to_run(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "bad", "-x", "-q", *workers)
    told = [line for line in result.outlines if "is partial:" in line]
    assert told == [
        "This report is partial: the run was stopped. What was measured is kept, and the same "
        "command goes on from there; without -x or --maxfail, if a failure stopped it."
    ]
    assert ledger(isolated)["suite"]["interrupted"] is True
    result = isolated.runpytest_subprocess(
        "--model", "bad", "-x", "-q", "-k", "perplexity", *workers
    )
    assert result.ret == (2 if workers else 1)
    result.stdout.fnmatch_lines(["bad: rejected on perplexity; not run: *", "*stopping after 1 *"])
    assert "is partial:" not in result.stdout.str()
    assert "is partial:" not in (isolated.path / "report.html").read_text()
    assert ledger(isolated)["suite"]["interrupted"] is False


def evidence_in(page):
    """Return what the page shows behind its rows, by the id of the test."""
    blob = re.search(r'data-jsonblob="([^"]*)"', page)[1]
    tests = json.loads(html.unescape(blob))["tests"].values()
    return {row["testId"]: row["log"] for rows in tests for row in rows}


@WORKERS
def test_the_page_shows_verdicts_and_what_was_written_and_stays_text(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "script", "--html=page.html", *workers)
    page = (isolated.path / "page.html").read_text()
    assert result.ret == 1
    assert "bits per character" in page
    (shown,) = [log for test, log in evidence_in(page).items() if "continuation" in test]
    assert 'href="#bg-texts?candidate=script&amp;check=continuation' in shown
    assert "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e" in page
    assert "<script>alert(1)" not in page
    assert "\x1b" not in page + result.stdout.str()


@pytest.mark.parametrize("asked", [("--language", "zh-HK"), ()], ids=["option", "locale"])
def test_terminal_and_page_are_in_the_readers_language_and_the_ledger_is_not(
    plain, monkeypatch, asked
):
    if not asked:
        monkeypatch.setenv("LC_ALL", "zh_HK.UTF-8")
    result = plain.runpytest_subprocess("--model", "bad", "--html=page.html", *asked)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "門檻：*thresholds.toml，存檔：*",
            "bad 在 local：每字 12.98 bits，上限 2。*",
            "*= 評定結果 =*",
            "bad：不宜採用（困惑度）",
            "  不合格       困惑度 local * 每字 12.98 bits，上限 2 [[]1 篇文章[]]",
            "  合格 * 知識 facts * q1：1 個樣本答對 1 個，下限 1 *",
            "記錄檔：*",
        ]
    )
    (heading,) = [line for line in result.outlines if "評定結果" in line]
    assert columns(heading) == 80
    page = (plain.path / "page.html").read_text()
    assert "該選哪個模型" in page
    assert "模型寫了甚麼" in page
    (row,) = [row for row in ledger(plain)["results"] if row["verdict"] != "pass"]
    assert (row["candidate"], row["metric"]) == ("bad", "bits_per_char")


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
def test_why_a_row_is_invalid_is_in_the_readers_language_whichever_process_found_it(
    isolated, workers
):
    result = isolated.runpytest_subprocess(
        *("--model", "broken,dies", "-k", "reasoning", "--language", "zh-HK", *workers),
        *("--html=page.html", "--junitxml=junit.xml", "--summary=summary.md"),
    )
    assert result.ret == 1
    written = [isolated.path / name for name in ("page.html", "junit.xml", "summary.md")]
    for text in (result.stdout.str(), *(path.read_text(encoding="utf-8") for path in written)):
        assert "個輸出異常（例如" in text
        assert "samples are degenerate" not in text
        assert "crashed without an error (killed by SIGKILL" in text
    reasons = {row["candidate"]: row["reason"] for row in ledger(isolated)["results"]}
    assert reasons["broken"]["values"]["key"].endswith("max_degenerate_share")
    assert "crashed without an error" in reasons["dies"]["template"]


def test_a_selection_of_checks_accepts_nothing(plain):
    result = plain.runpytest_subprocess("--model", "one,two", "-k", "one and knowledge")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["one: passed so far; not run: perplexity local, *"])
    result.stdout.fnmatch_lines(["two: not run (none of its acceptance tests was selected)"])
    assert ledger(plain)["candidates"][0]["not_run"] == [
        {"check": "perplexity", "item": "local"},
        {"check": "continuation", "item": "prompts"},
        {"check": "reasoning", "item": "sums"},
    ]


@pytest.mark.slow
def test_a_run_that_selects_nothing_keeps_the_last_ledger(plain):
    plain.runpytest_subprocess("--model", "one")
    before = (plain.path / ".basegate/ledger.json").read_text()
    assert plain.runpytest_subprocess("--model", "one", "-k", "nothing").ret == 5
    assert plain.runpytest_subprocess("--model", "one", "nowhere.py").ret == 4
    assert (plain.path / ".basegate/ledger.json").read_text() == before


def test_it_works_without_pytest_html(plain):
    result = plain.runpytest_subprocess("--model", "one", "-p", "no:html")
    assert result.ret == 0
    assert not (plain.path / "report.html").exists()


def test_a_comparison_that_fails_does_not_take_the_ledger_with_it(isolated):
    with (isolated.path / "conftest.py").open("a") as file:
        file.write(
            "\nfrom basegate.judging import comparison\n"
            "def broken(*_):\n    raise KeyError('tops')\n"
            "comparison.alike = broken\n"
        )
    result = isolated.runpytest_subprocess("--model", "one,two", "-k", "perplexity")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*cannot compare candidates: KeyError: 'tops'*"])
    assert ledger(isolated)["comparisons"] == []
    assert len(ledger(isolated)["results"]) == 2
