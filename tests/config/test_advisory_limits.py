"""Limits that are only reported, and limits on a drop from another candidate, as they are read."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest

from basegate.config.limits import DropLimit
from basegate.config.thresholds import load_thresholds
from basegate.errors import UsageError

CORPUS = """
[perplexity.corpora.wiki]
path = "corpus"
parallel = "written"
max_bits_per_char = 5.0
max_gap = 1.0
"""
BANK = """
[knowledge.banks.facts]
questions = "questions.jsonl"
samples = 4
min_accuracy = 0.5
"""
DROP = 'max_drop = { reference = "ref", by = 0.03 }\n'


@pytest.fixture
def load(tmp_path):
    def write_and_load(text):
        path = tmp_path / "thresholds.toml"
        path.write_text(text, encoding="utf-8")
        return load_thresholds(path)

    return write_and_load


def advisory(thresholds, name="anyone"):
    limits = (thresholds.limits(name, each.name, each.item) for each in thresholds.checks)
    return [each.metric for group in limits for each in group if each.advisory]


def test_all_limits_of_a_table_are_advisory_or_those_that_are_named(load):
    assert advisory(load(CORPUS)) == []
    assert advisory(load(CORPUS + "advisory = true\n" + BANK)) == ["gap", "bits_per_char"]
    assert advisory(load(CORPUS + 'advisory = ["max_gap"]\n')) == ["gap"]


def test_a_limit_of_validity_is_never_advisory(load):
    text = "[continuation]\nprompts = 'p.jsonl'\nmax_latin_share = 0.1\nadvisory = true\n" + BANK
    assert advisory(load(text)) == ["latin_share"]


def test_a_candidates_own_table_may_say_so(load):
    own = '[candidates.x.perplexity.corpora.wiki]\nadvisory = ["max_gap"]\n'
    thresholds = load(CORPUS + own)
    assert (advisory(thresholds), advisory(thresholds, "x")) == ([], ["gap"])


BAD = {
    "nothing left": (CORPUS + "advisory = true", "every limit is advisory, so that nothing could"),
    "nothing left for one": (
        CORPUS + "[candidates.x.perplexity.corpora.wiki]\nadvisory = true",
        "candidates.x: every limit is advisory",
    ),
    "no limit": (CORPUS + 'advisory = ["max_perplexity"]', "'max_perplexity' is no limit of this"),
    "empty list": (CORPUS + "advisory = []", "there are max_gap, max_bits_per_char. Accepted: a"),
    "table without": ("[knowledge]\nadvisory = true\n" + BANK, "own table, and this one has none"),
    "validity": (
        '[continuation]\nprompts = "p"\nmax_latin_share = 0.1\nadvisory = ["max_degenerate_share"]',
        "'max_degenerate_share' is no limit of this table; there are max_latin_share.",
    ),
    "text": (
        CORPUS + 'advisory = "max_gap"',
        "advisory: accepted: true, false, or a list of limits",
    ),
    "plain drop": (BANK + "max_drop = 0.03", "max_drop = 0.03: accepted: a table. Such as { refe"),
    "no drop": (
        BANK + 'max_drop = { reference = "ref", by = 0 }',
        "by = 0: accepted: greater than",
    ),
    "no reference": (BANK + "max_drop = { by = 0.1 }", "max_drop.reference: this key is missing"),
}


@pytest.mark.parametrize("case", BAD)
def test_nonsense_is_refused(case, load):
    text, sentence = BAD[case]
    with pytest.raises(UsageError) as caught:
        load(text)
    assert sentence in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_drop_names_its_reference_and_counts_its_family(load):
    thresholds = load(BANK + DROP + CORPUS + 'max_drop = { reference = "ref", by = 0.1 }\n')
    [drop] = [
        each for each in thresholds.limits("x", "knowledge", "facts") if isinstance(each, DropLimit)
    ]
    assert asdict(drop) == {
        "key": "knowledge.banks.facts.max_drop",
        "metric": "drop",
        "direction": "max",
        "by_interval": True,
        "signed": False,
        "validity": False,
        "sequential": False,
        "confidence": 0.95,
        "why": "",
        "advisory": False,
        "candidate": "ref",
        "by": 0.03,
        "metrics": ("correct", "accuracy"),
        "family": 2,
    }
    assert [each.candidate for each in thresholds.relative] == ["ref", "ref"]


def test_a_drop_of_a_bank_by_likelihood_is_one_of_its_likelihood(load):
    [drop] = load(re.sub("samples = .*\n", "", BANK) + DROP).relative
    assert drop.metrics == ("correct", "likelihood_accuracy")


def test_a_drop_of_the_checks_table_holds_for_all_banks(load):
    other = BANK.replace("facts", "others")
    thresholds = load(f"[knowledge]\n{DROP}{BANK}{other}")
    assert [each.key for each in thresholds.relative] == ["knowledge.max_drop"] * 2
    assert {each.family for each in thresholds.relative} == {2}
