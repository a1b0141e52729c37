"""A project whose limit is relative to a reference, and its verdicts."""

from __future__ import annotations

import pytest

from tests.helpers.references import RELATIVE, judging
from tests.helpers.stored import make_project


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path, RELATIVE)


@pytest.fixture
def verdict_on(thresholds):
    return judging(thresholds)
