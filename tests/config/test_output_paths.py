"""Places for results that cannot take them, or not both, and folders that are no store."""

from __future__ import annotations

import pytest

from basegate.cli import main
from basegate.config.output_paths import check_files
from basegate.errors import UsageError
from tests.helpers.plain import logged


def test_two_results_for_one_file_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"--ledger and --csv both name .*same"):
        check_files({"ledger": tmp_path / "same", "html": None, "csv": tmp_path / "x/../same"})
    check_files({"ledger": tmp_path / "one", "csv": tmp_path / "two", "html": None})


@pytest.mark.parametrize(
    "options",
    [
        ("--html=tests_models",),
        ("--html=x", "--summary=x"),
        ("--ledger=x", "--junitxml=x"),
    ],
)
def test_a_run_says_so_before_it_measures(plain, options):
    result = plain.runpytest_subprocess("--model", "one", *options)
    assert result.ret == 4
    assert "Traceback" not in result.stderr.str()
    assert logged(plain, "load") == []


@pytest.mark.parametrize(
    "command",
    [("judge",), ("report",), ("store", "list")],
    ids=" ".join,
)
def test_a_folder_of_something_else_is_no_store(tmp_path, capsys, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "code.py").write_text("")
    (tmp_path / "thresholds.toml").write_text("")
    assert main([*command, "--store", "source"]) == 4
    assert "source: is no store: it has no measurements/ in it." in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "source").iterdir()] == ["code.py"]
