"""A run of two candidates and all checks, killed, starved of disk and of memory, and gone on with.

`make faults` runs it at length; BASEGATE_FAULTS is how many random moments are tried.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from basegate.config.declaration import check_names
from basegate.store.folder import Store
from tests.helpers.checkpoints import write_jsonl
from tests.helpers.paths import ROOT
from tests.helpers.plain import PLAIN, logged

DEMO = ROOT / "fixtures/demo"
TIMES = int(os.environ.get("BASEGATE_FAULTS", "40"))
SEED = 6
THRESHOLDS = """
[perplexity]
window = 128
context = 32
[perplexity.corpora.local]
path = "corpus"
max_bits_per_char = 9.0
[minimal_pairs.banks.pairs]
pairs = "pairs.jsonl"
min_preferred = 0.1
[continuation]
prompts = "prompts.jsonl"
samples = 12
max_new_tokens = 24
max_looping_share = 1.0
[knowledge.banks.facts]
questions = "questions.jsonl"
samples = 6
correct = 3
[knowledge.banks.whole]
questions = "whole.jsonl"
samples = 4
min_accuracy = 0.2
[knowledge.banks.likely]
questions = "likely.jsonl"
method = "likelihood"
min_accuracy = 0.1
[reasoning.banks.sums]
problems = "problems.jsonl"
samples = 8
correct = 4
"""

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="kills and starves processes as on Linux"),
]


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """A project of two candidates and all checks, and what an undisturbed run of it gives."""
    root = tmp_path_factory.mktemp("ground")
    shutil.copytree(ROOT / "tests_models", root / "tests_models")
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\ntestpaths = ["tests_models"]\npythonpath = ["."]\n'
        'addopts = "--import-mode=importlib -p no:hypothesispytest"\n'
    )
    (root / "conftest.py").write_text(
        PLAIN.replace("import load, log", "import load_logged as load, log")
    )
    (root / "models.toml").write_text(
        f'[candidates.one]\nsource = "{DEMO / "tiny-yue"}"\n'
        f'[candidates.two]\nsource = "{DEMO / "tiny-yue"}"\nquantization = "none"\n'
        'dtype = "float32"\n'
    )
    (root / "thresholds.toml").write_text(THRESHOLDS)
    shutil.copytree(DEMO / "corpora/yue-held-out", root / "corpus")
    take(ROOT / "fixtures/questions/minimal-pairs.jsonl", root / "pairs.jsonl", 24)
    take(DEMO / "held-out-questions.jsonl", root / "questions.jsonl", 3)
    take(DEMO / "unseen-questions.jsonl", root / "whole.jsonl", 5)
    take(DEMO / "unseen-questions.jsonl", root / "likely.jsonl", 9, after=5)
    take(DEMO / "held-out-equations.jsonl", root / "problems.jsonl", 3)
    prompts = ("香港係", "今日天氣", "我哋去飲茶")
    write_jsonl(
        root / "prompts.jsonl", *({"id": f"p{n}", "prompt": text} for n, text in enumerate(prompts))
    )
    started = time.monotonic()
    done = Run(root, "undisturbed").finish()
    assert done.status in (0, 1), done.output
    done.seconds = time.monotonic() - started
    assert {row["verdict"] for row in done.ledger["results"]} <= {"pass", "fail", "inconclusive"}
    assert {row["check"] for row in done.ledger["results"]} == set(check_names())
    found = {metric.name for each in done.stored.values() for metric in each.metrics}
    assert {"article_perplexity", "accuracy", "likelihood_accuracy", "correct"} <= found
    assert max(done.batches.values()) == 1
    assert len(done.batches) > 40, "too few batches to be killed in the middle of one"
    return done


def take(source, target, end, after=0):
    target.write_text("\n".join(source.read_text().splitlines()[after:end]) + "\n")


class Run:
    """A run, and those that go on with it, on a store of their own."""

    def __init__(self, root, name, *, store=None, **variables):
        self.root = root
        self.store = store or root / name
        self.path = root / f"{name}.files"
        self.path.mkdir(exist_ok=True)
        self.variables = {"BASEGATE_TEST_LOG": str(self.path / "log"), **variables}
        self.seconds = 0.0

    def start(self, *options):
        self.process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-m",
                    "pytest",
                    "-q",
                    "--model",
                    "one,two",
                    "-p",
                    "no:cacheprovider",
                ),
                *(f"--store={self.store}", f"--ledger={self.path / 'ledger.json'}"),
                *(f"--html={self.path / 'page.html'}", *options),
            ],
            cwd=self.root,
            env={**os.environ, **self.variables},
            stdout=(self.path / "output").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def finish(self, *options):
        self.start(*options)
        self.status = self.process.wait(timeout=600)
        return self

    def wait_for_batch(self, number):
        """Wait until so many batches were begun; return the processes that measure."""
        until = time.monotonic() + 300
        while sum(self.batches.values()) < number:
            assert time.monotonic() < until, self.output
            assert self.process.poll() is None, self.output
            time.sleep(0.01)
        return self.children

    @property
    def output(self):
        return (self.path / "output").read_text()

    @property
    def ledger(self):
        return json.loads((self.path / "ledger.json").read_text())

    @property
    def stored(self):
        """By key all that was found, samples and what no limit speaks of included."""
        store = Store(self.store)
        return {each.key: store.get(each.key).findings for each in store}

    @property
    def batches(self):
        return Counter(logged(self, "batch"))

    @property
    def children(self):
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        )
        return [int(pid) for pid in listed.stdout.split()]


def numbers(ledger):
    """Return what a ledger says, without times and memory."""
    rows = [{**row, "seconds": None} for row in ledger["results"]]
    told = ("load_seconds", "peak_memory_bytes", "memory_budget_bytes", "largest_buffer")
    candidates = [{**row, **dict.fromkeys(told)} for row in ledger["candidates"]]
    return rows, candidates


KINDS = ("run", "child", "both")


@pytest.mark.parametrize("number", range(TIMES))
def test_killed_at_a_random_moment(ground, number, record_property):
    chance = random.Random(SEED * 1000 + number)
    kind = KINDS[number % len(KINDS)]
    run = Run(ground.root, f"killed-{number}").start()
    children = run.wait_for_batch(chance.randrange(1, len(ground.batches)))
    time.sleep(chance.uniform(0, 0.2))
    victims = {"run": [run.process.pid], "child": children, "both": [*children, run.process.pid]}
    for pid in victims[kind]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    status = run.process.wait(timeout=600)
    for pid in children:
        wait_until_gone(pid)
    assert children, "a batch is measured by a process of its own"
    if kind != "child":
        assert status == -signal.SIGKILL
    else:
        # Between two measurements there is nothing to be invalid.
        assert status in (1, ground.status)
        told = "crashed without an error (killed by SIGKILL" in run.output
        record_property("hit while measuring", told)
    before = run.batches
    run.finish()
    assert numbers(run.ledger) == numbers(ground.ledger), run.output
    assert run.stored == ground.stored
    assert run.status == ground.status
    again = sum(run.batches.values()) - len(ground.batches)
    assert set(run.batches) == set(ground.batches)
    assert again <= 1, f"{again} batches measured twice"
    record_property("kind", kind)
    record_property("batches before", sum(before.values()))
    record_property("measured twice", again)


def wait_until_gone(pid):
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until, "the measuring process outlives its run"
        time.sleep(0.05)


@pytest.mark.parametrize("number", range(max(1, TIMES // 8)))
def test_killed_while_memory_is_short(ground, number, record_property):
    chance = random.Random(SEED * 5000 + number)
    short = {"BASEGATE_TEST_ROWS": str(chance.choice([2, 3, 5]))}
    whole = Run(ground.root, f"short-{number}", **short).finish()
    run = Run(ground.root, f"short-killed-{number}", **short).start()
    children = run.wait_for_batch(chance.randrange(1, len(ground.batches)))
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait(timeout=600)
    for pid in children:
        wait_until_gone(pid)
    run.finish()
    assert numbers(run.ledger) == numbers(whole.ledger), "what did not fit is noted alike"
    assert run.stored == whole.stored
    noted = [each.facts.get("memory_retries", 0) for each in run.stored.values()]
    assert sum(noted) >= len(noted), "memory was short"
    record_property("halved", sum(noted))


@pytest.fixture
def starved(ground, tmp_path):
    """A function that makes a run with too little room for its store, and one that ends that."""
    mounted = []

    def on_a_small_disk(number, chance):
        size = chance.choice([4, 16, 40, 80, 120, 160])
        place = tmp_path / "disk"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", place]
        if shutil.which("mount") is None or subprocess.run(mount).returncode != 0:
            return with_small_files(number, chance)
        mounted.append(place)
        enlarge = ["mount", "-o", "remount,size=64m", place]
        run = Run(ground.root, f"full-{number}", store=place / "store")
        return run, lambda: subprocess.run(enlarge, check=True), "No space left on device"

    def with_small_files(number, chance):
        size = 1024 * chance.choice([4, 5, 6])
        run = Run(ground.root, f"full-{number}", BASEGATE_TEST_FILE_SIZE=str(size))
        return run, run.variables.popitem, "File too large"

    yield lambda number, chance: (on_a_small_disk, with_small_files)[number % 2](number, chance)
    for place in mounted:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("number", range(max(2, TIMES // 8)))
def test_a_full_disk_costs_no_verdict_and_leaves_nothing_wrong(ground, starved, number):
    chance = random.Random(SEED * 2000 + number)
    run, feed, reason = starved(number, chance)
    run.finish()
    assert run.status == ground.status, run.output
    assert run.output.count(reason) == 2, "told once by pytest, once by the verdicts"
    assert numbers(run.ledger)[0] == numbers(ground.ledger)[0]
    feed()
    run.finish()
    assert numbers(run.ledger)[0] == numbers(ground.ledger)[0]
    assert "is not used" not in run.output
    assert run.stored == ground.stored
    done = run.batches
    run.finish()
    assert run.batches == done, "all of it is kept now"


@pytest.mark.parametrize("number", range(max(1, TIMES // 4)))
def test_a_damaged_store_is_noticed_and_measured_again(ground, number):
    chance = random.Random(SEED * 3000 + number)
    run = Run(ground.root, f"damaged-{number}")
    shutil.copytree(ground.store, run.store)
    damaged = chance.choice(sorted((run.store / "measurements").iterdir()))
    data = bytearray(damaged.read_bytes())
    at = chance.randrange(len(data))
    if chance.random() < 0.5:
        damaged.write_bytes(data[:at])
    else:
        data[at] ^= chance.randrange(1, 256)
        damaged.write_bytes(data)
    run.finish()
    assert numbers(run.ledger) == numbers(ground.ledger)
    assert "is not used, since" in run.output
    assert 0 < sum(run.batches.values()) < len(ground.batches), "only what was damaged"
    assert run.stored == ground.stored


def test_two_runs_at_once_measure_each_batch_once(ground):
    runs = [Run(ground.root, name, store=ground.root / "shared") for name in ("first", "second")]
    for run in runs:
        run.start()
    for run in runs:
        run.status = run.process.wait(timeout=600)
    for run in runs:
        assert numbers(run.ledger)[0] == numbers(ground.ledger)[0], run.output
    assert runs[0].batches + runs[1].batches == ground.batches


@pytest.mark.parametrize("number", range(max(1, TIMES // 8)))
def test_memory_that_runs_out_once_is_noted_and_no_verdict(ground, number):
    # A candidate takes fewer than a hundred passes; the first are those of its preflight.
    place = random.Random(SEED * 4000 + number).randrange(5, 80)
    run = Run(ground.root, f"memory-{number}", BASEGATE_TEST_OOM=str(place)).finish()
    assert {row["verdict"] for row in run.ledger["results"]} <= {"pass", "fail", "inconclusive"}
    notes = {note["template"] for row in run.ledger["results"] for note in row["notes"]}
    assert [note for note in notes if "did not fit into memory were halved" in note], place


def test_a_store_of_the_first_schema_is_judged_without_measuring(ground):
    run = Run(ground.root, "old")
    place = run.store / "measurements"
    place.mkdir(parents=True)
    for found in Store(ground.store):
        whole = Store(ground.store).get(found.key).model_copy(update={"schema_version": 1})
        (place / f"old.{found.key[:16]}.json").write_text(whole.model_dump_json(indent=1))
    run.finish()
    assert numbers(run.ledger) == numbers(ground.ledger)
    assert not run.batches
