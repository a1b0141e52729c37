"""Faults of a candidate stay its own, and what was paid for is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.plain import SLOW_WITH_WORKERS, ledger, logged, verdicts


def entries(project):
    return {row["name"]: row["verdict"] for row in ledger(project)["candidates"]}


@SLOW_WITH_WORKERS
def test_a_process_that_dies_takes_nothing_with_it(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "dies,one", *workers)
    assert result.ret == 1
    assert entries(isolated) == {"dies": "invalid", "one": "pass"}
    found = verdicts(isolated)
    assert found["dies", "perplexity", "bits_per_char"] == "pass", "measured before it died"
    assert result.parseoutcomes()["errors"] == 2
    assert result.parseoutcomes()["unmeasured"] == 1
    text = result.stdout.str()
    assert "crashed without an error (killed by SIGKILL, as the system does when memory" in text
    assert "Traceback" not in text
    # Each process dies at the first samples; the third check is not tried with yet another.
    assert logged(isolated, "load").count("dies") == 2
    assert "not measured: 2 processes of the candidate have ended without a result" in text


@pytest.mark.slow
@SLOW_WITH_WORKERS
def test_a_hang_is_ended_and_takes_nothing_with_it(isolated, workers):
    start = time.monotonic()
    result = isolated.runpytest_subprocess(
        "--model", "hang,one", "-k", "perplexity or reasoning", "--measure-timeout=2", *workers
    )
    assert time.monotonic() - start < 60
    assert result.ret == 1
    assert entries(isolated) == {"hang": "invalid", "one": "pass"}
    assert verdicts(isolated)["hang", "perplexity", "bits_per_char"] == "pass"
    assert "measuring took longer than the 2 seconds of --measure-timeout" in result.stdout.str()


@pytest.mark.slow
def test_a_measurement_that_goes_on_for_ever_is_ended_though_it_tells_of_every_step(isolated):
    result = isolated.runpytest_subprocess(
        "--model", "slow", "-k", "reasoning", "--measure-timeout=2", timeout=60
    )
    assert result.ret == 1
    assert "measuring took longer than the 2 seconds of --measure-timeout" in result.stdout.str()


@pytest.mark.slow
@SLOW_WITH_WORKERS
def test_an_error_of_the_system_is_not_taken_for_a_death(isolated, workers):
    result = isolated.runpytest_subprocess(
        "--model", "oserror,one", "-k", "perplexity", *workers, timeout=60
    )
    assert result.ret == 1
    assert entries(isolated) == {"oserror": "invalid", "one": "pass"}
    assert "FileNotFoundError" in result.stdout.str()


@pytest.mark.slow
def test_ctrl_c_before_the_first_verdict_says_that_the_report_is_partial_and_keeps_the_ledger(
    isolated,
):
    isolated.runpytest_subprocess("--model", "one", "-k", "reasoning")
    before = (isolated.path / ".basegate/ledger.json").read_text()
    run = start(isolated, "--model", "hang", "-k", "continuation")
    wait_for(isolated, "hangs")
    os.killpg(run.pid, signal.SIGINT)
    told, _ = run.communicate(timeout=60)
    assert run.returncode == 2, told
    assert "This report is partial" in told
    assert "hang: not reached" in told
    assert "This report is partial" in (isolated.path / "report.html").read_text()
    assert (isolated.path / ".basegate/ledger.json").read_text() == before


@pytest.mark.parametrize("value", ["-1", "inf", "nan", "soon"])
def test_a_time_limit_that_is_none_is_a_usage_error(isolated, value):
    result = isolated.runpytest_subprocess("--model", "one", f"--measure-timeout={value}")
    assert result.ret == 4
    assert "--measure-timeout" in result.stderr.str()


@pytest.mark.slow
def test_a_worker_that_dies_itself_is_reported_once_and_the_others_go_on(isolated):
    result = isolated.runpytest_subprocess(
        "--model", "dies,one", "-n2", "--in-process", "-k", "perplexity or knowledge"
    )
    assert result.ret == 1
    assert entries(isolated) == {"dies": "invalid", "one": "pass"}
    rows = [row for row in ledger(isolated)["results"] if row["candidate"] == "dies"]
    assert sorted((row["check"], row["verdict"]) for row in rows) == [
        ("knowledge", "invalid"),
        ("perplexity", "pass"),
    ]


def start(project, *arguments):
    """Start a run in a process group of its own, as a terminal does."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Where the tests run in the background Ctrl-C is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(project, word, patience=60):
    until = time.monotonic() + patience
    while not logged(project, word):
        assert time.monotonic() < until, f"no {word!r} within {patience} seconds"
        time.sleep(0.05)


@pytest.mark.slow
@SLOW_WITH_WORKERS
def test_ctrl_c_leaves_a_partial_report_that_says_so_and_a_store_that_goes_on(isolated, workers):
    run = start(isolated, "--model", "one,hang", "-v", *workers)
    wait_for(isolated, "hangs")
    if workers:  # the other worker has one to itself
        time.sleep(3)
    os.killpg(run.pid, signal.SIGINT)
    told, _ = run.communicate(timeout=60)
    assert run.returncode == 2, told
    assert "This report is partial: the run was stopped." in told
    assert ledger(isolated)["suite"]["interrupted"] is True
    hang = next(each for each in ledger(isolated)["candidates"] if each["name"] == "hang")
    assert {"check": "continuation", "item": "prompts"} in hang["not_run"]
    assert "hang: not reached" in told or "hang: passed so far; not run" in told
    page = (isolated.path / "report.html").read_text()
    assert "This report is partial" in page
    # pytest-html's "There are still tests running" is in every page; here it must not be shown.
    assert '<div class="summary__reload__button hidden"' in page
    assert verdicts(isolated)["one", "perplexity", "bits_per_char"] == "pass"
    (isolated.path / "log").unlink()
    again = isolated.runpytest_subprocess("--model", "one", *workers)
    assert again.ret == 0
    assert logged(isolated, "load") == [], "all of it was kept"
    assert ledger(isolated)["suite"]["interrupted"] is False


def test_a_run_that_ends_at_the_first_failure_says_that_it_is_partial(isolated):
    result = isolated.runpytest_subprocess("--model", "bad,one", "-x")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["This report is partial: the run was stopped.*"])


@pytest.mark.slow
def test_a_measuring_process_ends_with_the_run_that_was_killed(isolated):
    run = start(isolated, "--model", "hang", "-k", "continuation")
    wait_for(isolated, "hangs")
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(run.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    run.kill()
    run.wait()
    run.stdout.close()
    until = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in children):
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.slow
def test_two_runs_on_one_store_measure_each_thing_once(isolated):
    runs = [start(isolated, "--model", "one", f"--ledger=ledger-{number}.json") for number in "ab"]
    assert [run.communicate(timeout=60) and run.returncode for run in runs] == [0, 0]
    assert len(logged(isolated, "draws")) == 3, "continuation, knowledge, reasoning"
    ledgers = [json.loads((isolated.path / f"ledger-{number}.json").read_text()) for number in "ab"]
    assert len({json.dumps([r["value"] for r in each["results"]]) for each in ledgers}) == 1


def test_a_script_that_runs_pytest_unguarded_is_not_run_again(isolated):
    script = isolated.path / "gate.py"
    script.write_text("import sys, pytest\nsys.exit(pytest.main(['--model', 'one']))\n")
    done = subprocess.run([sys.executable, str(script)], cwd=isolated.path, capture_output=True)
    assert done.returncode == 0
    assert logged(isolated, "load") == ["one"]


@pytest.mark.parametrize("option", ["--in-process", "--trace"])
def test_a_debugger_finds_the_measuring_in_its_own_process(isolated, option):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--model", "one", "-k", "perplexity", option],
        cwd=isolated.path,
        capture_output=True,
        text=True,
        input="c\n" * 20,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    [loaded_by] = logged(isolated, "pid")
    assert loaded_by in logged(isolated, "session")
