"""Candidates of earlier runs beside those of this one."""

from __future__ import annotations

import tomllib

import pytest

from tests.helpers.plain import ledger, limit, logged


def entries(project):
    return {entry["name"]: entry for entry in ledger(project)["candidates"]}


@pytest.mark.slow
def test_a_stored_candidate_is_shown_beside_those_of_the_run_with_its_date(plain):
    plain.runpytest_subprocess("--model", "one")
    result = plain.runpytest_subprocess("--model", "two", "--compare", "one")
    assert result.ret == 0
    found = entries(plain)
    assert list(found) == ["two", "one"]
    assert found["two"]["compared"] == ""
    assert found["one"]["compared"].startswith("20")
    assert {row["candidate"] for row in ledger(plain)["results"]} == {"one", "two"}
    assert logged(plain, "load") == ["one", "two"]  # once each: nothing is measured again
    result.stdout.fnmatch_lines(
        [
            "one: accepted (measured on 20??-??-??, not in this run)",
            "Take *: it meets every limit. It is tied with *",
        ]
    )


def test_a_compared_candidate_that_fails_does_not_turn_the_run_red(plain):
    plain.runpytest_subprocess("--model", "bad")
    result = plain.runpytest_subprocess("--model", "one", "--compare", "all")
    assert result.ret == 0
    assert entries(plain)["bad"]["verdict"] == "fail"


@pytest.mark.slow
def test_a_run_that_fails_stays_red_beside_a_good_one(plain):
    plain.runpytest_subprocess("--model", "one")
    assert plain.runpytest_subprocess("--model", "bad", "--compare", "one").ret == 1


@pytest.mark.slow
def test_compared_candidates_are_judged_by_the_limits_of_now(plain):
    plain.runpytest_subprocess("--model", "one")
    limit(plain, "max_bits_per_char", 1.0)
    plain.runpytest_subprocess("--model", "two", "--compare", "one")
    assert entries(plain)["one"]["verdict"] == "fail"


@pytest.mark.slow
def test_all_leaves_out_the_candidates_of_the_run(plain):
    plain.runpytest_subprocess("--model", "one,two")
    plain.runpytest_subprocess("--model", "one", "--compare", "all")
    assert list(entries(plain)) == ["one", "two"]
    assert entries(plain)["one"]["compared"] == ""


def test_the_same_candidate_held_in_another_way_is_another(plain):
    plain.runpytest_subprocess("--model", "one", "--quantization", "int8")
    plain.runpytest_subprocess("--model", "one", "--compare", "one")
    assert list(entries(plain)) == ["one", "one (int8, bfloat16, cpu)"]


@pytest.mark.parametrize("stored", [True, False])
def test_a_name_of_which_nothing_is_stored_is_refused_before_anything_is_measured(plain, stored):
    if stored:
        plain.runpytest_subprocess("--model", "one")
    result = plain.runpytest_subprocess("--model", "two", "--compare", "oen")
    assert result.ret == 4
    known = "Did you mean 'one'? Stored: one." if stored else "Stored: nothing."
    result.stderr.fnmatch_lines([f"*--compare oen: nothing of it is stored.*{known}"])
    assert "two" not in logged(plain, "load")


# What is asked for and not shown


def told(result):
    return [line for line in result.outlines if line.startswith("warning: --compare")]


def test_a_name_whose_measurements_answer_other_settings_is_told_of(plain):
    plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    path = plain.path / "thresholds.toml"
    text = path.read_text()
    assert "window = 64" in text
    path.write_text(text.replace("window = 64", "window = 63"))
    result = plain.runpytest_subprocess("--model", "two", "--compare", "one", "-k", "perplexity")
    assert result.ret == 0
    assert list(entries(plain)) == ["two"]
    [line] = told(result)
    assert line.startswith("warning: --compare one shows nothing: what is stored of it is of other")


@pytest.mark.slow
def test_a_group_stands_for_its_stored_candidates_and_tells_of_the_others(plain):
    path = plain.path / "models.toml"
    path.write_text(path.read_text().replace("]\nsource", ']\ntags = ["ours"]\nsource'))
    known = set(tomllib.loads(path.read_text())["candidates"])
    assert known > {"one", "two"}
    plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    result = plain.runpytest_subprocess("--model", "two", "--compare=@ours", "-k", "perplexity")
    assert result.ret == 0
    assert list(entries(plain)) == ["two", "one"]
    missing = ", ".join(sorted(known - {"one", "two"}))
    assert told(result) == [f"warning: --compare @ours: nothing is stored of {missing}."]
    result = plain.runpytest_subprocess("--model", "one", "--compare=@our")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--compare @our: no candidate has this tag. Did you mean*"])


@pytest.mark.slow
@pytest.mark.parametrize("further", [(), ("-W", "error")])
def test_every_name_of_the_run_itself_is_told_of_and_no_other(plain, further):
    plain.runpytest_subprocess("--model", "one,two,bad", "-k", "perplexity")
    result = plain.runpytest_subprocess(
        *("--model", "one,two", "-k", "perplexity", *further),
        *("--compare", "one", "--compare", "two", "--compare", "bad"),
    )
    assert result.ret == 0
    why = (
        "nothing of it is stored but what this run judges; with another quantization, dtype or "
        "device it would be another candidate."
    )
    assert told(result) == [
        f"warning: --compare one shows nothing: {why} --compare two shows nothing: {why}"
    ]
    assert list(entries(plain)) == ["one", "two", "bad"]


def test_all_is_told_of_where_there_are_no_others(plain):
    result = plain.runpytest_subprocess("--model", "one", "--compare", "all", "-k", "perplexity")
    [line] = told(result)
    assert line.startswith("warning: --compare all shows nothing: nothing of it is stored but ")


def test_too_few_samples_for_these_limits_are_told_of(tmp_path):
    from basegate.config.thresholds import load_thresholds
    from basegate.plugin.compare import stored_beside
    from basegate.plugin.options import RunOptions
    from basegate.plugin.session import GateSession
    from basegate.progress import SILENT
    from basegate.store.folder import Store
    from tests.helpers.stored import answers, make_project, measurement

    path = make_project(tmp_path)
    store = Store(tmp_path / "store")
    store.put(measurement(path, "knowledge", answers(3, 4)))
    options = RunOptions(
        candidates=(),
        thresholds=load_thresholds(path),
        store=store.folder,
        ledger=tmp_path / "ledger.json",
        remeasure=False,
        device="cpu",
        command="pytest",
        compare=("yi-6b",),
    )
    candidates, missing = stored_beside(GateSession(options, SILENT), [])
    assert candidates == []
    assert missing[0].startswith(
        "--compare yi-6b shows nothing: too few of its samples are stored for these limits"
    )
