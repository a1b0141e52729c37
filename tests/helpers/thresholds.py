"""Texts of thresholds files, and what reads them."""

from __future__ import annotations

import pytest

from basegate.config.thresholds import load_thresholds
from basegate.errors import UsageError

BANK = """
[knowledge.banks.must-know]
questions = "questions.jsonl"
samples = 10
correct = 7
"""


@pytest.fixture
def load(tmp_path):
    """Write a thresholds.toml and read it."""

    def write_and_load(text):
        path = tmp_path / "thresholds.toml"
        path.write_text(text, encoding="utf-8")
        return load_thresholds(path)

    return write_and_load


@pytest.fixture
def refusal(load, tmp_path):
    """Return the sentences with which a thresholds.toml is refused, without the file's name."""

    def refuse(text):
        with pytest.raises(UsageError) as caught:
            load(text)
        prefix = f"{tmp_path / 'thresholds.toml'}: "
        lines = str(caught.value).splitlines()
        assert all(line.startswith(prefix) for line in lines), "every line names the file"
        return [line.removeprefix(prefix) for line in lines]

    return refuse
