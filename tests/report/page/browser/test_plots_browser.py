"""The plots as a browser shows them."""

from dataclasses import replace

import pytest

from basegate.i18n.catalogue import translator
from basegate.report.page.plots import render_plots
from basegate.report.page.templating import asset
from tests.helpers.browsing import WIDTHS
from tests.helpers.page_texts import LONG_NAMES
from tests.helpers.pages import make_page, rename

pytestmark = pytest.mark.browser

OUTSIDE = """() => [...document.querySelectorAll('.bg-plot svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect()
  return [...svg.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()])
    .filter(([, b]) => b.left < box.left - 2 || b.top < box.top - 2
      || b.right > box.right + 2 || b.bottom > box.bottom + 2)
    .map(([text, b]) => `${text.textContent}: ${b.left}, ${b.top}, ${b.right}, ${b.bottom}`)
})"""
"""Texts that are cut off by the edge of their plot."""

COVERED = """() => [...document.querySelectorAll('.bg-plot svg')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()])
  return boxes.flatMap(([one, a], at) => boxes.slice(at + 1).filter(([other, b]) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
    .map(([other]) => `${one.textContent} / ${other.textContent}`))
})"""
"""Texts that cover each other, each with the other."""


@pytest.fixture(params=WIDTHS)
def show(browser, request):
    """Return a function that opens a page's plots in a window of that width."""
    window = browser.new_page(viewport={"width": request.param, "height": 900})

    def opened(page):
        window.set_content(
            f"<!doctype html><html lang='en'><style>{asset('page.css')}{asset('plots.css')}</style>"
            f"<body class='bg-page'>{render_plots(page)}"
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
        """() => [...document.querySelectorAll('.bg-plot svg')].map(svg =>
          svg.getBoundingClientRect().width / svg.viewBox.baseVal.width
          * parseFloat(getComputedStyle(svg.querySelector('text')).fontSize))"""
    )
    assert min(sizes) >= 11
    width, room = window.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= room


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_colour_of_the_page(browser, scheme):
    window = browser.new_page(color_scheme=scheme)
    window.set_content(
        f"<style>{asset('page.css')}{asset('plots.css')}</style>"
        f"<body class='bg-page'>{render_plots(make_page(1))}"
    )
    ink, *fills = window.evaluate(
        """() => [getComputedStyle(document.body).color,
          ...[...document.querySelectorAll('.bg-plot svg text')]
            .map(text => getComputedStyle(text).fill)]"""
    )
    window.close()
    assert set(fills) == {ink, "rgb(255, 255, 255)"}
