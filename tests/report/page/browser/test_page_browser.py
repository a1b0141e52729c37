"""The page in Chromium: ready in time, safe with hostile texts, readable, printable."""

from itertools import pairwise

import pytest

from tests.helpers.browsing import IN_EVERY_WINDOW
from tests.helpers.page_texts import HOSTILE, HOSTILE_NAMES, LONG_LINE

pytestmark = pytest.mark.browser


def test_a_page_of_full_size_is_ready_in_time_and_asks_the_network_for_nothing(window, files):
    path = files()
    assert path.stat().st_size < 8_000_000
    window.open(path)
    assert window.page.evaluate("performance.now()") < 2_000
    assert window.unasked == []
    assert "data-ready" not in path.read_text(encoding="utf-8").partition("<script")[0]


def test_what_models_wrote_is_shown_to_the_letter_and_nothing_of_it_runs(window, files):
    window.open(files(candidates=6, questions=20, samples=1200, hostile=True))
    window.all_groups()
    shown = window.page.evaluate(
        "() => [...document.querySelectorAll('#bg-texts .bg-text')].map(e => e.textContent)"
    )
    seen = "\n".join(shown)
    for text in HOSTILE:
        told = "".join("\ufffd" if _steers(char) else char for char in text)
        assert told in seen, text
    assert not any(_steers(char) for char in seen.replace("\n", ""))
    names = window.texts(".bg-candidates bdi")
    assert names == ["".join("\ufffd" if _steers(c) else c for c in name) for name in HOSTILE_NAMES]
    window.page.locator(".bg-unfold").first.click()
    assert window.page.locator("#bg-texts :is(script, img, svg, iframe)").count() == 2
    assert window.unasked == []
    window.keep("hostile")


def test_a_handler_that_slipped_into_the_page_would_not_run(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    window.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=data:, onerror=alert(1)>')"
    )
    window.until("document.images[0].complete")
    assert window.unasked
    assert all("Content Security Policy" in message for message in window.unasked)


def _steers(char):
    return char != "\t" and (
        ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u202c\u2067"
    )


def test_a_megabyte_on_one_line_is_shortened_and_says_so(window, files):
    assert len(LONG_LINE.encode()) > 1_000_000
    window.open(files(candidates=6, questions=20, samples=1200, hostile=True))
    text = window.page.locator(".bg-written:has(.bg-unfold)").first
    assert len(text.inner_text()) < 1_000
    assert text.locator("button").inner_text() == "Show 5,000 of 400,000 characters"
    text.locator("button").click()
    assert "395,000 more characters are in the store only." in text.inner_text()
    assert len(text.locator(".bg-text").inner_text()) == 5_000
    assert not window.is_wider_than_its_window()
    text.locator("button").click()
    assert len(text.inner_text()) < 1_000


@pytest.mark.parametrize("window", [(390, "light")], indirect=True)
def test_text_from_right_to_left_stays_in_its_place(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    directions = window.page.evaluate(
        "() => [...document.querySelectorAll('.bg-text')].map(each => each.getAttribute('dir'))"
    )
    assert set(directions) == {"auto"}
    named = window.page.locator(
        ":is(.bg-column h4, .bg-candidates label, .bg-group h3):not(:has(bdi))"
    )
    assert named.count() == 0


def test_every_mark_is_told_in_words_and_by_a_line_of_its_own(window, files):
    window.open(files())
    lines = window.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.bg-legend mark')].map(mark => {
          const style = getComputedStyle(mark)
          const line = [style.textDecorationLine, style.textDecorationStyle, style.borderTopStyle]
          return [mark.textContent, line.join(' ')]
        }))"""
    )
    assert len(lines) == len(set(lines.values())) == 4
    assert window.page.locator(".bg-sample mark:not([title])").count() == 0
    signs = window.texts(".bg-sign")
    assert signs
    assert all(len(sign.split()) > 1 for sign in signs)


@IN_EVERY_WINDOW
@pytest.mark.parametrize("hostile", [False, True], ids=["plain", "hostile"])
def test_the_page_is_never_wider_than_its_window(window, files, hostile):
    window.open(files(hostile=hostile))
    for name, field in (
        ("decision", {}),
        ("continuations", {"check": "continuation/continuation"}),
        ("questions", {"check": "knowledge/must-know"}),
        ("pairs", {"check": "minimal_pairs/cantonese"}),
    ):
        window.filter(**field)
        assert not window.is_wider_than_its_window(), name
        if field:
            window.page.locator("#bg-texts").scroll_into_view_if_needed()
            window.page.evaluate("document.querySelector('.bg-groups').scrollIntoView()")
        if not hostile:
            window.keep(name)
    window.page.evaluate(
        "for (const each of document.querySelectorAll('details')) each.open = true"
    )
    assert not window.is_wider_than_its_window()


@IN_EVERY_WINDOW
def test_axe_finds_nothing_serious(window, files):
    window.open(files(candidates=3, questions=10, samples=200))
    window.page.evaluate(
        "for (const each of document.querySelectorAll('details')) each.open = true"
    )
    assert window.findings() == []
    window.filter(check="knowledge/must-know")
    assert window.findings("#bg-texts") == []
    window.filter(check="minimal_pairs/cantonese", text="佢")
    assert window.findings("#bg-texts") == []


@pytest.mark.parametrize("window", [(1440, "light")], indirect=True)
def test_a_page_of_our_own_reads_in_order_and_can_be_skipped_through(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    levels = window.page.evaluate(
        "() => [...document.querySelectorAll('h1, h2, h3, h4')].map(each => +each.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = window.page.evaluate("() => [...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    window.page.keyboard.press("Tab")
    window.page.keyboard.press("Enter")
    assert window.page.evaluate("document.activeElement.id") == "bg-main"


def test_without_scripts_the_page_says_what_is_missing(browser, files):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files(candidates=2, questions=10, samples=200).as_uri())
    assert "this browser runs none" in page.inner_text("#bg-texts")
    assert not page.is_visible(".bg-filters")
    context.close()


def test_on_paper_there_are_no_controls(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    window.page.emulate_media(media="print")
    assert not window.page.is_visible(".bg-filters")
    assert not window.page.is_visible(".bg-more button")
    assert window.page.is_visible(".bg-sample")
