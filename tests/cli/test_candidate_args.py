"""`--model` of the commands: names, tags and groups."""

import json
from pathlib import Path

import pytest

from tests.helpers.stored import (
    candidate,
    fill,
)


@pytest.mark.parametrize("given", [["a,b"], ["a", "b"]])
def test_candidates_are_chosen_in_order(judge, store, thresholds, given):
    for name, revision in (("b", "1"), ("c", "2"), ("a", "3")):
        fill(store, thresholds, candidate(name, revision=revision))
    _, out, _ = judge("--model", *given)
    assert [line for line in out.splitlines() if "accepted" in line] == [
        "a: accepted",
        "b: accepted",
    ]


MODELS = """
[candidates.yi-6b]
source = "01-ai/Yi-6B"
parameters = "6B"
tags = ["yi"]
[candidates.yi-34b]
source = "01-ai/Yi-34B"
parameters = "34B"
tags = ["yi"]
[candidates.qwen-7b]
source = "Qwen/Qwen-7B"
parameters = "7B"
"""


@pytest.fixture
def registry(tmp_path):
    """Three candidates, of two of which, and of one more, all is stored."""
    (tmp_path / "models.toml").write_text(MODELS)


@pytest.mark.parametrize(
    ("given", "judged", "absent"),
    [
        (["--model=@7b"], ["yi-6b", "qwen-7b"], ""),
        (["--model", "@yi"], ["yi-6b"], "yi-34b"),
        (["--model", "all"], ["yi-6b", "qwen-7b"], "yi-34b"),
        (["--model", "mine,@7b,yi-6b"], ["mine", "yi-6b", "qwen-7b"], ""),
        (["--model", "mine", "yi-34b"], ["mine"], "yi-34b"),
    ],
)
def test_groups_are_those_of_pytest_and_what_is_not_stored_is_said(
    judge, store, thresholds, registry, given, judged, absent
):
    for name, revision in (("qwen-7b", "1"), ("yi-6b", "2"), ("mine", "3")):
        fill(store, thresholds, candidate(name, revision=revision))
    status, out, err = judge(*given)
    assert (status, err) == (1 if absent else 0, "")
    heads = [line for line in out.splitlines() if "accepted" in line]
    assert heads == [f"{name}: accepted" for name in judged]
    assert (f"nothing is stored of {absent}: pytest --model NAME measures" in out) == bool(absent)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("@frob", "--model @frob: no candidate has this tag."),
        ("@32b", "--model yi-34b: nothing of it is stored. Did you mean 'yi-6b'? Stored: yi-6b."),
        ("yi-34b,qwen-7b", "--model yi-34b, qwen-7b: nothing of them is stored. Stored: yi-6b."),
        ("yi-6b,qwem-7b", "--model qwem-7b: nothing of it is stored."),
        ("yi-6b=./yi", "--model yi-6b=./yi: what is stored goes by its name alone: --model yi-6b"),
    ],
)
def test_candidates_that_cannot_be_judged_are_a_usage_error(
    judge, manage, store, thresholds, registry, given, message
):
    fill(store, thresholds)
    for status, out, err in (
        judge("--model", given),
        manage("prune", "--model", given),
    ):
        assert (status, out) == (4, "")
        assert message in err


@pytest.mark.parametrize("given", ["all", "@7b"])
def test_groups_without_a_registry_are_a_usage_error_that_names_the_file(
    judge, store, thresholds, given
):
    fill(store, thresholds)
    status, _, err = judge("--model", given)
    assert status == 4
    assert f"--model {given}: groups are those of models.toml, and there are no candidates" in err


def test_groups_are_pruned_too(manage, store, thresholds, registry):
    for name, revision in (("qwen-7b", "1"), ("yi-6b", "2"), ("mine", "3")):
        fill(store, thresholds, candidate(name, revision=revision))
    assert manage("prune", "--model", "@yi", "--yes")[0] == 0
    assert {each.candidate.name for each in store} == {"qwen-7b", "mine"}


OTHER = candidate("other", revision="b" * 40)


def test_a_list_of_candidates_is_chosen_as_for_judge(manage, store, thresholds):
    fill(store, thresholds)
    fill(store, thresholds, OTHER, knowledge=None)
    fill(store, thresholds, candidate("third", revision="c" * 40))
    Path("models.toml").write_text(
        '[candidates.other]\nsource = "a/b"\ntags = ["some"]\n'
        '[candidates.absent]\nsource = "a/c"\ntags = ["some"]\n'
    )
    status, out, err = manage("list", "--model", "other")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == ["other", "other"]
    size = sum(path.stat().st_size for path in store.measurements.glob("other.*") if path.is_file())
    assert lines[-1] == f"2 measurements, {size / 1024:.1f} KiB"
    out = manage("list", "--model", "other,yi-6b")[1]
    assert out.splitlines()[-1].startswith("5 measurements, ")
    out = manage("list", "--model=@some")[1]
    assert out.splitlines()[-2] == "nothing is stored of absent"
    listed = json.loads(manage("list", "--json", "--model=@some")[1])
    assert {each["candidate"] for each in listed["measurements"]} == {"other"}
    status, out, err = manage("list", "--model", "othr")
    assert (status, out) == (4, "")
    assert "nothing of it is stored. Did you mean 'other'" in err
