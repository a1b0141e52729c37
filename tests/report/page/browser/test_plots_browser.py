"""The pictures as a browser shows them."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from basegate.i18n.catalogue import translator
from basegate.report.page.plots import render_plots
from basegate.report.page.plots.style import VARIABLES
from basegate.report.page.templating import asset
from tests.helpers.browsing import WIDTHS
from tests.helpers.pages import LONG_NAMES, make_page, rename

pytestmark = pytest.mark.browser

DARK = ";".join(f"{variable[4:-1]}:#000" for variable in VARIABLES.values())
COLOURS = f":root{{{DARK};--bg-pass:#00ff00;--bg-paper:#fff}}"
"""Right samples alone are green."""

OUTSIDE = """() => [...document.querySelectorAll('.bg-svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect()
  return [...svg.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()])
    .filter(([, b]) => b.left < box.left - 2 || b.top < box.top - 2
      || b.right > box.right + 2 || b.bottom > box.bottom + 2)
    .map(([text, b]) => `${text.textContent}: ${b.left}, ${b.top}, ${b.right}, ${b.bottom}`)
})"""
"""Texts that are cut off by the edge of their picture."""

COVERED = """() => [...document.querySelectorAll('.bg-svg')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()])
  return boxes.flatMap(([one, a], at) => boxes.slice(at + 1).filter(([other, b]) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
    .map(([other]) => `${one.textContent} / ${other.textContent}`))
})"""
"""Texts that cover each other, each with the other."""


@pytest.fixture(params=WIDTHS)
def show(browser, request):
    """Return a function that opens a page's pictures in a window of that width."""
    window = browser.new_page(viewport={"width": request.param, "height": 900})

    def opened(page):
        window.set_content(
            f"<!doctype html><html lang='en'><style>{COLOURS}{asset('plots.css')}</style>"
            f"<body style='font-family:sans-serif'>{render_plots(page)}"
        )
        return window

    yield opened
    window.close()


@pytest.mark.parametrize("hostile", [False, True])
@pytest.mark.parametrize("candidates", [1, 2, 6])
def test_text_is_neither_cut_off_nor_covered_by_other_text(show, candidates, hostile):
    window = show(make_page(candidates, hostile=hostile))
    assert window.evaluate(OUTSIDE) == []
    assert window.evaluate(COVERED) == []


@pytest.mark.parametrize("language", ["en", "zh-HK"])
@pytest.mark.parametrize("candidates", [2, 6])
def test_long_names_and_chinese_are_neither_cut_off_nor_covered(show, candidates, language):
    page = rename(make_page(candidates, tr=translator(language)), LONG_NAMES)
    # A gate with many names, in its legend.
    rows = [
        each.model_copy(update={"item": f"{bank}/{each.question}"})
        for each in page.ledger.results
        if each.curve and each.question
        for bank in ("held-out-by-our-own-team", "written-this-year", "must-know")
    ]
    ledger = page.ledger.model_copy(update={"results": (*page.ledger.results, *rows)})
    window = show(replace(page, ledger=ledger))
    assert window.evaluate(OUTSIDE) == []
    assert window.evaluate(COVERED) == []


def test_text_is_legible_and_the_page_is_not_wider_than_its_window(show):
    window = show(make_page(6))
    sizes = window.evaluate(
        """() => [...document.querySelectorAll('.bg-svg')].map(svg =>
          svg.getBoundingClientRect().width / svg.viewBox.baseVal.width
          * parseFloat(getComputedStyle(svg.querySelector('text')).fontSize))"""
    )
    assert min(sizes) >= 11
    width, room = window.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= room


def test_every_right_sample_is_a_dot_that_can_be_seen(show):
    """Dots are dashes without length and with round ends, which a browser might leave out."""
    picture = show(make_page(2)).locator("#bg-counts-1-head ~ svg")
    with Image.open(io.BytesIO(picture.screenshot())) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=float)
    _, dots = ndimage.label((pixels[..., 0] < 128) & (pixels[..., 1] > 250))
    right = sum(
        sample.answer == sample.expected
        for made in make_page(2).measurements.values()
        for sample in made.findings.samples
        if made.item == "must-know"
    )
    in_the_legend = 1
    assert dots == right + in_the_legend
