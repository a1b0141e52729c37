"""The default gate rejects every null model, by every check; where it does not yet, it is said."""

from __future__ import annotations

import json

import pytest

from basegate.checks.early_stopping import ALL_SAMPLES
from basegate.config.registry import NULL_MODELS
from basegate.config.thresholds import load_thresholds
from basegate.judging.judge import judge, stopping_rule
from basegate.judging.relative_limits import References
from basegate.progress import SILENT
from basegate.runner.candidate import Candidate
from basegate.runner.measure import get_or_measure
from basegate.store.folder import Store
from tests.helpers.checkpoints import write_jsonl
from tests.helpers.paths import ROOT

THRESHOLDS = load_thresholds(ROOT / "thresholds.toml")
CHECKS = [check for check in THRESHOLDS.checks if check.item != "wikipedia-yue"]  # of the hub
NOT_YET = {
    ("null-bigram", "cantonese"): "83.3 % of the minimal pairs (77.2 % to 88.1 %), limit 80 %",
    ("null-5gram", "cantonese"): "86.1 % of the minimal pairs (80.3 % to 90.4 %), limit 80 %",
    ("null-unigram", "continuation"): "54.0 % of its sentences look Cantonese, limit 50 %",
    ("null-5gram", "continuation"): "55.6 % of its sentences look Cantonese, limit 50 %",
    ("null-copy", "continuation"): "a Cantonese prompt again is Cantonese; 17.1 % (5.1 % to 32.2 "
    "%) loop, limit 10 %",
}
"""What no null model should reach, by model and item. Strict: whoever mends a check removes it."""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("store"))


def cases():
    for name in NULL_MODELS:
        for check in CHECKS:
            why = NOT_YET.get((name, check.item))
            marks = [pytest.mark.xfail(strict=True, reason=why)] if why else []
            yield pytest.param(name, check, id=f"{name}-{check.item}", marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "check"), list(cases()))
def test_the_default_gate_rejects_it(store, name, check):
    limits = THRESHOLDS.limits(name, check.name, check.item)
    measurement = get_or_measure(
        Candidate(NULL_MODELS[name], device="cpu"),
        check,
        store,
        stopping=stopping_rule(limits) if check.stop_early else ALL_SAMPLES,
        remeasure=False,
        progress=SILENT,
    )
    verdict = judge(measurement, limits, name, References())
    assert verdict.word == "fail", verdict.explanation


def ledger(project):
    return json.loads((project.path / ".basegate/ledger.json").read_text(encoding="utf-8"))


def test_they_are_measured_stored_and_compared_like_others_and_never_recommended(project):
    write_jsonl(project.path / "prompts.jsonl", {"id": "home", "prompt": "我哋喺屋企食咗飯，佢哋"})
    first = project.runpytest_subprocess("--model=@null", "--in-process")
    assert first.ret == 1
    found = ledger(project)
    assert [each["name"] for each in found["candidates"]] == list(NULL_MODELS)
    assert {each["engine"] for each in found["candidates"]} == {"null"}
    loaded = {(each["quantization"], each["dtype"]) for each in found["candidates"]}
    assert loaded == {("none", "float64")}
    assert found["recommendation"]["candidate"] is None
    assert found["recommendation"]["nearest"] is None
    assert "invalid" not in {each["verdict"] for each in found["results"]}
    # No option changes what they compute in, so that this is the same measurement.
    other = ("--quantization=int8", "--dtype=float16", "--compare=@null")
    project.runpytest_subprocess("--model=null-bigram", *other)
    again = ledger(project)
    keys, before = (
        {row["measurement"] for row in each["results"] if row["candidate"] == "null-bigram"}
        for each in (again, found)
    )
    assert keys == before
    assert {each["name"] for each in again["candidates"]} == set(NULL_MODELS)
    best = {each["metric"]: each for each in again["nulls"]}
    bits = [row for row in found["results"] if row["metric"] == "bits_per_char"]
    assert best["bits_per_char"]["value"] == min(row["value"] for row in bits)
    page = (project.path / "report.html").read_text(encoding="utf-8")
    assert f"({best['bits_per_char']['candidate']})" in page


def test_one_is_measured_in_a_process_of_its_own_and_its_key_names_what_it_is(project):
    done = project.runpytest_subprocess("--model=null-unigram", "-k", "perplexity")
    done.assert_outcomes(passed=1, deselected=4)
    (file,) = (project.path / ".basegate/measurements").glob("*.json")
    stored = json.loads(file.read_text(encoding="utf-8"))
    told = stored["identity"]["candidate"]
    assert (told["engine"], told["device"]) == ("null", "cpu")
    assert told["null"]["order"] == 1
    assert told["null"]["training"].startswith("sha256:")
