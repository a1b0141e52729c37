"""What did not end in a verdict is invalid, told once, and never green."""

from __future__ import annotations

import html

import pytest

from tests.helpers.plain import WORKERS, ledger, logged, verdicts


def test_degenerate_samples_are_invalid_and_shown(plain):
    result = plain.runpytest_subprocess("--model", "broken", "-k", "reasoning or continuation")
    assert result.parseoutcomes()["errors"] == 2
    assert result.ret == 1
    rows = ledger(plain)["results"]
    assert {row["verdict"] for row in rows} == {"invalid"}
    broken = {row["reason"]["values"]["broken"]["values"]["example"] for row in rows}
    assert broken == {"'!!!!!!!!!!!!'"}
    page = (plain.path / "report.html").read_text()
    assert "!" * 32 in html.unescape(html.unescape(page)), "the samples can be looked at"


@WORKERS
def test_numbers_that_broke_are_invalid_and_never_a_verdict_on_the_model(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "nan", "-k", "perplexity", *workers)
    assert result.ret == 1
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["nan: * of * log-probabilities are not finite*"])
    result.stdout.fnmatch_lines(["nan: not judged (invalid) on perplexity; not run: cont*"])
    (row,) = ledger(isolated)["results"]
    assert (row["value"], row["verdict"]) == (None, "invalid")
    assert "Traceback" not in result.stdout.str()
    assert "plugin/fixtures.py" not in result.stdout.str()


def test_one_invalid_candidate_leaves_the_others_alone(plain):
    result = plain.runpytest_subprocess("--model", "old,bug,one")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["old: it cannot be loaded yet: too old"])
    entries = {row["name"]: row["verdict"] for row in ledger(plain)["candidates"]}
    assert entries == {"old": "invalid", "bug": "invalid", "one": "pass"}


def test_a_failed_load_is_not_tried_again(plain):
    (plain.path / "checkpoints/one/tokenizer.json").unlink()
    result = plain.runpytest_subprocess("--model", "one")
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(["one: *has no tokenizer*"])
    assert logged(plain, "load") == []


def test_a_mistake_in_the_program_is_shown_with_its_traceback_and_invalid(plain):
    result = plain.runpytest_subprocess("--model", "bug", "-k", "perplexity")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*KeyError*a mistake in the program*"])
    assert verdicts(plain) == {("bug", "perplexity", ""): "invalid"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"  \n", "holds no text"), ("香港".encode("big5"), "is not UTF-8"), (None, "no such file")],
    ids=["empty", "big5", "missing"],
)
def test_a_corpus_that_cannot_be_read_is_invalid_before_anything_is_loaded(
    plain, content, sentence
):
    path = plain.path / "corpus.txt"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    result = plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert result.ret == 1
    result.assert_outcomes(errors=1)
    assert sentence in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert logged(plain, "load") == []


@pytest.mark.parametrize(
    ("check", "file", "key"),
    [
        ("perplexity", "corpus.txt", "perplexity.corpora.local.path"),
        ("continuation", "prompts.jsonl", "continuation.prompts"),
        ("knowledge", "questions.jsonl", "knowledge.banks.facts.questions"),
        ("reasoning", "problems.jsonl", "reasoning.banks.sums.problems"),
    ],
)
def test_a_file_that_is_missing_is_invalid_with_what_names_it(plain, check, file, key):
    (plain.path / file).unlink()
    (plain.path / "thresholds.toml").rename(plain.path / "t.toml")
    result = plain.runpytest_subprocess("--model", "one", "-k", check, "--thresholds=t.toml")
    assert result.ret == 1
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"one: *{file}: there is no such file or folder. t.toml names it as {key}; relative "
            "paths there start at the folder of t.toml."
        ]
    )
    assert "FileNotFoundError" not in result.stdout.str()
    assert logged(plain, "load") == []


def test_nothing_left_to_run_is_not_green(plain):
    assert plain.runpytest_subprocess("--model", "one", "-k", "nothing").ret == 5
    path = plain.path / "thresholds.toml"
    path.write_text(path.read_text().partition("[continuation]")[0])
    assert plain.runpytest_subprocess("--model", "one", "-k", "knowledge").ret == 5


@pytest.mark.parametrize("mark", ["skip", "xfail"])
def test_a_test_that_hides_a_verdict_is_not_green(plain, mark):
    test = plain.path / "tests_models/test_perplexity.py"
    test.write_text(
        f"import pytest\n\npytestmark = pytest.mark.{mark}(reason='hide')\n" + test.read_text()
    )
    result = plain.runpytest_subprocess("--model", "bad", "-k", "perplexity")
    assert result.ret == 1


@pytest.mark.parametrize("restarts", [(), ("--max-worker-restart=1",)], ids=["any", "one"])
def test_a_process_that_dies_is_reported_once_and_not_green(isolated, restarts):
    result = isolated.runpytest_subprocess(
        "--model", "crash,one", "-n2", "-k", "perplexity or knowledge", *restarts
    )
    assert result.ret == 1
    entries = {row["name"]: row["verdict"] for row in ledger(isolated)["candidates"]}
    assert entries == {"crash": "invalid", "one": "pass"}
    crashed = [row["check"] for row in ledger(isolated)["results"] if row["candidate"] == "crash"]
    assert len(set(crashed)) == len(crashed), "each test is reported once"
    if not restarts:
        assert sorted(crashed) == ["knowledge", "perplexity"]
        assert logged(isolated, "load").count("crash") == 1, "its loading is not tried again"


def test_a_limit_that_is_not_met_is_told_without_the_source_of_the_test(plain):
    result = plain.runpytest_subprocess("--model", "bad", "-k", "perplexity")
    assert "def test_perplexity" not in result.stdout.str()
    result.stdout.fnmatch_lines(["bad on local: 12.98 bits per character, limit at most 2.*"])
    result = plain.runpytest_subprocess("--model", "bad", "-k", "perplexity", "--tb=long")
    assert "def test_perplexity" in result.stdout.str()


def test_one_cause_is_told_in_full_once(plain):
    (plain.path / "checkpoints/one/tokenizer.json").unlink()
    result = plain.runpytest_subprocess("--model", "one")
    assert result.stdout.str().count("has no tokenizer") == 2, "its error and its verdict"
    assert "see its first error" in result.stdout.str()
