"""Language of the continuations: sentences by variety, and the width of their bars."""

import re

import pytest

from basegate.measurement import Sample
from basegate.report.page.plots import varieties
from basegate.report.page.plots.svg import BLUE
from basegate.report.page.plots.values import Value
from tests.helpers.pages import make_page
from tests.helpers.plotted import plots_of, texts


def noted(**notes):
    return Sample(item="p", prompt="p", text="t", seed=0, notes=notes)


def test_sentences_are_summed_by_variety():
    samples = [
        noted(cantonese=3, mixed=1, written_chinese=0, foreign=2, neutral=1, latin_words=9),
        noted(cantonese=1, mixed=0, written_chinese=4, foreign=0, neutral=0),
    ]
    assert varieties.count_varieties(samples) == (4, 1, 4, 2, 1)


@pytest.fixture(scope="module")
def plot():
    (found,) = (each for each in plots_of(2) if each.key.startswith("varieties"))
    return found


def test_bars_are_as_wide_as_their_shares(plot):
    bars = re.findall(
        rf'd="M ([\d.]+) [\d.]+ \nL ([\d.]+) [^"]*"[^>]*style="fill: {BLUE}"', plot.svg
    )
    widths = [float(end) - float(begin) for begin, end in bars if float(begin) < 5]
    widths = [each for each in widths if each > 40]  # not that of the legend
    shares = [float(cells[1].removesuffix(" %")) / 100 for cells in plot.rows]
    assert len(widths) == len(shares) == 2
    whole = widths[0] / shares[0]
    assert 370 < whole < 380
    assert widths[1] == pytest.approx(shares[1] * whole, abs=0.5)


def test_bars_say_their_share_where_there_is_room(plot):
    for cells in plot.rows:
        for share in (float(cell.removesuffix(" %")) for cell in cells[1:6]):
            if share >= 11:
                assert f"{share:.0f} %" in texts(plot)
    assert "0 %" not in texts(plot)


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((0.9, 0.9, 0.5), "one and two, 90 %."),
        ((0.0, 0.0, 0.0), "one, two and three, 0 %."),
        ((0.5, 0.9, 0.5), "two, 90 %. Not compared with one and three."),
    ],
)
def test_nobody_alone_writes_the_most_cantonese_where_several_do(shares, told):
    found = dict(zip(("one", "two", "three"), map(Value, shares), strict=True))
    text = varieties.most_cantonese(make_page(2), "continuation", found)
    assert text == f"Most Cantonese, of sentences that show their variety: {told}"
    assert varieties.most_cantonese(make_page(2), "continuation", {}) == ""
