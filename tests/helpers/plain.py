"""A project whose engine is made of plain numbers, and what a run of it leaves behind."""

from __future__ import annotations

import json

import pytest

from tests.helpers.paths import ROOT

PLAIN = f"""
import os
import sys
import pytest
sys.path.insert(0, {str(ROOT)!r})
import basegate.runner.candidate
from tests.helpers.engines import load, log
basegate.runner.candidate.load_engine = load

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    # Plots are drawn in tests of their own, and in the demonstration; here they would take
    # half of every run's time.
    from basegate.report.page import document
    document.SECTIONS = tuple(
        each for each in document.SECTIONS if each.__name__ != "render_plots"
    )
    log("modules", *(name for name in ("torch", "transformers", "datasets", "matplotlib")
                     if name in sys.modules))
    log("session", str(os.getpid()))
    if hasattr(session.config, "workerinput"):
        log("threads", os.environ.get("OMP_NUM_THREADS", "unset"))
"""

NAMES = (
    *("one", "two", "bad", "nan", "bug", "crash", "script", "broken", "one-b"),
    *("hang", "slow", "dies", "oserror"),
)


WORKERS = pytest.mark.parametrize(
    "workers",
    [("-p", "no:xdist"), pytest.param(("-n0",), marks=pytest.mark.slow), ("-n2",)],
    ids=["no_plugin", "xdist_zero", "xdist_two"],
)

SLOW_WITH_WORKERS = pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n2",), marks=pytest.mark.slow)], ids=["alone", "xdist_two"]
)


def make_plain(project):
    """Give a project the engine of plain numbers, and candidates for it to stand for."""
    (project.path / "conftest.py").write_text(PLAIN)
    for name in NAMES:
        folder = project.path / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"model_type": "llama"}')
        (folder / "tokenizer.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(no_weights(name))
    models = "".join(f'[candidates.{name}]\nsource = "./checkpoints/{name}"\n' for name in NAMES)
    models += '[candidates.twin]\nsource = "./checkpoints/one"\n'
    old = '[candidates.old]\nsource = "owner/old"\nunsupported = "too old"\n'
    (project.path / "models.toml").write_text(models + old)
    limit(project, "max_bits_per_char", 2.0)


def no_weights(name):
    """Return the bytes of a safetensors file without a tensor, other ones for every name."""
    header = json.dumps({"__metadata__": {"of": name}}).encode()
    return len(header).to_bytes(8, "little") + header


def limit(project, key, value):
    """Change one key of the project's thresholds."""
    path = project.path / "thresholds.toml"
    lines = [
        f"{key} = {value}" if line.startswith(f"{key} = ") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")


def append(project, text):
    with (project.path / "thresholds.toml").open("a") as file:
        file.write(text)


def logged(project, word):
    path = project.path / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.partition(" ")[2] for line in lines if line.partition(" ")[0] == word]


def ledger(project):
    return json.loads((project.path / ".basegate/ledger.json").read_text())


def verdicts(project):
    rows = ledger(project)["results"]
    return {(row["candidate"], row["check"], row["metric"]): row["verdict"] for row in rows}


def without_timings(text):
    record = json.loads(text) if isinstance(text, str) else text
    record["suite"]["command"] = ""
    for row in record["candidates"]:
        row["load_seconds"] = row["peak_memory_bytes"] = None
    for row in record["results"]:
        row["seconds"] = None
    if (choice := record["recommendation"]) is not None:
        # By memory, where nothing else tells candidates apart: another run, another choice.
        choice["memory"] = None
        if choice["reason"] in ("smaller", "first"):
            choice.update(candidate=None, reason=None, tied=None, closest=None)
    return record
