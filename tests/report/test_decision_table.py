"""What the page opens with, and its comparisons: read as a browser would, without one."""

from __future__ import annotations

import pytest

from basegate.i18n.catalogue import ENGLISH
from basegate.judging.bank_power import bank_power
from basegate.judging.recommendation import recommend
from basegate.ledger import Ledger, NullFigure, Suite, ThresholdsFile
from basegate.report.decision_table import render_decision
from basegate.report.page.comparison import render_comparisons
from basegate.report.page.document import render_provenance
from basegate.report.page.model import Page
from basegate.stats.intervals import count_interval
from basegate.verdict import Reference
from tests.helpers.markup import SCRIPT, read
from tests.helpers.pages import make_page
from tests.helpers.recommendations import better
from tests.helpers.rows import entry, row


def test_the_page_says_which_banks_tell_nobody_apart():
    told = better("yi-6b", "two")
    apart = told.model_copy(update={"better": None, "part": "other", "interval": (-0.3, 0.1)})
    made = page(row(), row(candidate="two"), entries=[entry(), entry("two")])
    ledger = made.ledger.model_copy(
        update={"comparisons": (told, apart), "power": bank_power([told, apart])}
    )
    text = read(render_comparisons(Page(ledger)))
    assert "These cannot tell the candidates apart: perplexity other." in text.words
    assert "detectable difference" in text.words


def page(*rows, entries=None, environment=None, interrupted=False, comparisons=(), nulls=()):
    entries = tuple(entries or [entry()])
    return Page(
        Ledger(
            suite=Suite(
                version="1",
                thresholds=ThresholdsFile(path="t.toml", sha256="0"),
                command="pytest",
                interrupted=interrupted,
            ),
            environment=environment or {},
            candidates=entries,
            results=rows,
            recommendation=recommend(entries, rows, comparisons) if rows else None,
            comparisons=tuple(comparisons),
            nulls=tuple(nulls),
        )
    )


def decision(*rows, **given):
    return read(render_decision(page(*rows, **given)))


def test_the_page_says_first_which_model_to_take():
    text = decision(row(), row("fail", candidate="two"), entries=[entry(), entry("two", "fail")])
    assert text.words.startswith("Which model to take Take yi-6b: it meets every limit.")
    assert "yi-6b recommended ✓ accepted ✓ pass 4.25 bits per character limit: at most 5.5" in (
        text.words
    )
    assert "two ✗ rejected ✗ fail" in text.words


def test_an_advisory_limit_that_is_not_met_is_told_and_rejects_nobody():
    gap = row("fail", metric="gap", value=1.25, limit=1.0, advisory=True)
    text = decision(row(), gap)
    assert (
        "yi-6b recommended ✓ accepted ✓ pass 4.25 bits per character limit: at most 5.5 "
        "1.25 bits beyond written Chinese limit: at most 1 (advisory)"
    ) in text.words
    assert "yi-6b, of 1 check: 1 advisory; for example perplexity wiki: 1.25 bits" in text.words
    assert "✗ fail yi-6b on wiki: 1.25 bits per character more than in written" in text.words


def test_a_drop_has_its_unit():
    reference = Reference(candidate="ref", value=4.0, measurement="k")
    drop = row(metric="drop", value=0.25, limit=0.5, interval=(0.125, 0.375), reference=reference)
    told = "a drop of 0.25 bits per character 95\u00a0%: 0.12 to 0.38 limit: at most 0.5 (from"
    assert told in decision(drop).words


def test_a_check_of_advisory_limits_only_has_that_for_a_verdict():
    other = row("fail", check="reasoning", item="sums", value=6.0, advisory=True)
    text = decision(row(), other)
    assert "advisory 6 bits per char limit: at most 5.5 (advisory)" in text.words


def test_a_row_per_candidate_and_a_column_per_check():
    rows = [
        row(),
        row(
            check="knowledge", item="must-know/q1", metric="correct", unit="correct", n_generated=9
        ),
    ]
    text = decision(*rows, row(candidate="two"), entries=[entry(), entry("two")])
    assert "candidate decision perplexity wiki knowledge must-know" in text.words
    assert text.words.count("not run") == 1  # two has no row on the bank


def test_questions_that_are_judged_alone_are_counted_in_their_cell():
    rows = [
        row(verdict, check="knowledge", item=f"bank/q{number}", metric="correct",
            unit="correct", n_generated=10, value=9.0, limit=7.0, direction="min")
        for number, verdict in enumerate(["pass", "fail", "pass"])
    ]  # fmt: skip
    assert (
        "✗ fail 2 of 3 questions met weakest: 9 of 10 correct limit: at least 7 right each"
        in decision(*rows, entries=[entry(verdict="fail")]).words
    )


@pytest.mark.parametrize(
    ("draws", "told"),
    [
        (
            [(7, 7), (2, 6), (9, 10)],
            "2 of 3 questions met weakest: 2 of 6 correct limit: at least 7 right each",
        ),
        (
            [(7, 7), (7, 7)],
            "2 of 2 questions met weakest: 7 of 7 correct limit: at least 7 right each",
        ),
        # Of two that are wrong every time, more draws say more against it.
        (
            [(0, 4), (0, 9)],
            "0 of 2 questions met weakest: 0 of 9 correct limit: at least 7 right each",
        ),
        ([(7, 7)], "7 of 7 correct limit: at least 7"),
        ([(2, 10)], "2 of 10 correct limit: at least 7"),
    ],
)
def test_of_questions_that_are_judged_alone_the_cell_tells_the_weakest_count(draws, told):
    rows = [
        row("pass" if right >= 7 else "fail", check="knowledge", item=f"bank/q{number}",
            metric="correct", value=float(right), unit="correct",
            limit=7.0, direction="min", count=10, n_generated=drawn,
            interval=tuple(end * 10 for end in count_interval(right, drawn)))
        for number, (right, drawn) in enumerate(draws)
    ]  # fmt: skip
    text = decision(*rows).words
    assert f" {told} " in text
    # The interval is of the chance behind a count, and no limit is held against it.
    assert "95" not in text[: text.index(told) + len(told)]


def test_what_is_wrong_stands_in_one_line():
    rows = [
        row("fail", value=6.25),
        row("fail", item="other", value=11.0),
        row(item="third"),
        row("invalid", item="fourth", metric="", value=None, unit="", limit=None, direction=None),
    ]
    text = decision(*rows, entries=[entry(verdict="invalid")]).words
    assert (
        "yi-6b, of 4 checks: 2 fail, 1 invalid; for example perplexity other: 11 bits per "
        "character, limit at most 5.5" in text
    )
    alone = decision(rows[-1], entries=[entry(verdict="invalid")]).words
    assert "yi-6b, of 1 check: 1 invalid ! invalid" in alone


@pytest.mark.parametrize("verdict", ["fail", "inconclusive", "invalid"])
def test_what_is_not_met_and_left_out_of_a_cell_is_counted(verdict):
    names = ("bits_per_char", "perplexity", "gap", "other")
    rows = [row(verdict, metric=name) for name in names]
    told = decision(*rows, entries=[entry(verdict=verdict)]).words
    assert "and 2 more, not met or not known" in told


def test_a_cell_that_fails_counts_what_is_open_and_not_what_is_met():
    names = ("bits_per_char", "perplexity", "gap")
    failing = [row("fail", metric=name) for name in names]
    open_, met = row("inconclusive", metric="simplified_share"), row(metric="looping_share")
    told = decision(*failing, open_, met, entries=[entry(verdict="fail")]).words
    assert "and 2 more, not met or not known" in told
    told = decision(*failing[:2], met, entries=[entry(verdict="fail")]).words
    assert " more, " not in told


def test_the_line_on_what_is_wrong_names_what_a_lay_reader_understands():
    rows = [
        row("fail", metric="perplexity", unit="token perplexity", value=708064.0),
        row("fail", check="continuation", item="continuation", metric="cantonese_share", value=0.0,
            unit="fraction", limit=0.5, direction="min"),
    ]  # fmt: skip
    told = decision(*rows, entries=[entry(verdict="fail")]).words.replace("\u00a0", " ")
    assert (
        "yi-6b, of 2 checks: 2 fail; for example continuation: 0 % of sentences in Cantonese, "
        "limit at least 50 %" in told
    )


def test_what_is_recommended_stands_first_and_the_limits_are_named():
    first, second = row("fail"), row(candidate="two")
    entries = [entry(verdict="fail"), entry("two")]
    text = decision(first, second, entries=entries).words
    assert text.index("two recommended") < text.index("yi-6b ✗ rejected")
    assert "Judged by the limits of t.toml." in text


def test_a_bank_may_be_judged_as_a_whole_and_by_its_questions():
    whole = row("fail", check="knowledge", item="bank", metric="accuracy", value=0.4,
                unit="fraction", limit=0.5, direction="min")  # fmt: skip
    questions = [
        row(check="knowledge", item=f"bank/{name}", metric="correct", unit="correct", n_generated=9,
            value=9.0)
        for name in "pq"
    ]  # fmt: skip
    text = decision(whole, *questions, entries=[entry(verdict="fail")]).words
    assert (
        "\u2717 fail 40\u00a0% right answers limit: at least 50\u00a0% 2 of 2 questions met" in text
    )


def test_an_interval_stands_below_its_value_and_what_is_left_out_is_counted():
    rows = [row(interval=(4.0, 4.5)), row(metric="perplexity", unit="token perplexity", value=30.0)]
    text = decision(*rows)
    assert (
        "4.25 bits per character 95\u00a0%: 4 to 4.50 limit: at most 5.5 and 1 more, met"
        in text.words
    )
    failing = decision(*(each.model_copy(update={"verdict": "fail"}) for each in rows),
                       entries=[entry(verdict="fail")])  # fmt: skip
    assert "30 perplexity" in failing.words


def test_what_is_not_met_is_listed_with_the_reason_for_the_limit():
    text = decision(
        row("fail", value=6.25, why="as good as Yi"),
        entries=[entry(verdict="fail")],
    )
    assert (
        "yi-6b, of 1 check: 1 fail; for example perplexity wiki: 6.25 bits per character, "
        "limit at most 5.5 ✗ fail yi-6b on wiki: 6.25 bits per character, limit at most 5.5. "
        "Reason for the limit: as good as Yi"
    ) in text.words


def test_a_reason_for_several_limits_stands_once_under_the_last_of_them():
    rows = [
        row("fail", value=6.25, why="as good as Yi"),
        row("fail", metric="perplexity", value=9.0, why="as good as Yi"),
        row("fail", metric="gap", value=9.0, why="half of it"),
        row("fail", check="knowledge", item="bank", why="half of it"),
    ]
    words = decision(*rows, entries=[entry(verdict="fail")]).words
    assert words.count("Reason for these limits: as good as Yi") == words.count("as good as") == 1
    assert words.index("as good as") > words.index("9 bits per character")
    assert words.count("Reason for the limit: half of it") == 2


def test_the_page_says_when_every_limit_is_met():
    assert decision(row()).words.endswith("Every limit that was judged is met.")


def test_a_compared_candidate_carries_its_date_and_a_stopped_run_says_so():
    entries = [entry(), entry("two", compared="2026-01-02T03:04:05+00:00")]
    text = decision(row(), row(candidate="two"), entries=entries, interrupted=True)
    assert "two from the store, 2026-01-02 ✓ accepted" in text.words
    assert "This report is partial" in text.words


def test_a_measurement_that_broke_has_no_number():
    broken = row("invalid", metric="", value=None, unit="", limit=None, direction=None)
    text = decision(broken, entries=[entry(verdict="invalid")])
    assert "! not judged (invalid) ! invalid no measurement" in text.words


@pytest.mark.parametrize("field", ["candidate", "item", "metric", "reason", "why"])
def test_whatever_a_row_holds_is_escaped(field):
    # Of a row with numbers the sentence is made of them.
    broken = {"metric": "", "limit": None} if field == "reason" else {}
    rows = [row("fail", **{field: SCRIPT}, **broken)]
    name = SCRIPT if field == "candidate" else "yi-6b"
    text = decision(*rows, entries=[entry(name, "fail")])
    assert "script" not in text.elements
    assert SCRIPT in text.text


@pytest.mark.parametrize("field", ["source", "dtype", "revision"])
def test_the_conditions_are_escaped(field):
    text = read(render_provenance(page(row(), entries=[entry(**{field: SCRIPT})])))
    assert "script" not in text.elements


def test_comparisons_name_the_better_one_and_what_is_not_told_apart():
    same = better("a", "b", "perplexity").model_copy(
        update={"better": None, "difference": 0.1, "interval": (-0.2, 0.4), "p_value": 0.5}
    )
    text = read(
        render_comparisons(page(row(), comparisons=[better("a", "b"), same])),
    )
    assert "1 of 1 pair significantly different" in text.words
    assert "a / b 4 / 5 −1.00 −1.20 to −0.80 0.001 a is better" in text.words
    assert "0 of 1 pair significantly different" in text.words
    assert "+0.10 −0.20 to +0.40 0.500 no significant difference" in text.words


def test_one_item_is_not_called_several():
    one = better("a", "b").model_copy(update={"items": 1})
    words = read(render_comparisons(page(row(), comparisons=[one]))).words
    assert " 1 item; a difference is " in words


def test_the_articles_table_stands_beside_the_runs():
    text = read(render_comparisons(make_page(2, 40, 400)))
    assert "Beside the article's own table" in text.words
    assert "yi-6b 81.5 not measured 4.10 on wikipedia-yue llama-2-7b 37.2" in text.words
    assert "3.7\u00a0% of the text" in text.words or "3.7 % of the text" in text.words


def test_without_a_second_candidate_and_without_the_articles_there_is_no_such_section():
    assert render_comparisons(page(row())).strip() == ""


def test_every_text_of_the_opening_is_english_as_it_is_written():
    assert page(row()).tr is ENGLISH


def test_the_best_null_model_stands_below_the_limit():
    null = NullFigure(
        check="perplexity",
        item=row().item,
        metric="bits_per_char",
        unit="bits_per_char",
        value=7.463,
        candidate="null-bigram",
    )
    text = decision(row(), nulls=[null])
    assert "limit: at most 5.5 best null model: 7.46 (null-bigram)" in text.words
    part = decision(row(), nulls=[null.model_copy(update={"asked_in_part": True})])
    assert "best null model, on a part: 7.46 (null-bigram)" in part.words
    assert "null" not in decision(row()).words
    assert "null" not in decision(row(check="own", item="other"), nulls=[null]).words
