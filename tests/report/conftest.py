"""Stores of two jobs."""

from __future__ import annotations

import pytest

from basegate.store.folder import Store
from tests.helpers.stored import FINDINGS, candidate, make_project, measurement


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Two stores with a candidate each, as of two jobs, in a project's folder."""
    thresholds = make_project(tmp_path)
    for name in ("yi-6b", "other"):
        facts = candidate(name, revision=name * 8)
        for check, make in FINDINGS.items():
            Store(tmp_path / name).put(measurement(thresholds, check, make(), facts))
    monkeypatch.chdir(tmp_path)
    return tmp_path
