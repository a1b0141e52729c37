"""`--dry-run` as a user runs it: what it prints, and that nothing else happens."""

from __future__ import annotations

import shutil

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.plain import SLOW_WITH_WORKERS, append, logged

DEMO = ROOT / "fixtures/demo/tiny-yue"
ROWS = [
    "candidate  check * tokens to read  to write  time",
    "one        perplexity local * ≤ *     0         nothing like it is stored of this device",
    "one        continuation prompts  [1-9]* * ≤ 96      nothing like it is stored of this device",
    "one        knowledge facts * ≥ * ≤ 64      nothing like it is stored of this device",
    "one        reasoning sums * ≥ * ≤ 48      nothing like it is stored of this device",
    "stored: 0 of 4; the rest reads * tokens and writes ≤ 208",
]


@pytest.fixture
def readable(plain):
    """That project, where one candidate has a tokenizer, and still no weights."""
    for path in DEMO.glob("*.json"):
        shutil.copy(path, plain.path / "checkpoints/one")
    return plain


@SLOW_WITH_WORKERS
def test_it_plans_every_check_loads_nothing_and_writes_nothing(readable, workers):
    result = readable.runpytest_subprocess(
        *("--model", "one", "--dry-run", *workers),
        *("--html=page.html", "--junitxml=junit.xml", "--summary=summary.md"),
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(ROWS)
    result.stdout.no_fnmatch_line("*verdicts*")
    assert not logged(readable, "load")
    for name in ("page.html", "report.html", "junit.xml", "summary.md", ".basegate"):
        assert not (readable.path / name).exists(), name


def test_what_is_stored_imports_no_library_of_models(plain):
    plain.runpytest_subprocess("--model", "one")
    (plain.path / "log").unlink()
    result = plain.runpytest_subprocess("--model", "one", "--dry-run")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["one *perplexity local * stored", "stored: 4 of 4; *"])
    assert logged(plain, "modules") == [""]


@pytest.mark.slow
def test_of_what_is_stored_in_part_the_rest_is_planned(readable):
    readable.runpytest_subprocess("--model", "one", "-k", "sums")
    append(readable, "[candidates.one.reasoning.banks.sums]\ncorrect = 2\n")
    for options, written in (((), 24), (("--remeasure",), 48)):
        result = readable.runpytest_subprocess("--model=one", "--dry-run", "-k=sums", *options)
        result.stdout.fnmatch_lines([f"one *reasoning sums *≤ {written} *", "stored: 0 of 1; *"])


@pytest.mark.slow
def test_what_cannot_be_known_is_named_and_fails(plain):
    (plain.path / "corpus.txt").unlink()
    (plain.path / "tests_models/test_plain.py").write_text("def test_it():\n    assert False\n")
    result = plain.runpytest_subprocess("--model", "one,null-letter-a,old", "--dry-run")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "one *perplexity local * ? * not known: * there is no such file or folder*",
            "one *continuation prompts * not known: *its tokenizer could not be loaded*",
            "one *knowledge facts * not known: see above",
            "null-letter-a *continuation * seconds; a null model has no tokens",
            "old * ? * not known: it cannot be loaded yet: too old",
            "stored: 0 of 12; * (9 not counted in tokens)",
            "1 test that is no part of the plan",
        ]
    )


def test_without_a_candidate_it_runs_nothing(plain):
    result = plain.runpytest_subprocess("--dry-run")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*the acceptance tests need a candidate: pytest --model NAME.*"])


def test_it_is_in_the_readers_language(plain):
    result = plain.runpytest_subprocess("--model=null-copy", "--dry-run", "--language=zh-HK")
    result.stdout.fnmatch_lines(["候選模型 *項目 *要讀的 token *時間", "4 項中有 0 項已存檔；*"])


BROKEN = """
from typing import Annotated
from basegate.checks import (
    CheckDeclaration, CheckSettings, ShareLimit, Table, at_least, register
)

class Own(Table):
    min_own: Annotated[ShareLimit | None, at_least("own")] = None

    def settings_of(self, item, base):
        return CheckSettings()

def measure(engine, task):
    while not task.settings.places:
        engine.log_likelihoods(["never enough"], progress=task.progress)

register(CheckDeclaration(name="own", doc="x", table=Own, version=1, measure=measure))
from basegate.engines import counting
counting.MOST_CALLS = 10
"""


@pytest.mark.slow
def test_a_check_of_ones_own_that_cannot_do_without_answers_is_not_known(readable):
    with (readable.path / "conftest.py").open("a") as file:
        file.write(BROKEN)
    append(readable, "[own]\nmin_own = 0.5\n")
    (readable.path / "tests_models/test_own.py").write_text(
        "def test_own(own, judge):\n    assert judge(own).passed\n"
    )
    result = readable.runpytest_subprocess("--model", "one", "--dry-run")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["one *own * ? * not known: the check own (*asked 10 times*"])


@pytest.mark.slow
def test_time_is_at_the_speed_of_what_is_stored(project):
    project.runpytest_subprocess("--model", "one", "-k", "local or prompts or continuation")
    result = project.runpytest_subprocess("--model", "one", "--dry-run", "--remeasure")
    result.stdout.fnmatch_lines(
        [
            "one *perplexity local * at most about * s",
            "one *reasoning sums * at most about * s",
            "in all at most about * s, loading not counted",
        ]
    )


LINES = """
from basegate import progress
from basegate.plugin import time_left

class Inline:
    def __init__(self, target, args, daemon):
        self.start = lambda: target(*args)

time_left.Thread = Inline
progress.LINE_EVERY = 0
"""


@pytest.mark.parametrize(
    ("workers", "whole"), [((), "whole run"), (("-n1",), "this candidate")], ids=["alone", "xdist"]
)
def test_a_run_shows_the_time_left_of_all_that_it_has_to_measure(plain, workers, whole):
    with (plain.path / "conftest.py").open("a") as file:
        file.write(LINES)
    result = plain.runpytest_subprocess("--model", "one", *workers)
    # Nothing was written yet.
    result.stderr.fnmatch_lines([f"*one: 1 of 1 windows, 0 s; {whole}: perhaps * s left"])
