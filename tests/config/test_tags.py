"""Tags that follow from the facts of an entry."""

from pathlib import Path

import pytest

from basegate.config.registry import CandidateSpec, billions, load_registry
from basegate.config.selection import select
from tests.helpers.paths import ROOT

SHIPPED = load_registry(ROOT / "models.toml")
HYBRID = {"qwen3_5", "qwen3_5_moe", "qwen3_next", "falcon_h1", "granitemoehybrid"}


def test_hybrids_of_states_and_attention_have_a_tag():
    # Micro is of the hybrids' class, and has attention in every layer.
    hybrids = {name for name, spec in SHIPPED.items() if spec.architecture in HYBRID}
    tagged = {name for name, spec in SHIPPED.items() if "hybrid" in spec.tags}
    assert tagged == hybrids - {"granite-4.0-micro"}


@pytest.mark.parametrize(
    "licence", ["Apache-2.0", "apache 2.0", "APACHE_2.0", "Apache License 2.0"]
)
def test_a_licence_has_its_tag_however_it_is_spelt(licence):
    spec = CandidateSpec(name="x", source="a/b", licence=licence)
    assert (spec.all_tags, spec.licence) == ({"apache"}, licence)


def test_the_articles_six_have_a_tag():
    specs = select(["@seed"], SHIPPED, Path("/"))
    assert [spec.name for spec in specs] == [
        "yi-6b", "yi-34b", "chatglm3-6b-base", "qwen-7b", "llama-2-7b", "cantonese-llama-2-7b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "tag"),
    [("0.6B", "1b"), ("1.9B", "1b"), ("2B", "3b"), ("4B", "3b"), ("5B", "7b"), ("9B", "7b"),
     ("14B", "14b"), ("20B", "32b"), ("34B", "32b"), ("67B", "70b"), ("400M", "1b")],
)  # fmt: skip
def test_a_size_has_the_tag_that_is_usual_there(size, tag):
    assert CandidateSpec(name="x", source="a/b", parameters=size).all_tags == {tag}


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("6B", 6),
        ("0.5B", 0.5),
        ("135M", 0.135),
        ("30B-A3B", 30),
        ("unknown", None),
        ("", None),
        ("7b", None),
    ],
)
def test_a_size_in_words_is_a_number(words, size):
    assert billions(words) == size
