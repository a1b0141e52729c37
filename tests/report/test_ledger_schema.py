"""The published JSON Schema of the ledger: current, complete, and true of what runs write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from basegate.cli import main
from basegate.report.ledger_schema import described, ledger_schema
from tests.helpers.ledgers import make_ledger
from tests.helpers.pages import make_page
from tests.helpers.paths import DATA, ROOT

PUBLISHED = ROOT / "docs/ledger.schema.json"
GOLDEN = DATA / "ledger.json"


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(validator, ledger):
    """What a ledger does not hold to, each with its place."""
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(ledger)]


def fields():
    return json.loads(make_ledger().to_json())


def test_the_published_schema_is_that_of_the_types():
    written = PUBLISHED.read_text(encoding="utf-8")
    assert written == f"{ledger_schema()}\n", "python -m basegate schema > docs/ledger.schema.json"


def test_the_command_prints_it(capsys):
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == PUBLISHED.read_text(encoding="utf-8")


def test_the_ledger_in_json_is_as_it_was_looked_at():
    assert make_ledger().to_json() + "\n" == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "ledger",
    [
        lambda: make_ledger(),
        lambda: make_ledger(interrupted=True),
        lambda: make_page(6, questions=20, samples=400).ledger,
    ],
    ids=["small", "stopped", "large"],
)
def test_ledgers_hold_to_it(validator, ledger):
    assert faults(validator, json.loads(ledger().to_json())) == []


def test_the_ledger_of_a_run_holds_to_it(plain, validator):
    plain.runpytest_subprocess("--model", "one,bad,nan", "--ledger=ledger.json")
    text = (plain.path / "ledger.json").read_text(encoding="utf-8")
    assert faults(validator, json.loads(text, parse_constant=pytest.fail)) == []


def test_the_ledger_of_what_was_judged_from_the_store_holds_to_it(plain, validator, monkeypatch):
    plain.runpytest_subprocess("--model", "one")
    monkeypatch.chdir(plain.path)
    assert main(["judge", "--ledger", "judged.json"]) == 0
    assert faults(validator, json.loads(Path("judged.json").read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), 1),
        (("suite", "interrupted"), "no"),
        (("candidates", 0, "verdict"), "good"),
        (("candidates", 0, "mood"), "good"),
        (("results", 0, "value"), "4.1"),
        (("results", 0, "interval"), [1.0]),
        (("results", 0, "direction"), "up"),
        (("recommendation", "reason"), "because"),
        (("comparisons", 0, "better"), "yi-6b"),
    ],
)
def test_what_is_no_ledger_does_not_hold_to_it(validator, place, value):
    found = fields()
    assert faults(validator, found) == []
    inner = found
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    assert faults(validator, found)


@pytest.mark.parametrize("key", list(fields()))
def test_every_key_is_required(validator, key):
    found = fields()
    del found[key]
    assert faults(validator, found) == [f"$: '{key}' is a required property"]


def test_every_key_is_described():
    schema = json.loads(ledger_schema())
    for name, each in {"Ledger": schema, **schema["$defs"]}.items():
        missing = [key for key, of in each["properties"].items() if not of.get("description")]
        assert not missing, f"{name}: a line in its docstring for {missing}"
        assert each["description"].endswith(".")


class Made:
    """One line.

    Attributes:
        first: begins here
            and goes on.
        second: short.
    """


class Inherited(Made):
    """Another.

    Attributes:
        second: said anew.
    """


def test_attributes_are_described_by_docstrings_inherited_ones_too():
    assert described(Inherited) == (
        "Another.",
        {"first": "begins here and goes on.", "second": "said anew."},
    )


@pytest.mark.parametrize(
    "name", ["Result", "Recommendation", "AcceptanceConfidence", "ChanceOfPassing", "Comparison"]
)
def test_every_key_stands_in_the_docs(name):
    fields = json.loads(PUBLISHED.read_text(encoding="utf-8"))["$defs"][name]["properties"]
    text = (ROOT / "docs/ledger.md").read_text(encoding="utf-8")
    assert [each for each in fields if f"`{each}`" not in text] == []
