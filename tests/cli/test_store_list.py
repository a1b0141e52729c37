"""The command `store list`."""

import json
import re

from tests.helpers.stored import (
    answers,
    fill,
    measurement,
    perplexity,
)


def test_a_line_per_measurement(manage, store, thresholds):
    fill(store, thresholds)
    status, out, _ = manage("list")
    made = measurement(thresholds, "knowledge", answers())
    size = sum(path.stat().st_size for path in store.files_of(made.key)) / 1024
    assert status == 0
    assert out.splitlines()[0] == (
        f"{made.key[:12]}  yi-6b  nf4, bfloat16, cuda  knowledge facts      2026-01-01 00:00  "
        f"{size:.1f} KiB  q1 7 of 7 correct [1 question, up to 10 samples each, 0 left out]"
    )
    assert out.splitlines()[-1].startswith("3 measurements, ")


def test_a_list_for_programs(manage, store, thresholds):
    fill(store, thresholds)
    status, out, _ = manage("list", "--json")
    listed = json.loads(out)
    [row] = [each for each in listed["measurements"] if each["check"] == "perplexity"]
    assert status == 0
    assert row["key"] == measurement(thresholds, "perplexity", perplexity()).key
    assert row["metrics"][0]["value"] == 4.0
    assert row["bytes"] > 1000
    assert listed["unfinished"] == []


def test_what_is_no_whole_measurement_is_mentioned(manage, store, thresholds):
    fill(store, thresholds)
    with store.measuring("c" * 64) as journal:
        journal.put({"piece": 1})
        journal.put({"another": 2, "third": 3})
    path = next(store.measurements.glob("*.perplexity.*.json"))
    path.write_text("{")
    status, out, err = manage("list")
    assert status == 0
    hint = "the same run resumes there"
    assert re.search(rf"\n1 unfinished measurement, 2 batches, \d+ bytes: {hint}\n", out)
    assert "\n2 measurements, " in out
    assert err.startswith(f"warning: {path.name} is not used, since ")
    [half] = json.loads(manage("list", "--json")[1])["unfinished"]
    assert (half["key"], half["batches"]) == ("c" * 16, 2)


def test_a_measurement_that_ended_before_its_first_batch_is_not_said_to_go_on(manage, store):
    with store.measuring("c" * 64):
        pass
    with store.measuring("d" * 64) as journal:
        journal.limits("rows", lambda: [7])
    with store.measuring("e" * 64) as journal:
        journal.put({"piece": 1})
    path = store.folder / "measuring" / f"{'e' * 16}.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert manage("list") == (0, "0 measurements, 0 bytes\n", "")


def test_an_empty_store_lists_nothing(manage, store):
    store.folder.mkdir()
    assert manage("list") == (0, "0 measurements, 0 bytes\n", "")
