"""The recommendation in sentences, for every reason there is."""

from __future__ import annotations

import pytest

from basegate.ledger import (
    AcceptanceConfidence,
    ChanceOfPassing,
    Comparison,
    Ledger,
    Recommendation,
    Suite,
    ThresholdsFile,
    ValueAndLimit,
)
from basegate.report.decision_text import recommendation
from tests.helpers.recommendations import entry
from tests.helpers.rows import row


def ledger(choice, *names, comparisons=()):
    return Ledger(
        suite=Suite(
            version="1", thresholds=ThresholdsFile(path="t.toml", sha256=""), command="pytest"
        ),
        environment={},
        candidates=tuple(map(entry, names)),
        results=(),
        recommendation=choice,
        comparisons=tuple(comparisons),
    )


def carried(unit, difference, better="first"):
    return Comparison(
        first="a",
        second="b",
        check="minimal_pairs" if unit == "fraction" else "perplexity",
        part="bank",
        metric="preferred_share" if unit == "fraction" else unit,
        unit=unit,
        items=40,
        first_value=1.0,
        second_value=2.0,
        difference=difference,
        interval=(difference - 0.1, difference + 0.1),
        confidence=0.95,
        comparisons=1,
        p_value=0.001,
        better=better,
    )


CLOSEST = ValueAndLimit(
    check="perplexity",
    item="wiki",
    metric="bits_per_char",
    value=4.2,
    limit=5.0,
    direction="max",
    unit="bits_per_char",
    interval=(4.0, 4.4),
)
MET = "Take a: it meets every limit."


@pytest.mark.parametrize(
    ("choice", "names", "comparisons", "sentences"),
    [
        (None, "a", (), ["Nothing was judged."]),
        (
            Recommendation(candidate="a", accepted=("a",), reason="only"),
            "a",
            (),
            [MET, "There was no other candidate to compare it with."],
        ),
        (
            Recommendation(candidate="a", accepted=("a",), reason="only", closest=CLOSEST),
            "ab",
            (),
            [
                MET,
                "No other candidate does.",
                "The smallest margin: perplexity wiki, 4.20 bits per character "
                "(95 %: 4 to 4.40), limit at most 5.",
            ],
        ),
        (
            Recommendation(candidate="a", accepted=("a", "b"), reason="better", eliminated=("b",)),
            "ab",
            [
                carried("bits_per_char", -0.53),
                carried("fraction", 0.125),
                carried("bits_per_byte", 0.2, better=None),
            ],
            [
                MET,
                "Others meet every limit, too, but on the same items it is significantly better: "
                "0.53 bits per character better than b on perplexity bank; 12.5 points better "
                "than b on minimal pairs bank (share of pairs with the right sentence more "
                "probable).",
            ],
        ),
        (
            Recommendation(
                candidate="a",
                accepted=("a", "b"),
                reason="smaller",
                tied=("b",),
                memory={"a": 2**30, "b": 3 * 2**29},
            ),
            "ab",
            (),
            [
                MET,
                "It is tied with b; it needs the least memory (a 1.0 GiB, b 1.5 GiB).",
            ],
        ),
        (
            Recommendation(
                candidate="a", accepted=("a", "b", "c"), reason="first", tied=("b", "c")
            ),
            "abc",
            (),
            [
                MET,
                "It is tied with b and c: the choice is free.",
            ],
        ),
        (
            Recommendation(
                candidate=None,
                reason="none",
                nearest="a",
                missed=(CLOSEST.model_copy(update={"value": 6.0, "interval": None}),),
                rejected=("a",),
            ),
            "ab",
            (),
            [
                "No candidate passes: do not build on any of them.",
                "The nearest is a, which does not meet 1 of its checks; the farthest is "
                "perplexity wiki: 6 bits per character, limit at most 5.",
            ],
        ),
        (
            Recommendation(
                candidate=None,
                reason="none",
                nearest="a",
                missed=(CLOSEST.model_copy(update={"value": 6.0, "interval": None}),),
                rejected=("a",),
                unfinished=("b",),
            ),
            "ab",
            (),
            [
                "No candidate is accepted.",
                "The nearest is a, which does not meet 1 of its checks; the farthest is "
                "perplexity wiki: 6 bits per character, limit at most 5.",
                "Not judged on every check, and therefore not accepted: b.",
            ],
        ),
        (
            Recommendation(
                candidate=None,
                reason="none",
                nearest="a",
                missed=(CLOSEST.model_copy(update={"value": 5.2, "interval": (4.9, 5.5)}),),
                broken=("b",),
            ),
            "ab",
            (),
            [
                "No candidate is accepted.",
                "The nearest is a, which leaves 1 of its checks open, since intervals straddle "
                "the limit; the farthest is perplexity wiki: 5.20 bits per character (95 %: 4.90 "
                "to 5.50), limit at most 5.",
                "Not measured as it should be, which says nothing about the model: b.",
            ],
        ),
        (
            Recommendation(candidate="a", accepted=("a",), reason="only", broken=("b",)),
            "ab",
            (),
            [MET, "No other candidate that was judged on every check does."],
        ),
        (
            Recommendation(
                candidate="a",
                accepted=("a", "b"),
                reason="first",
                tied=("b",),
                better_in_some=("b",),
            ),
            "ab",
            (),
            [
                MET,
                "Every limit is met by b, too, and neither is better in everything: the choice is "
                "free.",
                "Significantly better than it in something: b (see the comparisons).",
            ],
        ),
        (
            Recommendation(candidate=None, reason="none", unfinished=("a",)),
            "a",
            (),
            [
                "No candidate is accepted.",
                "Not judged on every check, and therefore not accepted: a.",
            ],
        ),
    ],
)
def test_every_reason_has_its_sentences(choice, names, comparisons, sentences):
    assert list(recommendation(ledger(choice, *names, comparisons=comparisons))) == sentences


def test_where_all_limits_follow_from_its_own_numbers_nothing_is_sure():
    choice = Recommendation(
        candidate="a",
        accepted=("a",),
        reason="only",
        acceptance_confidence=AcceptanceConfidence(by_interval=0),
    )
    assert not [each for each in recommendation(ledger(choice, "a")) if "sure" in each]


@pytest.mark.parametrize(
    ("sure", "sentences"),
    [
        (
            AcceptanceConfidence(by_interval=3),
            ["Confidence: 3 of its 3 checks met clearly, at 95 % confidence for each."],
        ),
        (
            AcceptanceConfidence(by_interval=1),
            ["Confidence: its only check is met clearly, at 95 % confidence."],
        ),
        (
            AcceptanceConfidence(
                by_interval=3,
                confidence=0.9,
                by_count=2,
                easiest=ChanceOfPassing(check="knowledge", item="must-know", chance=0.1719),
                chance_of_passing=0.0295,
            ),
            [
                "Confidence: 3 of its 5 checks met clearly, at 90 % confidence for each; 2 checks "
                "count right answers, and a model that is right only half of the time would pass "
                "the easiest of these (knowledge must-know) 17 % of the time, and all of them "
                "3 % of the time.",
            ],
        ),
        (
            AcceptanceConfidence(
                by_interval=0,
                by_count=2,
                by_value=1,
                easiest=ChanceOfPassing(check="reasoning", item="b", chance=0.5),
                chance_of_passing=0.25,
            ),
            [
                "Confidence: 2 checks count right answers, and a model that is right only "
                "half of the time would pass the easiest of these (reasoning b) 50 % of the time, "
                "and all of them 25 % of the time; 1 is based on a number without an interval.",
            ],
        ),
        (
            AcceptanceConfidence(
                by_interval=1,
                by_count=1,
                easiest=ChanceOfPassing(check="reasoning", item="b", chance=0.5),
                chance_of_passing=0.5,
            ),
            [
                "Confidence: 1 of its 2 checks met clearly, at 95 % confidence for each; "
                "reasoning b counts right answers, and a model that is right only half of the time "
                "would pass it 50 % of the time.",
            ],
        ),
        (
            AcceptanceConfidence(
                by_interval=0,
                by_count=1,
                easiest=ChanceOfPassing(check="reasoning", item="b", chance=1e-7),
            ),
            [
                "Confidence: reasoning b counts right answers, and a model that is right only half "
                "of the time would pass it under 1 % of the time.",
            ],
        ),
        (
            AcceptanceConfidence(by_interval=1, by_value=2, relative=2),
            [
                "Confidence: 1 of its 3 checks met clearly, at 95 % confidence for each; 2 are "
                "based on numbers without an interval; 2 of the limits follow from a reference's "
                "number, taken as exact.",
            ],
        ),
        (
            AcceptanceConfidence(by_interval=2, relative=1),
            [
                "Confidence: 2 of its 2 checks met clearly, at 95 % confidence for each; 1 of the "
                "limits follows from a reference's number, taken as exact.",
            ],
        ),
    ],
)
def test_how_sure_it_is_stands_in_a_sentence(sure, sentences):
    choice = Recommendation(
        candidate="a", accepted=("a",), reason="only", acceptance_confidence=sure
    )
    alone = "There was no other candidate to compare it with."
    assert list(recommendation(ledger(choice, "a"))) == [MET, alone, *sentences]


def missing(name, metric="cantonese_share", unit="fraction", **fields):
    given = {
        "check": "continuation",
        "item": "continuation",
        "value": 0.0,
        "limit": 0.5,
        "direction": "min",
    }
    return row("fail", candidate=name, metric=metric, unit=unit, **{**given, **fields})


def test_of_one_or_two_others_that_fail_it_says_what_is_wrong():
    one = missing("b", interval=(0.0, 0.2))
    perplexity = missing("b", "perplexity", "token perplexity", value=7e5, limit=9, direction="max")
    two = missing("c", "correct", "correct", value=3.0, limit=7.0, n_generated=7)
    told = "b fails continuation with 0 % of sentences in Cantonese (limit at least 50 %)"
    also = "c fails continuation with 3 of 7 correct (limit at least 7)"

    def reason(rejected, *rows, **more):
        choice = Recommendation(
            candidate="a", accepted=("a",), reason="only", rejected=rejected, **more
        )
        found = ledger(choice, "a", *rejected).model_copy(update={"results": rows})
        return recommendation(found)[1]

    assert reason(("b",), perplexity, one) == f"No other candidate does: {told}."
    assert reason(("b", "c"), one, two) == f"No other candidate does: {told}; {also}."
    assert reason(("b",), one, broken=("d",)) == (
        f"No other candidate that was judged on every check does: {told}."
    )
    assert reason(("b", "c", "d"), one, two, missing("d")) == "No other candidate does."
