"""How sure an acceptance is."""

from __future__ import annotations

import pytest

from basegate.judging.recommendation import how_sure
from basegate.ledger import Luck, Sureness
from basegate.verdict import Reference
from tests.helpers.rows import row


def count(item, chance, check="knowledge"):
    curve = () if chance is None else ((0.4, 0.01), (0.5, chance))
    return row(
        check=check, item=item, metric="correct", value=7.0, interval=(4.0, 9.0), curve=curve
    )


def test_checks_with_whole_intervals_are_shown_at_the_lowest_level():
    rows = [
        row(interval=(4.0, 4.5), confidence=0.99),
        row(metric="perplexity", interval=(20.0, 30.0), confidence=0.9),
        row(check="minimal_pairs", item="bank", interval=(0.7, 0.8)),
    ]
    assert how_sure(rows) == Sureness(shown=2, confidence=0.9)


def test_a_check_with_a_number_without_an_interval_is_not_shown():
    rows = [row(interval=(4.0, 4.5)), row(metric="perplexity"), row(item="b", interval=(4.0, 4.5))]
    assert how_sure(rows) == Sureness(shown=1, bare=1)


def test_of_banks_that_count_the_easiest_by_luck_is_told():
    # Two questions: luck has to hold twice.
    rows = [count("easy/q1", 0.5), count("easy/q2", 0.4), count("hard/q1", 0.17)]
    found = how_sure(rows)
    assert (found.shown, found.counted, found.checks) == (0, 2, 2)
    assert found.luckiest == Luck(check="knowledge", item="easy", chance=0.5 * 0.4)


def test_luck_has_to_hold_on_all_banks_that_count():
    rows = [count("easy/q1", 0.5), count("easy/q2", 0.4), count("hard/q1", 0.17)]
    assert how_sure(rows).luck == pytest.approx(0.5 * 0.4 * 0.17)
    assert how_sure([row(interval=(4.0, 4.5))]).luck is None


def test_without_an_operating_curve_luck_is_not_ruled_out():
    found = how_sure([count("bank/q1", None), count("bank/q2", 0.5)])
    assert found.luckiest is not None
    assert found.luckiest.chance == 0.5


def test_a_limit_that_follows_from_its_own_number_shows_nothing():
    reference = Reference(candidate="yi-6b", factor=1.1, value=4.25, measurement="k")
    own = row(interval=(4.0, 4.5), reference=reference)
    assert how_sure([own]) == Sureness(shown=0)
    other = own.model_copy(update={"candidate": "llama-2-7b"})
    assert how_sure([other]) == Sureness(shown=1, relative=1)
    assert how_sure([other.model_copy(update={"measurement": "k"})]) == Sureness(shown=0)


def test_a_bank_that_is_judged_as_a_whole_too_still_counts():
    rows = [count("bank/q1", 0.17), row(check="knowledge", item="bank", interval=(0.6, 0.8))]
    found = how_sure(rows)
    assert (found.shown, found.counted, found.bare) == (0, 1, 0)
