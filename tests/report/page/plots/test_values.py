"""Values with their intervals, and what captions say of candidates beside each other."""

import re

import pytest

from basegate.i18n.catalogue import ENGLISH
from basegate.ledger import Comparison
from basegate.report.page.model import Page
from basegate.report.page.plots.bits_per_char import CHECK
from basegate.report.page.plots.values import Value, in_figures, leaders, reached
from tests.helpers.pages import make_page
from tests.helpers.plotted import plots_of
from tests.helpers.rows import make_ledger

COMPARED = (CHECK, "wiki", "bits_per_char")


def compared(first, second, better=None, items=12, check=CHECK, metric="bits_per_char"):
    return Comparison(
        first=first,
        second=second,
        check=check,
        part="wiki",
        metric=metric,
        unit="",
        items=items,
        first_value=4.0,
        second_value=5.0,
        difference=-1.0,
        confidence=0.95,
        comparisons=3,
        p_value=0.5,
        better=better,
    )


def standing(*comparisons, found=None):
    found = found or {"b": Value(4.5), "a": Value(4.0), "c": Value(6.0)}
    page = Page(make_ledger().model_copy(update={"comparisons": comparisons}))
    return leaders(page, "Best on {part}: {names}, {value}.", COMPARED, found, min)


def test_a_caption_says_what_the_comparisons_carry_whatever_the_intervals_look_like():
    assert standing(compared("a", "b", "first"), compared("c", "a", "second")) == (
        "Best on wiki: a, 4. Significantly better than b and c."
    )
    assert standing(compared("a", "b"), compared("c", "a", items=5)) == (
        "Best on wiki: a, 4. No significant difference from b. "
        "Too few items in common with c to tell."
    )


def test_a_caption_says_whom_nothing_was_compared_with_and_who_is_better_after_all():
    others = (
        compared("a", "c", "first", check="knowledge"),
        compared("a", "c", "first", metric="other"),
        compared("b", "c", "first"),
    )
    text = standing(compared("b", "a", "first"), *others)
    assert text == "Best on wiki: a, 4. Significantly worse than b. Not compared with c."


@pytest.mark.parametrize("found", [{"a": Value(4.0)}, {"a": Value(4.0), "b": Value(4.0)}])
def test_nobody_is_best_where_all_have_one_value(found):
    told = standing(compared("a", "b"), found=found)
    assert told == f"Best on wiki: {' and '.join(found)}, 4."


def test_captions_and_the_comparisons_of_a_page_say_the_same():
    (plot,) = (each for each in plots_of(6) if each.key.startswith("varieties"))
    best = re.search(r"show their variety: (\S+), ", plot.caption)[1]
    said = re.search(r"Significantly better than ([^.]+?)\. ", plot.caption)[1]
    better = {
        each.second if each.better == "first" else each.first
        for each in make_page(6).ledger.comparisons
        if each.metric == "cantonese_share" and each.winner == best
    }
    assert set(re.split(", | and ", said)) == better


def test_cases_are_counted_by_candidate():
    assert reached(ENGLISH, {"a": [True, False], "b": [True]}) == "a 1/2 and b 1/1"


def test_figures_have_their_interval_and_its_level():
    assert in_figures(Value(4.1, (3.97, 4.23))) == "4.10 (95 %: 3.97 to 4.23)"
    assert in_figures(Value(0.5, (0.25, 0.75), 0.9), "fraction") == "50 % (90 %: 25 % to 75 %)"
    assert in_figures(Value(0.5)) == "0.50"
    assert in_figures(None) == ""
