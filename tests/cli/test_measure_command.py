"""The pytest command that measures what `judge` and `report` lack."""

import pytest

from tests.helpers.stored import (
    candidate,
    fill,
)

REGISTRY = """
[candidates.yi-6b]
source = "01-ai/Yi-6B"

[candidates.yi-int8]
source = "01-ai/Yi-6B"
quantization = "int8"
"""


@pytest.mark.parametrize(
    ("facts", "model"),
    [
        (candidate(), "yi-6b"),
        (candidate("y6"), f"y6=01-ai/Yi-6B@{'a' * 40}"),
        (candidate("mine", revision="sha256:00"), "mine=01-ai/Yi-6B"),
        (candidate("yi-int8", "int8"), "yi-int8"),
    ],
)
def test_the_command_names_a_source_where_pytest_does_not_know_the_name(
    judge, store, thresholds, tmp_path, facts, model
):
    (tmp_path / "models.toml").write_text(REGISTRY)
    fill(store, thresholds, facts, perplexity=None)
    command = f"pytest --model {model} --thresholds={thresholds} --store={store.folder}"
    assert f"  not measured perplexity wiki              {command}\n" in judge()[1]


def test_the_command_holds_a_candidate_as_it_was_held(judge, store, thresholds, tmp_path):
    (tmp_path / "models.toml").write_text(REGISTRY)
    fill(store, thresholds, candidate(quantization="int8"), perplexity=None)
    ends = f"--store={store.folder} --quantization int8\n"
    assert ends in judge()[1]


def test_a_registry_that_cannot_be_read_does_not_keep_from_judging(
    judge, store, thresholds, tmp_path
):
    (tmp_path / "models.toml").write_text("[")
    fill(store, thresholds, perplexity=None)
    assert "pytest --model yi-6b " in judge()[1]


def test_the_default_thresholds_are_not_repeated(run, store, thresholds):
    fill(store, thresholds, perplexity=None)
    _, out, _ = run("judge", "--store", store.folder)
    assert f"pytest --model yi-6b --store={store.folder}\n" in out
