"""The process that loads one candidate and measures it."""

from __future__ import annotations

import os

import pytest

from basegate.runner import worker


@pytest.mark.parametrize(
    ("given", "spins"),
    [
        ({}, "10000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, None),
    ],
)
def test_threads_that_wait_for_others_sleep_unless_the_user_says_otherwise(
    monkeypatch, given, spins
):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with monkeypatch.context() as context:
        context.setattr(os, "environ", dict(os.environ))
        worker._wait_asleep()
        assert os.environ.get("GOMP_SPINCOUNT") == spins
