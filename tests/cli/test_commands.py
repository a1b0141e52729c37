"""`python -m basegate`: each command, each error, exit status, and no traceback."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from basegate.cli import main
from basegate.data import hub
from basegate.errors import DataError
from basegate.measurement import DocumentScore
from basegate.serialization import digest
from basegate.store import Store
from tests.helpers.markup import read
from tests.helpers.stored import (
    FINDINGS,
    THRESHOLDS,
    answers,
    as_schema_1,
    candidate,
    make_project,
    measurement,
    pairs,
    perplexity,
)

HEAVY = ("torch", "transformers", "datasets", "matplotlib", "pytest", "scipy", "numpy")


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run a command in the project; return its exit status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run_in(*arguments):
        try:
            status = main([*map(str, arguments)])
        except SystemExit as ended:
            status = ended.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return run_in


@pytest.fixture
def judge(run, store, thresholds):
    def run_judge(*arguments):
        return run("judge", "--thresholds", thresholds, "--store", store.folder, *arguments)

    return run_judge


@pytest.fixture
def manage(run, store):
    def run_store(command, *arguments):
        return run("store", command, *arguments, "--store", store.folder)

    return run_store


def fill(store, thresholds, facts=None, **findings):
    """Store an answer to every check; `findings` says otherwise for some, `None` for none."""
    chosen = {check: make() for check, make in FINDINGS.items()} | findings
    for check, found in chosen.items():
        if found is not None:
            store.put(measurement(thresholds, check, found, facts))


# judge


def test_all_passed_is_exit_status_0(judge, store, thresholds):
    fill(store, thresholds)
    status, out, err = judge()
    assert (status, err) == (0, "")
    assert "yi-6b: accepted\n" in out
    assert (
        "  pass         perplexity wiki              4 bits per character (95 %: 3.90 to 4.10), "
        "limit at most 5 [12 documents]\n"
    ) in out
    assert "  pass         knowledge facts              q1 7 of 7 correct, limit at least 7" in out
    assert "measured in nf4, bfloat16, on cuda: loaded in 1.0 s, at most 1.00 GiB in use" in out


def test_verdicts_are_written_for_spreadsheets_where_that_is_asked_for(judge, store, thresholds):
    fill(store, thresholds, minimal_pairs=pairs(0.1))
    fill(store, thresholds, candidate("other", revision="b" * 40), knowledge=None)
    status, out, _ = judge("--csv", "out/verdicts.csv", "--ledger", "ledger.json")
    assert status == 1
    assert out.splitlines()[-2:] == ["ledger: ledger.json", "CSV: out/verdicts.csv"]
    rows = list(csv.DictReader(Path("out/verdicts.csv").read_text("utf-8").splitlines()))
    assert [(row["candidate"], row["metric"], row["verdict"]) for row in rows] == [
        ("other", "bits_per_char", "pass"),
        ("other", "preferred_share", "pass"),
        ("yi-6b", "bits_per_char", "pass"),
        ("yi-6b", "preferred_share", "fail"),
        ("yi-6b", "correct", "pass"),
    ]


def test_a_csv_that_cannot_be_written_is_a_usage_error(judge, store, thresholds):
    fill(store, thresholds)
    Path("file").write_text("")
    status, out, err = judge("--csv", "file/verdicts.csv")
    assert status == 4
    assert "yi-6b: accepted" in out
    assert "error: --csv file/verdicts.csv: cannot be written (" in err
    assert "so the verdicts above are not recorded" in err


@pytest.mark.parametrize(
    "command",
    [("judge", "--csv"), ("judge", "--ledger"), ("report", "--html"), ("report", "--summary")],
    ids=" ".join,
)
def test_a_folder_for_a_file_is_refused_before_any_verdict(run, store, thresholds, command):
    fill(store, thresholds)
    name, option = command
    status, out, err = run(name, "--store", store.folder, option, "store")
    assert (status, out) == (4, "")
    assert err == f"error: {option} store: is a folder; give a file, which may be new.\n"
    status, out, err = run(name, "--store", store.folder, option, "-")
    assert (status, out) == (4, "")
    assert err.startswith(f"error: {option} -: is written to a file, not to standard output")


def test_a_folder_in_the_place_of_the_default_page_is_refused_before_any_verdict(
    run, store, thresholds, monkeypatch
):
    fill(store, thresholds)
    Path("report.html").mkdir()
    monkeypatch.setattr("basegate.cli.report.judge_intact", None)
    status, _, err = run("report", "--store", store.folder)
    assert status == 4
    assert err == "error: --html report.html: is a folder; give a file, which may be new.\n"


def test_the_words_are_those_of_the_terminal_summary(judge, store, thresholds):
    from basegate.ledger import Ledger
    from basegate.report.terminal import summary

    fill(store, thresholds, perplexity=perplexity(5.05), minimal_pairs=pairs(0.1))
    _, out, _ = judge("--ledger", "ledger.json")
    fields = json.loads(Path("ledger.json").read_text(encoding="utf-8"))
    ledger = Ledger.model_validate({"schema_": fields.pop("schema"), **fields})
    assert [line for line, _ in summary(ledger)] == out.splitlines()[1:-1]
    assert out.splitlines()[-1] == "ledger: ledger.json"


@pytest.mark.parametrize("asked", [("--language", "zh-HK"), ()], ids=["option", "locale"])
def test_verdicts_are_in_the_readers_language(judge, store, thresholds, monkeypatch, asked):
    if not asked:
        monkeypatch.setenv("LC_ALL", "zh_HK.UTF-8")
    fill(store, thresholds, perplexity=perplexity(5.05), knowledge=None)
    status, out, err = judge(*asked)
    assert (status, err) == (1, "")
    assert "yi-6b：未能判斷，暫不採用（困惑度）；未評定：知識 facts\n" in out
    assert (
        "  未能判斷     困惑度 wiki                  每字 5.05 bits（95% 區間 4.95 至 5.15），"
        in out
    )
    assert "，上限 5 [12 篇文章]\n" in out
    assert "  未測量       知識 facts                   pytest --model yi-6b" in out


def test_why_nothing_can_be_judged_is_in_the_readers_language(judge, store, thresholds):
    fill(store, thresholds, knowledge=answers(right=10, drawn=10, broken=9))
    _, out, _ = judge("--language", "zh-HK")
    assert "10 個樣本有 9 個輸出異常" in out
    (thresholds.parent / "corpus.txt").unlink()
    _, out, _ = judge("--language", "zh-HK")
    assert "無從確定存檔內哪些測量屬於此項：" in out
    assert "corpus.txt: there is no such file or folder." in out


def test_a_limit_that_is_not_met_is_exit_status_1(judge, store, thresholds):
    fill(store, thresholds, perplexity=perplexity(6.0))
    status, out, _ = judge()
    assert status == 1
    assert "yi-6b: rejected on perplexity\n" in out


def test_another_limit_judges_the_same_measurements_again(judge, store, thresholds):
    fill(store, thresholds, perplexity=perplexity(6.0))
    thresholds.write_text(THRESHOLDS.replace("5.0", "7.0"))
    assert judge()[0] == 0


def test_another_setting_is_answered_by_nothing(judge, store, thresholds):
    fill(store, thresholds)
    other = "[perplexity]\nwindow = 99\ncontext = 9\n"
    thresholds.write_text(THRESHOLDS.replace("[perplexity]\n", other))
    status, out, _ = judge()
    assert status == 1
    again = f"pytest --model yi-6b --thresholds={thresholds} --store={store.folder}"
    assert f"  not measured perplexity wiki              {again}\n" in out
    assert "yi-6b: no objection so far; not judged: perplexity wiki\n" in out


REGISTRY = """
[candidates.yi-6b]
source = "01-ai/Yi-6B"

[candidates.yi-int8]
source = "01-ai/Yi-6B"
quantization = "int8"
"""


@pytest.mark.parametrize(
    ("facts", "model"),
    [
        (candidate(), "yi-6b"),
        (candidate("y6"), f"y6=01-ai/Yi-6B@{'a' * 40}"),
        (candidate("mine", revision="sha256:00"), "mine=01-ai/Yi-6B"),
        (candidate("yi-int8", "int8"), "yi-int8"),
    ],
)
def test_the_command_names_a_source_where_pytest_does_not_know_the_name(
    judge, store, thresholds, tmp_path, facts, model
):
    (tmp_path / "models.toml").write_text(REGISTRY)
    fill(store, thresholds, facts, perplexity=None)
    command = f"pytest --model {model} --thresholds={thresholds} --store={store.folder}"
    assert f"  not measured perplexity wiki              {command}\n" in judge()[1]


def test_the_command_holds_a_candidate_as_it_was_held(judge, store, thresholds, tmp_path):
    (tmp_path / "models.toml").write_text(REGISTRY)
    fill(store, thresholds, candidate(quantization="int8"), perplexity=None)
    ends = f"--store={store.folder} --quantization int8\n"
    assert ends in judge()[1]


def test_a_registry_that_cannot_be_read_does_not_keep_from_judging(
    judge, store, thresholds, tmp_path
):
    (tmp_path / "models.toml").write_text("[")
    fill(store, thresholds, perplexity=None)
    assert "pytest --model yi-6b " in judge()[1]


def test_other_data_is_answered_by_nothing(judge, store, thresholds):
    fill(store, thresholds)
    (thresholds.parent / "corpus.txt").write_text("another text")
    assert "not measured perplexity wiki" in judge()[1]


def test_another_version_of_a_measure_answers_nothing(judge, store, thresholds):
    fill(store, thresholds, perplexity=None)
    made = measurement(
        thresholds, "perplexity", perplexity(), measure={"name": "perplexity", "version": 0}
    )
    store.put(made)
    assert "not measured perplexity wiki" in judge()[1]


def test_the_default_thresholds_are_not_repeated(run, store, thresholds):
    fill(store, thresholds, perplexity=None)
    _, out, _ = run("judge", "--store", store.folder)
    assert f"pytest --model yi-6b --store={store.folder}\n" in out


def test_a_measurement_whose_samples_are_gone_is_not_judged(judge, store, thresholds):
    fill(store, thresholds)
    next(store.measurements.glob("*.knowledge.*.samples.jsonl")).unlink()
    status, out, err = judge()
    assert status == 1
    assert "not measured knowledge facts" in out
    assert "is missing beside it" in err


def test_of_several_versions_of_libraries_the_newest_counts(judge, store, thresholds):
    fill(store, thresholds)
    store.put(
        measurement(
            thresholds,
            "perplexity",
            perplexity(6.0),
            torch="2.0",
            measured_at="2026-02-01T00:00:00+00:00",
        )
    )
    status, out, _ = judge()
    assert status == 1
    assert "6 bits per character" in out
    assert "note: measured 2 times, with other versions of libraries; the newest counts" in out


def test_where_all_samples_are_wanted_the_drawn_ones_are_too_few(judge, store, thresholds):
    fill(store, thresholds, knowledge=answers(right=7, drawn=7))
    assert judge()[0] == 0
    thresholds.write_text(THRESHOLDS + "[knowledge]\nstop_early = false\n")
    status, out, _ = judge()
    assert status == 1
    assert "  not decided  knowledge facts" in out
    fill(store, thresholds, knowledge=answers(right=7, drawn=10))
    assert judge()[0] == 0


def test_too_few_samples_are_not_decided(judge, store, thresholds):
    fill(store, thresholds, knowledge=answers(right=7, drawn=7))
    thresholds.write_text(THRESHOLDS.replace("correct = 7", "correct = 8"))
    status, out, _ = judge()
    assert status == 1
    assert "  not decided  knowledge facts              samples are missing: pytest" in out


def test_a_candidate_may_have_limits_of_its_own(judge, store, thresholds):
    fill(store, thresholds, perplexity=perplexity(6.0))
    thresholds.write_text(
        THRESHOLDS + "[candidates.yi-6b.perplexity.corpora.wiki]\nmax_bits_per_char = 7.0\n"
    )
    assert judge()[0] == 0


def test_limits_of_a_candidate_that_is_not_stored_are_pointed_out(judge, store, thresholds):
    fill(store, thresholds)
    thresholds.write_text(
        THRESHOLDS + "[candidates.yi-6.perplexity.corpora.wiki]\nmax_bits_per_char = 7.0\n"
    )
    status, out, _ = judge()
    assert status == 0
    assert "yi-6 has limits of its own" in out


def test_a_name_that_was_held_in_two_ways_is_shown_with_how(judge, store, thresholds):
    fill(store, thresholds)
    fill(store, thresholds, candidate(quantization="int8"))
    fill(store, thresholds, candidate("other", revision="c" * 40))
    _, out, _ = judge()
    assert "yi-6b (int8, bfloat16, cuda): accepted" in out


def test_two_revisions_are_told_apart(judge, store, thresholds):
    fill(store, thresholds)
    fill(store, thresholds, candidate(revision="b" * 40))
    _, out, _ = judge()
    assert "yi-6b (nf4, bfloat16, cuda, aaaaaaaaaaaa): accepted" in out
    assert "yi-6b (nf4, bfloat16, cuda, bbbbbbbbbbbb): accepted" in out


def test_one_checkpoint_under_two_names(judge, store, thresholds):
    fill(store, thresholds, perplexity=None)
    store.put(measurement(thresholds, "perplexity", perplexity(), candidate("mine")))
    status, out, _ = judge("--model", "yi-6b")
    assert status == 0
    assert "yi-6b: accepted" in out
    assert "stored as mine, too; limits are those of yi-6b" in out


@pytest.mark.parametrize("given", [["a,b"], ["a", "b"]])
def test_candidates_are_chosen_in_order(judge, store, thresholds, given):
    for name, revision in (("b", "1"), ("c", "2"), ("a", "3")):
        fill(store, thresholds, candidate(name, revision=revision))
    _, out, _ = judge("--model", *given)
    assert [line for line in out.splitlines() if "accepted" in line] == [
        "a: accepted",
        "b: accepted",
    ]


MODELS = """
[candidates.yi-6b]
source = "01-ai/Yi-6B"
parameters = "6B"
tags = ["yi"]
[candidates.yi-34b]
source = "01-ai/Yi-34B"
parameters = "34B"
tags = ["yi"]
[candidates.qwen-7b]
source = "Qwen/Qwen-7B"
parameters = "7B"
"""


@pytest.fixture
def registry(tmp_path):
    """Three candidates, of two of which, and of one more, all is stored."""
    (tmp_path / "models.toml").write_text(MODELS)


@pytest.mark.parametrize(
    ("given", "judged", "absent"),
    [
        (["--model=@7b"], ["yi-6b", "qwen-7b"], ""),
        (["--model", "@yi"], ["yi-6b"], "yi-34b"),
        (["--model", "all"], ["yi-6b", "qwen-7b"], "yi-34b"),
        (["--model", "mine,@7b,yi-6b"], ["mine", "yi-6b", "qwen-7b"], ""),
        (["--model", "mine", "yi-34b"], ["mine"], "yi-34b"),
    ],
)
def test_groups_are_those_of_pytest_and_what_is_not_stored_is_said(
    judge, store, thresholds, registry, given, judged, absent
):
    for name, revision in (("qwen-7b", "1"), ("yi-6b", "2"), ("mine", "3")):
        fill(store, thresholds, candidate(name, revision=revision))
    status, out, err = judge(*given)
    assert (status, err) == (1 if absent else 0, "")
    heads = [line for line in out.splitlines() if "accepted" in line]
    assert heads == [f"{name}: accepted" for name in judged]
    assert (f"nothing is stored of {absent}: pytest --model NAME measures" in out) == bool(absent)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("@frob", "--model @frob: no candidate has this tag."),
        ("@32b", "--model yi-34b: nothing of it is stored. Did you mean 'yi-6b'? Stored: yi-6b."),
        ("yi-34b,qwen-7b", "--model yi-34b, qwen-7b: nothing of them is stored. Stored: yi-6b."),
        ("yi-6b,qwem-7b", "--model qwem-7b: nothing of it is stored."),
        ("yi-6b=./yi", "--model yi-6b=./yi: what is stored goes by its name alone: --model yi-6b"),
    ],
)
def test_candidates_that_cannot_be_judged_are_a_usage_error(
    judge, manage, store, thresholds, registry, given, message
):
    fill(store, thresholds)
    for status, out, err in (
        judge("--model", given),
        manage("prune", "--model", given),
    ):
        assert (status, out) == (4, "")
        assert message in err


@pytest.mark.parametrize("given", ["all", "@7b"])
def test_groups_without_a_registry_are_a_usage_error_that_names_the_file(
    judge, store, thresholds, given
):
    fill(store, thresholds)
    status, _, err = judge("--model", given)
    assert status == 4
    assert f"--model {given}: groups are those of models.toml, and there are no candidates" in err


def test_groups_are_pruned_too(manage, store, thresholds, registry):
    for name, revision in (("qwen-7b", "1"), ("yi-6b", "2"), ("mine", "3")):
        fill(store, thresholds, candidate(name, revision=revision))
    assert manage("prune", "--model", "@yi", "--yes")[0] == 0
    assert {each.candidate.name for each in store} == {"qwen-7b", "mine"}


def test_too_many_degenerate_samples_are_invalid(judge, store, thresholds):
    fill(store, thresholds, knowledge=answers(right=10, drawn=10, broken=9))
    status, out, _ = judge()
    assert status == 1
    assert "invalid      knowledge facts" in out
    assert "9 of 10 samples are degenerate, knowledge.max_degenerate_share is 0.5" in out.replace(
        "knowledge.banks.facts.", "knowledge."
    )


def test_data_that_cannot_be_found_is_said_per_check(judge, store, thresholds):
    fill(store, thresholds)
    (thresholds.parent / "corpus.txt").unlink()
    status, out, _ = judge()
    assert status == 1
    assert "  not found    perplexity wiki " in out
    assert (
        "corpus.txt: there is no such file or folder. thresholds.toml names it as "
        "perplexity.corpora.wiki.path; relative paths there start at the folder of "
        "thresholds.toml."
    ) in out
    assert "  pass         knowledge facts" in out
    assert "invalid" not in out


def test_a_hub_that_cannot_be_reached_is_said_per_check(judge, store, thresholds, monkeypatch):
    fill(store, thresholds)

    def unreachable(kind, repo_id, revision):
        raise DataError(f"the hub could not be reached for the data set {repo_id}")

    monkeypatch.setattr(hub, "_resolve", unreachable)
    thresholds.write_text(
        THRESHOLDS + "[perplexity.corpora.hub]\ndataset = 'a/b'\nmax_perplexity = 9\n"
    )
    status, out, _ = judge()
    assert status == 1
    assert "  not found    perplexity hub " in out
    assert "the hub could not be reached for the data set a/b" in out


def test_a_candidate_of_other_checks_only_is_not_judged(judge, store, thresholds):
    fill(store, thresholds)
    facts = candidate("x", revision="c" * 40)
    other = measurement(thresholds, "perplexity", perplexity(), facts, settings={})
    store.put(other)
    status, out, _ = judge()
    assert status == 1
    assert "x: nothing stored answers these limits" in out
    assert judge("--model", "yi-6b")[0] == 0


def test_an_empty_store_judges_nothing(judge, store):
    store.folder.mkdir()
    status, out, _ = judge()
    assert status == 1
    assert "nothing is stored, so nothing is judged" in out


def test_the_ledger_is_that_of_a_run(judge, store, thresholds):
    fill(store, thresholds)
    status, _, _ = judge("--ledger", "new/ledger.json")
    ledger = json.loads(Path("new/ledger.json").read_text(encoding="utf-8"))
    assert (status, ledger["schema"]) == (0, 1)
    assert ledger["suite"]["command"].startswith("python -m basegate")
    assert [entry["verdict"] for entry in ledger["candidates"]] == ["pass"]
    details = {row["check"]: row["detail"] for row in ledger["results"]}
    assert details["perplexity"].startswith("yi-6b on wiki: 4 bits per character")
    assert next(row for row in ledger["results"] if row["check"] == "knowledge")["curve"]


def test_a_ledger_that_cannot_be_written_is_a_usage_error(judge, store, thresholds):
    fill(store, thresholds)
    Path("file").write_text("")
    status, out, err = judge("--ledger", "file/ledger.json")
    assert status == 4
    assert "yi-6b: accepted" in out
    assert "cannot be written" in err


def test_a_check_whose_file_is_damaged_is_not_measured(judge, store, thresholds):
    fill(store, thresholds)
    path = next(store.measurements.glob("*.perplexity.*.json"))
    path.write_bytes(path.read_bytes()[:-20])
    status, out, err = judge()
    assert status == 1
    assert err.startswith(f"warning: {path.name} is not used, since ")
    assert err.count("warning: ") == 1
    assert "not measured perplexity wiki" in out


@pytest.fixture
def report(run, store, thresholds):
    """Write page and summary; return status, errors, and both in words."""

    def run_report(*arguments, stores=(store.folder,)):
        places = [part for folder in stores for part in ("--store", folder)]
        files = ("--html", "page.html", "--summary", "summary.md")
        status, _, err = run("report", "--thresholds", thresholds, *places, *files, *arguments)
        page = read(Path("page.html").read_text("utf-8")).words
        return status, err, page, Path("summary.md").read_text("utf-8")

    return run_report


def test_a_report_rests_on_nothing_whose_samples_are_damaged(report, store, thresholds):
    fill(store, thresholds)
    samples = next(store.measurements.glob("*.knowledge.*.samples.jsonl"))
    samples.write_text(samples.read_text("utf-8") + "{broken", encoding="utf-8")
    status, err, page, summary = report()
    assert status == 0
    assert err.count("is not used, since the checksum of ") == 1
    again = f"pytest --model yi-6b --thresholds={thresholds} --store={store.folder}"
    assert "Take yi-6b" not in page + summary
    assert f"not measured {again}" in page
    assert "? **not measured** knowledge facts: pytest" in summary


def test_a_ledger_of_judge_rests_on_nothing_whose_samples_are_damaged(judge, store, thresholds):
    fill(store, thresholds)
    samples = next(store.measurements.glob("*.knowledge.*.samples.jsonl"))
    samples.write_text(samples.read_text("utf-8") + "{broken", encoding="utf-8")
    status, out, _ = judge("--ledger", "ledger.json")
    assert status == 1
    assert "not measured knowledge facts" in out
    ledger = json.loads(Path("ledger.json").read_text("utf-8"))
    assert ledger["recommendation"]["candidate"] is None
    [entry] = ledger["candidates"]
    assert [each["why"] for each in entry["not_judged"]] == ["missing"]


def test_a_report_names_whom_it_lacks(report, store, thresholds):
    fill(store, thresholds)
    other = (thresholds.parent / "corpus.txt").read_text("utf-8")
    (thresholds.parent / "corpus.txt").write_text("another text")
    elsewhere = candidate("elsewhere", revision="b" * 40)
    store.put(measurement(thresholds, "perplexity", perplexity(), elsewhere))
    (thresholds.parent / "corpus.txt").write_text(other)
    Path("models.toml").write_text('[candidates.never]\nsource = "a/b"\n')
    status, err, page, summary = report("--model", "yi-6b,elsewhere,never")
    assert status == 0
    assert "warning: nothing stored answers these limits for elsewhere, never: " in err
    for text in (page, summary):
        assert "Take yi-6b" in text
        assert (
            "Not compared, since nothing stored answers these limits: elsewhere and never" in text
        )
        assert "There was no other candidate" not in text


def test_a_report_says_of_what_it_cannot_decide_what_judge_says(report, store, thresholds):
    fill(store, thresholds, perplexity=perplexity(5.05), minimal_pairs=None)
    thresholds.write_text(THRESHOLDS.replace("correct = 7", "correct = 9"))
    again = f"pytest --model yi-6b --thresholds={thresholds} --store={store.folder}"
    _, _, page, summary = report()
    # Once in the table, once in the list.
    assert page.count(f"not decided samples are missing: {again}") == 1
    assert page.count(f"not decided knowledge facts: samples are missing: {again}") == 1
    assert page.count(f"not measured {again}") == 1
    assert page.count(f"not measured minimal pairs pairs: {again}") == 1
    assert "not run" not in page + summary
    for text in (page, summary):
        assert "Not judged of yi-6b: minimal pairs pairs, knowledge facts." in text
        assert "of 3 checks: 1 inconclusive, 1 not decided, 1 not measured;" in text
    assert "? **not decided** knowledge facts: samples are missing: pytest" in summary
    assert "| knowledge facts | not decided<br>samples are missing: pytest" in summary


def test_a_report_says_what_cannot_be_found(report, store, thresholds):
    fill(store, thresholds)
    (thresholds.parent / "questions.jsonl").unlink()
    _, _, page, summary = report()
    for text in (page, summary):
        assert "no stored measurement can be told to be of it: " in text
        assert "Take yi-6b" not in text


def test_what_a_report_of_several_stores_lacks_is_measured_where_the_rest_is(
    report, store, thresholds, tmp_path
):
    fill(store, thresholds, candidate("one", revision="b" * 40))
    second = Store(tmp_path / "second")
    fill(second, thresholds, knowledge=None)
    _, _, page, _ = report(stores=(store.folder, second.folder))
    assert f"pytest --model yi-6b --thresholds={thresholds} --store={second.folder}" in page


def test_names_that_would_steer_a_terminal_are_harmless(judge, manage, store, thresholds):
    fill(store, thresholds, candidate("evil\x1b[2J\nmine: accepted"))
    for _, out, _ in (judge(), manage("list"), manage("prune", "--older-than", "0")):
        assert "\x1b" not in out
        assert "\nmine" not in out


def test_colours_on_a_terminal_only(judge, store, thresholds, monkeypatch):
    fill(store, thresholds)
    assert "\x1b" not in judge()[1]
    monkeypatch.setattr("basegate.cli.console._colours", lambda: True)
    assert "\x1b[32;1myi-6b: accepted\x1b[0m" in judge()[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--thresholds", "none.toml"], "none.toml"),
        (["--store", "none"], "--store none: there is no such folder"),
        (["--store", "thresholds.toml"], "--store thresholds.toml: is a file"),
        (["--model", "yi-6"], "nothing of it is stored. Did you mean 'yi-6b'? Stored: yi-6b."),
        (["--frobnicate"], "unrecognized arguments"),
    ],
)
def test_usage_errors_of_judge(judge, store, thresholds, arguments, message):
    fill(store, thresholds)
    status, out, err = judge(*arguments)
    assert (status, out) == (4, "")
    assert message in err


@pytest.mark.parametrize("arguments", [[], ["store"], ["frobnicate"], ["store", "frobnicate"]])
def test_no_command_is_a_usage_error(run, arguments):
    status, out, err = run(*arguments)
    assert (status, out) == (4, "")
    assert "error:" in err


def test_thresholds_without_sense_are_a_usage_error(judge, store, thresholds):
    fill(store, thresholds)
    thresholds.write_text("[perplexity")
    status, _, err = judge()
    assert status == 4
    assert "thresholds.toml" in err


# store list


def test_a_line_per_measurement(manage, store, thresholds):
    fill(store, thresholds)
    status, out, _ = manage("list")
    made = measurement(thresholds, "knowledge", answers())
    size = sum(path.stat().st_size for path in store.files_of(made.key)) / 1024
    assert status == 0
    assert out.splitlines()[0] == (
        f"{made.key[:12]}  yi-6b  nf4, bfloat16, cuda  knowledge facts      2026-01-01 00:00  "
        f"{size:.1f} KiB  q1 7 of 7 correct [1 question, up to 10 samples each, 0 left out]"
    )
    assert out.splitlines()[-1].startswith("3 measurements, ")


def test_a_list_for_programs(manage, store, thresholds):
    fill(store, thresholds)
    status, out, _ = manage("list", "--json")
    listed = json.loads(out)
    [row] = [each for each in listed["measurements"] if each["check"] == "perplexity"]
    assert status == 0
    assert row["key"] == measurement(thresholds, "perplexity", perplexity()).key
    assert row["metrics"][0]["value"] == 4.0
    assert row["bytes"] > 1000
    assert listed["unfinished"] == []


def test_what_is_no_whole_measurement_is_mentioned(manage, store, thresholds):
    fill(store, thresholds)
    with store.measuring("c" * 64) as journal:
        journal.put({"piece": 1})
        journal.put({"another": 2, "third": 3})
    path = next(store.measurements.glob("*.perplexity.*.json"))
    path.write_text("{")
    status, out, err = manage("list")
    assert status == 0
    assert re.search(r"\n1 unfinished measurement, 2 batches, \d+ bytes: a run that asks ", out)
    assert "goes on there" in out
    assert "\n2 measurements, " in out
    assert err.startswith(f"warning: {path.name} is not used, since ")
    [half] = json.loads(manage("list", "--json")[1])["unfinished"]
    assert (half["key"], half["batches"]) == ("c" * 16, 2)


def test_a_measurement_that_ended_before_its_first_batch_is_not_said_to_go_on(manage, store):
    with store.measuring("c" * 64):
        pass
    with store.measuring("d" * 64) as journal:
        journal.get_or_set("rows", lambda: 7)
    with store.measuring("e" * 64) as journal:
        journal.put({"piece": 1})
    path = store.folder / "measuring" / f"{'e' * 16}.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert manage("list") == (0, "0 measurements, 0 bytes\n", "")


OTHER = candidate("other", revision="b" * 40)


def test_a_list_of_candidates_is_chosen_as_for_judge(manage, store, thresholds):
    fill(store, thresholds)
    fill(store, thresholds, OTHER, knowledge=None)
    fill(store, thresholds, candidate("third", revision="c" * 40))
    Path("models.toml").write_text(
        '[candidates.other]\nsource = "a/b"\ntags = ["some"]\n'
        '[candidates.absent]\nsource = "a/c"\ntags = ["some"]\n'
    )
    status, out, err = manage("list", "--model", "other")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == ["other", "other"]
    size = sum(path.stat().st_size for path in store.measurements.glob("other.*") if path.is_file())
    assert lines[-1] == f"2 measurements, {size / 1024:.1f} KiB"
    out = manage("list", "--model", "other,yi-6b")[1]
    assert out.splitlines()[-1].startswith("5 measurements, ")
    out = manage("list", "--model=@some")[1]
    assert out.splitlines()[-2] == "nothing is stored of absent"
    listed = json.loads(manage("list", "--json", "--model=@some")[1])
    assert {each["candidate"] for each in listed["measurements"]} == {"other"}
    status, out, err = manage("list", "--model", "othr")
    assert (status, out) == (4, "")
    assert "nothing of it is stored. Did you mean 'other'" in err


def test_an_empty_store_lists_nothing(manage, store):
    store.folder.mkdir()
    assert manage("list") == (0, "0 measurements, 0 bytes\n", "")


def test_no_store_is_a_usage_error(manage):
    for command in (["list"], ["show", "a"], ["prune"]):
        status, out, err = manage(*command)
        assert (status, out) == (4, "")
        assert "there is no such folder" in err


# store show


def test_everything_about_one(manage, store, thresholds):
    fill(store, thresholds, knowledge=answers(text="A。\x1b[2J\nB"))
    made = measurement(thresholds, "knowledge", answers())
    status, out, _ = manage("show", made.key[:5], "--samples", "2")
    assert status == 0
    assert f"key        {made.key}\n" in out
    assert "correct           q1  7 of 7 correct" in out
    assert "settings.sampling.temperature         0.9" in out
    assert 'platform  "Linux x86_64"' in out
    assert "q1 (seed 0, answer A, right A)\n  | 一定係？[…]A。\ufffd[2J\n  | B\n" in out
    assert "5 more samples: --samples N shows the first of them" in out
    assert "\x1b" not in out


def test_pairs_are_shown_as_samples_are(manage, store, thresholds):
    fill(store, thresholds)
    key = measurement(thresholds, "minimal_pairs", pairs()).key
    shown = manage("show", key, "--samples", "1")[1]
    assert (
        "p1 (k)\n  | right, 1.00 bits per character: 對\n  | wrong, 2.00 bits per character: 錯\n"
    ) in shown
    assert "1 more pairs" in manage("show", key)[1]


def test_options_and_documents_are_shown_in_words(manage, store, thresholds):
    document = DocumentScore(item="1", bits=400.0, tokens=90, characters=100)
    wiki = perplexity().model_copy(update={"documents": (document,)})
    fill(store, thresholds, perplexity=wiki)
    key = measurement(thresholds, "perplexity", wiki).key
    told = "document 1: 4.00 bits per character; 100 characters, 90 tokens\n"
    assert told in manage("show", key, "--samples", "1")[1]
    key = measurement(thresholds, "knowledge", answers()).key
    shown = manage("show", key, "--samples", "1")[1]
    assert "q1 (right A)\n" in shown
    assert "  | A: log-probability -1.00 of the letter, -1.00 per character of the text\n" in shown


def test_prune_tells_what_the_system_does_not_remove(manage, store, thresholds, monkeypatch):
    fill(store, thresholds)

    def refuse(path, **given):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    status, out, err = manage("prune", "--older-than", "0", "--yes")
    assert (status, out) == (4, "")
    assert f"--store {store.folder}: nothing more can be removed (Permission denied: " in err
    assert len(list(store)) == 3


def test_a_key_that_is_unknown_or_ambiguous_lists_what_there_is(manage, store):
    for key in ("ab" * 32, "ac" * 32):
        store.measurements.mkdir(parents=True, exist_ok=True)
        (store.measurements / f"yi-6b.perplexity.wiki.{key[:16]}.json").touch()
    for prefix, message in (
        ("a", "a begins 2 keys. Stored:\n  abababababab  yi-6b  perplexity  wiki\n  acacac"),
        ("b", "no key begins with b. Stored:\n  abababababab  yi-6b  perplexity  wiki\n"),
        ("*", "'*' is no beginning of a key"),
    ):
        status, out, err = manage("show", prefix)
        assert (status, out) == (4, "")
        assert message in err


def test_a_long_list_of_keys_is_cut(manage, store):
    store.measurements.mkdir(parents=True)
    for number in range(30):
        (store.measurements / f"a.b.c.{number:016x}.json").touch()
    err = manage("show", "f")[2]
    assert "and 10 more: python -m basegate store list" in err


def test_a_key_may_be_given_in_full(manage, store, thresholds):
    fill(store, thresholds)
    key = measurement(thresholds, "perplexity", perplexity()).key
    assert manage("show", key)[0] == 0
    assert manage("show", key[:40] + "0" * 24)[0] == 4


def test_a_damaged_one_cannot_be_shown(manage, store, thresholds):
    fill(store, thresholds)
    key = measurement(thresholds, "knowledge", answers()).key
    next(store.measurements.glob(f"*{key[:16]}.*.samples.jsonl")).write_text("{}")
    status, _, err = manage("show", key)
    assert status == 4
    assert f"error: the measurement {key[:16]} is damaged, or was removed just now." in err


def test_a_number_of_samples(manage, store, thresholds):
    fill(store, thresholds)
    assert manage("show", "a", "--samples", "-1")[0] == 4


# store prune: the logic has tests of its own


def test_pruning_says_what_would_go_and_removes_with_yes_only(manage, store, thresholds):
    fill(store, thresholds)
    names = [path.name for path in store.measurements.iterdir()]
    status, out, _ = manage("prune", "--model", "yi-6b")
    assert status == 0
    assert all(f"would remove {name} (" in out for name in names)
    assert out.splitlines()[-1].startswith(f"would remove {len(names)} files, ")
    assert out.endswith("; --yes removes them\n")
    assert len(list(store)) == 3
    status, out, _ = manage("prune", "--model", "yi-6b", "--yes")
    assert all(f"removed {name} (" in out for name in names)
    assert out.splitlines()[-1].startswith(f"removed {len(names)} files, ")
    assert not any(store.measurements.iterdir())
    assert manage("prune")[1] == "would remove 0 files, 0 bytes\n"


def test_pruning_goes_by_the_installed_software(manage, store, thresholds):
    fill(store, thresholds)
    old = measurement(thresholds, "perplexity", perplexity(), torch="2.0")
    store.put(old)
    out = manage("prune", "--outdated", "--yes")[1]
    assert "outdated: libraries, torch: 2.0 then, " in out
    assert store.get(old.key) is None
    assert len(list(store)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "yi-6"], "Did you mean 'yi-6b'?"),
        (["--older-than", "soon"], "a number of days"),
        (["--older-than", "nan"], "a number of days"),
        (["--older-than", "-1"], "a number of days"),
    ],
)
def test_usage_errors_of_prune(manage, store, thresholds, arguments, message):
    fill(store, thresholds)
    before = sorted(store.folder.rglob("*"))
    status, _, err = manage("prune", "--yes", *arguments)
    assert status == 4
    assert message in err
    assert sorted(store.folder.rglob("*")) == before


def test_a_file_of_schema_1_is_listed_judged_and_shown(judge, manage, store, thresholds):
    fill(store, thresholds, knowledge=None)
    made = measurement(thresholds, "knowledge", answers())
    path = store.measurements / f"yi-6b.knowledge.facts.{made.key[:16]}.json"
    path.write_text(as_schema_1(made), encoding="utf-8")
    assert f"{made.key[:12]}  yi-6b" in manage("list")[1]
    assert judge()[0] == 0
    assert "一定係？[…]A" in manage("show", made.key, "--samples", "1")[1]


# as a process


@pytest.mark.parametrize(
    "arguments",
    [
        ["judge", "--thresholds", "thresholds.toml"],
        ["store", "list"],
        ["store", "list", "--json"],
        ["store", "prune", "--outdated"],
        ["--help"],
    ],
)
def test_no_command_imports_anything_heavy(store, thresholds, tmp_path, arguments):
    fill(store, thresholds)
    store.folder.rename(tmp_path / ".basegate")
    code = (
        "import sys, runpy\n"
        "def leave(status):\n"
        f"    print([name for name in {HEAVY} if name in sys.modules], status, file=sys.stderr)\n"
        "try:\n"
        "    runpy.run_module('basegate', run_name='__main__')\n"
        "except SystemExit as ended:\n"
        "    leave(ended.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "[] 0\n"


def process(*arguments, cwd, **options):
    return subprocess.run(
        [sys.executable, "-m", "basegate", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_the_exit_status_of_the_process(store, thresholds, tmp_path):
    fill(store, thresholds)
    place = ("--store", str(store.folder))
    passed = process("judge", *place, cwd=tmp_path)
    assert (passed.returncode, passed.stderr) == (0, "")
    assert "yi-6b: accepted" in passed.stdout
    thresholds.write_text(THRESHOLDS.replace("5.0", "3.0"))
    assert process("judge", *place, cwd=tmp_path).returncode == 1
    wrong = process("judge", "--store", "none", cwd=tmp_path)
    assert wrong.returncode == 4
    assert wrong.stderr.startswith("error: --store none: there is no such folder")
    assert process(cwd=tmp_path).returncode == 4
    lost = process("judge", *place, "--ledger", f"{thresholds}/ledger.json", cwd=tmp_path)
    assert lost.returncode == 4
    assert "yi-6b: rejected" in lost.stdout
    assert "cannot be written" in lost.stderr


def test_a_reader_that_has_seen_enough_gets_no_traceback(store, thresholds, tmp_path):
    for number in range(300):
        made = measurement(thresholds, "perplexity", perplexity(), number=number)
        made = made.model_copy(update={"key": digest(made.identity)})
        store.put(made)
    command = f"'{sys.executable}' -m basegate store list --store '{store.folder}' | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
