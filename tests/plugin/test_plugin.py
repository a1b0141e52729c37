"""Acceptance tests run as a user runs them, with an engine made of plain numbers."""

from __future__ import annotations

import os
import sys

import pytest

from tests.helpers.plain import (
    SLOW_WITH_WORKERS,
    WORKERS,
    append,
    ledger,
    logged,
    verdicts,
    without_timings,
)


@WORKERS
def test_a_good_candidate_is_accepted(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "one", *workers)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "one: accepted",
            "  pass * perplexity local * 1.44 bits per character, limit at most 2 [[]1 document[]]",
            "  pass * continuation *",
            "  pass * knowledge facts * q1 1 of 1 correct, * [[]1 question, *0 left out*[]]",
            "  pass * reasoning sums * p1 1 of 1 correct, * [[]1 problem, *0 left out*[]]",
        ]
    )
    assert set(verdicts(isolated).values()) == {"pass"}
    assert (isolated.path / "report.html").exists()


@WORKERS
def test_a_bad_candidate_is_rejected_and_the_ledger_says_by_how_much(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "bad", *workers)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*bad on local: 12.98 bits per character, limit at most 2.*"])
    result.stdout.fnmatch_lines(["bad: rejected on perplexity"])
    (row,) = [row for row in ledger(isolated)["results"] if row["verdict"] != "pass"]
    assert (row["check"], row["item"], row["metric"]) == ("perplexity", "local", "bits_per_char")
    # 9 nats a character are 9 / ln 2 = 12.984 bits.
    assert row["value"] == pytest.approx(12.9843, abs=1e-4)
    assert (row["limit"], row["direction"], row["verdict"]) == (2.0, "max", "fail")


@SLOW_WITH_WORKERS
def test_two_candidates_are_loaded_once_each_and_freed(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "one,bad", *workers)
    assert result.ret == 1
    assert sorted(logged(isolated, "load")) == ["bad", "one"]
    assert sorted(logged(isolated, "close")) == ["bad", "one"]
    assert [row["name"] for row in ledger(isolated)["candidates"]] == ["one", "bad"]
    assert [row["verdict"] for row in ledger(isolated)["candidates"]] == ["pass", "fail"]


def test_the_first_candidate_is_freed_before_the_second_loads(plain):
    plain.runpytest_subprocess("--model", "one,bad", "-p", "no:randomly")
    lines = (plain.path / "log").read_text().splitlines()
    order = [line for line in lines if line.startswith(("load", "close"))]
    assert order == ["load one", "close one", "load bad", "close bad"]


def test_the_order_of_files_does_not_make_a_candidate_load_twice(plain):
    tests = [f"tests_models/test_{name}.py" for name in ("reasoning", "knowledge", "perplexity")]
    plain.runpytest_subprocess("--model", "one,two", *tests)
    assert sorted(logged(plain, "load")) == ["one", "two"]


def test_the_ledger_is_the_same_with_and_without_workers(plain):
    plain.runpytest_subprocess("--model", "one,bad,nan", "--ledger", "alone.json")
    plain.runpytest_subprocess(
        "--model", "one,bad,nan", "-n2", "--ledger", "spread.json", "--remeasure"
    )
    alone, spread = ((plain.path / name).read_text() for name in ("alone.json", "spread.json"))
    assert without_timings(alone) == without_timings(spread)


def test_one_candidates_own_limit_holds_for_it_alone(plain):
    append(plain, "[candidates.two.perplexity.corpora.local]\nmax_bits_per_char = 1.0\n")
    assert plain.runpytest_subprocess("--model", "one,two").ret == 1
    found = verdicts(plain)
    assert found["one", "perplexity", "bits_per_char"] == "pass"
    assert found["two", "perplexity", "bits_per_char"] == "fail"


def test_a_check_without_a_table_does_not_run(plain):
    path = plain.path / "thresholds.toml"
    path.write_text(path.read_text().partition("[knowledge")[0])
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 0
    result.assert_outcomes(passed=2, deselected=3)


def test_collecting_imports_nothing_heavy_and_writes_nothing(plain):
    result = plain.runpytest_subprocess("--model", "one", "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["tests_models/test_perplexity.py::test_perplexity[[]one-local]"])
    assert logged(plain, "modules") == [""]
    assert not (plain.path / "report.html").exists()
    assert not (plain.path / ".basegate").exists()


def test_k_x_and_lf_work(plain):
    result = plain.runpytest_subprocess("--model", "bad,one", "-x")
    result.assert_outcomes(failed=1)
    result = plain.runpytest_subprocess("--model", "bad,one", "--lf")
    result.assert_outcomes(failed=1)
    result = plain.runpytest_subprocess("--model", "one", "-k", "knowledge or reasoning")
    result.assert_outcomes(passed=2, deselected=3)


@pytest.mark.slow
def test_workers_share_the_cores(plain, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    plain.runpytest_subprocess("--model", "one,two", "-n2")
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    assert set(logged(plain, "threads")) == {str(max(1, cores // 2))}


def test_fixtures_are_listed_without_a_candidate(plain):
    result = plain.runpytest_subprocess("--fixtures")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["perplexity *"])


def test_the_plugin_leaves_other_projects_alone(pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def candidate():
            return 1

        def test_it(candidate):
            assert candidate == 1
        """
    )
    result = pytester.runpytest_subprocess()
    assert result.ret == 0
    assert not (pytester.path / "report.html").exists()


# Alone they go it in `make demo`, too.
@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist_two"])
def test_real_checkpoints_go_the_whole_way_in_four_bits(project, workers):
    result = project.runpytest_subprocess("--model", "one,two", *workers)
    record = ledger(project)
    # What the project asks is not in what it learnt.
    assert result.ret == 1
    assert "errors" not in result.parseoutcomes()
    assert not [row for row in record["results"] if row["verdict"] == "invalid"]
    assert {(row["name"], row["quantization"]) for row in record["candidates"]} == {
        ("one", "nf4"),
        ("two", "none"),
    }
    assert all(row["load_seconds"] > 0 for row in record["candidates"])
    again = project.runpytest_subprocess("--model", "one,two", "--thresholds=thresholds.toml")
    assert again.ret == 1
    assert "loading" not in again.stderr.str()
    assert without_timings(ledger(project)) == without_timings(record)
