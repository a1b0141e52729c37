"""Limits relative to a candidate in a run of pytest."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from basegate.config.registry import CandidateSpec
from basegate.config.thresholds import load_thresholds
from basegate.plugin.options import RunOptions
from basegate.plugin.session import GateSession
from basegate.progress import SILENT
from basegate.store.folder import Store
from tests.helpers.plain import ledger, limit, logged
from tests.helpers.references import REF, RELATIVE, reference
from tests.helpers.stored import make_project, measurement, perplexity


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path, RELATIVE)


MINE = CandidateSpec(name="mine", source="a/b")


def make_run(thresholds, tmp_path, **known):
    options = RunOptions(
        candidates=(MINE,),
        thresholds=load_thresholds(thresholds),
        store=tmp_path / "store",
        ledger=tmp_path / "ledger.json",
        remeasure=False,
        device="cpu",
        command="pytest",
        known=known,
    )
    return GateSession(options, SILENT)


def test_a_run_takes_for_the_reference_what_it_measures_under_another_name(
    thresholds, tmp_path, monkeypatch
):
    pinned = CandidateSpec(name="ref", source=REF.source, revision=REF.revision)
    gate = make_run(thresholds, tmp_path, ref=pinned)
    own = measurement(thresholds, "perplexity", perplexity(4.0))
    mine = SimpleNamespace(name="mine", spec=MINE)
    assert gate.judge(mine, own)[0].word == "invalid", "the store is read, and empty"
    alias = reference(thresholds, 4.0, REF.model_copy(update={"name": "alias"}))
    monkeypatch.setattr("basegate.plugin.session.get_or_measure", lambda *_, **__: alias)
    gate.measure(SimpleNamespace(name="alias", loaded=True), "perplexity", "wiki")
    assert gate.judge(mine, own)[0].word == "pass"


def test_a_run_reads_the_store_once_and_sees_what_it_measures_itself(
    thresholds, tmp_path, monkeypatch
):
    gate = make_run(thresholds, tmp_path)
    gate.store.put(reference(thresholds, 2.0))
    reads, read = [], Store.__iter__

    def counted(folder):
        reads.append(folder)
        return read(folder)

    monkeypatch.setattr(Store, "__iter__", counted)
    own = measurement(thresholds, "perplexity", perplexity(4.0))

    def word():
        verdict, _ = gate.judge(SimpleNamespace(name="mine", spec=MINE), own)
        return {row.metric: row.verdict for row in verdict.results}["bits_per_char"]

    assert [word(), word(), word()] == ["fail"] * 3
    # Measured anew under the same key, and found under another name, as of a twin.
    anew = reference(thresholds, 5.0, measured_at="2027-01-01T00:00:00+00:00")
    twin = anew.model_copy(update={"candidate": REF.model_copy(update={"name": "twin"})})
    monkeypatch.setattr("basegate.plugin.session.get_or_measure", lambda *_, **__: twin)
    gate.measure(SimpleNamespace(name="ref", loaded=True), "perplexity", "wiki")
    assert word() == "pass"
    assert len(reads) == 1


@pytest.fixture
def relative(plain):
    """The project, whose limit is the number of a candidate; `one` and `two` are alike."""
    limit(plain, "max_bits_per_char", '{ reference = "two", plus = 0.1 }')
    return plain


def perplexities(project):
    rows = [row for row in ledger(project)["results"] if row["check"] == "perplexity"]
    return {row["candidate"]: row for row in rows}


@pytest.mark.slow
def test_without_the_reference_nothing_is_judged_and_then_it_is(relative):
    result = relative.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*is relative to two, of which no such measurement is stored.*"])
    assert perplexities(relative)["one"]["verdict"] == "invalid"
    command = "--model two --quantization nf4 --dtype bfloat16 --device cpu"
    assert f"pytest {command}" in perplexities(relative)["one"]["reason"]["template"]
    # Held against itself alone it is not judged, but measured.
    assert relative.runpytest_subprocess(*command.split(), "-k", "perplexity").ret == 1
    (relative.path / "log").unlink()
    result = relative.runpytest_subprocess("--model", "one,bad", "-k", "perplexity")
    assert logged(relative, "load") == ["bad"], "what was measured before is judged anew"
    found = perplexities(relative)
    assert {name: row["verdict"] for name, row in found.items()} == {"one": "pass", "bad": "fail"}
    assert found["one"]["reference"]["candidate"] == "two"
    assert found["one"]["limit"] == pytest.approx(found["one"]["value"] + 0.1)
    result.stdout.fnmatch_lines(["*limit at most * (the 1.44 of two plus 0.1)*"])


def test_in_one_run_the_reference_comes_first_whatever_the_order(relative):
    assert relative.runpytest_subprocess("--model", "one,two", "-k", "perplexity").ret == 0
    assert logged(relative, "load") == ["two", "one"]
    assert [row["name"] for row in ledger(relative)["candidates"]] == ["one", "two"]


@pytest.mark.slow
def test_with_workers_a_stored_reference_is_found(relative):
    relative.runpytest_subprocess("--model", "two", "-k", "perplexity")
    result = relative.runpytest_subprocess("--model", "one,two", "-k", "perplexity", "-n2")
    assert result.ret == 0


def test_another_name_of_a_stored_checkpoint_is_a_reference_in_the_same_run(relative):
    limit(relative, "max_bits_per_char", '{ reference = "twin", factor = 1.0 }')
    relative.runpytest_subprocess("--model", "one", "-k", "perplexity")
    result = relative.runpytest_subprocess("--model", "one,twin", "-k", "perplexity")
    result.assert_outcomes(passed=2, deselected=result.parseoutcomes()["deselected"])
    assert result.ret == 1, "held against its own number alone, neither is judged"


def test_another_name_of_a_stored_checkpoint_is_a_reference_though_never_measured(relative):
    limit(relative, "max_bits_per_char", '{ reference = "twin", factor = 1.1 }')
    relative.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert relative.runpytest_subprocess("--model", "two", "-k", "perplexity").ret == 0
    assert perplexities(relative)["two"]["reference"]["candidate"] == "twin"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "worker"])
def test_another_name_of_the_reference_comes_first_too(relative, workers):
    limit(relative, "max_bits_per_char", '{ reference = "twin", factor = 1.1 }')
    asked = ("--model", "two,one", "-k", "perplexity", *workers)
    assert relative.runpytest_subprocess(*asked).ret == 0
    assert logged(relative, "load") == ["one", "two"]


def test_one_worker_measures_the_reference_first(relative):
    assert relative.runpytest_subprocess("--model", "one,two", "-k", "perplexity", "-n1").ret == 0
    assert logged(relative, "load") == ["two", "one"]


def test_a_reference_that_nobody_knows_is_a_usage_error(relative):
    limit(relative, "max_bits_per_char", '{ reference = "tow", plus = 0.1 }')
    result = relative.runpytest_subprocess("--model", "one")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [
            "ERROR: *thresholds.toml: perplexity.corpora.local.max_bits_per_char.reference: there "
            "is no candidate called 'tow' in models.toml, in --model or in the store.*'two'*"
        ]
    )


def test_a_reference_that_only_the_store_knows_is_none(relative):
    limit(relative, "max_bits_per_char", '{ reference = "mine", plus = 0.1 }')
    relative.runpytest_subprocess("--model", "mine=./checkpoints/two", "-k", "perplexity")
    assert relative.runpytest_subprocess("--model", "one", "-k", "perplexity").ret == 0
