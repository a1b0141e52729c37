"""Frozen records, JSON in which there is no NaN, and files that are whole or not there."""

import ast
import hashlib
import json
import math
import os
import stat
import sys
from collections import Counter
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

import basegate
from basegate.measurement import Findings, Metric, Sample
from basegate.serialization import canonical_json, digest, write_atomically

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Lone surrogates are no text: UTF-8 cannot hold them.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=10,
)


def test_canonical_json_is_sorted_dense_and_readable():
    assert canonical_json({"b": [1, None], "a": {"d": "香港", "c": 0.5}}) == (
        '{"a":{"c":0.5,"d":"香港"},"b":[1,null]}'
    )


@given(JSON)
def test_canonical_json_loses_nothing(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text("abc"), st.integers(), max_size=5), st.randoms())
def test_the_digest_does_not_depend_on_the_order_of_keys(value, random):
    shuffled = list(value.items())
    random.shuffle(shuffled)
    assert digest(dict(shuffled)) == digest(value)


def test_the_digest_is_the_sha256_of_the_canonical_json():
    assert digest({"b": 1, "a": "港"}) == hashlib.sha256('{"a":"港","b":1}'.encode()).hexdigest()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_canonical_json_refuses_numbers_that_json_cannot_hold(number):
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"deep": [number]})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_value_that_is_not_finite_becomes_none(number):
    findings = Findings(metrics=(Metric(name="m", value=number, unit="u"),))
    assert findings.metrics[0].value is None
    assert json.loads(findings.model_dump_json())["metrics"][0]["value"] is None


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_metric_with_an_interval_that_is_not_finite_survives_its_own_json(number):
    # A perplexity of exp(700) or more has an infinite end; the store has to read what it wrote.
    findings = Findings(metrics=(Metric(name="m", value=1.0, unit="u", interval=(1.0, number)),))
    again = Findings.model_validate_json(findings.model_dump_json())
    assert again.metrics[0].value == 1.0
    assert again == findings


@pytest.mark.parametrize("field", ['"value": NaN', '"value": 1, "interval": [0, Infinity]'])
def test_json_with_numbers_that_are_none_is_refused(field):
    text = f'{{"metrics": [{{"name": "m", "unit": "u", {field}}}]}}'
    with pytest.raises(ValidationError, match="finite number"):
        Findings.model_validate_json(text)


def test_a_record_cannot_be_changed():
    sample = Sample(item="i", prompt="p", text="t", seed=0)
    with pytest.raises(ValidationError, match="frozen"):
        sample.text = "other"
    metric = Metric(name="m", value=1.0, unit="u")
    with pytest.raises(FrozenInstanceError):
        metric.value = 2.0


def test_a_record_refuses_fields_it_does_not_know():
    with pytest.raises(ValidationError, match="Extra inputs"):
        Sample(item="i", prompt="p", text="t", seed=0, colour="red")
    with pytest.raises(ValidationError, match="Unexpected keyword"):
        Metric(name="m", value=1.0, unit="u", colour="red")
    text = '{"metrics": [{"name": "m", "value": 1, "unit": "u", "colour": "red"}]}'
    with pytest.raises(ValidationError, match="Unexpected keyword"):
        Findings.model_validate_json(text)


SOURCE = Path(basegate.__file__).parent


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE))
)
def test_no_constant_of_a_module_is_defined_twice(path):
    """A merge of two branches leaves both, and nothing else would say so."""
    names = Counter(
        target.id
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in getattr(statement, "targets", None) or [statement.target]
        if isinstance(target, ast.Name)
    )
    assert [name for name, often in names.items() if often > 1] == []


def test_a_file_takes_the_place_of_an_earlier_one(tmp_path):
    path = tmp_path / "new" / "file.json"
    write_atomically(path, "first\n")
    write_atomically(path, "香港\n")
    assert path.read_bytes() == "香港\n".encode()
    assert [each.name for each in path.parent.iterdir()] == ["file.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_others_may_read_it_as_any_new_file(tmp_path):
    before = os.umask(0o022)
    try:
        write_atomically(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_a_failure_leaves_the_earlier_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, "earlier")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "later")
    assert path.read_text() == "earlier"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
