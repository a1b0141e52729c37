"""The plots of a page together: which there are, their tables, and the SVG that they are."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from basegate.report.page.model import Page
from basegate.report.page.plots import plots, render_plots
from tests.helpers.page_texts import HOSTILE_NAMES, LONG_NAMES
from tests.helpers.pages import make_page
from tests.helpers.plotted import broken, plots_of, texts, with_rows
from tests.helpers.rows import make_ledger

ROOT = Path(__file__).parents[4]
KINDS = {"bits", "varieties", "topics", "counts", "curves"}


def kinds(found):
    return {plot.key.partition("-")[0] for plot in found}


# Which there are.


@pytest.mark.parametrize("candidates", [1, 2])
def test_a_run_has_all_kinds_of_plots(candidates):
    assert kinds(plots_of(candidates)) == KINDS


def test_where_nothing_was_measured_there_is_no_section():
    assert plots(Page(ledger=make_ledger())) == []
    assert render_plots(Page(ledger=make_ledger())).strip() == ""


@pytest.mark.parametrize(
    ("check", "gone"), [("continuation", {"varieties"}), ("perplexity", {"bits"})]
)
def test_a_check_that_was_not_run_has_no_plot(check, gone):
    page = with_rows(make_page(2), lambda each: None if each.check == check else each)
    assert kinds(plots(page)) == KINDS - gone


def test_a_broken_measurement_is_not_drawn_and_the_caption_says_so():
    page = broken(make_page(2), "yi-6b", "continuation")
    (plot,) = (each for each in plots(page) if each.key.startswith("varieties"))
    assert [cells[0] for cells in plot.rows] == ["llama-2-7b"]
    assert "Not shown, for want of a valid measurement: yi-6b." in plot.caption
    assert "yi-6b" not in texts(plot)


def test_what_was_judged_is_shown_though_its_measurement_is_gone():
    page = replace(make_page(2), measurements={})
    assert kinds(plots(page)) == {"bits", "counts", "curves"}


def test_no_two_plots_of_a_page_have_one_title():
    page = make_page(2)
    again = [
        each.model_copy(update={"item": each.item.replace("continuation", "more-prompts")})
        for each in page.ledger.results
        if each.check == "continuation"
    ]
    ledger = page.ledger.model_copy(update={"results": (*page.ledger.results, *again)})
    titles = [plot.title for plot in plots(replace(page, ledger=ledger))]
    assert "Language of the continuations: more-prompts" in titles
    assert len(titles) == len(set(titles))
    for title in titles:
        if title.startswith("Right answers"):
            assert "knowledge " in title or "reasoning " in title


# The SVG.


@pytest.mark.parametrize("hostile", [False, True])
def test_plots_are_small_even_for_six_candidates(hostile):
    for plot in plots_of(6, hostile):
        assert len(plot.svg.encode()) <= 100_000, plot.key


@pytest.mark.parametrize("hostile", [False, True])
def test_a_plot_stands_in_a_page_beside_others(hostile):
    seen = set()
    for plot in plots_of(6, hostile):
        root = ElementTree.fromstring(plot.svg)
        ids = [each.get("id") for each in root.iter() if each.get("id")]
        assert not seen & set(ids), "every id is the plot's own"
        assert len(ids) == len(set(ids))
        seen |= set(ids)
        used = re.findall(r'(?:url\(#|href="#)([^)"]+)', plot.svg)
        assert set(used) <= set(ids)
        assert root.get("viewBox", "").startswith("0 0 380 ")
        assert "<?xml" not in plot.svg
        assert "<!DOCTYPE" not in plot.svg
        assert "<metadata" not in plot.svg


def test_text_is_text_and_takes_the_colour_of_the_page():
    for plot in plots_of(6):
        styles = re.findall(r"<text [^>]*style=\"([^\"]+)\"", plot.svg)
        assert styles
        fills = {fill for style in styles for fill in re.findall(r"fill: (#\w+)", style)}
        # White is written in bars alone, which are dark in both schemes.
        assert fills <= ({"#ffffff"} if plot.key.startswith("varieties") else set()), plot.key


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    ]
    return sum(map(float.__mul__, (0.2126, 0.7152, 0.0722), linear))


def test_every_colour_can_be_seen_on_the_light_page_and_on_the_dark_one():
    """WCAG 2.2, 1.4.11: 3:1 for graphics."""
    css = (ROOT / "basegate/report/page/assets/page.css").read_text(encoding="utf-8")
    papers = list(map(luminance, re.findall(r"--bg-paper: (#\w{6})", css)))
    assert len(papers) == 2
    for plot in plots_of(6):
        without_text = re.sub(r"<text.*?</text>", "", plot.svg, flags=re.S)
        colours = set(re.findall(r"(?:fill|stroke): (#\w{6})", without_text))
        assert colours
        for colour in colours:
            for paper in papers:
                low, high = sorted((luminance(colour), paper))
                assert (high + 0.05) / (low + 0.05) >= 3, (plot.key, colour)


def test_names_of_forty_characters_are_whole_in_every_plot_of_a_column_each():
    assert {len(name) for name in LONG_NAMES} == {40}
    for plot in plots_of(6, long_names=True):
        if plot.key == "curves" or plot.title.endswith("reasoning article"):
            continue
        shown = "".join(texts(plot))
        names = LONG_NAMES[:5] if plot.key.startswith("varieties") else LONG_NAMES
        assert all(name in shown for name in names), plot.key


@pytest.mark.slow
def test_the_same_run_is_the_same_plot_whatever_the_process_and_its_settings(tmp_path):
    """A user's own settings of matplotlib, too: TeX would be called for every text."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nsvg.fonttype: path\n")
    code = (
        "import sys; from tests.helpers.pages import make_page\n"
        "from basegate.report.page.plots import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "sys.stdout.write(''.join(each.svg for each in plots(make_page(2))))\n"
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
    assert drawn == "".join(each.svg for each in plots_of(2))


def test_settings_of_matplotlib_are_as_they_were_afterwards():
    import matplotlib

    before = dict(matplotlib.rcParams)
    plots(make_page(1))
    assert dict(matplotlib.rcParams) == before


# The section.


class Section(HTMLParser):
    """Reads figures, and the text outside of scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


@pytest.fixture(scope="module")
def hostile():
    return Section(str(render_plots(make_page(6, hostile=True))))


def test_every_plot_has_its_caption_and_its_numbers_beside_it():
    found = plots_of(2)
    section = Section(str(render_plots(make_page(2))))
    for tag in ("svg", "details", "figure", "figcaption", "table"):
        assert section.count(tag) == len(found)
    for plot in found:
        assert plot.caption.replace(" %", "\u00a0%") in section.texts
        for cells in plot.rows:
            assert len(cells) == len(plot.head)
            assert set(filter(None, cells)) <= set(section.texts)


def test_a_plot_is_read_out_by_title_and_caption():
    section = Section(str(render_plots(make_page(2))))
    ids = {attributes.get("id"): tag for tag, attributes in section.elements}
    images = [each for _, each in section.elements if each.get("role") == "img"]
    assert len(images) == section.count("svg")
    for each in images:
        assert ids[each["aria-labelledby"]] == "h3"
        assert ids[each["aria-describedby"]] == "figcaption"


def test_hostile_names_are_text(hostile):
    assert {"script", "img", "textarea"}.isdisjoint(name for name, _ in hostile.elements)
    assert not any(
        name.startswith("on") for _, attributes in hostile.elements for name in attributes
    )
    assert HOSTILE_NAMES[0] in hostile.texts
    assert "\x1b" not in "".join(hostile.texts)


def test_braces_in_names_are_not_filled_in(hostile):
    assert "{{ 7 * 7 }}" in "".join(hostile.texts)


def test_collection_does_not_import_matplotlib():
    code = "import sys, basegate.plugin, basegate.report.page.plots as p; p.plots\n"
    code += "print([name for name in sys.modules if name.partition('.')[0] == 'matplotlib'])"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "[]\n"
