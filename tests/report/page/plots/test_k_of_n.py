"""k of n: counts from the ledger, which questions are shown, and how long their bars are."""

import re

from basegate.judging.judge import invalid
from basegate.report.page.model import Page
from basegate.report.page.plots import k_of_n
from basegate.report.page.plots.k_of_n import counts_of, hardest
from basegate.report.page.plots.svg import GREEN, GREY, RED
from tests.helpers.plotted import counted, texts
from tests.helpers.rows import entry, make_ledger, row


def test_counts_are_of_questions_that_have_one():
    one, other, third = (counted(3, item=f"bank/q{number}") for number in range(3))
    asked = (
        one,
        other.model_copy(update={"limit": None}),
        third.model_copy(update={"value": None}),
    )
    whole = row(check="knowledge", item="bank", metric="accuracy")
    page = Page(ledger=make_ledger(*asked, whole))
    assert counts_of(page, "knowledge", "bank") == {"yi-6b": {"q0": one}}
    broken = invalid("yi-6b", "knowledge", "bank/q1", "it broke.")
    assert counts_of(Page(ledger=make_ledger(broken)), "knowledge", "bank") == {}


def test_a_cell_has_right_samples_and_those_that_were_not_generated():
    page = Page(ledger=make_ledger(counted(3, drawn=7), counted(7, item="bank/q2")))
    (plot,) = k_of_n.plots(page)
    assert plot.rows == (("q1", "3/7 (10)"), ("q2", "7/10"))


def test_the_hardest_questions_are_those_that_fewest_pass():
    found = {
        "one": {"a": counted(9), "b": counted(2), "c": counted(7), "d": counted(1)},
        "two": {"a": counted(9), "b": counted(8), "c": counted(3), "d": counted(1)},
    }
    assert hardest(found, "abcd", 1) == ["d"]
    # b and c are passed by one each, and as many samples are right: the bank's order decides.
    assert hardest(found, "abcd", 3) == ["b", "c", "d"]
    assert hardest(found, "abcd", 9) == ["a", "b", "c", "d"]


def lengths(plot, colour):
    """Return how long the horizontal lines of a colour are, those of the legend left out."""
    lines = re.findall(
        rf'd="M ([\d.]+) ([\d.]+) \nL ([\d.]+) \2 \n"[^>]*stroke: {colour}', plot.svg
    )
    return [float(end) - float(begin) for begin, y, end in lines if float(y) > 45]


def test_bars_are_as_long_as_samples_are_many():
    ledger = make_ledger(counted(3, drawn=7), counted(7, item="bank/q2"))
    (plot,) = k_of_n.plots(Page(ledger=ledger))
    first, second = lengths(plot, GREEN)
    sample = first / 3
    assert abs(second - 7 * sample) < 0.1
    wrong, rest = lengths(plot, RED), lengths(plot, GREY)
    assert [round(each / sample) for each in wrong] == [4, 3]
    assert [round(each / sample) for each in rest] == [3, 0]
    assert "limit: 7/10" in texts(plot)
    assert plot.caption == (
        "Questions with enough samples right: yi-6b 1/2. "
        "Samples that could not change the verdict were not generated."
    )


def test_where_all_were_generated_nothing_is_said_of_samples_that_were_not():
    (plot,) = k_of_n.plots(Page(ledger=make_ledger(counted(3))))
    assert "not generated" not in plot.caption


def test_a_bank_of_one_question_has_a_row_for_every_candidate():
    names = ["one", "two", "three"]
    rows = [counted(9 - 2 * number, candidate=name) for number, name in enumerate(names)]
    page = Page(ledger=make_ledger(*rows, entries=[entry(name) for name in names]))
    (plot,) = k_of_n.plots(page)
    assert plot.caption == "Questions with enough samples right: one 1/1, two 1/1 and three 0/1."
    assert texts(plot).count("q1") == 1
    assert len(lengths(plot, GREEN)) == 3


def test_a_question_that_a_candidate_was_not_asked_has_no_bar():
    rows = [counted(9), counted(8, item="bank/q2"), counted(7, item="bank/q2", candidate="other")]
    page = Page(ledger=make_ledger(*rows, entries=[entry("yi-6b"), entry("other")]))
    (plot,) = k_of_n.plots(page)
    assert len(lengths(plot, GREEN)) == 3
    assert plot.rows[0] == ("q1", "9/10", "")


def test_of_very_many_questions_the_hardest_are_drawn_and_all_are_in_the_table():
    rows = [counted(number % 11, item=f"bank/q{number}") for number in range(100)]
    (plot,) = k_of_n.plots(Page(ledger=make_ledger(*rows)))
    assert len(plot.rows) == 100
    assert sum(bool(re.fullmatch(r"q\d+", text)) for text in texts(plot)) == 24
    assert "Of 100 questions, those 24 are shown that fewest candidates pass." in plot.caption


def test_titles_tell_banks_of_one_name_apart():
    rows = [
        counted(9, check=check, item=f"{bank}/q1")
        for check in ("knowledge", "reasoning")
        for bank in ("article", "held-out")
    ]
    titles = [plot.title for plot in k_of_n.plots(Page(make_ledger(*rows)))]
    assert titles == [
        f"Right answers by question: {check} {bank}"
        for check in ("knowledge", "reasoning")
        for bank in ("article", "held-out")
    ]
