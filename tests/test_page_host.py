"""The sections inside the page that pytest-html writes, as a browser shows it."""

import subprocess
import sys

import pytest

from basegate.report.page.document import fragment
from tests.browsing import IN_EVERY_WINDOW
from tests.pages import make_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """The sections inside a page that pytest-html made of tests of every outcome."""
    folder = tmp_path_factory.mktemp("host")
    page = fragment(make_page(candidates=2, questions=10, samples=200))
    (folder / "sections.html").write_text(page, encoding="utf-8")
    (folder / "conftest.py").write_text(
        "from pathlib import Path\n"
        "def pytest_html_results_summary(prefix):\n"
        "    text = (Path(__file__).parent / 'sections.html').read_text(encoding='utf-8')\n"
        "    prefix.append(text)\n"
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
