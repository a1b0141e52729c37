"""Limits relative to a candidate in the commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.markup import read
from tests.helpers.references import REF, RELATIVE
from tests.helpers.stored import candidate, fill, make_project, perplexity


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path, RELATIVE)


def test_judge_judges_relative_limits_from_the_store(judge, store, thresholds):
    fill(store, thresholds, REF)
    fill(store, thresholds, perplexity=perplexity(4.2))
    status, out, _ = judge("--ledger", "ledger.json")
    assert status == 0
    assert "yi-6b: accepted" in out
    assert "limit at most 5 (1.25 times the 4 of ref)" in out
    rows = json.loads(Path("ledger.json").read_text())["results"]
    found = {row["candidate"]: row for row in rows if row["check"] == "perplexity"}
    assert found["yi-6b"]["limit"] == 5.0
    assert found["yi-6b"]["reference"] == {
        "candidate": "ref",
        "value": 4.0,
        "factor": 1.25,
        "plus": None,
        "measurement": found["ref"]["measurement"],
    }


def test_judge_says_of_a_missing_reference_what_to_run(judge, store, thresholds):
    fill(store, thresholds)
    status, out, _ = judge()
    assert status == 1
    assert "yi-6b: not judged (invalid) on perplexity\n" in out
    assert "Measure it first, with the same --thresholds and --store: pytest --model ref --q" in out


def test_a_report_says_that_it_is_the_limit_that_is_missing(run, store, thresholds):
    fill(store, thresholds)
    places = ("--store", store.folder, "--thresholds", thresholds)
    assert run("report", *places, "--html", "page.html", "--summary", "summary.md")[0] == 0
    page = read(Path("page.html").read_text("utf-8")).words
    for text in (page, Path("summary.md").read_text("utf-8")):
        assert "a limit that is relative to another candidate is not known: yi-6b." in text
        assert "Not measured as it should be" not in text
        assert "limit: not known (relative to ref)" in text
    assert "! invalid 4 bits per character limit: not known (relative to ref)" in page


def test_commands_say_what_a_misspelt_reference_may_mean(run, store, thresholds):
    fill(store, thresholds)
    fill(store, thresholds, candidate("reff", revision="b" * 40))
    places = ("--store", store.folder, "--thresholds", thresholds)
    hint = "Did you mean 'reff'?"
    assert hint in run("judge", *places)[1]
    assert run("report", *places, "--html", "page.html")[0] == 0
    assert "Did you mean &#39;reff&#39;?" in Path("page.html").read_text("utf-8")
    Path("models.toml").write_text('[candidates.ref]\nsource = "owner/name"\n')
    status, *told = run("judge", *places)
    assert status == 1
    assert "Did you mean" not in "".join(told)


def test_commands_take_what_is_stored_under_another_name(run, store, thresholds):
    fill(store, thresholds)
    fill(store, thresholds, REF.model_copy(update={"name": "alias"}))
    places = ("--store", store.folder, "--thresholds", thresholds)
    assert run("judge", *places)[0] == 1
    Path("models.toml").write_text(
        f'[candidates.ref]\nsource = "{REF.source}"\nrevision = "{REF.revision}"\n'
    )
    status, out, _ = run("judge", *places)
    assert status == 0
    assert "(1.25 times the 4 of ref)" in out
