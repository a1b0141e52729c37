"""The wheel: what is in it, and that it works in an empty folder far from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.helpers.paths import FIXTURES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = (".*", "build", "dist", "*.egg-info", "__pycache__", "report.html", "shared")
LARGEST = 12 * 2**20


def test_every_package_is_installed():
    there = {
        ".".join((name, *module.parent.relative_to(folder).parts))
        for name, folder in (("basegate", ROOT / "basegate"), ("basegate.suite", FIXTURES))
        for module in folder.rglob("__init__.py")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    settings = project["tool"]["setuptools"]
    assert set(settings["packages"]) == there | settings["package-dir"].keys()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(*LOCAL))
    command = "-m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir"
    subprocess.run([sys.executable, *command.split(), folder, folder / "source"], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bin_folder(wheel, tmp_path_factory) -> Path:
    """A virtual environment with the wheel, and with what is installed here but basegate."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    command = f"-m pip --python {python} install --quiet --no-deps --no-index {wheel}"
    subprocess.run([sys.executable, *command.split()], check=True)
    (packages,) = folder.glob("lib/*/site-packages")
    # As a path alone: what that folder's own .pth files name, such as the checkout, is not there.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


@pytest.mark.slow
def test_the_wheel_holds_the_suite_and_nothing_beside_the_package(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} - {"basegate"} == {
        name.split("/")[0] for name in names if ".dist-info/" in name
    }
    data = {
        path.relative_to(FIXTURES).as_posix()
        for path in FIXTURES.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert data <= {name.removeprefix("basegate/suite/") for name in names}
    assert not [name for name in names if "tests/" in name or "README.zh" in name]
    print(f"{wheel.name}: {wheel.stat().st_size / 2**20:.1f} MiB")
    assert wheel.stat().st_size < LARGEST


@pytest.mark.slow
def test_an_empty_folder_becomes_a_gate_that_accepts_and_rejects(bin_folder, tmp_path):
    surroundings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    project = tmp_path / "new project"

    def run(program: str, *arguments: str, cwd: Path = project) -> subprocess.CompletedProcess[str]:
        command = [bin_folder / "python", "-m", program, *arguments]
        if program == "basegate":
            command = [bin_folder / "basegate", *arguments]
        return subprocess.run(
            command, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False
        )

    assert run("basegate", "init", "new project", cwd=tmp_path).returncode == 0
    where = "import basegate, basegate.suite.algebra as a; print(basegate.__file__, a.__file__)"
    found = subprocess.run(
        [bin_folder / "python", "-c", where], cwd=project, env=surroundings, capture_output=True
    )
    assert found.stdout.count(str(bin_folder.parent).encode()) == 2, found
    good = run("pytest", "--model", "tiny-yue")
    bad = run("pytest", "--model", "tiny-en", "-x")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "tiny-yue: accepted" in good.stdout
    assert (project / "report.html").is_file()
    assert bad.returncode == 1, bad.stdout + bad.stderr
    # The demonstration runs without a checkout, in a folder that it makes.
    demo = run("basegate.suite.demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert (project / "basegate-demo/report.html").is_file()
    # The whole suite can be asked: its generator is found, its files are there.
    listed = run(
        "pytest", "--model=tiny-yue", "--thresholds=thresholds-suite.toml", "--collect-only", "-q"
    )
    assert "test_reasoning[tiny-yue-generated]" in listed.stdout
