"""Runs on several workers end to end: they find what one process finds."""

from __future__ import annotations

import os
import re
import sys
import xml.etree.ElementTree as ET
from collections import OrderedDict
from types import SimpleNamespace

import pytest

from tests.helpers.plain import ledger, logged, without_timings

CORES = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()


def outcome_of(project, *options):
    """Run the project's acceptance tests; return all that says what was found."""
    result = project.runpytest_subprocess(
        "--remeasure", "--ledger=ledger.json", "--junitxml=junit.xml", *options
    )
    page = (project.path / "report.html").read_text()
    return {
        "ledger": without_timings((project.path / "ledger.json").read_text()),
        "junit": junit(project.path / "junit.xml"),
        "page": re.search(r'<table class="bg-decision">.*?</table>', page, re.S)[0],
        "status": result.ret,
    }


def junit(path):
    """Return what became of every test, by its name; each is there once."""
    cases = [
        (case.get("classname"), case.get("name"), *(each.tag for each in case))
        for case in ET.parse(path).iter("testcase")
    ]
    assert len({case[:2] for case in cases}) == len(cases)
    return sorted(cases)


def give_sizes(project, **sizes):
    """Let entries of the project's registry say how big their candidates are."""
    path = project.path / "models.toml"
    text = path.read_text()
    for name, size in sizes.items():
        head = f"[candidates.{name}]\n"
        text = text.replace(head, f'{head}parameters = "{size}"\n')
    path.write_text(text)


@pytest.mark.slow
def test_workers_find_what_one_process_finds(isolated):
    # By size the order of work is another than that of the command line.
    give_sizes(isolated, one="135M", two="0.5B", bad="6B", crash="34B")
    models = ("--model", "one,bad,crash,two")
    alone = outcome_of(isolated, *models)
    spread = outcome_of(isolated, *models, "-n2")
    assert spread["status"] == alone["status"] == 1
    assert {tags for *_, tags in alone["junit"]} >= {"error", "failure", "properties"}
    for part in alone:
        assert spread[part] == alone[part], part


@pytest.mark.slow
def test_each_candidate_is_loaded_once_on_one_worker_the_biggest_first(isolated):
    give_sizes(isolated, one="135M", two="34B", bad="6B")
    isolated.runpytest_subprocess("--model", "script,one,bad,two", "-n1")
    assert logged(isolated, "load") == ["two", "bad", "one", "script"]
    assert [entry["name"] for entry in ledger(isolated)["candidates"]] == [
        "script", "one", "bad", "two"
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("workers", [pytest.param("-n1", marks=pytest.mark.slow), "-n2"])
def test_a_worker_that_dies_costs_one_test_and_no_other_candidate(isolated, workers):
    give_sizes(isolated, one="6B", crash="2B", two="1B")
    result = isolated.runpytest_subprocess(
        "--model", "one,crash,two", workers, "--in-process", "--junitxml=junit.xml", timeout=120
    )
    assert result.ret == 1
    entries = {row["name"]: row["verdict"] for row in ledger(isolated)["candidates"]}
    assert entries == {"one": "pass", "crash": "invalid", "two": "pass"}
    checks = [row["check"] for row in ledger(isolated)["results"] if row["candidate"] == "crash"]
    assert sorted(checks) == ["continuation", "knowledge", "perplexity", "reasoning"]
    loads = logged(isolated, "load")
    assert (loads.count("one"), loads.count("two")) == (1, 1)
    assert len(junit(isolated.path / "junit.xml")) == 12, "each test once"


def workers_of(project):
    """Return how many workers the last run had."""
    return len(logged(project, "threads"))


@pytest.mark.slow
def test_auto_starts_a_worker_per_candidate_and_core(isolated):
    assert isolated.runpytest_subprocess("--model", "one", "-n", "auto").ret == 0
    assert workers_of(isolated) == 1
    (isolated.path / "log").unlink()
    result = isolated.runpytest_subprocess("--model", "one,two,one-b", "-n", "auto", "--device=cpu")
    assert result.ret == 0
    assert workers_of(isolated) == min(3, CORES)


@pytest.mark.slow
def test_auto_means_what_xdist_says_where_its_variable_is_set(isolated, monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "3")
    isolated.runpytest_subprocess("--model", "one,two,one-b", "-n", "auto")
    assert workers_of(isolated) == 3


def test_auto_without_a_candidate_is_left_to_xdist(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "2")
    pytester.makepyfile("def test_it(worker_id): assert worker_id != 'master'")
    result = pytester.runpytest_subprocess("-n", "auto")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*2 workers*"])


@pytest.mark.parametrize("workers", ["auto", "2"])
def test_what_is_wrong_in_the_command_line_is_one_usage_error(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "scrpt", "-n", workers)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --model scrpt: *Did you mean 'script'*"])
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize("by_itself", [True, False])
def test_a_worker_that_ends_by_itself_has_killed_no_test(by_itself):
    from basegate.plugin.xdist import CandidateScheduling

    class Node:
        shutting_down = True
        gateway = SimpleNamespace(id="gw0")

    node = Node()
    if by_itself:
        node.workeroutput = {}
    made = object.__new__(CandidateScheduling)
    made._candidates, made._items, made.workqueue = ["one"], ["bank"], OrderedDict()
    units = {"one": {"a[one-bank]": True, "b[one-bank]": False}, "two": {"a[two-bank]": True}}
    made.assigned_work = OrderedDict([(node, OrderedDict(units))])
    assert made.remove_node(node) == (None if by_itself else "b[one-bank]")
    # What it has not run is there for another, unless it killed the worker.
    assert list(made.workqueue) == (["one"] if by_itself else [])
