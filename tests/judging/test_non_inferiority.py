"""`max_drop`: how much worse than a reference, on the same items, from what the store holds."""

from __future__ import annotations

import pytest

from basegate.checks.early_stopping import ALL_SAMPLES
from basegate.config.limits import DropLimit
from basegate.config.thresholds import load_thresholds
from basegate.i18n.catalogue import translator
from basegate.judging.explanation import sentence
from basegate.judging.from_store import ThresholdQuery, judge_stored
from basegate.judging.judge import judge, stopping_rule
from basegate.judging.relative_limits import References
from basegate.measurement import DocumentScore, Findings, Metric, Preference
from basegate.store.file_format import without_evidence
from basegate.store.folder import Store
from tests.helpers.stored import candidate, fill, make_project, measurement

REF = candidate("ref", revision="b" * 40)
THRESHOLDS = """
[minimal_pairs.banks.pairs]
pairs = "pairs.jsonl"
max_drop = { reference = "ref", by = 0.1 }
[perplexity.corpora.wiki]
path = "corpus.txt"
max_drop = { reference = "ref", by = 0.5 }
"""


@pytest.fixture
def thresholds(tmp_path):
    return make_project(tmp_path, THRESHOLDS)


def preferring(right):
    """Return findings of pairs, by what is preferred in each."""
    return Findings(
        metrics=(Metric.share("preferred_share", sum(right) / len(right), count=9, worth=9),),
        preferences=tuple(
            Preference(
                item=str(place),
                kind="k",
                right="r",
                wrong="w",
                right_bits=1.0 if each else 3.0,
                wrong_bits=2.0,
            )
            for place, each in enumerate(right)
        ),
    )


def documents(bits):
    scores = (
        DocumentScore(item=str(place), bits=10 * each, tokens=5, characters=10)
        for place, each in enumerate(bits, start=1)
    )
    value = sum(bits) / len(bits)
    metric = Metric("bits_per_char", value, "bits_per_char")
    return Findings(metrics=(metric,), documents=tuple(scores))


@pytest.fixture
def row_of(thresholds):
    """Judge findings against those of the reference; return the row of the drop."""

    def judged(check, own, theirs, *, name="mine", facts=None, **changes):
        [limit] = [
            each
            for each in load_thresholds(thresholds).relative
            if each.key.startswith(f"{check}.")
        ]
        limit = DropLimit(**{**limit.__dict__, **changes})
        stored = [measurement(thresholds, check, theirs, REF)] if theirs else []
        mine = measurement(thresholds, check, own, facts)
        references = References([limit], stored)
        [row] = judge(mine, [limit], name, references).results
        return row

    return judged


def right(n, of):
    return [True] * n + [False] * (of - n)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        (right(150, 200), right(150, 200), "pass"),  # not one item differs
        (right(149, 200), right(150, 200), "pass"),
        (right(140, 200), right(150, 200), "pass"),  # 5 points, and at most 9
        (right(135, 200), right(150, 200), "inconclusive"),
        (right(110, 200), right(150, 200), "fail"),
        (right(190, 200), right(150, 200), "pass"),
        # As good, but on other items: nothing is certain.
        (right(20, 40), right(20, 40)[::-1], "inconclusive"),
        # Nothing differs, of too few.
        (right(20, 30), right(20, 30), "inconclusive"),
        (right(20, 36), right(20, 36), "pass"),
    ],
)
def test_the_whole_interval_has_to_lie_below_the_limit(row_of, ours, theirs, verdict):
    row = row_of("minimal_pairs", preferring(ours), preferring(theirs), family=1)
    assert row.verdict == verdict
    assert row.value == pytest.approx((sum(theirs) - sum(ours)) / len(ours))
    assert row.interval[0] < row.value < row.interval[1]
    assert (row.metric, row.unit, row.limit, row.direction) == ("drop", "points", 0.1, "max")


def test_the_sentence_names_the_drop_and_the_reference(row_of):
    row = row_of("minimal_pairs", preferring(right(110, 200)), preferring(right(150, 200)))
    assert sentence(row) == (
        "mine on pairs: a drop of 20 points (97.5 %: 14.4 points to 27 points), limit at most "
        "10 points (from the 75 % of ref)."
    )
    chinese = sentence(row, translator("zh-HK"))
    assert "差了 20 個百分點" in chinese
    assert "比 ref 的 75% 差" in chinese


def test_more_bits_are_a_drop_too(row_of):
    worse, better = documents([5.0, 5.1, 5.3, 5.2] * 4), documents([4.0, 4.2, 4.1, 4.3] * 4)
    row = row_of("perplexity", worse, better)
    assert (row.verdict, row.unit) == ("fail", "bits_per_char")
    assert row.value == pytest.approx(1.0)
    assert "a drop of 1 bits per character" in sentence(row)
    assert row_of("perplexity", better, worse).verdict == "pass"


def test_several_limits_reject_by_holms_first_step_and_pass_by_the_usual_level(row_of):
    theirs = preferring(right(150, 200))
    # From 10.7 points at 95 %, and from 9.2 at 99.5 %: what one limit shows, ten do not.
    close = preferring(right(120, 200))
    alone, of_ten = (row_of("minimal_pairs", close, theirs, family=each) for each in (1, 10))
    assert (alone.verdict, alone.confidence) == ("fail", 0.95)
    assert (of_ten.verdict, of_ten.confidence) == ("inconclusive", pytest.approx(0.995))
    met = row_of("minimal_pairs", preferring(right(140, 200)), theirs, family=10)
    assert (met.verdict, met.confidence) == ("pass", 0.95)


def test_the_reference_itself_drops_by_nothing(row_of):
    found = preferring(right(3, 5))
    row = row_of("minimal_pairs", found, found, name="ref", facts=REF)
    assert (row.verdict, row.value, row.interval, row.is_its_own) == ("pass", 0.0, None, True)


@pytest.mark.parametrize(
    ("check", "ours", "theirs", "changes", "told"),
    [
        ("minimal_pairs", [True], None, {}, "of which no such measurement is stored. Measure it"),
        (
            "minimal_pairs",
            right(5, 20),
            right(5, 12),
            {},
            "not measured on the same items: 8 of 20 are of one of the two only",
        ),
        (
            "minimal_pairs",
            [True],
            [True],
            {"by": 3.0},
            "a drop of 3 is one of 300 points, which no share can exceed: every candidate meets",
        ),
        ("perplexity", [4.0], [4.2], {}, "from 1 items no interval of the difference follows"),
        ("perplexity", [4.0] * 9, [4.0] * 9, {}, "from 9 items no interval of the difference"),
    ],
)
def test_what_cannot_be_told_is_invalid_and_says_why(row_of, check, ours, theirs, changes, told):
    make = preferring if check == "minimal_pairs" else documents
    row = row_of(check, make(ours), theirs and make(theirs), **changes)
    assert row.verdict == "invalid"
    assert told in sentence(row)
    assert row.unresolved.candidate == "ref"


def test_an_advisory_drop_that_cannot_be_told_has_no_say(row_of):
    assert row_of("minimal_pairs", preferring([True]), None, advisory=True).advisory


def test_it_is_judged_from_the_store(thresholds, tmp_path):
    store = Store(tmp_path / "store")
    fill(
        store,
        thresholds,
        REF,
        minimal_pairs=preferring(right(150, 200)),
        perplexity=documents([4.0, 4.2] * 5),
        knowledge=None,
    )
    fill(
        store,
        thresholds,
        minimal_pairs=preferring(right(110, 200)),
        perplexity=documents([4.1, 4.2] * 5),
        knowledge=None,
    )
    assert not any(each.findings.has_texts for each in store)
    loaded = load_thresholds(thresholds)
    judged = judge_stored(store, loaded, ThresholdQuery.of(loaded), ["yi-6b", "ref"])
    assert [(row.check, row.verdict) for row in judged[0].results] == [
        ("perplexity", "pass"),
        ("minimal_pairs", "fail"),
    ]
    assert (judged[0].verdict, judged[1].verdict) == ("fail", "pass")


def test_evidence_that_is_lost_is_named(thresholds):
    made = measurement(thresholds, "minimal_pairs", preferring([True] * 9))
    limits = load_thresholds(thresholds).limits("x", "minimal_pairs", "pairs")
    reference = measurement(thresholds, "minimal_pairs", preferring([True] * 9), REF)
    references = References(limits, [without_evidence(reference)])
    [row] = judge(made, limits, "mine", references).results
    assert "what ref reached on single items is not stored, or its file is damaged" in sentence(row)


def test_a_drop_needs_all_samples(thresholds):
    limits = load_thresholds(thresholds).limits("x", "minimal_pairs", "pairs")
    assert stopping_rule(limits) is ALL_SAMPLES
