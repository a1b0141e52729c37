"""The ledger: the JSON record of a run."""

import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from basegate.judging.ledger_builder import CandidateRecords, build_ledger
from basegate.ledger import CheckItem, Record, Suite, ThresholdsFile
from basegate.measurement import CandidateFacts
from basegate.serialization import hash_file
from basegate.verdict import Result

SUITE = Suite(
    version="1.0",
    thresholds=ThresholdsFile(path="thresholds.toml", sha256="0" * 64),
    command="pytest --model one",
)


def facts(name="one", **fields):
    given = {"source": "a/b", "quantization": "nf4", "dtype": "bfloat16", "device": "cpu"}
    return CandidateFacts(name=name, **{**given, **fields})


def row(candidate="one", verdict="pass", **fields):
    given = {"check": "perplexity", "item": "wiki"}
    return Result(candidate=candidate, verdict=verdict, **{**given, **fields})


def record(*rows, candidate="one", **fields):
    return Record(candidate=facts(candidate, **fields), results=rows)


def ledger_of(*records, expected=("one",), checks=(("perplexity", "wiki"),)):
    environment = {"python": "3.11", "gpu": None}
    candidates = [CandidateRecords(facts(name), records) for name in expected]
    return build_ledger(SUITE, environment, checks, candidates)


def test_a_record_survives_the_way_between_processes():
    before = Record(
        candidate=facts(revision="abc", load_seconds=1.5, peak_memory_bytes=7),
        results=(row(value=4.9, interval=(4.8, 5.0), limit=5.0, direction="max", why="港"),),
    )
    text = before.model_dump_json()
    assert type(text) is str
    assert Record.model_validate_json(text) == before


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_survives_as_none(number):
    after = Record.model_validate_json(
        record(row(value=number, verdict="invalid")).model_dump_json()
    )
    assert after.results[0].value is None


@pytest.mark.parametrize("end", [math.nan, math.inf])
def test_an_interval_that_is_not_finite_survives_too(end):
    before = record(row(value=1.0, interval=(0.5, end)))
    after = Record.model_validate_json(before.model_dump_json())
    assert after.results[0].value == 1.0
    json.loads(ledger_of(before).to_json(), parse_constant=pytest.fail)


def test_a_record_of_another_version_is_refused():
    fields = json.loads(record(row()).model_dump_json())
    with pytest.raises(ValidationError):
        Record.model_validate_json(json.dumps({**fields, "mood": "good"}))


def test_the_json_begins_with_the_schema_and_holds_the_documented_keys():
    fields = json.loads(ledger_of(record(row())).to_json())
    assert list(fields) == [
        "schema",
        "suite",
        "environment",
        "candidates",
        "results",
        "recommendation",
        "comparisons",
        "power",
        "absent",
        "nulls",
    ]
    assert fields["schema"] == 2
    assert fields["suite"] == {
        "version": "1.0",
        "thresholds": {"path": "thresholds.toml", "sha256": "0" * 64},
        "command": "pytest --model one",
        "interrupted": False,
    }
    assert set(fields["candidates"][0]) >= {
        "name",
        "source",
        "revision",
        "engine",
        "quantization",
        "dtype",
        "verdict",
        "load_seconds",
        "peak_memory_bytes",
    }
    assert set(fields["results"][0]) >= {
        "candidate",
        "check",
        "item",
        "metric",
        "value",
        "unit",
        "limit",
        "direction",
        "verdict",
        "interval",
        "seconds",
        "measurement",
    }


def test_the_json_holds_no_nan():
    text = ledger_of(record(row(value=math.nan, verdict="invalid"))).to_json()
    [result] = json.loads(text, parse_constant=pytest.fail)["results"]
    assert (result["value"], result["verdict"]) == (None, "invalid")


def test_the_file_is_utf8_that_a_person_can_read(tmp_path):
    path = tmp_path / "new" / "ledger.json"
    ledger_of(record(row(why="香港"))).write(path)
    text = path.read_text(encoding="utf-8")
    assert "香港" in text
    assert text.endswith("}\n")
    assert [each.name for each in path.parent.iterdir()] == ["ledger.json"]


def test_a_ledger_is_written_over_an_earlier_one(tmp_path):
    path = tmp_path / "ledger.json"
    path.write_text("x" * 100_000, encoding="utf-8")
    ledger_of(record(row())).write(path)
    assert json.loads(path.read_text(encoding="utf-8"))["schema"] == 2


def test_candidates_come_in_the_order_of_the_command_line_with_results_in_that_of_their_tests():
    ledger = ledger_of(
        record(row("two", item="b"), candidate="two"),
        record(row("one", item="a")),
        record(row("two", item="c"), candidate="two"),
        expected=("one", "two"),
    )
    assert [each.name for each in ledger.candidates] == ["one", "two"]
    assert [each.item for each in ledger.results] == ["a", "b", "c"]
    assert [each.item for each in ledger.results_of("two")] == ["b", "c"]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "inconclusive"], "inconclusive"),
        (["fail", "inconclusive"], "fail"),
        (["invalid", "inconclusive", "pass"], "invalid"),
        (["invalid", "fail", "pass"], "fail"),
    ],
)
def test_a_candidate_has_the_worst_of_its_verdicts(verdicts, expected):
    [entry] = ledger_of(*(record(row(verdict=each)) for each in verdicts)).candidates
    assert entry.verdict == expected


def test_a_candidate_on_which_nothing_was_run_is_invalid_and_not_green():
    one, two = ledger_of(record(row()), expected=("one", "two")).candidates
    assert (one.verdict, two.verdict) == ("pass", "invalid")
    assert two.revision is None


def test_an_entry_tells_how_the_candidate_was_loaded_even_if_one_of_its_tests_did_not_load_it():
    loaded = {"revision": "abc", "load_seconds": 3.0}
    [entry] = ledger_of(
        record(row(verdict="invalid")),
        record(row(), **loaded, peak_memory_bytes=10),
        record(row(), **loaded, peak_memory_bytes=30),
        record(row(), revision="abc"),
    ).candidates
    assert (entry.revision, entry.load_seconds, entry.peak_memory_bytes) == ("abc", 3.0, 30)


def test_an_entry_names_the_checks_that_were_not_run():
    checks = (("perplexity", "wiki"), ("knowledge", "must-know"), ("continuation", "continuation"))
    rows = record(row()), record(row(check="knowledge", item="must-know/q1"))
    one, two = ledger_of(*rows, expected=("one", "two"), checks=checks).candidates
    assert one.not_run == (CheckItem(check="continuation", item="continuation"),)
    assert [(each.check, each.item) for each in two.not_run] == list(checks)


@pytest.mark.slow
def test_a_real_run_records_what_it_loaded(project):
    """From the files of the checkpoint into the ledger, and said before they are read."""
    result = project.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert result.ret == 0
    ledger = json.loads((project.path / ".basegate" / "ledger.json").read_text())
    [candidate] = ledger["candidates"]
    assert (candidate["weights"], candidate["remote_code"]) == ("safetensors", False)
    folder = Path(candidate["source"])
    files = {each["name"]: each for each in candidate["files"]}
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= files.keys()
    for name, file in files.items():
        assert file["bytes"] == (folder / name).stat().st_size
        assert file["sha256"] == hash_file(folder / name)
    result.stderr.fnmatch_lines(["one: * parameters, * of them in nf4, *a window of 64 tokens: *"])


def test_a_null_model_that_meets_every_limit_is_no_choice():
    found = ledger_of(record(row(verdict="pass"), engine="null"))
    assert found.candidates[0].verdict == "pass"
    assert found.recommendation.candidate is None
    assert found.recommendation.accepted == ()
    two = ledger_of(
        record(row(verdict="pass"), engine="null"),
        record(row("two", "fail", value=6.0, limit=5.0, direction="max"), candidate="two"),
        expected=("one", "two"),
    )
    assert two.recommendation.nearest == "two"
    assert two.recommendation.rejected == ("two",)
