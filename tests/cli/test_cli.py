"""The command line as a whole: usage, exit status, imports, and no traceback."""

import os
import subprocess
import sys

import pytest

from basegate.serialization import digest
from tests.helpers.stored import THRESHOLDS, answers, as_schema_1, fill, measurement, perplexity

HEAVY = ("torch", "transformers", "datasets", "matplotlib", "pytest", "scipy", "numpy")


@pytest.mark.parametrize("arguments", [[], ["store"], ["frobnicate"], ["store", "frobnicate"]])
def test_no_command_is_a_usage_error(run, arguments):
    status, out, err = run(*arguments)
    assert (status, out) == (4, "")
    assert "error:" in err


def test_no_store_is_a_usage_error(manage):
    for command in (["list"], ["show", "a"], ["prune"]):
        status, out, err = manage(*command)
        assert (status, out) == (4, "")
        assert "there is no such folder" in err


def test_a_file_of_schema_1_is_listed_judged_and_shown(judge, manage, store, thresholds):
    fill(store, thresholds, knowledge=None)
    made = measurement(thresholds, "knowledge", answers())
    path = store.measurements / f"yi-6b.knowledge.facts.{made.key[:16]}.json"
    path.write_text(as_schema_1(made), encoding="utf-8")
    assert f"{made.key[:12]}  yi-6b" in manage("list")[1]
    assert judge()[0] == 0
    assert "一定係？[…]A" in manage("show", made.key, "--samples", "1")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["judge", "--thresholds", "thresholds.toml"],
        ["store", "list"],
        ["store", "list", "--json"],
        ["store", "prune", "--outdated"],
        ["--help"],
    ],
)
def test_no_command_imports_anything_heavy(store, thresholds, tmp_path, arguments):
    fill(store, thresholds)
    store.folder.rename(tmp_path / ".basegate")
    code = (
        "import sys, runpy\n"
        "def leave(status):\n"
        f"    print([name for name in {HEAVY} if name in sys.modules], status, file=sys.stderr)\n"
        "try:\n"
        "    runpy.run_module('basegate', run_name='__main__')\n"
        "except SystemExit as ended:\n"
        "    leave(ended.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "[] 0\n"


def process(*arguments, cwd, **options):
    return subprocess.run(
        [sys.executable, "-m", "basegate", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_the_exit_status_of_the_process(store, thresholds, tmp_path):
    fill(store, thresholds)
    place = ("--store", str(store.folder))
    passed = process("judge", *place, cwd=tmp_path)
    assert (passed.returncode, passed.stderr) == (0, "")
    assert "yi-6b: accepted" in passed.stdout
    thresholds.write_text(THRESHOLDS.replace("5.0", "3.0"))
    assert process("judge", *place, cwd=tmp_path).returncode == 1
    wrong = process("judge", "--store", "none", cwd=tmp_path)
    assert wrong.returncode == 4
    assert wrong.stderr.startswith("error: --store none: there is no such folder")
    assert process(cwd=tmp_path).returncode == 4
    lost = process("judge", *place, "--ledger", f"{thresholds}/ledger.json", cwd=tmp_path)
    assert lost.returncode == 4
    assert "yi-6b: rejected" in lost.stdout
    assert "cannot be written" in lost.stderr


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", r"\u4e00\u5b9a\u4fc2\uff1f[\u2026]A"), ("big5", "一定係？[…]A")],
)
def test_what_a_terminal_cannot_show_is_escaped(store, thresholds, tmp_path, encoding, shown):
    made = measurement(thresholds, "knowledge", answers())
    fill(store, thresholds)
    options = {"env": {**os.environ, "PYTHONIOENCODING": encoding}, "encoding": encoding}
    place = ("--store", str(store.folder))
    shows = process("store", "show", made.key, "--samples=1", *place, cwd=tmp_path, **options)
    judges = process("judge", "--language=zh-HK", *place, cwd=tmp_path, **options)
    assert (shows.stderr, judges.stderr, judges.returncode) == ("", "", 0)
    assert shown in shows.stdout
    assert ("yi-6b\\uff1a" if encoding == "ascii" else "yi-6b：") in judges.stdout


def test_a_reader_that_has_seen_enough_gets_no_traceback(store, thresholds, tmp_path):
    for number in range(300):
        made = measurement(thresholds, "perplexity", perplexity(), number=number)
        made = made.model_copy(update={"key": digest(made.identity)})
        store.put(made)
    command = f"'{sys.executable}' -m basegate store list --store '{store.folder}' | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
