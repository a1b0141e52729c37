"""Measurements held against limits."""

import math
from dataclasses import asdict

import pytest
from hypothesis import given, strategies as st
from scipy import stats

from basegate.config.limits import Limit
from basegate.errors import InvalidMeasurement
from basegate.judging import judge as judging
from basegate.judging.explanation import sentence
from basegate.judging.judge import Verdict, check_valid, invalid, verdict_on
from basegate.judging.relative_limits import References
from basegate.measurement import CandidateFacts, Findings, Measurement, Metric, Sample, SampleSize
from basegate.stats.intervals import draws_needed, share_interval
from basegate.verdict import worst
from tests.helpers.rules import RULES

WORDS = ("pass", "inconclusive", "invalid", "fail")
SPLITTING = {"tokens": 190, "characters": 100, "split_token_share": 0.12}


def make_limit(key="max_bits_per_char", value=5.0, **fields):
    return Limit(key=f"here.{key}", value=value, **asdict(RULES[key]), **fields)


def make_metric(name="bits_per_char", value=4.0, unit="bits_per_char", **fields):
    return Metric(name=name, value=value, unit=unit, **fields)


def make_measurement(*metrics, check="perplexity", item="wikipedia-yue", **found):
    return Measurement(
        key="k" * 64,
        check=check,
        item=item,
        candidate=CandidateFacts(
            name="first-name", source="a/b", quantization="nf4", dtype="bfloat16", device="cpu"
        ),
        findings=Findings(metrics=metrics, **found),
        identity={},
        environment={},
        seconds=1.5,
        measured_at="2026-01-01T00:00:00+00:00",
    )


def judge(measurement, limits, name):
    return judging.judge(measurement, limits, name, References())


@pytest.mark.parametrize("count", [8, 13, 80, 280])
def test_none_or_all_at_a_limit_of_that_is_no_failure(count):
    """Wilson's interval ends at 0 or 1 there, and not 3e-18 beside it."""
    none = Metric.share("looping_share", 0.0, count=count, worth=count)
    assert verdict_on(none, make_limit("max_looping_share", 0.0)) == "inconclusive"
    every = Metric.share("accuracy", 1.0, count=count, worth=count)
    assert verdict_on(every, make_limit("min_accuracy", 1.0)) == "inconclusive"


@pytest.mark.parametrize(
    ("key", "value", "interval", "expected"),
    [
        ("max_bits_per_char", 4.9, None, "pass"),
        ("max_bits_per_char", 5.0, None, "pass"),
        ("max_bits_per_char", 5.1, None, "fail"),
        ("max_bits_per_char", 4.9, (4.8, 5.0), "pass"),
        ("max_bits_per_char", 4.9, (4.8, 5.1), "inconclusive"),
        ("max_bits_per_char", 5.1, (5.0, 5.2), "inconclusive"),
        ("max_bits_per_char", 5.2, (5.1, 5.3), "fail"),
        ("max_bits_per_char", None, None, "invalid"),
        ("max_bits_per_char", None, (1.0, 2.0), "invalid"),
        ("correct", 5.0, None, "pass"),
        ("correct", 4.0, None, "fail"),
        # A count is held against its limit as it is: this limit does not ask for intervals.
        ("correct", 6.0, (4.0, 8.0), "pass"),
        ("correct", 4.0, (2.0, 6.0), "fail"),
        ("min_cantonese_share", 6.0, (4.0, 8.0), "inconclusive"),
        ("min_cantonese_share", 4.0, (2.0, 4.5), "fail"),
        ("max_latin_share", 4.0, (2.0, 5.0), "pass"),
    ],
)
def test_a_verdict_by_hand_at_a_limit_of_five(key, value, interval, expected):
    metric = make_metric(RULES[key].metric, value, interval=interval)
    assert verdict_on(metric, make_limit(key)) == expected


@given(
    st.floats(-10, 10),
    st.tuples(st.floats(-10, 10), st.floats(-10, 10)).map(lambda ends: tuple(sorted(ends))),
    st.floats(-10, 10),
    st.sampled_from(["max", "min"]),
    st.booleans(),
    st.booleans(),
)
def test_a_verdict_agrees_with_a_plain_restatement(
    value, interval, bound, direction, by_interval, has_interval
):
    metric = make_metric(value=value, interval=interval if has_interval else None)
    limit = Limit(key="k", metric="m", direction=direction, value=bound, by_interval=by_interval)
    possible = interval if by_interval and has_interval else (value, value)
    met = [end <= bound if direction == "max" else end >= bound for end in possible]
    expected = "pass" if all(met) else "inconclusive" if any(met) else "fail"
    assert verdict_on(metric, limit) == expected


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_invalid_and_never_a_failure(number):
    verdict = judge(make_measurement(make_metric(value=number)), [make_limit()], "yi-6b")
    assert verdict.word == "invalid"
    assert not verdict.passed


@pytest.mark.parametrize("worse", range(4))
def test_the_worst_verdict_wins(worse):
    assert worst(WORDS[: worse + 1]) == WORDS[worse]
    assert worst(reversed(WORDS[: worse + 1])) == WORDS[worse]


def test_no_verdict_at_all_is_invalid():
    assert worst([]) == "invalid"
    assert Verdict(results=()).word == "invalid"


def test_a_row_says_everything_about_its_metric_and_limit():
    measurement = make_measurement(make_metric(interval=(3.9, 4.1)), notes=("Hm.",))
    limit = make_limit(why="because")
    [row] = judge(measurement, [limit], "second-name").results
    assert row.model_dump() == {
        "candidate": "second-name",
        "check": "perplexity",
        "item": "wikipedia-yue",
        "metric": "bits_per_char",
        "value": 4.0,
        "unit": "bits_per_char",
        "limit": 5.0,
        "direction": "max",
        "verdict": "pass",
        "interval": (3.9, 4.1),
        "confidence": 0.95,
        "standard_error": None,
        "reason": None,
        "seconds": 1.5,
        "measurement": "k" * 64,
        "sample_size": None,
        "why": "because",
        "notes": ("Hm.",),
        "count": None,
        "n_generated": None,
        "curve": (),
        "sample_size_hint": None,
        "tokenizer": None,
        "reference": None,
        "unresolved": None,
        "advisory": False,
    }


def test_metrics_without_a_limit_give_no_row():
    measurement = make_measurement(make_metric(), make_metric("bits_per_byte"))
    rows = judge(measurement, [make_limit()], "x").results
    assert [row.metric for row in rows] == ["bits_per_char"]


def test_a_limit_on_a_metric_that_was_not_measured_is_invalid():
    measurement = make_measurement(make_metric())
    verdict = judge(measurement, [make_limit(), make_limit("max_perplexity", 60)], "x")
    assert [row.verdict for row in verdict.results] == ["pass", "invalid"]
    assert verdict.word == "invalid"
    assert verdict.explanation == (
        "x on wikipedia-yue: here.max_perplexity: the measurement holds no perplexity; it "
        "holds bits_per_char."
    )


def test_a_count_per_question_gives_a_row_per_question():
    counts = [
        make_metric("correct", right, "correct", item=item, count=10, drawn=10)
        for item, right in (("first", 7.0), ("second", 6.0))
    ]
    measurement = make_measurement(*counts, check="knowledge", item="must-know")
    verdict = judge(measurement, [make_limit("correct", 7)], "yi-6b")
    assert [(row.item, row.verdict) for row in verdict.results] == [
        ("must-know/first", "pass"),
        ("must-know/second", "fail"),
    ]
    # 176 / 1024 = 17.2 %
    assert verdict.explanation == (
        "yi-6b on must-know/second: 6 of 10 correct, limit at least 7. (A model that is right "
        "half of the time passes 17 % of the time.)"
    )


def test_a_failure_says_it_in_the_users_words():
    metric = make_metric(value=5.312, interval=(5.241, 5.378))
    measurement = make_measurement(metric, facts=SPLITTING)
    verdict = judge(measurement, [make_limit(value=5.05)], "yi-6b")
    assert verdict.word == "fail"
    assert verdict.explanation == (
        "yi-6b on wikipedia-yue: 5.31 bits per character (95 %: 5.24 to 5.38), limit at most 5.05. "
        "1.90 tokens per character, 12 % of them parts of a character: the tokenizer is the likely "
        "cause."
    )


def test_an_inconclusive_verdict_says_what_would_settle_it():
    metric = make_metric(value=4.96, interval=(4.87, 5.06))
    measurement = make_measurement(metric, facts={"documents": 20})
    verdict = judge(measurement, [make_limit(value=5.01)], "yi-6b")
    assert not verdict.passed
    assert verdict.explanation == (
        "yi-6b on wikipedia-yue: 4.96 bits per character (95 %: 4.87 to 5.06), limit at most 5.01. "
        # (0.10 / 0.05)², four times as many documents.
        "The interval straddles the limit: about 60 more documents like these 20 would settle it, "
        "if the value stays."
    )


def test_what_another_limit_left_undecided_has_no_sample_size_that_would_settle_it():
    metric = make_metric(value=4.96, interval=(4.87, 5.06))
    measurement = make_measurement(metric, facts={"documents": 8})
    part = measurement.findings.model_copy(
        update={"sample_size": SampleSize(kind="documents", n=8, out_of=88)}
    )
    verdict = judge(
        measurement.model_copy(update={"findings": part}), [make_limit(value=5.01)], "yi-6b"
    )
    [row] = verdict.results
    assert (row.verdict, row.sample_size_hint) == ("inconclusive", None)
    assert verdict.explanation.endswith("since another limit is certainly not met.")


def test_a_share_of_nothing_neither_meets_a_limit_nor_fails_it():
    share = make_metric("simplified_share", 0.0, "fraction", interval=(0.0, 1.0), count=0)
    measurement = make_measurement(share, check="continuation", facts={"samples": 64})
    verdict = judge(measurement, [make_limit("max_simplified_share", 0.1)], "llama-2-7b")
    [row] = verdict.results
    # More samples would hold nothing to count either.
    assert (row.verdict, row.count, row.sample_size_hint) == ("inconclusive", 0, None)
    assert verdict.explanation.endswith(" so nothing is known of it.")


def test_the_explanation_of_a_pass_lists_every_limit_and_leaves_out_the_excuse():
    measurement = make_measurement(
        make_metric(), make_metric("perplexity", 20.5, "token perplexity"), facts=SPLITTING
    )
    verdict = judge(measurement, [make_limit(), make_limit("max_perplexity", 60.5)], "x")
    assert verdict.passed
    assert len(verdict.explanation.splitlines()) == 2
    assert "tokens per character" not in verdict.explanation


def test_the_explanation_of_a_failure_leaves_out_what_is_met():
    measurement = make_measurement(make_metric(), make_metric("perplexity", 99.5, "perplexity"))
    verdict = judge(measurement, [make_limit(), make_limit("max_perplexity", 60.5)], "x")
    assert verdict.explanation == "x on wikipedia-yue: 99.50 token perplexity, limit at most 60.5."


@pytest.mark.parametrize(("item", "place"), [("bank", "bank"), ("", "knowledge")])
def test_a_row_of_something_broken_names_its_item_or_else_its_check(item, place):
    row = invalid("yi-6b", "knowledge", item, "it broke.")
    assert (row.verdict, row.metric, row.value, row.limit) == ("invalid", "", None, None)
    assert sentence(row) == f"yi-6b on {place}: it broke."


def accuracy(value, worth, count=100):
    return Metric.share("accuracy", value, count=count, worth=worth)


def test_an_inconclusive_accuracy_says_how_many_more_questions_would_settle_it():
    # Wilson at 95 %: 0.5 of n draws is below 0.6 from n = 93 on (97 by hand without its centre).
    measurement = make_measurement(
        accuracy(0.5, 40.0, 20), check="knowledge", facts={"questions": 20}
    )
    limit = make_limit("min_accuracy", 0.6)
    needed = draws_needed(0.5, 0.6, 0.95)
    assert share_interval(0.5, needed, 0.95)[1] < 0.6 <= share_interval(0.5, needed - 1, 0.95)[1]
    more = math.ceil(20 * needed / 40) - 20
    [row] = judge(measurement, [limit], "x").results
    assert row.verdict == "inconclusive"
    assert f"about {more} more questions like these 20 would settle it" in sentence(row)


@pytest.mark.parametrize("value", [0.6, 0.6000001])
def test_a_value_at_the_limit_is_not_promised_to_be_settled(value):
    measurement = make_measurement(
        accuracy(value, 40.0), check="knowledge", facts={"questions": 100}
    )
    [row] = judge(measurement, [make_limit("min_accuracy", 0.6)], "x").results
    assert "more questions would settle it, if the truth is not the limit itself." in sentence(row)


def test_an_interval_at_another_level_has_its_own_quantile_of_student():
    # Twelve questions, half right: worth (z / t)² of its draws, with 11 degrees of freedom.
    def correction(level):
        return (stats.norm.ppf(0.5 + level / 2) / stats.t.ppf(0.5 + level / 2, 11)) ** 2

    metric = Metric.share("accuracy", 0.5, count=12, worth=11 * correction(0.95), degrees=11)
    interval, _ = metric.interval_at(0.99)
    assert interval == pytest.approx(share_interval(0.5, 11 * correction(0.99), 0.99))


def test_a_gap_is_settled_by_documents_in_both_versions():
    metric = make_metric("gap", 1.4, "bits_per_char", interval=(1.2, 1.6))
    measurement = make_measurement(metric, facts={"documents": 100, "parallel_documents": 10})
    [row] = judge(measurement, [make_limit("max_gap", 1.5)], "x").results
    # (0.2 / 0.1)², four times as many.
    assert "about 30 more documents in both versions like these 10" in sentence(row)


def test_a_row_carries_the_operating_curve_of_its_gate():
    count = make_metric("correct", 7.0, "correct", item="q", count=10, drawn=10)
    measurement = make_measurement(count, accuracy(0.7, 200.0), check="knowledge")
    limits = [make_limit("correct", 7), make_limit("min_accuracy", 0.6)]
    by_count, by_share = judge(measurement, limits, "x").results
    assert [share for share, _ in by_count.curve] == [each / 10 for each in range(1, 10)]
    assert dict(by_count.curve)[0.5] == pytest.approx(176 / 1024)
    # Of 200 draws, Wilson's lower end reaches 0.6 from 134 right ones on.
    assert share_interval(134 / 200, 200, 0.95)[0] >= 0.6 > share_interval(133 / 200, 200, 0.95)[0]
    assert dict(by_share.curve)[0.7] == pytest.approx(stats.binom.sf(133, 200, 0.7))


def test_perplexity_has_no_operating_curve():
    [row] = judge(make_measurement(make_metric(interval=(3.9, 4.1))), [make_limit()], "x").results
    assert row.curve == ()


def test_what_was_not_drawn_is_said():
    count = make_metric("correct", 7.0, "correct", item="q", count=10, drawn=7)
    [row] = judge(
        make_measurement(count, check="knowledge"), [make_limit("correct", 7)], "x"
    ).results
    assert row.verdict == "pass"
    assert "The other 3 of 10 samples could not change that and were not generated." in sentence(
        row
    )


def degenerate(share):
    samples = tuple(
        Sample(item="q", prompt="p", text="!" * 32 if at < share * 10 else "A", seed=at)
        for at in range(10)
    )
    samples = tuple(s.model_copy(update={"degenerate": s.text != "A"}) for s in samples)
    metric = make_metric("degenerate_share", share, "fraction", count=10)
    return make_measurement(metric, check="knowledge", samples=samples)


def test_a_limit_of_validity_makes_no_row_and_refuses_what_is_beyond_it():
    limit = make_limit("max_degenerate_share", 0.5)
    assert judge(degenerate(0.5), [limit], "x").results == ()
    [row] = judge(degenerate(0.6), [limit], "x").results
    assert (row.verdict, row.limit, row.measurement) == ("invalid", None, "k" * 64)
    check_valid(degenerate(0.5), [limit])
    with pytest.raises(InvalidMeasurement) as caught:
        check_valid(degenerate(0.6), [limit])
    assert str(caught.value).startswith(
        "6 of 10 samples are degenerate (such as '!!!!!!!!!!!!'), here.max_degenerate_share is 0.5:"
    )
    assert caught.value.measurement == "k" * 64


def test_a_check_without_samples_has_nothing_degenerate():
    limit = make_limit("max_degenerate_share", 0.0)
    check_valid(make_measurement(make_metric()), [limit])  # raises nothing
    with pytest.raises(InvalidMeasurement):
        check_valid(degenerate(0.1), [limit])


def test_a_limit_of_validity_whose_metric_was_not_measured_does_not_pass():
    limits = (make_limit(), make_limit("max_degenerate_share", 0.5))
    verdict = judge(make_measurement(make_metric()), limits, "yi-6b")
    assert [row.verdict for row in verdict.results] == ["pass", "invalid"]


def test_what_a_null_model_writes_is_never_too_degenerate_to_be_judged():
    limits = [make_limit("max_degenerate_share", 0.5), make_limit("min_accuracy", 0.4)]
    broken = degenerate(1.0)
    accuracy = Metric.share("accuracy", 0.0, count=80, worth=80)
    broken = broken.model_copy(
        update={
            "findings": broken.findings.model_copy(
                update={"metrics": (*broken.findings.metrics, accuracy)}
            )
        }
    )
    assert judge(broken, limits, "x").word == "invalid"
    null = broken.candidate.model_copy(update={"engine": "null"})
    verdict = judge(broken.model_copy(update={"candidate": null}), limits, "x")
    assert [(row.metric, row.verdict) for row in verdict.results] == [("accuracy", "fail")]
