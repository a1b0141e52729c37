"""A store and its thresholds, and commands that are run on them in this process."""

import pytest

from basegate.cli import main
from basegate.store.folder import Store
from tests.helpers.stored import make_project


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run a command in the project; return its exit status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run_in(*arguments):
        try:
            status = main([*map(str, arguments)])
        except SystemExit as ended:
            status = ended.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return run_in


@pytest.fixture
def judge(run, store, thresholds):
    def run_judge(*arguments):
        return run("judge", "--thresholds", thresholds, "--store", store.folder, *arguments)

    return run_judge


@pytest.fixture
def manage(run, store):
    def run_store(command, *arguments):
        return run("store", command, *arguments, "--store", store.folder)

    return run_store
