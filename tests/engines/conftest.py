"""Fixtures of the tests of engines."""

from __future__ import annotations

import pytest

from basegate.engines import devices


@pytest.fixture
def packed(monkeypatch):
    """A processor that multiplies in bfloat16, so that layers of four bits stay as they are."""
    monkeypatch.setattr(devices, "processor_flags", lambda: frozenset({"avx512_bf16"}))


@pytest.fixture
def plain_processor(monkeypatch):
    """A processor without such instructions, on which they are computed in float32."""
    monkeypatch.setattr(devices, "processor_flags", lambda: frozenset({"avx2", "fma"}))
