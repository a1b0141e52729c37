"""Where the project's files are, for tests at any depth."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data"
FIXTURES = ROOT / "fixtures"
SHARED = ROOT.parent / "shared"
"""Beside the project where it is developed, absent elsewhere: tests that need it skip."""
