"""The command `judge`: verdicts, what is said of them, and what cannot be judged."""

import csv
import json
from pathlib import Path

import pytest

from basegate.data import hub
from basegate.errors import DataError
from tests.helpers.stored import (
    THRESHOLDS,
    answers,
    candidate,
    fill,
    measurement,
    pairs,
    perplexity,
)


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
    assert "yi-6b: passed so far; not judged: perplexity wiki\n" in out


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
    thresholds.write_text(THRESHOLDS.replace("correct = 7", 'correct = 7\nearly = "none"'))
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

    monkeypatch.setattr(hub, "resolve_commit", unreachable)
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
    assert (status, ledger["schema"]) == (0, 2)
    assert ledger["suite"]["command"].startswith("python -m basegate")
    assert [entry["verdict"] for entry in ledger["candidates"]] == ["pass"]
    values = {row["check"]: (row["value"], row["unit"]) for row in ledger["results"]}
    assert values["perplexity"] == (4.0, "bits_per_char")
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


def test_thresholds_without_sense_are_a_usage_error(judge, store, thresholds):
    fill(store, thresholds)
    thresholds.write_text("[perplexity")
    status, _, err = judge()
    assert status == 4
    assert "thresholds.toml" in err


def test_null_models_are_judged_by_name_and_as_a_group(judge, store, thresholds):
    fill(store, thresholds)
    null = candidate("null-bigram", "none", "c" * 40).model_copy(update={"engine": "null"})
    fill(store, thresholds, null, minimal_pairs=None)
    status, out, _ = judge("--model=@null")
    assert status == 1
    assert "null-bigram: passed so far" in out
    assert "yi-6b" not in out
    # No option chooses a precision for it.
    assert "pytest --model null-bigram --thresholds=" in out
    assert not {"--quantization", "--dtype", "--device"} & set(out.split())
