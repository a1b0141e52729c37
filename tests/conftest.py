"""Fixtures of the suite's own tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import basegate.checks  # noqa: F401  declares them, as the plugin does
from tests.helpers.checkpoints import make_checkpoint, shard, write_jsonl
from tests.helpers.plain import make_plain

pytest_plugins = [
    "pytester",
    "tests.helpers.browsing",
    "tests.helpers.hub_server",
    "tests.helpers.thresholds",
]

# Before torch is imported: with as many threads as cores in every worker, they wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Both would judge how busy the machine is.
settings.register_profile("basegate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("basegate")

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pytest and basegate read of their surroundings, taken away.

    In CI pytest does not fold its summary, and basegate would add its own to the job's page.
    """
    for name in ("CI", "BUILD_NUMBER", "COLUMNS", "PYTEST_ADDOPTS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    # The many runs of these tests need not compile basegate each anew.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    """A random Llama of 128 tokens context with its tokenizer."""
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def single(checkpoint, tmp_path) -> Path:
    """That checkpoint, of one file of weights, to be changed."""
    return shutil.copytree(checkpoint, tmp_path / "single")


@pytest.fixture
def sharded(single) -> Path:
    """The same in two files with an index, to be changed."""
    return shard(single)


@pytest.fixture(scope="module")
def engine(checkpoint):
    """That Llama in float32."""
    import basegate

    engine = basegate.load_candidate(
        str(checkpoint), quantization="none", dtype="float32", device="cpu"
    )
    yield engine
    engine.close()


THRESHOLDS = """
[perplexity]
window = 64
context = 16
[perplexity.corpora.local]
path = "corpus.txt"
max_bits_per_char = 100.0

[continuation]
prompts = "prompts.jsonl"
samples = 8
max_new_tokens = 12
max_looping_share = 1.0

[knowledge.banks.facts]
questions = "questions.jsonl"
samples = 2
correct = 1

[reasoning.banks.sums]
problems = "problems.jsonl"
samples = 2
correct = 1
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project like this one with small data and two names for one demonstration."""
    root = pytester.path
    shutil.copy(ROOT / "conftest.py", root)
    shutil.copytree(ROOT / "tests_models", root / "tests_models")
    pytester.makepyprojecttoml(
        """
        [tool.pytest.ini_options]
        testpaths = ["tests_models"]
        pythonpath = ["."]
        addopts = "--import-mode=importlib -p no:hypothesispytest"
        """
    )
    checkpoint = ROOT / "fixtures/demo/tiny-yue"
    (root / "models.toml").write_text(
        f'[candidates.one]\nsource = "{checkpoint}"\n[candidates.two]\nsource = "{checkpoint}"\n'
        'quantization = "none"\n[candidates.old]\nsource = "owner/old"\nunsupported = "too old"\n'
    )
    (root / "thresholds.toml").write_text(THRESHOLDS, encoding="utf-8")
    (root / "corpus.txt").write_text("香港係我哋嘅屋企，唔係咩？\n" * 8, encoding="utf-8")
    write_jsonl(root / "prompts.jsonl", {"id": "start", "prompt": "香港係"})
    options = {"A": "一", "B": "二"}
    write_jsonl(
        root / "questions.jsonl",
        {"id": "q1", "question": "一定係？", "options": options, "answer": "A"},
    )
    write_jsonl(root / "problems.jsonl", {"id": "p1", "prompt": "1 + 1 = ", "answer": 2})
    return pytester


@pytest.fixture
def isolated(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The project with an engine of plain numbers, and a log of what is loaded."""
    monkeypatch.setenv("BASEGATE_TEST_LOG", str(project.path / "log"))
    make_plain(project)
    return project


@pytest.fixture
def plain(isolated: pytest.Pytester) -> pytest.Pytester:
    """That project, measuring in the run's own process: in half the time."""
    settings = isolated.path / "pyproject.toml"
    settings.write_text(settings.read_text().replace("-p no:hyp", "--in-process -p no:hyp"))
    return isolated
