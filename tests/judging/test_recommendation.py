"""Which candidate to take, why, and how sure an acceptance is."""

from __future__ import annotations

import pytest

from basegate.judging.recommendation import acceptance_confidence, plainest_of, recommend
from basegate.ledger import AcceptanceConfidence, ChanceOfPassing, CheckItem
from basegate.verdict import Reference, Result
from tests.helpers.recommendations import better, entry
from tests.helpers.rows import row as result


def left(check, item=""):
    return CheckItem(check=check, item=item)


def row(name, verdict="pass", *, item="wiki", value=4.0, limit=5.0, check="perplexity"):
    return Result(
        candidate=name,
        check=check,
        item=item,
        metric="bits_per_char",
        value=value,
        unit="bits_per_char",
        limit=limit,
        direction="max",
        verdict=verdict,
    )


def test_the_only_one_that_passes_is_taken():
    found = recommend([entry("a"), entry("b", "fail")], [row("a"), row("b", "fail", value=9.0)], [])
    assert (found.candidate, found.reason, found.accepted) == ("a", "only", ("a",))
    assert found.missed == ()


def test_the_one_that_comparisons_carry_is_taken():
    rows = [row("a"), row("b"), row("c")]
    found = recommend(
        [entry("a"), entry("b"), entry("c")], rows, [better("b", "a"), better("b", "c")]
    )
    assert (found.candidate, found.reason) == ("b", "better")
    assert (found.eliminated, found.tied) == (("a", "c"), ())


def test_of_those_that_cannot_be_told_apart_the_smaller_is_taken():
    rows = [row("a"), row("b"), row("c")]
    found = recommend(
        [entry("a", memory=30), entry("b", memory=20), entry("c", memory=10)],
        rows,
        [better("a", "c")],
    )
    assert (found.candidate, found.reason) == ("b", "smaller")
    assert (found.tied, found.eliminated) == (("a",), ("c",))
    assert found.memory == {"a": 30, "b": 20}


@pytest.mark.parametrize("memories", [(None, 20), (20, 20), (101, 100)])
def test_where_memory_does_not_tell_either_the_first_named_is_taken(memories):
    entries = [entry(name, memory=each) for name, each in zip("ab", memories, strict=True)]
    found = recommend(entries, [row("a"), row("b")], [])
    assert (found.candidate, found.reason, found.tied) == ("a", "first", ("b",))


def test_better_in_one_thing_and_worse_in_another_is_not_better():
    comparisons = [better("a", "b"), better("b", "a", "accuracy")]
    found = recommend(
        [entry("a", memory=9), entry("b", memory=8)], [row("a"), row("b")], comparisons
    )
    assert (found.candidate, found.reason) == ("b", "smaller")


def test_a_circle_leaves_all():
    circle = [better("a", "b"), better("b", "c"), better("c", "a")]
    found = recommend([entry(name) for name in "abc"], [row(name) for name in "abc"], circle)
    assert (found.candidate, found.reason, found.eliminated) == ("a", "first", ())


def test_a_limit_that_follows_from_its_own_number_is_not_the_closest():
    def relative(candidate, measurement, limit):
        reference = Reference(candidate=candidate, value=4.0, factor=1.1, measurement=measurement)
        told = {"limit": limit, "reference": reference, "measurement": "own", "item": "other"}
        return row("a").model_copy(update=told)

    rows = [row("a", value=4.0, limit=5.0)]
    for own in (relative("a", "another", 4.1), relative("alias", "own", 4.1)):
        choice = recommend([entry("a")], [*rows, own], [])
        assert choice.closest.item == "wiki"
        assert recommend([entry("a")], [own], []).closest is None
    choice = recommend([entry("a")], [*rows, relative("b", "another", 4.1)], [])
    assert choice.closest.item == "other"


def test_a_rejected_candidate_is_not_taken_however_good_it_is():
    found = recommend(
        [entry("a"), entry("b", "fail")], [row("a"), row("b", "fail")], [better("b", "a")]
    )
    assert found.candidate == "a"


def test_where_they_beat_each_other_it_says_so():
    comparisons = [better("a", "b"), better("b", "a", "accuracy")]
    found = recommend([entry("a"), entry("b")], [row("a"), row("b")], comparisons)
    assert (found.tied, found.better_in_some) == (("b",), ("b",))


def test_a_choice_allows_for_all_that_it_looks_at():
    metrics = [f"m{number}" for number in range(12)]
    found = [better("a", "b", metric).model_copy(update={"p_value": 0.01}) for metric in metrics]
    same = [each.model_copy(update={"better": None}) for each in found]
    entries, rows = [entry("a", memory=9), entry("b", memory=5)], [row("a"), row("b")]
    # 0.01 is little for one item, and not for the best of twelve.
    assert recommend(entries, rows, found[:1]).candidate == "a"
    assert recommend(entries, rows, [found[0], *same[1:]]).candidate == "b"


def test_memory_of_gpus_is_not_held_against_that_of_processes():
    gpu = entry("b", memory=5).model_copy(update={"device": "cuda"})
    found = recommend([entry("a", memory=9), gpu], [row("a"), row("b")], [])
    assert (found.candidate, found.reason, found.memory) == ("a", "first", {})


def test_one_that_was_asked_nothing_is_not_counted_among_those_that_fail():
    missing = (left("perplexity", "wiki"),)
    entries = [entry("a"), entry("b", "invalid", not_run=missing)]
    found = recommend(entries, [row("a")], [])
    assert (found.candidate, found.unfinished, found.rejected) == ("a", ("b",), ())
    fails = [entry("a", "fail"), entries[1]]
    found = recommend(fails, [row("a", "fail", value=9.0)], [])
    assert (found.candidate, found.nearest, found.unfinished) == (None, None, ("b",))


def test_one_that_was_not_judged_on_all_is_not_taken():
    found = recommend([entry("a", not_run=(left("knowledge", "facts"),))], [row("a")], [])
    assert (found.candidate, found.reason, found.unfinished) == (None, "none", ("a",))
    assert found.nearest is None


def test_one_that_no_test_reached_is_no_nearest():
    found = recommend([entry("a", "invalid", not_run=(left("perplexity", "wiki"),))], [], [])
    assert (found.candidate, found.nearest) == (None, None)


def test_where_none_passes_the_nearest_misses_the_fewest_checks():
    rows = [
        row("a", "fail", value=5.1),
        row("a", "fail", item="bank", check="knowledge"),
        row("b", "fail", value=9.0),
        row("b", "inconclusive", item="wiki", value=5.5),
    ]
    found = recommend([entry("a", "fail"), entry("b", "fail")], rows, [])
    assert (found.candidate, found.reason, found.nearest) == (None, "none", "b")
    assert [each.value for each in found.missed] == [9.0, 5.5]  # the farthest first
    assert found.missed[0].beyond == (None, pytest.approx(4 / 9))


def test_between_two_that_miss_as_many_the_smaller_distance_counts():
    rows = [row("a", "fail", value=6.0), row("b", "fail", value=5.5)]
    assert recommend([entry("a", "fail"), entry("b", "fail")], rows, []).nearest == "b"


def test_perplexity_is_as_far_as_what_a_token_costs():
    wild = row("a", "fail").model_copy(
        update={"metric": "perplexity", "value": 60.0**2, "limit": 60.0}
    )
    rows = [wild, row("a", "fail", item="bank", value=10.5)]
    found = recommend([entry("a", "fail")], rows, [])
    assert [each.value for each in found.missed] == [10.5, 3600.0]
    assert [each.beyond[1] for each in found.missed] == pytest.approx([5.5 / 10.5, 0.5])


def test_the_farthest_is_told_by_standard_errors_not_by_the_size_of_its_number():
    million = {"metric": "perplexity", "value": 7e5, "limit": 6e5, "interval": (5.5e5, 9e5)}
    rows = [
        row("a", "fail").model_copy(update=million),
        row("a", "fail", value=6.04).model_copy(update={"interval": (5.99, 6.09)}),
        row("a", "fail", item="b", value=9.0),  # without an interval: its own scale, and last
    ]
    found = recommend([entry("a", "fail")], rows, [])
    assert [each.value for each in found.missed] == [6.04, 7e5, 9.0]
    errors = [each.beyond[0] for each in found.missed]
    # 1.04 bits beyond, the half interval of 0.05 being 1.96 standard errors.
    assert errors[0] == pytest.approx(1.04 / 0.05 * 1.959964)
    assert errors[1:] == [pytest.approx(1.25, abs=0.01), None]


def test_a_confidence_sequence_is_no_measure_of_the_standard_error():
    rows = [
        row("a", "fail", value=6.0).model_copy(update={"interval": (5.9, 6.1)}),
        row("a", "fail", value=10.0, item="part").model_copy(
            update={"interval": (5.2, 14.8), "standard_error": 0.1}
        ),
    ]
    found = recommend([entry("a", "fail")], rows, [])
    assert [each.value for each in found.missed] == [10.0, 6.0]
    assert found.missed[0].beyond[0] == pytest.approx(50.0)


def test_the_closest_limit_and_the_nearest_candidate_are_told_by_standard_errors():
    def near(name, verdict, value, half, **fields):
        interval = (value - half, value + half)
        return row(name, verdict, value=value).model_copy(update={"interval": interval, **fields})

    share = {"metric": "accuracy", "unit": "fraction", "limit": 0.5, "direction": "min"}
    # 0.02 from the limit in twenty standard errors; 1.0 from it in four.
    rows = [near("a", "pass", 0.52, 0.002, **share), near("a", "pass", 4.0, 0.5, item="bits")]
    assert recommend([entry("a")], rows, []).closest.item == "bits"
    rows = [near("a", "fail", 0.48, 0.002, **share), near("b", "fail", 6.0, 0.5)]
    assert recommend([entry("a", "fail"), entry("b", "fail")], rows, []).nearest == "b"


def test_a_failed_check_rejects_whatever_else_could_not_be_measured():
    rows = [row("a", "fail", value=9.0), broken("a").model_copy(update={"item": "other"})]
    found = recommend([entry("a", "fail")], rows, [])
    assert (found.rejected, found.broken, found.nearest) == (("a",), (), "a")


def test_what_could_not_be_measured_counts_as_missed():
    rows = [row("a", "fail", value=5.1), broken("a").model_copy(update={"item": "other"})]
    rows += [row("b", "fail", value=9.0), broken("b")]
    # One check of b, of which two limits are not met or known; two of a.
    assert recommend([entry("a", "fail"), entry("b", "fail")], rows, []).nearest == "b"


def test_an_advisory_limit_has_no_say():
    rows = [row("a", value=4.0), row("a", "fail", item="b", value=9.0)]
    rows[1] = rows[1].model_copy(update={"advisory": True})
    found = recommend([entry("a")], rows, [])
    assert (found.candidate, found.closest.item, found.rejected) == ("a", "wiki", ())
    # Where nothing else was judged, nothing was.
    alone = recommend([entry("a", "invalid")], rows[1:], [])
    assert (alone.candidate, alone.nearest, alone.unfinished) == (None, None, ("a",))


def broken(name):
    return Result(candidate=name, check="perplexity", item="wiki", verdict="invalid", reason="NaN")


def open_(metric, value, **fields):
    return row("a", "inconclusive").model_copy(update={"metric": metric, "value": value, **fields})


@pytest.mark.parametrize(
    "other",
    [
        # Open, though 0.9 is far on the right side of 0.5.
        open_("accuracy", 0.9, limit=0.5, direction="min"),
        # A share of nothing is no number.
        open_("simplified_share", 0.0, limit=0.02, count=0, verdict="fail"),
        # How far a count is depends on when sampling stopped.
        open_("correct", 0.0, limit=7.0, direction="min", verdict="fail", count=10),
    ],
)
def test_the_farthest_is_what_fails_by_a_number(other):
    failing = row("a", "fail", value=5.6, limit=5.0)
    for rows in ([failing, other], [other, failing]):
        found = recommend([entry("a", "fail")], rows, [])
        assert (found.nearest, found.missed[0].value) == ("a", 5.6)


def failing(metric, unit="", **fields):
    return open_(metric, 0.0, unit=unit, limit=0.5, direction="min", verdict="fail", **fields)


def test_what_a_lay_reader_understands_tells_best_what_is_wrong():
    plain = [
        failing("cantonese_share", "fraction"),
        failing("looping_share", "fraction"),
        failing("correct", count=10),
        failing("bits_per_char"),
        failing("another"),
        failing("perplexity"),
    ]
    for number, each in enumerate(plain):
        # However far the others are from their limits.
        others = [
            row.model_copy(update={"value": 1e6, "direction": "max"}) for row in plain[number + 1 :]
        ]
        assert plainest_of([*others, each]).metric == each.metric


def test_what_is_open_or_of_nothing_tells_what_is_wrong_where_there_is_nothing_else():
    bits = failing("bits_per_char")
    share = failing("cantonese_share", "fraction")
    for less in (
        share.model_copy(update={"verdict": "inconclusive"}),
        share.model_copy(update={"count": 0}),
    ):
        assert plainest_of([less, bits]).metric == "bits_per_char"
        assert plainest_of([less]).metric == "cantonese_share"
    assert plainest_of([broken("a")]) is None


def test_of_two_as_plain_the_farther_tells_what_is_wrong():
    near = failing("cantonese_share", "fraction", item="near")
    near = near.model_copy(update={"value": 0.4})
    assert plainest_of([near, failing("accuracy", "fraction")]).metric == "accuracy"


def test_one_that_met_all_that_was_run_is_nearer_than_one_that_fails():
    missing = (left("knowledge", "bank"), left("reasoning", "bank"))
    entries = [entry("a", not_run=missing), entry("b", "fail", not_run=missing)]
    found = recommend(entries, [row("a"), row("b", "fail", value=9.0)], [])
    assert (found.candidate, found.nearest, found.missed) == (None, None, ())
    assert (found.unfinished, found.rejected) == (("a",), ("b",))
    # One that was judged on everything, and fails, can not become better either.
    whole = [entries[0], entry("b", "fail")]
    assert recommend(whole, [row("a"), row("b", "fail", value=9.0)], []).nearest is None


def test_one_that_is_open_may_be_nearer_than_one_that_was_not_judged_on_all():
    entries = [
        entry(
            "a",
            not_run=(
                left("x"),
                left("y"),
            ),
        ),
        entry("b", "inconclusive"),
    ]
    assert recommend(entries, [row("a"), row("b", "inconclusive")], []).nearest == "b"


def test_what_could_not_be_measured_is_no_nearest():
    rows = [broken("a"), row("b", "fail", value=50.0)]
    found = recommend([entry("a", "invalid"), entry("b", "fail")], rows, [])
    assert (found.nearest, found.broken, found.rejected) == ("b", ("a",), ("b",))
    alone = recommend([entry("a", "invalid")], [broken("a")], [])
    assert (alone.nearest, alone.missed) == (None, ())


def test_one_that_was_judged_on_less_is_no_nearer_for_that():
    rows = [
        row("a", "fail", value=5.1),
        row("a", "fail", item="bank", check="knowledge", value=5.1),
        row("b", "fail", value=300.0),
    ]
    entries = [
        entry("a", "fail"),
        entry("b", "fail", not_run=(left("knowledge", "bank"),)),
    ]
    assert recommend(entries, rows, []).nearest == "a"


def count(item, chance, check="knowledge"):
    curve = () if chance is None else ((0.4, 0.01), (0.5, chance))
    return result(
        check=check, item=item, metric="correct", value=7.0, interval=(4.0, 9.0), curve=curve
    )


def test_checks_with_whole_intervals_are_shown_at_the_lowest_level():
    rows = [
        result(interval=(4.0, 4.5), confidence=0.99),
        result(metric="perplexity", interval=(20.0, 30.0), confidence=0.9),
        result(check="minimal_pairs", item="bank", interval=(0.7, 0.8)),
    ]
    assert acceptance_confidence(rows) == AcceptanceConfidence(by_interval=2, confidence=0.9)


def test_a_check_with_a_number_without_an_interval_is_not_shown():
    rows = [
        result(interval=(4.0, 4.5)),
        result(metric="perplexity"),
        result(item="b", interval=(4.0, 4.5)),
    ]
    assert acceptance_confidence(rows) == AcceptanceConfidence(by_interval=1, by_value=1)


def test_of_banks_that_count_the_easiest_by_luck_is_told():
    # Two questions: luck has to hold twice.
    rows = [count("easy/q1", 0.5), count("easy/q2", 0.4), count("hard/q1", 0.17)]
    found = acceptance_confidence(rows)
    assert (found.by_interval, found.by_count, found.checks) == (0, 2, 2)
    assert found.easiest == ChanceOfPassing(check="knowledge", item="easy", chance=0.5 * 0.4)


def test_luck_has_to_hold_on_all_banks_that_count():
    rows = [count("easy/q1", 0.5), count("easy/q2", 0.4), count("hard/q1", 0.17)]
    assert acceptance_confidence(rows).chance_of_passing == pytest.approx(0.5 * 0.4 * 0.17)
    assert acceptance_confidence([result(interval=(4.0, 4.5))]).chance_of_passing is None


def test_without_an_operating_curve_luck_is_not_ruled_out():
    found = acceptance_confidence([count("bank/q1", None), count("bank/q2", 0.5)])
    assert found.easiest is not None
    assert found.easiest.chance == 0.5


def test_a_limit_that_follows_from_its_own_number_shows_nothing():
    reference = Reference(candidate="yi-6b", factor=1.1, value=4.25, measurement="k")
    own = result(interval=(4.0, 4.5), reference=reference)
    assert acceptance_confidence([own]) == AcceptanceConfidence(by_interval=0)
    other = own.model_copy(update={"candidate": "llama-2-7b"})
    assert acceptance_confidence([other]) == AcceptanceConfidence(by_interval=1, relative=1)
    assert acceptance_confidence(
        [other.model_copy(update={"measurement": "k"})]
    ) == AcceptanceConfidence(by_interval=0)


def test_a_bank_that_is_judged_as_a_whole_too_still_counts():
    rows = [count("bank/q1", 0.17), result(check="knowledge", item="bank", interval=(0.6, 0.8))]
    found = acceptance_confidence(rows)
    assert (found.by_interval, found.by_count, found.by_value) == (0, 1, 0)
