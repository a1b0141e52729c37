"""`pytest --list-models`, and the table that it prints."""

from __future__ import annotations

import pytest

from basegate.config.registry import CandidateSpec, load_registry
from basegate.config.selection import known_names
from basegate.plugin.options import format_registry
from tests.helpers.paths import ROOT

SHIPPED = load_registry(ROOT / "models.toml")


@pytest.fixture
def load(tmp_path):
    """Write a models.toml and read it."""

    def write_and_load(text):
        path = tmp_path / "models.toml"
        path.write_text(text, encoding="utf-8")
        return load_registry(path)

    return write_and_load


def test_list_models_prints_the_registry(plain):
    result = plain.runpytest_subprocess("--list-models")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["name * source", "one *", "old * no *", "old: too old"])


def test_list_models_prints_what_model_names(plain):
    result = plain.runpytest_subprocess("--list-models", "--model", "two,one")
    assert result.ret == 0
    assert [line.split()[0] for line in result.outlines[:3]] == ["name", "two", "one"]
    result.stdout.no_fnmatch_line("old *")


def test_the_table_has_a_line_per_candidate_in_columns(load, tmp_path):
    table = format_registry(
        load(
            '[candidates.short]\nsource = "a/b"\nparameters = "6B"\ncontext_length = 4096\n'
            'architecture = "llama"\ntags = ["mine"]\n'
            '[candidates.much-longer]\nsource = "./folder"\ngated = true\nnotes = "a note"\n'
            '[candidates.old]\nsource = "c/d"\nunsupported = "too old"\nlicence = "MIT"\n'
        ),
        tmp_path,
    )
    assert table.splitlines() == [
        "name         size     context  native   licence  source",
        "short        6B       4096     yes      unknown  a/b",
        "much-longer  unknown  unknown  unknown  unknown  ./folder (gated)",
        "old          unknown  unknown  no       MIT      c/d",
        "",
        "@7b: short",
        "@gated: much-longer",
        "@mine: short",
        "@mit: old",
        "",
        "much-longer: a note",
        "old: too old",
        "",
        "null models, which a gate has to reject (--model=@null): null-unigram, null-bigram, "
        "null-5gram,",
        "  null-uniform, null-letter-a, null-copy",
    ]


def test_an_architecture_that_nobody_knows_is_not_called_native(load, tmp_path):
    table = format_registry(
        load('[candidates.x]\nsource = "a/b"\narchitecture = "lama"\n'), tmp_path
    )
    assert "unknown" in table.splitlines()[1].split()[3]
    assert "x: no class is known for architecture 'lama'" in table
    assert "Did you mean 'llama'" in table.replace("\n ", "")


def test_an_empty_registry_says_so(tmp_path):
    assert format_registry({}, tmp_path) == f"There is no candidate in {tmp_path / 'models.toml'}."
    assert known_names({}) == "The registry (models.toml) is empty."


def test_the_shipped_registry_fits_a_hundred_columns_and_says_what_loads_natively():
    lines = format_registry(SHIPPED, ROOT).splitlines()
    assert max(map(len, lines)) <= 100
    [head, *rows] = lines[: len(SHIPPED) + 1]
    at = head.index("native")
    assert {row[at : at + 7].strip() for row in rows} == {"yes"}


def test_a_folder_beside_the_project_is_listed_as_the_file_would_name_it(tmp_path):
    here, beside = tmp_path / "project/inside", tmp_path / "beside"
    specs = {
        name: CandidateSpec(name=name, source=str(folder), local=True)
        for name, folder in {"one": here, "two": beside}.items()
    }
    table = format_registry(specs, tmp_path / "project")
    assert [line.split()[-1] for line in table.splitlines()[1:3]] == ["./inside", "../beside"]
