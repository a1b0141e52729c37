"""The pipelines in docs/ci: their YAML, and their commands, which are run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from tests.helpers.paths import ROOT
from tests.helpers.plain import logged

DOCS = ROOT / "docs/ci"
CANDIDATES = ("one", "bad")

PYTHON = f"""#!{sys.executable}
import os, sys
from pathlib import Path
name, args = Path(sys.argv[0]).name, sys.argv[1:]
with open(os.environ["CALLS"], "a", encoding="utf-8") as file:
    print(name, *args, sep="\\t", file=file)
if args[:2] not in (["-m", "pip"], ["-m", "venv"]):
    module = ["-m", "pytest"] if name == "pytest" else []
    os.execv({sys.executable!r}, [{sys.executable!r}, *module, *args])
"""
"""Stands for the commands of a fresh environment: installs nothing, and runs what is here."""


def github():
    return yaml.safe_load((DOCS / "github.yml").read_text(encoding="utf-8"))


def gitlab():
    return yaml.safe_load((DOCS / "gitlab.yml").read_text(encoding="utf-8"))


def scripts(pipeline, job):
    """Return what a job runs, a script per step, and whether each runs after a failed one."""
    if pipeline is github:
        steps = [step for step in pipeline()["jobs"][job]["steps"] if "run" in step]
        return [(step["run"], "always()" in step.get("if", "")) for step in steps]
    return [("\n".join(pipeline()[job]["script"]), False)]


@pytest.fixture
def job(plain, monkeypatch):
    """Run a job of a pipeline in the project; return whether it is green."""
    tools = plain.path / "tools"
    tools.mkdir()
    for folder in (tools, plain.path / ".venv/bin"):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("python", "python3", "pytest"):
            (folder / name).write_text(PYTHON)
            (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(plain.path / "calls"))
    monkeypatch.setenv("HOME", str(plain.path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(plain.path / "step.md"))

    def run(pipeline, name, candidate=""):
        environment = {**os.environ, "CANDIDATE": candidate}
        green = True
        for script, always in scripts(pipeline, name):
            if green or always:
                # As GitHub does it; GitLab stops at the first error, too.
                command = ["bash", "-e", "-o", "pipefail", "-c", script]
                done = subprocess.run(command, cwd=plain.path, env=environment, check=False)
                green = green and done.returncode == 0
        return green

    return run


def calls(project):
    return [line.split("\t") for line in (project.path / "calls").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", [github, pytest.param(gitlab, marks=pytest.mark.slow)])
def test_a_matrix_measures_and_one_report_is_made_of_all_stores(plain, job, pipeline):
    assert [job(pipeline, "gate", name) for name in CANDIDATES] == [True, False]
    for name in CANDIDATES:
        assert (plain.path / f"{name}.html").exists()
        assert (plain.path / f"{name}.xml").exists()
        assert list((plain.path / "stores" / name / "measurements").iterdir())
    (plain.path / "step.md").unlink()
    assert job(pipeline, "report")
    summary = (plain.path / "summary.md").read_text(encoding="utf-8")
    assert "**Take one: it meets every limit.**" in summary
    assert "bad on local" in summary
    assert (plain.path / "step.md").read_text(encoding="utf-8") == f"\n{summary}"
    page = (plain.path / "report.html").read_text(encoding="utf-8")
    assert "Take one: it meets every limit." in page
    assert sorted(logged(plain, "load")) == sorted(CANDIDATES)
    [report] = [call for call in calls(plain) if "report" in call]
    assert [each for each in report if each.startswith("--store")] == [
        "--store=stores/bad",
        "--store=stores/one",
    ]


@pytest.mark.slow
def test_a_second_run_on_the_same_runner_measures_nothing(plain, job):
    job(github, "gate", "one")
    (plain.path / "log").unlink()
    assert job(github, "gate", "one")
    assert logged(plain, "load") == []


def test_github_keeps_what_a_red_or_cancelled_gate_found_and_reports_it():
    jobs = github()["jobs"]
    upload = next(step for step in jobs["gate"]["steps"] if "upload" in step.get("uses", ""))
    assert upload["if"] == "${{ always() }}"
    assert upload["with"]["path"].split()[0] == "stores"
    assert jobs["gate"]["strategy"]["fail-fast"] is False
    assert (jobs["report"]["needs"], jobs["report"]["if"]) == ("gate", "${{ !cancelled() }}")
    download = next(step for step in jobs["report"]["steps"] if "download" in step.get("uses", ""))
    prefix = download["with"]["pattern"].removesuffix("*")
    assert upload["with"]["name"].startswith(prefix)


def test_gitlab_keeps_what_a_red_gate_found_and_reports_it():
    gate, report = gitlab()["gate"], gitlab()["report"]
    assert gate["artifacts"]["when"] == "always"
    assert "stores/" in gate["artifacts"]["paths"]
    assert gate["artifacts"]["reports"]["junit"] == "$CANDIDATE.xml"
    assert (report["when"], report["needs"]) == ("always", [{"job": "gate", "artifacts": True}])


@pytest.mark.parametrize("pipeline", [github, gitlab])
def test_candidates_are_those_of_the_registry(pipeline):
    from basegate.config.registry import load_registry

    text = json.dumps(pipeline())
    [names] = re.findall(r'"(?:candidate|CANDIDATE)": \[([^\]]*)\]', text)
    assert set(json.loads(f"[{names}]")) <= set(load_registry(DOCS.parent.parent / "models.toml"))


def test_nothing_of_an_event_is_written_into_a_script_of_github():
    for name in github()["jobs"]:
        for script, _ in scripts(github, name):
            assert "${{" not in script
