"""A question, and tables of texts that answer it."""

from __future__ import annotations

import pytest

PEOPLE = {"A": "李家超", "B": "林鄭月娥", "C": "曾蔭權", "D": "梁振英"}
ECHO = "A: 李家超\nB: 林鄭月娥\nC: 曾蔭權\nD: 梁振英\n"


def table(*rows: tuple[str, str, object]) -> pytest.MarkDecorator:
    """Parametrise over (id, text, expected)."""
    cases = [pytest.param(text, expected, id=name) for name, text, expected in rows]
    return pytest.mark.parametrize(("text", "expected"), cases)
