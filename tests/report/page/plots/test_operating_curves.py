"""Operating curves: which gates are one, what their captions claim, and where they vary."""

from basegate.i18n.catalogue import ENGLISH
from basegate.report.page.model import Page
from basegate.report.page.plots import operating_curves
from tests.helpers.plotted import texts
from tests.helpers.rows import make_ledger, row

CURVE = ((0.5, 0.171875), (0.9, 0.987))


def gated(curve, **fields):
    return row(
        "fail",
        **{
            "check": "knowledge",
            "item": "bank/q1",
            "metric": "correct",
            "unit": "correct",
            "limit": 7,
            "direction": "min",
            "count": 10,
            "curve": curve,
            **fields,
        },
    )


def test_gates_of_the_same_count_are_one_curve_whatever_their_bank():
    page = Page(
        ledger=make_ledger(
            gated(CURVE), gated(CURVE, check="reasoning", item="article/q1"), gated(CURVE)
        )
    )
    (gate,) = operating_curves.gates(page)
    assert gate.name == "knowledge bank / reasoning article"
    assert gate.limit == "at least 7 of 10 for a question"
    assert gate.chances == {0.5: (0.171875,) * 3, 0.9: (0.987,) * 3}
    assert gate.chance_at(0.5, ENGLISH) == "17.2 %"
    assert gate.chance_at(0.4, ENGLISH) == ""


def test_what_counts_let_through_is_said_of_a_question_and_not_of_its_bank():
    """A bank of three such questions lets that model through half of a per cent of the time."""
    rows = [gated(CURVE, item=f"bank/q{at}") for at in range(3)]
    share = gated(((0.5, 0.1), (0.9, 1.0)), item="other", metric="accuracy", limit=0.55, count=240)
    (plot,) = operating_curves.plots(Page(make_ledger(*rows, share)))
    assert (
        "A model that is right half of the time passes: one question of knowledge bank 17.2 % and "
        "knowledge other 10 %."
    ) in plot.caption
    assert plot.rows[0][:3] == ("knowledge bank", "at least 7 of 10 for a question", "17.2 %")
    assert "at least 7 of 10 for a question" in texts(plot)
    assert "band" not in plot.caption


def test_a_gate_on_a_share_has_a_band_where_candidates_were_measured_with_more_or_less():
    def share(candidate, chance):
        return gated(
            ((0.5, chance), (0.9, 1.0)),
            candidate=candidate,
            item="bank",
            metric="accuracy",
            unit="fraction",
            limit=0.55,
            count=240,
        )

    page = Page(make_ledger(share("one", 0.1), share("two", 0.3), share("three", 0.25)))
    (gate,) = operating_curves.gates(page)
    assert gate.chances[0.5] == (0.1, 0.3, 0.25)
    assert gate.chance_at(0.5, ENGLISH) == "10 %–30 %"
    (plot,) = operating_curves.plots(page)
    assert "at least 55 %, 95 % sure" in texts(plot)
    assert "band" in plot.caption


def test_a_legend_names_every_bank_of_a_gate_whole():
    banks = [f"a-bank-of-my-own-number-{number}" for number in range(5)]
    rows = [gated(CURVE, item=f"{bank}/q1") for bank in banks]
    (plot,) = operating_curves.plots(Page(make_ledger(*rows)))
    shown = " ".join(texts(plot))
    assert "…" not in shown
    assert all(f"knowledge {bank}" in shown for bank in banks)
