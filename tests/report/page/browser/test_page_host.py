"""The sections inside the page that pytest-html writes, as a browser shows it."""

import json
import shutil
import subprocess
import sys

import pytest

from basegate.i18n.catalogue import translator
from basegate.report.html_rows import header_cells, result_cells
from basegate.report.page.document import fragment
from basegate.report.page.samples import collect
from tests.helpers.browsing import IN_EVERY_WINDOW
from tests.helpers.pages import make_page
from tests.helpers.rows import row

pytestmark = pytest.mark.browser


ROWS = [
    row(
        "inconclusive",
        metric=metric,
        unit="fraction",
        value=0.539,
        interval=(0.466, 0.61),
        direction="min",
        limit=0.6,
        seconds=63.5,
    )
    for metric in ("preferred_share", "right", "wrong")
]
CELLS = [header_cells(), result_cells(ROWS)]
"""Heads of our columns, and the cells of every row below them."""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """The sections inside a page that pytest-html made of tests of every outcome."""
    return made_by_pytest_html(tmp_path_factory.mktemp("host"), "en")


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """The same in Chinese, in a folder whose name an address cannot hold as it is."""
    made = made_by_pytest_html(tmp_path_factory.mktemp("chinese"), "zh-HK")
    folder = tmp_path_factory.mktemp("named") / "報告 一"
    folder.mkdir()
    return shutil.copy(made, folder / "report.html")


def made_by_pytest_html(folder, language):
    page = make_page(candidates=2, questions=10, samples=200, tr=translator(language))
    (folder / "sections.html").write_text(fragment(page), encoding="utf-8")
    (folder / "cells.json").write_text(json.dumps(CELLS), encoding="utf-8")
    (folder / "conftest.py").write_text(
        "import json\n"
        "from pathlib import Path\n"
        "HERE = Path(__file__).parent\n"
        "heads, filled = json.loads((HERE / 'cells.json').read_text(encoding='utf-8'))\n"
        "def pytest_html_results_summary(prefix):\n"
        "    prefix.append((HERE / 'sections.html').read_text(encoding='utf-8'))\n"
        "def pytest_html_results_table_header(cells):\n"
        "    cells[2:2] = heads\n"
        "def pytest_html_results_table_row(cells):\n"
        "    cells[2:2] = filled\n"
    )
    (folder / "test_outcomes.py").write_text(
        "import pytest\n"
        "def test_passes(): pass\n"
        "def test_fails(): assert False, 'x' * 400 + '\\n' * 60\n"
        "@pytest.mark.skip\n"
        "def test_skipped(): pass\n"
        "@pytest.fixture\n"
        "def broken(): raise RuntimeError\n"
        "def test_error(broken): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:basegate"]
    subprocess.run(
        [*command, "--html=report.html", "--self-contained-html"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return folder / "report.html"


@IN_EVERY_WINDOW
def test_inside_the_page_of_pytest_html_nothing_is_too_wide_too_pale_or_unnamed(window, host):
    window.open(host)
    assert not window.is_wider_than_its_window()
    assert window.findings() == []
    assert window.unasked == []
    colours = window.page.evaluate(
        """() => ['body', '#results-table', '.logwrapper .log', '#title'].map(name => {
          const style = getComputedStyle(document.querySelector(name))
          return style.color
        })"""
    )
    assert len(set(colours)) == 1
    window.keep("pytest-html")


def test_the_page_of_pytest_html_opens_with_the_sections_and_keeps_its_rows(window, host):
    window.open(host)
    tops = window.page.evaluate(
        """() => ['.bg-page', '#results-table', '#environment'].map(name =>
          document.querySelector(name).getBoundingClientRect().top)"""
    )
    assert tops == sorted(tops)
    assert tops[0] < 200
    assert len(window.texts("#results-table tr.collapsible")) == 4


def test_the_rows_of_pytest_html_can_be_sorted_and_folded_by_keyboard(window, host):
    window.open(host)
    page = window.page
    shown = page.locator(".extras-row:not(.hidden)").count()
    page.locator("#results-table .collapsible > .col-result").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".extras-row:not(.hidden)").count() == shown - 1
    page.keyboard.press("Enter")
    assert page.locator(".extras-row:not(.hidden)").count() == shown
    page.locator("#results-table [data-column-type=testId]").focus()
    page.keyboard.press("Enter")
    first = window.texts("#results-table .col-testId")
    page.keyboard.press("Enter")
    assert window.texts("#results-table .col-testId") == first[::-1]


def test_the_decision_stands_before_the_summary_of_pytest_html(window, host):
    window.open(host)
    assert window.texts("h1, h2")[:2] == ["report.html", "Which model to take"]
    assert window.texts("h1, h2")[-2:] == ["Summary", "Environment"]
    assert "tests took" in window.page.inner_text(".run-count")


def test_chinese_is_what_it_was_in_the_page_of_pytest_html(window, chinese):
    window.open(chinese)
    page = make_page(candidates=2, questions=10, samples=200, tr=translator("zh-HK"))
    data = json.loads(window.page.locator("#bg-texts-data").text_content())
    assert {key: data[key] for key in collect(page)} == collect(page)
    assert window.texts(".bg-filters .bg-field > span")[0] == translator("zh-HK")("Check")
    assert len(window.texts("#results-table tr.collapsible")) == 4
    assert window.unasked == []


def test_a_chinese_filter_outlives_what_pytest_html_does_to_the_address(window, chinese):
    asked = "#bg-texts?text=%E9%A6%99%26%E6%B8%AF%25"
    window.open(chinese, asked)
    assert window.page.evaluate("location.hash") == asked
    window.page.fill("[name=text]", "李家超")
    window.page.locator("#results-table [data-column-type=testId]").click()
    window.page.locator("input[data-test-result=passed]").click()
    assert "visible=" in window.page.evaluate("location.search")
    assert window.page.evaluate("location.hash") == "#bg-texts?text=%E6%9D%8E%E5%AE%B6%E8%B6%85"
    window.page.reload()
    window.until("document.querySelector('#bg-texts[data-ready]') !== null")
    assert window.page.input_value("[name=text]") == "李家超"
    assert len(window.texts("#results-table tr.collapsible")) == 3


def test_back_returns_through_filters_and_the_order_of_pytest_html(window, host):
    window.open(host)
    window.page.select_option("[name=sample]", "wrong")
    wrong = window.count()
    window.page.locator("#results-table [data-column-type=testId]").click()
    window.page.select_option("[name=check]", label="knowledge must-know")
    window.page.go_back()
    assert window.count() == wrong
    window.page.go_back()
    assert window.count() == wrong
    window.page.go_back()
    assert window.page.input_value("[name=sample]") == ""
    # Opening the page is one step, whatever order pytest-html sets meanwhile.
    window.page.go_back()
    assert window.page.url == "about:blank"


@pytest.mark.parametrize("window", [(1440, "light")], indirect=True)
def test_a_line_of_a_verdict_and_of_its_limit_is_one_line(window, host):
    window.open(host)
    lines = window.page.evaluate(
        """() => ['.col-verdict', '.col-limit'].map(name => {
          const cell = document.querySelector(`#results-table td${name}`)
          const range = document.createRange()
          range.selectNodeContents(cell)
          return new Set([...range.getClientRects()].map(each => Math.round(each.bottom))).size
        })"""
    )
    assert lines == [3, 3]
