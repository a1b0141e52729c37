"""The pictures of the page: their numbers, what their captions claim, and the SVG they are."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from basegate.comparison import Comparison
from basegate.judge import invalid
from basegate.language import ENGLISH
from basegate.measurement import Metric, Sample
from basegate.report.page import Page
from basegate.report.page.comparing import winner
from basegate.report.page.plots import (
    bits_per_char,
    k_of_n,
    operating_curves,
    render_plots,
    sections,
    topics,
    varieties,
)
from basegate.report.page.plots.canvas import Scale, draw
from basegate.report.page.plots.k_of_n import Count, hardest
from basegate.report.page.plots.style import WIDTH
from basegate.report.page.plots.text_layout import in_lines, plain, shorten, width_of
from basegate.report.page.plots.values import (
    Reading,
    fewest_bits,
    in_figures,
    joined,
    standing,
)
from tests.pages import HOSTILE_NAMES, LONG_NAMES, make_page, rename
from tests.rows import entry, make_ledger, make_measurement, row

ROOT = Path(__file__).parent.parent
KINDS = ("bits", "varieties", "topics", "counts", "curves")


def kinds(page):
    return {picture.key.partition("-")[0] for picture in sections(page)}


def with_rows(page, change):
    """Return a page whose rows are changed; `None` takes one away."""
    rows = tuple(new for each in page.ledger.results if (new := change(each)) is not None)
    return replace(page, ledger=page.ledger.model_copy(update={"results": rows}))


def broken(page, candidate, check):
    """Return a page on which a check of a candidate is invalid."""

    def change(each):
        if (each.candidate, each.check) != (candidate, check):
            return each
        return invalid(candidate, check, each.part, "it broke.", each.measurement)

    return with_rows(page, change)


# What there is to see.


def test_a_run_of_several_candidates_has_all_kinds_of_pictures():
    assert kinds(make_page(2)) == set(KINDS)


def test_a_candidate_alone_has_them_too():
    assert kinds(make_page(1)) == set(KINDS)


def test_where_nothing_was_measured_there_is_no_section():
    assert sections(Page(ledger=make_ledger())) == []
    assert render_plots(Page(ledger=make_ledger())).strip() == ""


@pytest.mark.parametrize(
    ("check", "gone"),
    [
        ("continuation", {"varieties"}),
        ("perplexity", {"bits"}),
        ("knowledge", set()),
    ],
)
def test_a_check_that_was_not_run_has_no_picture(check, gone):
    page = with_rows(make_page(2), lambda each: None if each.check == check else each)
    assert kinds(page) == set(KINDS) - gone


def test_a_broken_measurement_is_not_drawn_and_the_caption_says_so():
    page = broken(make_page(2), "yi-6b", "continuation")
    (picture,) = varieties.pictures(page)
    assert [cells[0] for cells in picture.rows] == ["llama-2-7b"]
    assert "Not shown, for want of a valid measurement: yi-6b." in picture.caption
    assert ">yi-6b<" not in picture.svg


def test_what_was_judged_is_shown_though_its_measurement_is_gone():
    page = replace(make_page(2), measurements={})
    assert kinds(page) == {"bits", "counts", "curves"}


# The numbers.


def test_a_cost_is_what_was_judged_with_its_limit_and_what_was_measured_beside_it():
    found = bits_per_char.costs(make_page(2), "hong-kong")
    assert [each.candidate for each in found] == ["yi-6b", "llama-2-7b"]
    judged = row_of(make_page(2), "yi-6b", "hong-kong", "bits_per_char")
    assert (found[0].cantonese.value, found[0].cantonese.interval) == (
        judged.value,
        judged.interval,
    )
    assert found[0].limit == judged.limit == 5.5
    assert found[0].written.value < found[0].cantonese.value
    assert found[0].gap.value == pytest.approx(
        found[0].cantonese.value - found[0].written.value, abs=1e-9
    )


def row_of(page, candidate, part, metric):
    (found,) = (
        each
        for each in page.ledger.results
        if (each.candidate, each.item, each.metric) == (candidate, part, metric)
    )
    return found


def test_a_candidate_has_its_own_limit():
    def change(each):
        own = each.candidate == "llama-2-7b" and each.metric == "bits_per_char"
        return each.model_copy(update={"limit": 7.0}) if own else each

    found = bits_per_char.costs(with_rows(make_page(2), change), "wikipedia-yue")
    assert [each.limit for each in found] == [5.0, 7.0]


def topic(name, value, count=5, low=0.1, high=0.9):
    return Metric(
        name="topic_accuracy",
        value=value,
        unit="share of answers right",
        item=name,
        interval=(low, high),
        count=count,
    )


def bank_page(metrics, candidates=("yi-6b",), limit=0.5):
    made = make_measurement(metrics=tuple(metrics))
    rows = [
        row(
            candidate=name,
            check="knowledge",
            item="bank",
            metric="accuracy",
            value=0.5,
            unit="share of answers right",
            limit=limit,
            direction="min",
            measurement=made.key,
        )
        for name in candidates
    ]
    ledger = make_ledger(*rows, entries=[entry(name) for name in candidates])
    return Page(ledger=ledger, measurements={made.key: made})


def test_topics_stand_in_the_order_of_how_often_they_are_right():
    page = bank_page([topic("food", 0.2, 3), topic("sport", 0.9, 8), topic("nature", 0.5, 5)])
    found = topics.topics_of(page, "knowledge", "bank")
    assert found.topics == ("sport", "nature", "food")
    assert found.questions == (3, 8)
    assert found.limits == {"yi-6b": 0.5}


def test_a_topic_of_one_question_is_said_to_be_so():
    (picture,) = topics.pictures(bank_page([topic("a", 1.0, 1), topic("b", 0.0, 1)]))
    assert "A topic rests on 1 question; " in picture.caption


def test_a_caption_counts_the_topics_whose_whole_interval_reaches_the_limit():
    page = bank_page(
        [topic("a", 0.6, low=0.5), topic("b", 0.9, low=0.4999), topic("c", 0.2, low=0.1)]
    )
    (picture,) = topics.pictures(page)
    assert "yi-6b in 1 of 3" in picture.caption
    assert "rests on 5 questions" in picture.caption


def test_a_bank_without_topics_has_no_picture_of_them():
    plain_bank = bank_page([Metric(name="accuracy", value=0.5, unit="share of answers right")])
    assert topics.topics_of(plain_bank, "knowledge", "bank") is None
    assert list(topics.pictures(plain_bank)) == []


def test_of_very_many_topics_the_hardest_are_drawn_and_all_are_in_the_table():
    page = bank_page([topic(f"topic {number:02}", number / 100) for number in range(60)])
    (picture,) = topics.pictures(page)
    assert len(picture.rows) == 60
    assert "topic 23<" in picture.svg
    assert "topic 24<" not in picture.svg
    assert "Of 60 topics, the 24 are shown that are right least often." in picture.caption


def counted(right, drawn=10, count=10, limit=7, **fields):
    return row(
        "pass" if right >= limit else "fail",
        **{
            "check": "knowledge",
            "item": "bank/q1",
            "metric": "correct",
            "value": float(right),
            "unit": f"of {drawn} correct",
            "limit": limit,
            "direction": "min",
            "count": count,
            "drawn": drawn,
            **fields,
        },
    )


def test_a_count_is_of_right_wrong_and_undrawn_samples():
    found = Count.of(counted(3, drawn=7))
    assert (found.right, found.drawn, found.count, found.limit, found.passed) == (
        3,
        7,
        10,
        7,
        False,
    )
    assert found.in_figures == "3/7 (10)"
    assert Count.of(counted(7)).in_figures == "7/10"
    assert Count.of(row()) is None
    assert Count.of(invalid("a", "knowledge", "bank/q1", "it broke.")) is None


def test_the_hardest_questions_are_those_that_fewest_pass():
    def count(right):
        return Count.of(counted(right))

    found = {
        "one": {"a": count(9), "b": count(2), "c": count(7), "d": count(1)},
        "two": {"a": count(9), "b": count(8), "c": count(3), "d": count(1)},
    }
    assert hardest(found, 1) == ["d"]
    # b and c are passed by one each, and as many samples are right: the bank's order decides.
    assert hardest(found, 3) == ["b", "c", "d"]
    assert hardest(found, 9) == ["a", "b", "c", "d"]


def dots(picture):
    """Return how many dots of each colour the lines of dashes make."""
    found = {}
    for path in re.findall(r'<path d="([^"]+)" style="([^"]+stroke-linecap:round)"', picture.svg):
        pitch = float(re.search(r"stroke-dasharray:[\d.]+,([\d.]+)", path[1])[1]) + 0.01
        colour = re.search(r"stroke:var\(--bg-([a-z]+)\)", path[1])[1]
        lengths = re.findall(r"M([\d.]+) [\d.]+L([\d.]+)", path[0])
        number = sum(int((float(b) - float(a)) / pitch) + 1 for a, b in lengths)
        found[colour] = found.get(colour, 0) + number
    return found


def test_every_sample_is_a_dot_right_wrong_or_not_drawn():
    ledger = make_ledger(counted(3, drawn=7), counted(7, item="bank/q2"))
    (picture,) = k_of_n.pictures(Page(ledger=ledger))
    in_the_legend = 1
    assert dots(picture) == {
        "pass": 10 + in_the_legend,
        "fail": 7 + in_the_legend,
        "paper": 7 + in_the_legend,  # the holes of the rings
        "soft": 3 + in_the_legend,
    }
    assert "limit: 7 of 10" in picture.svg


def test_where_all_were_drawn_nothing_is_said_of_dots_that_were_not():
    (picture,) = k_of_n.pictures(Page(ledger=make_ledger(counted(3))))
    assert "not drawn" not in picture.svg
    assert "not drawn" not in picture.caption


def test_a_bank_of_one_question_has_a_row_for_every_candidate():
    names = ["one", "two", "three"]
    rows = [counted(9 - 2 * number, candidate=name) for number, name in enumerate(names)]
    page = Page(ledger=make_ledger(*rows, entries=[entry(name) for name in names]))
    (picture,) = k_of_n.pictures(page)
    assert picture.caption == (
        "Enough samples are right, so that filled dots reach the line, for one and two."
    )
    assert picture.svg.count(">q1<") == 1


def test_of_very_many_questions_the_hardest_are_drawn_and_all_are_in_the_table():
    rows = [counted(number % 11, item=f"bank/q{number}") for number in range(100)]
    (picture,) = k_of_n.pictures(Page(ledger=make_ledger(*rows)))
    assert len(picture.rows) == 100
    assert len(re.findall(r">q\d+<", picture.svg)) == 24
    assert "Of 100 questions, those 24 are shown that fewest candidates pass." in picture.caption


def noted(**notes):
    return Sample(item="p", prompt="p", text="t", seed=0, notes=notes)


def test_sentences_are_summed_by_variety():
    samples = [
        noted(cantonese=3, mixed=1, written_chinese=0, foreign=2, neutral=1, latin_words=9),
        noted(cantonese=1, mixed=0, written_chinese=4, foreign=0, neutral=0),
    ]
    assert varieties.count_varieties(samples) == (4, 1, 4, 2, 1)
    written = varieties.Written((4, 1, 4, 2, 1), None)
    assert sum(written.shares) == pytest.approx(1)
    assert written.shares[0] == pytest.approx(1 / 3)


def test_bars_are_as_wide_as_their_shares():
    (picture,) = varieties.pictures(make_page(2))
    widths = [float(each) for each in re.findall(r'<path d="M0 [\d.]+L([\d.]+)', picture.svg)]
    shares = [float(cells[1].removesuffix(" %")) / 100 for cells in picture.rows]
    # The gap before the next part is one unit wide.
    for share in shares:
        assert any(abs(width - (share * WIDTH - 1)) < 0.5 for width in widths)


def gated(curve, **fields):
    return row(
        "fail",
        **{
            "check": "knowledge",
            "item": "bank/q1",
            "metric": "correct",
            "unit": "of 10 correct",
            "limit": 7,
            "direction": "min",
            "count": 10,
            "curve": curve,
            **fields,
        },
    )


def test_gates_of_the_same_count_are_one_curve_whatever_their_bank():
    curve = ((0.5, 0.171875), (0.9, 0.987))
    page = Page(
        ledger=make_ledger(
            gated(curve), gated(curve, check="reasoning", item="article/q1"), gated(curve)
        )
    )
    (gate,) = operating_curves.gates(page)
    assert gate.names == ("knowledge bank", "reasoning article")
    assert (gate.limit, gate.count, gate.varies) == (7, 10, False)
    assert gate.chance_at(0.5) == "17.2 %"
    assert gate.chance_at(0.4) == ""


def test_what_counts_let_through_is_said_of_a_question_and_not_of_its_bank():
    """A bank of three such questions lets that model through half of a per cent of the time."""
    rows = [gated(((0.5, 0.171875), (0.9, 0.987)), item=f"bank/q{at}") for at in range(3)]
    share = gated(((0.5, 0.1), (0.9, 1.0)), item="other", metric="accuracy", limit=0.55, count=240)
    (picture,) = operating_curves.pictures(Page(make_ledger(*rows, share)))
    assert (
        "A model that is right half of the time passes: one question of knowledge bank 17.2 % and "
        "knowledge other 10 %."
    ) in picture.caption
    assert picture.rows[0][:2] == ("knowledge bank: at least 7 of 10 for a question", "17.2 %")
    assert "at least 7 of 10 for a question" in picture.svg


def test_a_gate_on_a_share_has_a_band_where_candidates_were_measured_with_more_or_less():
    def share(candidate, chance):
        return gated(
            ((0.5, chance), (0.9, 1.0)),
            candidate=candidate,
            item="bank",
            metric="accuracy",
            unit="share of answers right",
            limit=0.55,
            count=240,
        )

    ledger = make_ledger(share("one", 0.1), share("two", 0.3), share("three", 0.25))
    page = Page(ledger=ledger)
    (gate,) = operating_curves.gates(page)
    assert gate.count is None
    assert (gate.low[0], gate.middle[0], gate.high[0]) == ((0.5, 0.1), (0.5, 0.25), (0.5, 0.3))
    assert gate.chance_at(0.5) == "10 %–30 %"
    (picture,) = operating_curves.pictures(page)
    assert "at least 55 %, 95 % sure" in picture.svg
    assert "opacity" in picture.svg


# What captions claim.


def between(value, low, high):
    return Reading(value, (low, high))


def compared(first, second, better=None, items=12, check="perplexity", metric="bits_per_char"):
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


def held(*comparisons):
    return Page(make_ledger().model_copy(update={"comparisons": comparisons}))


FOUND = {"b": between(4.5, 4.4, 4.6), "a": between(4.0, 3.9, 4.1), "c": between(6, 5.9, 6.1)}


def test_a_caption_says_what_the_comparisons_carry_whatever_the_intervals_look_like():
    """Intervals that do not meet tell nothing where too few items were compared."""
    page = held(compared("a", "b", "first"), compared("c", "a", "second"))
    assert fewest_bits(page, "wiki", FOUND) == (
        "a needs the fewest bits per character on wiki. "
        "On the same items it is better than b and c."
    )
    page = held(compared("a", "b"), compared("c", "a", items=5))
    assert fewest_bits(page, "wiki", FOUND) == (
        "a needs the fewest bits per character on wiki. "
        "Not told apart from it: b. "
        "Too few items to tell it from c: 5, and at least 6 are needed."
    )


def test_a_caption_says_that_samples_of_one_prompt_are_not_compared():
    pair = compared("a", "b", items=1, check="continuation", metric="cantonese_share")
    text = standing(held(pair), ("continuation", "wiki", "cantonese_share"), "a", ["b"])
    assert text == (
        "Prompts in common: 1; at least 6 are needed to tell it from b, since samples of one "
        "prompt are not compared with each other."
    )


def test_nobody_alone_needs_the_fewest_bits_where_several_do():
    both = {**FOUND, "twin": FOUND["a"]}
    assert fewest_bits(held(), "wiki", both) == (
        "a and twin need the fewest bits per character on wiki, equally many."
    )
    alike = dict.fromkeys(("a", "twin"), FOUND["a"])
    assert fewest_bits(held(), "wiki", alike) == (
        "All need the same number of bits per character on wiki, 4."
    )


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((0.9, 0.9, 0.5), "one and two write the most Cantonese, 90 % each."),
        ((0.0, 0.0, 0.0), "0 % are Cantonese, the same for all."),
        ((0.5, 0.9, 0.5), "two writes the most Cantonese, 90 %."),
    ],
)
def test_nobody_alone_writes_the_most_cantonese_where_several_do(shares, told):
    found = {
        name: varieties.Written((1, 0, 0, 0, 0), Reading(share))
        for name, share in zip(("one", "two", "three"), shares, strict=True)
    }
    assert told in varieties._caption(held(), "wiki", found)


def test_a_caption_says_whom_nothing_was_compared_with_and_who_is_better_after_all():
    others = (
        compared("a", "c", "first", check="knowledge"),
        compared("a", "c", "first", metric="other"),
        compared("b", "c", "first"),
    )
    text = fewest_bits(held(compared("b", "a", "first"), *others), "wiki", FOUND)
    assert text.endswith("Better than it on the same items: b. Not compared with it: c.")
    both = (compared("b", "a", "first"), compared("a", "c", "second"))
    text = fewest_bits(held(*both), "wiki", FOUND)
    assert text.endswith("Better than it on the same items: b and c.")
    assert "better than c" not in fewest_bits(held(compared("a", "c", "first")), "other", FOUND)


def test_captions_and_the_comparisons_of_a_page_say_the_same():
    page = make_page(6)
    (picture,) = varieties.pictures(page)
    best = re.search(r"(\S+) writes the most Cantonese", picture.caption)[1]
    said = re.search(r"it is better than ([^.]+?)\. ", picture.caption)[1]
    better = {
        each.second if each.better == "first" else each.first
        for each in page.ledger.comparisons
        if each.metric == "cantonese_share" and winner(each) == best
    }
    assert set(re.split(", | and ", said)) == better


def test_titles_tell_banks_of_one_name_apart():
    rows = [
        counted(9, check=check, item=f"{bank}/q1")
        for check in ("knowledge", "reasoning")
        for bank in ("article", "held-out")
    ]
    titles = [picture.title for picture in k_of_n.pictures(Page(make_ledger(*rows)))]
    assert titles == [
        f"Right answers by question: {check} {bank}"
        for check in ("knowledge", "reasoning")
        for bank in ("article", "held-out")
    ]
    for title in [picture.title for picture in topics.pictures(make_page(2))]:
        assert "knowledge " in title or "reasoning " in title


def test_no_two_pictures_of_a_page_have_one_title():
    page = make_page(2)
    again = [
        each.model_copy(update={"item": each.item.replace("continuation", "more-prompts")})
        for each in page.ledger.results
        if each.check == "continuation"
    ]
    ledger = page.ledger.model_copy(update={"results": (*page.ledger.results, *again)})
    titles = [picture.title for picture in sections(replace(page, ledger=ledger))]
    assert "Language of the continuations: more-prompts" in titles
    assert len(titles) == len(set(titles))


def test_a_legend_names_every_bank_of_a_gate_whole():
    curve = ((0.5, 0.171875), (0.9, 0.987))
    banks = [f"a-bank-of-my-own-number-{number}" for number in range(5)]
    rows = [gated(curve, item=f"{bank}/q1") for bank in banks]
    (picture,) = operating_curves.pictures(Page(make_ledger(*rows)))
    assert "…" not in picture.svg
    legend = [text for text in re.findall(r">([^<>]+)</text>", picture.svg) if "a-bank" in text]
    assert len(legend) > 1
    assert all(width_of(line) <= WIDTH for line in legend)
    assert " ".join(legend) == " / ".join(f"knowledge {bank}" for bank in banks)


def test_names_of_forty_characters_are_whole_in_every_picture():
    page = rename(make_page(2), LONG_NAMES)
    assert {len(name) for name in page.names} == {40}
    for picture in sections(page):
        shown = "".join(re.findall(r">([^<>]+)</text>", picture.svg))
        if picture.key != "curves":
            assert all(name in shown for name in page.names), picture.key


def test_the_gap_is_claimed_only_for_those_whose_interval_is_above_zero():
    def cost(name, low):
        return bits_per_char.Cost(name, Reading(4.0), Reading(3.0), between(1.0, low, 2.0))

    text = bits_per_char._on_the_gap(
        ENGLISH, "hk", [cost("a", 0.1), cost("b", -0.1), cost("c", 0.5)]
    )
    assert "for a and c, beyond" in text
    assert bits_per_char._on_the_gap(ENGLISH, "hk", [cost("a", 0.0)]).startswith(
        "On hk, no interval"
    )
    assert bits_per_char._on_the_gap(ENGLISH, "hk", [bits_per_char.Cost("a", Reading(4.0))]) == ""


def test_names_are_joined_as_in_a_sentence():
    assert joined(ENGLISH, ["a"]) == "a"
    assert joined(ENGLISH, ["a", "b"]) == "a and b"
    assert joined(ENGLISH, ["a", "b", "c", "d"]) == "a, b, c and d"


def test_figures_have_their_interval_and_its_level():
    assert in_figures(between(4.1, 3.97, 4.23)) == "4.10 (95 %: 3.97–4.23)"
    assert in_figures(Reading(0.5, (0.25, 0.75), 0.9), "share of x") == "50 % (90 %: 25–75 %)"
    assert in_figures(Reading(0.5)) == "0.50"
    assert in_figures(None) == ""


# The SVG.


@pytest.mark.parametrize("hostile", [False, True])
def test_pictures_are_small_even_for_six_candidates(hostile):
    for picture in sections(make_page(6, hostile=hostile)):
        assert len(picture.svg.encode()) <= 40_000, picture.key


@pytest.mark.parametrize("hostile", [False, True])
def test_a_picture_stands_in_a_page_beside_others(hostile):
    seen = set()
    for picture in sections(make_page(6, hostile=hostile)):
        root = ElementTree.fromstring(picture.svg)
        ids = [each.get("id") for each in root.iter() if each.get("id")]
        assert not seen & set(ids), "every id is the picture's own"
        assert len(ids) == len(set(ids))
        seen |= set(ids)
        used = re.findall(r'(?:url\(#|href="#)([^)"]+)', picture.svg)
        assert set(used) <= set(ids)
        assert all(each.startswith("bg-") for each in ids)
        assert root.get("viewBox", "").startswith("0 0 ")
        assert root.get("width") is None
        assert "<style" not in picture.svg, "a style would be the whole page's"
        assert "<metadata" not in picture.svg
        assert "font-family" not in picture.svg


def test_a_picture_is_read_out_by_title_and_caption():
    for picture in sections(make_page(6)):
        root = ElementTree.fromstring(picture.svg)
        named = [root.find(f".//*[@id='{name}']") for name in root.get("aria-labelledby").split()]
        assert [each.text for each in named] == [picture.title, picture.caption]
        assert root.get("role") == "img"


def test_every_colour_is_a_variable_of_the_page():
    for picture in sections(make_page(6)):
        given = re.findall(r"(?:fill|stroke)(?::|=\")([^;\"]+)", picture.svg)
        colours = {each for each in given if each != "none" and not each.startswith("url(")}
        assert colours
        assert all(re.fullmatch(r"var\(--bg-[a-z0-9-]+\)", each) for each in colours), colours


def test_a_name_that_looks_like_a_colour_or_a_formula_stays_what_it_is():
    def paint(canvas):
        canvas.text(0, 10, "#000001 $x^2$ {x} <b> & \x1b[31m \ud800 \ufffe\nend")

    svg = draw("key", "a <title>", "an & end", 20, paint)
    (text,) = ElementTree.fromstring(svg).iter("text")
    assert text.text == "#000001 $x^2$ {x} <b> & \ufffd[31m \ufffd \ufffd end"
    assert '<title id="bg-key-title">a &lt;title&gt;</title>' in svg


def test_the_same_run_is_the_same_picture_whatever_the_process_and_its_settings(tmp_path):
    """A user's own settings of matplotlib, too: TeX would be called for every text."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nsvg.fonttype: path\n")
    code = (
        "import sys; from tests.pages import make_page\n"
        "from basegate.report.page.plots import sections\n"
        "assert 'matplotlib' not in sys.modules\n"
        "sys.stdout.write(''.join(each.svg for each in sections(make_page(2))))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    environment = {"PYTHONPATH": str(ROOT), "MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
    drawn = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, **environment, "PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert drawn == "".join(each.svg for each in sections(make_page(2)))


def test_settings_of_matplotlib_are_as_they_were_afterwards():
    import matplotlib

    before = dict(matplotlib.rcParams)
    sections(make_page(2))
    assert dict(matplotlib.rcParams) == before


# Text and places.


def test_a_long_name_loses_its_middle():
    assert shorten("yi-6b", 200) == "yi-6b"
    short = shorten("a-name-that-goes-on-and-on-to-its-end", 100)
    assert short.startswith("a-na")
    assert short.endswith("end")
    assert "…" in short
    assert width_of(short) <= 100


def test_chinese_is_as_wide_as_it_is_shown():
    assert width_of("香港") == pytest.approx(25)
    assert width_of(shorten("名字好長好長好長", 60)) <= 60


def test_a_head_is_broken_at_a_joint():
    assert in_lines("yi-6b", 100, 2) == ["yi-6b"]
    assert in_lines("cantonese-llama-2-7b", 110, 2) == ["cantonese-", "llama-2-7b"]
    first, second = in_lines("x" * 200, 100, 2)
    assert width_of(first) <= 100
    assert "…" in second


def test_a_head_is_broken_elsewhere_where_joints_would_take_too_many_lines():
    name = "abcdefghij-klm-nopqrstuvwxyz"
    assert in_lines(name, 100, 4) == ["abcdefghij-", "klm-nopqrstu", "vwxyz"]
    assert in_lines(name, 116, 2) == ["abcdefghij-klm-", "nopqrstuvwxyz"]
    assert in_lines("abcdefghijk-klmnopqrstuvwxyz", 124, 2) == ["abcdefghijk-klmn", "opqrstuvwxyz"]
    assert in_lines(name, 100, 1) == [shorten(name, 100)]


def test_text_is_one_line_without_characters_that_steer():
    assert plain("a\n\tb\x00\u202ec\udc80") == "a b\ufffd\ufffdc\ufffd"


def test_a_scale_has_room_for_its_values_even_if_they_are_all_the_same():
    scale = Scale.over([4.0, 4.0], 0, 100, margin=0.1)
    assert scale(4.0) == pytest.approx(50)
    assert scale.ticks()
    assert Scale.over([0.0], 0, 100, margin=0.1)(0.0) == pytest.approx(50)


# The section.


class Section(HTMLParser):
    """Reads figures, and the text outside of scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.cells = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


def test_every_picture_has_its_caption_and_its_numbers_beside_it():
    page = make_page(2)
    pictures = sections(page)
    section = Section(str(render_plots(page)))
    assert section.count("figure") == section.count("svg") == section.count("details")
    assert section.count("figure") == section.count("figcaption") == len(pictures)
    for picture in pictures:
        assert picture.caption.replace(" %", "\u00a0%") in section.texts
        for cells in picture.rows:
            assert len(cells) == len(picture.head)
            assert set(filter(None, cells)) <= set(section.texts)


def test_hostile_names_are_text():
    section = Section(str(render_plots(make_page(6, hostile=True))))
    assert {"script", "img", "textarea"}.isdisjoint(name for name, _ in section.elements)
    assert not any(
        name.startswith("on") for _, attributes in section.elements for name in attributes
    )
    assert HOSTILE_NAMES[0] in section.texts
    assert "\x1b" not in "".join(section.texts)


def test_braces_in_names_are_not_filled_in():
    page = make_page(6, hostile=True)
    assert "{{ 7 * 7 }}" in "".join(Section(str(render_plots(page))).texts)


def test_collection_does_not_import_matplotlib():
    code = "import sys, basegate.plugin, basegate.report.page.plots as p; p.sections\n"
    code += "print([name for name in sys.modules if name.partition('.')[0] == 'matplotlib'])"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "[]\n"
