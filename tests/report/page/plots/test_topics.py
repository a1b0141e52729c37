"""Right answers by topic: their order, their intervals and the limit of the bank."""

from basegate.measurement import Metric
from basegate.report.page.model import Page
from basegate.report.page.plots import topics
from tests.helpers.plotted import texts
from tests.helpers.rows import entry, make_ledger, make_measurement, row


def topic(name, value, low=0.1, high=0.9):
    return Metric(
        name="topic_accuracy",
        value=value,
        unit="fraction",
        item=name,
        interval=(low, high),
        count=5,
    )


def bank_page(metrics, candidates=("yi-6b",), limit=0.5, accuracy="accuracy"):
    made = make_measurement(metrics=tuple(metrics))
    rows = [
        row(
            candidate=name,
            check="knowledge",
            item="bank",
            metric=accuracy,
            value=0.5,
            unit="fraction",
            limit=limit,
            direction="min",
            measurement=made.key,
        )
        for name in candidates
    ]
    ledger = make_ledger(*rows, entries=[entry(name) for name in candidates])
    return Page(ledger=ledger, measurements={made.key: made})


def test_topics_stand_in_the_order_of_how_often_they_are_right():
    page = bank_page([topic("food", 0.2), topic("sport", 0.9), topic("nature", 0.5)])
    found = topics.topics_of(page, "knowledge", "bank")
    assert topics.easiest_first(found) == ["sport", "nature", "food"]
    assert {each.limit for each in found["yi-6b"].values()} == {0.5}
    (plot,) = topics.plots(page)
    assert [cells[0] for cells in plot.rows] == ["sport", "nature", "food"]
    shown = [text for text in texts(plot) if text in ("sport", "nature", "food")]
    assert shown == ["sport", "nature", "food"]


def test_topics_of_a_bank_by_likelihood_stand_with_its_limit():
    whole = Metric(name="likelihood_accuracy", value=0.5, unit="fraction", count=10)
    measured = [whole, topic("food", 0.2), topic("sport", 0.9)]
    page = bank_page(measured, accuracy="likelihood_accuracy", limit=0.4)
    (plot,) = topics.plots(page)
    assert [cells[0] for cells in plot.rows] == ["sport", "food"]
    assert "limit of the whole bank: 40 %" in texts(plot)


def test_a_caption_counts_the_topics_whose_whole_interval_reaches_the_limit():
    page = bank_page(
        [topic("a", 0.6, low=0.5), topic("b", 0.9, low=0.4999), topic("c", 0.2, low=0.1)]
    )
    (plot,) = topics.plots(page)
    assert "reaches what is asked of the bank: yi-6b 1/3." in plot.caption
    assert "limit of the whole bank: 50 %" in texts(plot)


def test_a_bank_without_a_limit_has_no_line_of_one():
    (plot,) = topics.plots(bank_page([topic("a", 0.6)], limit=None))
    assert plot.caption.startswith("Topics are not compared")
    assert not any("limit" in text for text in texts(plot))


def test_a_bank_without_topics_has_no_plot_of_them():
    plain = bank_page([Metric(name="accuracy", value=0.5, unit="fraction")])
    assert topics.topics_of(plain, "knowledge", "bank") == {}
    assert list(topics.plots(plain)) == []


def test_a_bank_that_was_asked_in_part_is_said_to_be_that_and_not_invalid():
    whole = make_measurement(metrics=(topic("food", 0.2),))
    part = whole.model_copy(
        update={
            "key": "part",
            "findings": whole.findings.model_copy(
                update={"metrics": (), "facts": {"questions": 16, "not_asked": 48}}
            ),
        }
    )
    rows = [
        row(
            candidate=name,
            check="knowledge",
            item="bank",
            metric="accuracy",
            value=0.5,
            unit="fraction",
            limit=0.5,
            direction="min",
            measurement=made.key,
        )
        for name, made in (("yi-6b", whole), ("llama", part))
    ]
    ledger = make_ledger(*rows, entries=[entry("yi-6b"), entry("llama")])
    page = Page(ledger=ledger, measurements={whole.key: whole, "part": part})
    (plot,) = topics.plots(page)
    assert "Not shown, since the bank was asked in part only: llama." in plot.caption
    assert "valid measurement" not in plot.caption
