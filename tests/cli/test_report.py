"""The command `report`: page and summary of what is stored."""

from pathlib import Path

import pytest

from basegate.store.folder import Store
from tests.helpers.markup import read
from tests.helpers.stored import THRESHOLDS, candidate, fill, measurement, perplexity


def test_a_folder_in_the_place_of_the_default_page_is_refused_before_any_verdict(
    run, store, thresholds, monkeypatch
):
    fill(store, thresholds)
    Path("report.html").mkdir()
    monkeypatch.setattr("basegate.cli.report.judge_stores", None)
    status, _, err = run("report", "--store", store.folder)
    assert status == 4
    assert err == "error: --html report.html: is a folder; give a file, which may be new.\n"


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
