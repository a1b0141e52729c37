"""`pytest --list-models`."""

from __future__ import annotations


def test_list_models_prints_the_registry(plain):
    result = plain.runpytest_subprocess("--list-models")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["name * source", "one *", "old * no *", "old: too old"])


def test_list_models_prints_what_model_names(plain):
    result = plain.runpytest_subprocess("--list-models", "--model", "two,one")
    assert result.ret == 0
    assert [line.split()[0] for line in result.outlines[:3]] == ["name", "two", "one"]
    result.stdout.no_fnmatch_line("old *")
