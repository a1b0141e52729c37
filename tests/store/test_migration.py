"""Measurements of earlier versions are read: what was a sentence in them is data now."""

from __future__ import annotations

import json
import os
import shutil
import sys

import pytest

from basegate.checks.identity import identify_software
from basegate.checks.labels import format_sample_size
from basegate.cli import main
from basegate.i18n.catalogue import translator
from basegate.measurement import Findings, SampleSize
from basegate.store.file_format import migrate
from basegate.store.folder import Store
from tests.helpers.paths import DATA, ROOT

STORE = DATA / "store-6f604dd"
"""What the demo measured at commit 6f604dd; of the large banks without the samples."""
THRESHOLDS = ROOT / "fixtures/demo/thresholds.toml"


@pytest.fixture
def store(tmp_path):
    return shutil.copytree(STORE, tmp_path / "store")


def verdicts(path):
    rows = json.loads(path.read_text(encoding="utf-8"))["results"]
    names = ("candidate", "check", "item", "metric", "verdict")
    return sorted([row[name] for name in names] for row in rows)


EVERY = json.loads((STORE / "verdicts.json").read_text(encoding="utf-8"))
# Read otherwise since: line breaks at the end of a document, options, numbers, sentences in loops.
ANEW = ("perplexity", "knowledge", "reasoning", "continuation")
EXPECTED = sorted(row for row in EVERY if row[1] not in ANEW)


def test_a_store_of_6f604dd_is_judged_as_it_was_then(store, tmp_path, capsys):
    ledger = tmp_path / "ledger.json"
    options = ["--store", str(store), "--thresholds", str(THRESHOLDS), "--ledger", str(ledger)]
    assert main(["judge", *options]) == 1
    assert verdicts(ledger) == EXPECTED
    missing = [line for line in capsys.readouterr().out.split("\n") if "not measured" in line]
    asked = {(*line.split()[2:4], *line.split()[4:6]) for line in missing}
    assert {check for check, *_ in asked} == set(ANEW)
    assert {command for *_, command in asked} == {"--model"}


def test_pytest_takes_it_as_measured_and_loads_nothing(store, tmp_path, pytester, monkeypatch):
    stored = next(each for each in Store(store) if each.check == "minimal_pairs")
    if stored.identity["libraries"] != identify_software("minimal_pairs")["libraries"]:
        pytest.skip("other versions of libraries are installed, with which it measures anew")
    monkeypatch.chdir(ROOT)
    ledger = tmp_path / "ledger.json"
    # It was computed in bfloat16, for which other processors now measure anew.
    (tmp_path / "with_bfloat16.py").write_text(
        "from basegate.engines import devices\n"
        "devices.processor_flags = lambda: frozenset({'avx512_bf16'})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    arguments = [
        "-q",
        "--tb=no",
        "-p",
        "with_bfloat16",
        "-p",
        "no:cacheprovider",
        "--model=tiny-yue,tiny-en",
        "-k=minimal_pairs",
    ]
    arguments += [f"--thresholds={THRESHOLDS}", f"--store={store}", f"--ledger={ledger}"]
    found = pytester.run(sys.executable, "-m", "pytest", *arguments, ROOT / "tests_models")
    assert found.ret == 1
    assert "loading" not in found.stderr.str()
    assert verdicts(ledger) == EXPECTED


def fields(basis="", notes=(), **metric):
    metrics = [{"name": "m", "value": 1.0, **metric}] if metric else []
    return {"schema_version": 2, "findings": {"metrics": metrics, "basis": basis, "notes": notes}}


def migrated(**old):
    return migrate(fields(**old))["findings"]


@pytest.mark.parametrize(
    "text",
    [
        "12 documents",
        "1 document, 1 empty one left out",
        "3 documents, 2 empty ones left out, 2 of them in written Chinese too",
        "1 question, 1 sample each, 0 left out",
        "240 questions, up to 4 samples each, 2 left out",
        "180 pairs, 0 left out",
    ],
)
def test_what_it_is_based_on_is_read_from_its_sentence(text):
    size = SampleSize.model_validate(migrated(basis=text)["sample_size"])
    assert format_sample_size(size) == text


def test_a_sentence_that_is_not_known_becomes_a_note():
    found = migrated(basis="all of it", notes=["Hm."])
    assert "sample_size" not in found
    assert found["notes"] == ["Hm.", "all of it"]


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("bits per character", "bits_per_char"),
        ("bits per character more than in written Chinese", "bits_per_char"),
        ("token perplexity", "perplexity"),
        ("of 7 correct", "correct"),
        ("share of samples that loop", "fraction"),
        ("furlongs", "furlongs"),
    ],
)
def test_units_are_kinds(unit, kind):
    assert migrated(unit=unit)["metrics"] == [{"name": "m", "value": 1.0, "unit": kind}]


def test_a_note_without_values_is_shown_in_the_readers_language_again():
    text = "Python code of the checkpoint was run, as --trust-remote-code asked."
    [note] = Findings(metrics=(), notes=migrated(notes=[text])["notes"]).notes
    assert note == text
    assert translator("zh-HK").translate(note) != text


def test_a_file_whose_fields_are_of_other_kinds_is_left_for_the_schema_to_refuse():
    assert migrate({"findings": 3}) == {"findings": 3}
