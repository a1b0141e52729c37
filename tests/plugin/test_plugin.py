"""The plugin end to end: pytest in a process of its own, on a project like this one."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from basegate.i18n.formatting import columns
from tests.helpers.plain import append, ledger, limit, logged, verdicts, without_timings

WORKERS = pytest.mark.parametrize(
    "workers",
    [("-p", "no:xdist"), pytest.param(("-n0",), marks=pytest.mark.slow), ("-n2",)],
    ids=["no_plugin", "xdist_zero", "xdist_two"],
)

SLOW_WITH_WORKERS = pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n2",), marks=pytest.mark.slow)], ids=["alone", "xdist_two"]
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
            "  pass * knowledge facts * q1 1 of 1 correct, * [[]1 question, *0 left out[]]",
            "  pass * reasoning sums * p1 1 of 1 correct, * [[]1 problem, *0 left out[]]",
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


@SLOW_WITH_WORKERS
def test_changing_a_limit_judges_again_without_loading(isolated, workers):
    assert isolated.runpytest_subprocess("--model", "one", *workers).ret == 0
    limit(isolated, "max_bits_per_char", 1.0)
    (isolated.path / "log").unlink()
    assert isolated.runpytest_subprocess("--model", "one", *workers).ret == 1
    assert verdicts(isolated)["one", "perplexity", "bits_per_char"] == "fail"
    assert logged(isolated, "load") == []
    assert set(logged(isolated, "modules")) == {""}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist_two"])
def test_what_came_from_the_store_is_said_once_per_candidate(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "one", "-k", "perplexity", *workers)
    assert "from the store" not in result.stdout.str()
    result = isolated.runpytest_subprocess("--model", "one,bad", *workers)
    assert result.stdout.str().count("from the store") == 1
    result.stdout.fnmatch_lines(["one: accepted", "*", "  from the store: 1 of 4 checks", "bad: *"])
    result = isolated.runpytest_subprocess("--model", "one", *workers)
    result.stdout.fnmatch_lines(["  from the store: 4 of 4 checks"])
    result = isolated.runpytest_subprocess("--model", "one", "--remeasure", *workers)
    assert "from the store" not in result.stdout.str()


def test_a_text_that_stands_in_two_checks_is_not_from_the_store_when_it_was_measured_now(plain):
    append(plain, '[perplexity.corpora.again]\npath = "corpus.txt"\nmax_bits_per_char = 2.0\n')
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 0
    assert "from the store" not in result.stdout.str()


def test_a_stored_measurement_that_is_invalid_is_from_the_store_too(plain):
    plain.runpytest_subprocess("--model", "broken", "-k", "reasoning")
    result = plain.runpytest_subprocess("--model", "broken", "-k", "reasoning")
    result.stdout.fnmatch_lines(["broken: not judged (invalid)*", "  from the store: 1 of 1 check"])


def test_changing_a_setting_measures_again(plain):
    plain.runpytest_subprocess("--model", "one")
    (plain.path / "log").unlink()
    limit(plain, "window", 32)
    plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert logged(plain, "load") == ["one"]


def ten_samples(project, correct):
    """Let the bank of problems, all answered rightly by the plain engine, be k of ten."""
    path = project.path / "thresholds.toml"
    head, _, rest = path.read_text().partition("[reasoning.banks.sums]")
    after = rest.partition("[reasoning]")
    bank = f'\nproblems = "problems.jsonl"\nsamples = 10\ncorrect = {correct}\n'
    path.write_text(f"{head}[reasoning.banks.sums]{bank}{''.join(after[1:])}")


def test_sampling_stops_where_the_verdict_is_certain(plain):
    ten_samples(plain, 7)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "draws") == ["4", "3"], "four wrong or seven right ones decide"
    [row] = [row for row in ledger(plain)["results"] if row["check"] == "reasoning"]
    assert (row["value"], row["unit"], row["verdict"]) == (7.0, "of 7 correct", "pass")
    assert row["basis"] == "1 problem, up to 10 samples each, 0 left out"
    assert dict(row["curve"])[0.5] == pytest.approx(176 / 1024)


def test_a_limit_that_the_stored_samples_settle_is_judged_without_loading(plain):
    ten_samples(plain, 7)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    (plain.path / "log").unlink()
    ten_samples(plain, 5)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "load") == logged(plain, "draws") == []


def test_a_limit_that_needs_more_samples_draws_only_the_missing_ones(plain):
    ten_samples(plain, 7)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    ten_samples(plain, 9)
    result = plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "draws") == ["4", "3", "2"]
    assert "the limit needs samples that were not drawn before" in result.stderr.str()
    result.stdout.fnmatch_lines(["  from the store: the first samples of reasoning sums"])
    [row] = [row for row in ledger(plain)["results"] if row["check"] == "reasoning"]
    assert (row["value"], row["unit"], row["verdict"]) == (9.0, "of 9 correct", "pass")


def test_all_samples_are_drawn_where_stopping_is_turned_off(plain):
    append(plain, "[reasoning]\nstop_early = false\n")
    ten_samples(plain, 7)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "draws") == ["10"]
    ten_samples(plain, 10)
    plain.runpytest_subprocess("--model", "one", "-k", "reasoning")
    assert logged(plain, "load") == ["one"]


def test_degenerate_samples_are_invalid_and_shown(plain):
    result = plain.runpytest_subprocess("--model", "broken", "-k", "reasoning or continuation")
    assert result.parseoutcomes()["errors"] == 2
    assert result.ret == 1
    rows = ledger(plain)["results"]
    assert {row["verdict"] for row in rows} == {"invalid"}
    assert all("samples are degenerate (such as '!!!!!!!!!!!!')" in row["detail"] for row in rows)
    page = (plain.path / "report.html").read_text()
    assert "!" * 32 in html.unescape(html.unescape(page)), "the samples can be looked at"


def test_another_limit_of_validity_is_judged_without_loading(plain):
    plain.runpytest_subprocess("--model", "broken", "-k", "reasoning")
    (plain.path / "log").unlink()
    append(plain, "[reasoning]\nmax_degenerate_share = 1.0\n")
    plain.runpytest_subprocess("--model", "broken", "-k", "reasoning")
    assert logged(plain, "load") == []
    assert [row["verdict"] for row in ledger(plain)["results"]] == ["fail"]


def test_changing_the_text_measures_again(plain):
    plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    (plain.path / "corpus.txt").write_text("另外一啲字。", encoding="utf-8")
    plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert logged(plain, "load") == ["one", "one"]


def test_another_quantization_is_another_measurement(plain):
    plain.runpytest_subprocess("--model", "one")
    plain.runpytest_subprocess("--model", "one", "--quantization", "none", "--dtype", "float32")
    assert logged(plain, "load") == ["one", "one"]
    (entry,) = ledger(plain)["candidates"]
    assert (entry["quantization"], entry["dtype"]) == ("none", "float32")


def test_remeasure_ignores_the_store(plain):
    plain.runpytest_subprocess("--model", "one")
    plain.runpytest_subprocess("--model", "one", "--remeasure")
    assert logged(plain, "load") == ["one", "one"]


def test_two_names_of_one_checkpoint_share_measurements_under_their_own_names(plain):
    plain.runpytest_subprocess("--model", "one")
    plain.runpytest_subprocess("--model", "twin")
    assert logged(plain, "load") == ["one"]
    assert {row["candidate"] for row in ledger(plain)["results"]} == {"twin"}
    assert ledger(plain)["candidates"][0]["name"] == "twin"


def test_one_candidates_own_limit_holds_for_it_alone(plain):
    append(plain, "[candidates.two.perplexity.corpora.local]\nmax_bits_per_char = 1.0\n")
    assert plain.runpytest_subprocess("--model", "one,two").ret == 1
    found = verdicts(plain)
    assert found["one", "perplexity", "bits_per_char"] == "pass"
    assert found["two", "perplexity", "bits_per_char"] == "fail"


@WORKERS
def test_no_model_is_a_usage_error_that_lists_the_names(isolated, workers):
    result = isolated.runpytest_subprocess(*workers)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: the acceptance tests need a candidate*one, two, bad*"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_a_group_is_selected_on_the_command_line(plain):
    models = plain.path / "models.toml"
    models.write_text(models.read_text().replace('/two"\n', '/two"\ntags = ["pair"]\n'))
    result = plain.runpytest_subprocess("--model=@pair,one", "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*test_perplexity[[]two-local]", "*test_perplexity[[]one-local]"])


def test_a_group_as_a_word_of_its_own_is_a_file_to_pytest(plain):
    """It ends before any plugin is loaded: README and --help say what to write instead."""
    result = plain.runpytest_subprocess("--model", "@pair")
    assert result.ret == 4
    assert "No such file or directory: 'pair'" in result.stderr.str()
    told = " ".join(plain.runpytest_subprocess("--help").stdout.str().split())
    assert "(--model=@7b, with '=': --model @7b is a file of arguments to pytest" in told


@WORKERS
def test_a_misspelt_model_is_a_usage_error_with_the_nearest_name(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "scrpt", *workers)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --model scrpt: *Did you mean 'script'*"])
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[perplexty]\n", "perplexty: unknown key. Did you mean 'perplexity'"),
        (
            "[reasoning.banks.more]\nproblems = 'problems.jsonl'\nsamples = 10\ncorrect = 12\n",
            "correct = 12 of samples = 10 cannot be reached",
        ),
        ("[candidates.nobody.continuation]\nmax_latin_share = 0.1\n", "no candidate of that name"),
        ("[knowledge.banks.facts]\n", "is not valid TOML"),
    ],
    ids=["unknown", "k-of-n", "candidate", "toml"],
)
def test_broken_thresholds_are_a_usage_error(plain, text, sentence):
    append(plain, text)
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 4
    assert sentence in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize("value", ["nan", '"five"', "true"])
def test_a_limit_that_is_no_number_is_a_usage_error(plain, value):
    limit(plain, "max_bits_per_char", value)
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*perplexity.corpora.local.max_bits_per_char = *accepted: a *"])


def test_a_missing_thresholds_file_is_a_usage_error(plain):
    result = plain.runpytest_subprocess("--model", "one", "--thresholds=nowhere.toml")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*nowhere.toml: there is no such file*"])


@pytest.mark.parametrize("option", ["--store", "--thresholds"])
def test_a_path_that_moves_pytests_root_is_a_usage_error_that_says_how(
    plain, tmp_path_factory, option
):
    place = tmp_path_factory.mktemp("elsewhere")
    if option == "--thresholds":
        place = shutil.copy(plain.path / "thresholds.toml", place / "limits.toml")
    result = plain.runpytest_subprocess("--model", "one", option, str(place))
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {option} *Write it with '=': {option}={place}"])
    result = plain.runpytest_subprocess("--model", "one", f"{option}={place}", "--collect-only")
    assert result.ret == 0


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


def test_a_check_without_a_table_does_not_run(plain):
    path = plain.path / "thresholds.toml"
    path.write_text(path.read_text().partition("[knowledge")[0])
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 0
    result.assert_outcomes(passed=2, deselected=3)


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


def test_collecting_imports_nothing_heavy_and_writes_nothing(plain):
    result = plain.runpytest_subprocess("--model", "one", "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["tests_models/test_perplexity.py::test_perplexity[[]one-local]"])
    assert logged(plain, "modules") == [""]
    assert not (plain.path / "report.html").exists()
    assert not (plain.path / ".basegate").exists()


def test_help_imports_nothing_heavy(plain, tmp_path):
    result = plain.runpytest_subprocess("--help")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*--model*", "*--list-models*", "*--thresholds*", "*--store*"])
    script = (
        "import sys, pytest\n"
        "pytest.main(['--help'])\n"
        "print([m for m in ('torch', 'transformers', 'datasets', 'matplotlib', 'pydantic')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_list_models_prints_the_registry(plain):
    result = plain.runpytest_subprocess("--list-models")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["name * source", "one *", "old * no *", "old: too old"])


def test_list_models_prints_what_model_names(plain):
    result = plain.runpytest_subprocess("--list-models", "--model", "two,one")
    assert result.ret == 0
    assert [line.split()[0] for line in result.outlines[:3]] == ["name", "two", "one"]
    result.stdout.no_fnmatch_line("old *")


def test_k_x_and_lf_work(plain):
    result = plain.runpytest_subprocess("--model", "bad,one", "-x")
    result.assert_outcomes(failed=1)
    result = plain.runpytest_subprocess("--model", "bad,one", "--lf")
    result.assert_outcomes(failed=1)
    result = plain.runpytest_subprocess("--model", "one", "-k", "knowledge or reasoning")
    result.assert_outcomes(passed=2, deselected=3)


@SLOW_WITH_WORKERS
def test_a_run_that_a_failure_stopped_is_partial_if_something_was_left_to_run(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "bad", "-x", "-q", *workers)
    told = [line for line in result.outlines if "is partial:" in line]
    assert told == [
        "This report is partial: the run was stopped. What was measured is kept, and the same "
        "command goes on from there; without -x or --maxfail, if a failure stopped it."
    ]
    assert ledger(isolated)["suite"]["interrupted"] is True
    result = isolated.runpytest_subprocess(
        "--model", "bad", "-x", "-q", "-k", "perplexity", *workers
    )
    assert result.ret == (2 if workers else 1)
    result.stdout.fnmatch_lines(["bad: rejected on perplexity; not run: *", "*stopping after 1 *"])
    assert "is partial:" not in result.stdout.str()
    assert "is partial:" not in (isolated.path / "report.html").read_text()
    assert ledger(isolated)["suite"]["interrupted"] is False


def evidence_in(page):
    """Return what the page shows behind its rows, by the id of the test."""
    blob = re.search(r'data-jsonblob="([^"]*)"', page)[1]
    tests = json.loads(html.unescape(blob))["tests"].values()
    return {row["testId"]: row["log"] for rows in tests for row in rows}


@WORKERS
def test_the_page_shows_verdicts_and_what_was_written_and_stays_text(isolated, workers):
    result = isolated.runpytest_subprocess("--model", "script", "--html=page.html", *workers)
    page = (isolated.path / "page.html").read_text()
    assert result.ret == 1
    assert "bits per character" in page
    (shown,) = [log for test, log in evidence_in(page).items() if "continuation" in test]
    assert 'href="#bg-texts?candidate=script&amp;check=continuation' in shown
    assert "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e" in page
    assert "<script>alert(1)" not in page
    assert "\x1b" not in page + result.stdout.str()


@SLOW_WITH_WORKERS
def test_the_page_tells_the_time_of_reading_the_store_from_that_of_measuring(isolated, workers):
    isolated.runpytest_subprocess("--model", "one", *workers)
    assert "data-stored=" not in (isolated.path / "report.html").read_text()
    isolated.runpytest_subprocess("--model", "one", *workers)
    page = html.unescape((isolated.path / "report.html").read_text())
    assert page.count('data-stored=\\"from the store; measured in ') == len(verdicts(isolated))


@pytest.mark.parametrize("asked", [("--language", "zh-HK"), ()], ids=["option", "locale"])
def test_terminal_and_page_are_in_the_readers_language_and_the_ledger_is_not(
    plain, monkeypatch, asked
):
    if not asked:
        monkeypatch.setenv("LC_ALL", "zh_HK.UTF-8")
    result = plain.runpytest_subprocess("--model", "bad", "--html=page.html", *asked)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "門檻：*thresholds.toml，存檔：*",
            "bad 在 local：每字 12.98 bits，上限 2。*",
            "*= 評定結果 =*",
            "bad：不宜採用（困惑度）",
            "  不合格       困惑度 local * 每字 12.98 bits，上限 2 [[]1 篇文章[]]",
            "  合格 * 知識 facts * q1：1 個樣本答對 1 個，下限 1 *",
            "記錄檔：*",
        ]
    )
    (heading,) = [line for line in result.outlines if "評定結果" in line]
    assert columns(heading) == 80
    page = (plain.path / "page.html").read_text()
    assert "該選哪個模型" in page
    assert "模型寫了甚麼" in page
    (row,) = [row for row in ledger(plain)["results"] if row["verdict"] != "pass"]
    assert row["detail"].startswith("bad on local: 12.98 bits per character, limit at most 2.")


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
def test_why_a_row_is_invalid_is_in_the_readers_language_whichever_process_found_it(
    isolated, workers
):
    result = isolated.runpytest_subprocess(
        *("--model", "broken,dies", "-k", "reasoning", "--language", "zh-HK", *workers),
        *("--html=page.html", "--junitxml=junit.xml", "--summary=summary.md"),
    )
    assert result.ret == 1
    written = [isolated.path / name for name in ("page.html", "junit.xml", "summary.md")]
    for text in (result.stdout.str(), *(path.read_text(encoding="utf-8") for path in written)):
        assert "個輸出異常（例如" in text
        assert "負責測量的程序突然結束" in text
        assert "samples are degenerate" not in text
        assert "ended without a word" not in text
    details = {row["candidate"]: row["detail"] for row in ledger(isolated)["results"]}
    assert "samples are degenerate (such as" in details["broken"]
    assert "ended without a word" in details["dies"]


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


def test_one_text_under_two_names_is_judged_by_the_limits_of_each(plain):
    append(plain, '[perplexity.corpora.strict]\npath = "corpus.txt"\nmax_bits_per_char = 1.0\n')
    result = plain.runpytest_subprocess("--model", "one", "-k", "perplexity")
    assert result.ret == 1
    found = {row["item"]: (row["limit"], row["verdict"]) for row in ledger(plain)["results"]}
    assert found == {"local": (2.0, "pass"), "strict": (1.0, "fail")}
    assert logged(plain, "load") == ["one"], "one measurement for both"


def test_a_renamed_bank_is_judged_from_the_store(plain):
    plain.runpytest_subprocess("--model", "one")
    path = plain.path / "thresholds.toml"
    path.write_text(path.read_text().replace("banks.facts", "banks.renamed"))
    assert plain.runpytest_subprocess("--model", "one").ret == 0
    assert "renamed/q1" in {row["item"] for row in ledger(plain)["results"]}
    assert logged(plain, "load") == ["one"]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--ledger=.", "is a folder"),
        ("--ledger=models.toml/x.json", "nothing can be written"),
        ("--store=models.toml/x", "nothing can be written"),
        ("--html=models.toml/x.html", "nothing can be written"),
    ],
)
def test_a_place_that_cannot_take_the_results_is_a_usage_error(plain, option, sentence):
    result = plain.runpytest_subprocess("--model", "one", option)
    assert result.ret == 4
    assert sentence in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    assert logged(plain, "load") == []


READ_ONLY = """
import errno, tempfile
import basegate.config.output_paths

class ReadOnlyStore:
    @staticmethod
    def TemporaryFile(dir):
        if dir.name == ".basegate":
            raise OSError(errno.EROFS, "Read-only file system")
        return tempfile.TemporaryFile(dir=dir)

basegate.config.output_paths.tempfile = ReadOnlyStore
"""


def test_a_read_only_store_is_named_and_may_be_read_with_a_ledger_elsewhere(plain):
    plain.runpytest_subprocess("--model", "one")
    with (plain.path / "conftest.py").open("a") as file:
        file.write(READ_ONLY)
    result = plain.runpytest_subprocess("--model", "one")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [
            f"ERROR: --store: nothing can be written in {plain.path}/.basegate (Read-only file "
            "system), so *Give another place, or, where all that is asked is in this store, "
            "--ledger FILE outside of it."
        ]
    )
    result = plain.runpytest_subprocess("--model", "one", "--ledger=ledger.json")
    assert result.ret == 0
    assert (plain.path / "ledger.json").exists()


def test_a_store_that_takes_nothing_loses_no_verdict(plain):
    (plain.path / ".basegate").mkdir()
    (plain.path / ".basegate/measurements").write_text("in the way")
    result = plain.runpytest_subprocess("--model", "one", "--ledger=ledger.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*not all that was measured could be kept in*", "one: accepted"])


def verdict_block(result):
    return result.stdout.str().partition(" verdicts ==")[2].partition("ledger: ")[0]


@pytest.mark.parametrize("workers", [(), ("-n2",), ("--in-process",)])
def test_a_store_that_takes_nothing_is_told_once_beside_the_verdicts(isolated, workers):
    (isolated.path / ".basegate").mkdir()
    (isolated.path / ".basegate/measurements").write_text("in the way")
    result = isolated.runpytest_subprocess("--model", "one", "--ledger=ledger.json", *workers)
    told = [line for line in verdict_block(result).splitlines() if line.startswith("warning: ")]
    assert len(told) == 1
    assert "could be kept in" in told[0]
    assert "more like it" not in told[0]
    everywhere = result.stdout.str().count("could be kept in")
    assert everywhere == 2, "once by pytest, once by the verdicts"


@SLOW_WITH_WORKERS
def test_a_file_that_is_not_used_is_told_beside_the_verdicts(isolated, workers):
    isolated.runpytest_subprocess("--model", "one")
    [path] = (isolated.path / ".basegate/measurements").glob("*.perplexity.*.json")
    path.write_text("{")
    block = verdict_block(isolated.runpytest_subprocess("--model", "one", *workers))
    assert block.count("warning: ") == 1
    assert f"warning: {path.name} is not used, since " in block
    assert "from the store: 3 of 4 checks" in block
    assert "warning: " not in verdict_block(isolated.runpytest_subprocess("--model", "one"))


def test_a_selection_of_checks_accepts_nothing(plain):
    result = plain.runpytest_subprocess("--model", "one,two", "-k", "one and knowledge")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["one: no objection so far; not run: perplexity local, *"])
    result.stdout.fnmatch_lines(["two: not asked (no acceptance test of it was selected)"])
    assert ledger(plain)["candidates"][0]["not_run"] == [
        "perplexity local",
        "continuation prompts",
        "reasoning sums",
    ]


def test_a_run_that_selects_nothing_keeps_the_last_ledger(plain):
    plain.runpytest_subprocess("--model", "one")
    before = (plain.path / ".basegate/ledger.json").read_text()
    assert plain.runpytest_subprocess("--model", "one", "-k", "nothing").ret == 5
    assert plain.runpytest_subprocess("--model", "one", "nowhere.py").ret == 4
    assert (plain.path / ".basegate/ledger.json").read_text() == before


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


def test_it_works_without_pytest_html(plain):
    result = plain.runpytest_subprocess("--model", "one", "-p", "no:html")
    assert result.ret == 0
    assert not (plain.path / "report.html").exists()


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
