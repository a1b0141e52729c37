"""`basegate init`: what it writes can be used, and nothing is overwritten."""

from __future__ import annotations

import subprocess
import sys

import pytest

from basegate.cli import main
from basegate.config.registry import load_registry
from basegate.config.thresholds import load_thresholds
from tests.helpers.paths import FIXTURES, ROOT


def test_the_folder_asks_the_demonstrations_what_make_demo_asks(tmp_path, capsys):
    assert main(["init", str(tmp_path / "new")]) == 0
    assert "pytest --model tiny-yue,tiny-en" in capsys.readouterr().out
    ours = load_thresholds(tmp_path / "new/thresholds.toml")
    demo = load_thresholds(FIXTURES / "demo/thresholds.toml")
    assert ours.common_limits == demo.common_limits
    here = tmp_path / "new/fixtures"
    for mine, theirs in zip(ours.checks, demo.checks, strict=True):
        there = [here / path.relative_to(FIXTURES) for path in theirs.files.values()]
        assert [*mine.files.values()] == there
        assert all(path.exists() for path in there)


def test_the_whole_suite_is_there_too(tmp_path):
    main(["init", str(tmp_path)])
    ours = load_thresholds(tmp_path / "thresholds-suite.toml")
    suite = load_thresholds(ROOT / "thresholds.toml")
    assert ours.common_limits == suite.common_limits
    assert all(path.exists() for each in ours.checks for path in each.files.values())
    (drawn,) = [each for each in ours.checks if each.item == "generated"]
    assert drawn.settings.source.generator == "fixtures.algebra"
    command = (sys.executable, "-c", "import fixtures.algebra as a; print(a.__file__)")
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(tmp_path / "fixtures/algebra/__init__.py")
    for name in ("corpora/yue", "corpora/written-chinese", "questions", "prompts"):
        assert {each.name for each in (tmp_path / "fixtures" / name).iterdir()} == {
            each.name for each in (FIXTURES / name).iterdir()
        }


def test_the_models_are_those_of_the_suite_and_both_demonstrations_are_there(tmp_path):
    main(["init", str(tmp_path)])
    models = load_registry(tmp_path / "models.toml")
    assert models.keys() == load_registry(ROOT / "models.toml").keys()
    for name in ("tiny-yue", "tiny-en"):
        assert models[name].source == str(tmp_path / "fixtures/demo" / name)
        assert (tmp_path / "fixtures/demo" / name / "model.safetensors").is_file()


def test_nothing_is_written_where_one_file_exists(tmp_path, capsys):
    (tmp_path / "models.toml").write_text("mine")
    assert main(["init", str(tmp_path)]) == 4
    assert "holds files of these names already: models.toml. Nothing" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["models.toml"]
    assert (tmp_path / "models.toml").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["init", str(tmp_path / "file")]) == 4
    assert f"{tmp_path / 'file'}: cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "written"),
    [
        ("pyproject.toml", "[tool.pytest.ini_options]\n", False),
        ("pyproject.toml", "[project]\n", True),
        ("pytest.ini", "[pytest]\n", False),
        ("tox.ini", "[pytest]\n", False),
        ("setup.cfg", "[metadata]\n", True),
    ],
)
def test_settings_of_pytest_stay_those_of_the_project(tmp_path, capsys, name, text, written):
    (tmp_path / name).write_text(text)
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / name).read_text() == text
    assert ((tmp_path / "pytest.ini").exists() and name != "pytest.ini") == written
    assert (f"settings are in {name}" in capsys.readouterr().out) != written
