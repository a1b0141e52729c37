"""Bits per character of every corpus: numbers, limits, and where they are drawn."""

import re
from dataclasses import replace

import pytest

from basegate.ledger import NullFigure
from basegate.report.page.plots import bits_per_char, topics
from basegate.report.page.plots.values import Value
from tests.helpers.pages import make_page
from tests.helpers.plotted import plots_of, texts, with_rows


def test_bits_are_what_was_judged_with_its_limit_and_what_was_measured_beside_it():
    found = bits_per_char.bits_of(make_page(2), "hong-kong")
    assert list(found) == ["yi-6b", "llama-2-7b"]
    (judged,) = (
        each
        for each in make_page(2).ledger.results
        if (each.candidate, each.item, each.metric) == ("yi-6b", "hong-kong", "bits_per_char")
    )
    bits = found["yi-6b"]
    assert bits.cantonese == Value(judged.value, judged.interval, judged.confidence, 5.5)
    assert judged.limit == 5.5
    assert bits.written.value < bits.cantonese.value
    assert bits.tokens.value == pytest.approx(1.12, abs=0.01)


def test_a_candidate_has_its_own_limit():
    def change(each):
        own = each.candidate == "llama-2-7b" and each.metric == "bits_per_char"
        return each.model_copy(update={"limit": 7.0}) if own else each

    found = bits_per_char.bits_of(with_rows(make_page(2), change), "wikipedia-yue")
    assert [each.cantonese.limit for each in found.values()] == [5.0, 7.0]


def test_nobody_alone_needs_the_fewest_bits_where_several_do():
    bits = bits_per_char.Bits(Value(4.0))
    page = make_page(2)
    assert bits_per_char.fewest_bits(page, "wiki", {"a": bits, "twin": bits}) == (
        "Fewest bits per character on wiki: a and twin, 4."
    )


def test_every_candidate_and_its_value_stand_in_the_plot_of_every_corpus():
    plot = plots_of(2)[0]
    for name in ("yi-6b", "llama-2-7b"):
        assert texts(plot).count(name) == 2
    for cells in plot.rows:
        assert cells[2].partition(" ")[0] in texts(plot)
    assert {"wikipedia-yue", "hong-kong", "Cantonese", "written Chinese", "limit"} <= set(
        texts(plot)
    )


def test_points_and_limits_are_at_their_values():
    """The scale is that of the axis' own ticks."""
    svg = plots_of(2)[0].svg
    ticks = {
        float(text): float(x)
        for x, text in re.findall(r'<text [^>]*?x="([\d.]+)"[^>]*>([\d.]+)\s*</text>', svg)
        if re.fullmatch(r"\d\.[05]", text)
    }
    (low, x_low), *_, (high, x_high) = sorted(ticks.items())
    found = bits_per_char.bits_of(make_page(2), "wikipedia-yue")
    points = [float(x) for x in re.findall(r'<use [^>]*x="([\d.]+)"', svg)]
    lines = [float(x) for x in re.findall(r'd="M ([\d.]+) [\d.]+ \nL \1 ', svg)]

    def place(value):
        return x_low + (value - low) / (high - low) * (x_high - x_low)

    for bits in found.values():
        assert any(abs(x - place(bits.cantonese.value)) < 0.5 for x in points)
        assert any(abs(x - place(bits.cantonese.limit)) < 0.5 for x in lines)
        assert not any(abs(x - place(bits.cantonese.limit + 0.25)) < 0.2 for x in lines)


@pytest.mark.parametrize("candidates", [1, 6])
def test_a_row_is_as_high_however_many_there_are(candidates):
    height = float(re.search(r'viewBox="0 0 380 ([\d.]+)"', plots_of(candidates)[0].svg)[1])
    assert height == pytest.approx(2 * candidates * 44 + 85, abs=20)


def with_null(page, **fields):
    given = {"unit": "bits_per_char", "candidate": "null-bigram"}
    nulls = (NullFigure(**given | fields),)
    return replace(page, ledger=page.ledger.model_copy(update={"nulls": nulls}))


def test_the_best_null_model_is_a_line_beside_the_limit():
    place = {"check": "perplexity", "item": "hong-kong", "metric": "bits_per_char"}
    (plot,) = bits_per_char.plots(with_null(make_page(2), value=7.463, **place))
    assert "The best null model on hong-kong is null-bigram, 7.46." in plot.caption
    assert "best null model" in texts(plot)
    (part,) = bits_per_char.plots(with_null(make_page(2), value=7.463, asked_in_part=True, **place))
    assert "is null-bigram, 7.46, where a part was asked." in part.caption
    (without,) = bits_per_char.plots(make_page(2))
    assert "null" not in without.caption
    assert plot.svg.count("stroke-dasharray") > without.svg.count("stroke-dasharray")


def test_topics_have_a_line_for_the_best_null_model_of_their_bank():
    place = {"check": "knowledge", "item": "hong-kong", "metric": "accuracy", "unit": "fraction"}
    page = with_null(make_page(2), value=0.253, **place)
    with_line, *others = topics.plots(page)
    assert "The best null model on hong-kong is null-bigram, 25.3 %." in with_line.caption
    assert "best null model" in texts(with_line)
    assert not any("best null model" in texts(each) for each in others)
