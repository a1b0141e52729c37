"""Links, addresses, back and forward, and where the keyboard is, in Chromium."""

import pytest

from tests.helpers.browsing import STATUS

pytestmark = pytest.mark.browser


def test_the_address_keeps_the_filter_and_a_link_sets_it(window, files):
    path = files(candidates=2, questions=10, samples=200)
    window.open(path)
    window.choose("llama-2-7b")
    window.page.select_option("[name=check]", label="knowledge must-know")
    window.filter(sample="wrong", verdict="fail", text="香&港")
    kept = window.page.evaluate("location.hash")
    asked = "candidate=llama-2-7b&check=knowledge%2Fmust-know&sample=wrong&verdict=fail"
    assert kept.startswith(f"#bg-texts?{asked}")
    window.open(path, kept)
    assert window.page.locator(".bg-candidates :checked").count() == 1
    assert window.page.input_value("[name=check]") == "knowledge/must-know"
    assert window.page.input_value("[name=sample]") == "wrong"
    assert window.page.input_value("[name=verdict]") == "fail"
    assert window.page.input_value("[name=text]") == "香&港"
    window.page.click(".bg-filters [type=reset]")
    window.until("location.hash === ''")
    assert window.page.locator(".bg-candidates :checked").count() == 2


def test_a_cell_of_the_decision_opens_its_evidence_and_brings_the_keyboard_there(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    link = window.page.locator("#bg-decision a[href*='continuation']").first
    assert link.get_attribute("href") == (
        "#bg-texts?candidate=yi-6b&check=continuation%2Fcontinuation"
    )
    link.click()
    window.until("document.activeElement.id === 'bg-texts-head'")
    assert set(window.texts(".bg-column h4")) == {"yi-6b"}
    assert set(window.texts(".bg-group h3 > .bg-soft")) == {"continuation"}


def test_back_undoes_a_filter_and_forward_does_it_again(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    every = window.count()
    window.page.select_option("[name=check]", label="knowledge must-know")
    of_check = window.count()
    window.page.select_option("[name=sample]", "wrong")
    wrong = window.count()
    assert len({every, of_check, wrong}) == 3
    window.page.go_back()
    assert window.count() == of_check
    assert window.page.input_value("[name=sample]") == ""
    assert window.page.evaluate("location.hash") == "#bg-texts?check=knowledge%2Fmust-know"
    window.page.go_back()
    assert window.count() == every
    assert window.page.input_value("[name=check]") == ""
    window.page.go_forward()
    window.page.go_forward()
    assert window.count() == wrong
    assert window.page.input_value("[name=sample]") == "wrong"


def test_what_is_typed_is_one_step_for_back(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    every = window.count()
    window.page.select_option("[name=check]", label="knowledge hong-kong")
    window.page.locator("[name=text]").focus()
    window.page.keyboard.type("market")
    window.page.keyboard.press("Tab")
    window.page.locator("[name=text]").focus()
    window.page.keyboard.type("s")
    assert window.page.input_value("[name=text]") == "markets"
    window.page.go_back()
    assert window.page.input_value("[name=text]") == "market"
    window.page.go_back()
    assert window.page.input_value("[name=text]") == ""
    assert window.page.input_value("[name=check]") == "knowledge/hong-kong"
    window.page.go_back()
    assert window.count() == every


def test_back_from_the_texts_behind_a_cell_is_at_the_cell_with_everything_shown(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    every = window.count()
    link = window.page.locator("#bg-decision a[href*='continuation']").first
    for _ in range(2):
        link.click()
        window.until("document.activeElement.id === 'bg-texts-head'")
        assert window.count() != every
        window.page.go_back()
        assert window.count() == every
        assert window.page.locator(".bg-candidates :checked").count() == 2
        assert window.page.evaluate("location.hash") == ""
        assert link.evaluate("link => link === document.activeElement")
        window.until("scrollY < document.querySelector('#bg-texts').offsetTop - innerHeight / 2")


def test_the_keyboard_is_at_a_link_only_where_back_undoes_its_jump(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    link = window.page.locator("#bg-decision a[href*='continuation']").first
    focused = "link => link === document.activeElement"
    link.click()
    link.click()  # leads to where we are: no step of its own
    for _ in range(2):
        window.page.go_back()
        assert link.evaluate(focused)
        window.page.go_forward()
        assert window.page.evaluate("document.activeElement.id") == "bg-texts-head"
    link.click()
    window.page.select_option("[name=sample]", "wrong")
    window.page.locator("[name=sample]").focus()
    window.page.go_back()
    assert window.page.input_value("[name=sample]") == ""
    assert window.page.evaluate("document.activeElement.name") == "sample"
    window.page.go_back()
    assert link.evaluate(focused)
    window.page.select_option("[name=sample]", "wrong")
    window.page.locator("[name=sample]").focus()
    window.page.go_back()
    assert window.page.evaluate("document.activeElement.name") == "sample"


def test_the_keyboard_stays_where_no_link_led_to_what_is_shown(window, files):
    window.open(files(candidates=2, questions=10, samples=200), "#bg-texts?sample=right")
    window.page.select_option("[name=sample]", "wrong")
    window.page.evaluate("location.hash = 'bg-conditions'")
    window.page.evaluate("document.activeElement.blur()")
    window.until("history.state !== null")
    window.page.go_back()
    assert window.page.input_value("[name=sample]") == "wrong"
    assert window.page.evaluate("document.activeElement === document.body")
    window.page.go_back()
    assert window.page.evaluate("document.activeElement.id") == "bg-texts-head"


LOW = """document.body.insertAdjacentHTML('beforeend', `<p style="height: 3000px"></p>
  <a id="low" href="#bg-texts?sample=wrong">low</a><p style="height: 3000px"></p>`)"""
"""Puts a link below the samples."""
SEEN = "(top => 0 <= top && top < innerHeight)(low.getBoundingClientRect().top)"


def test_back_shows_as_many_samples_as_were_shown(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    window.page.evaluate(LOW)
    window.all_groups()
    shown = window.page.locator(".bg-group").count()
    window.page.locator("#low").click()
    window.until("document.activeElement.id === 'bg-texts-head'")
    assert window.page.locator(".bg-group").count() < shown
    window.page.go_back()
    assert window.page.locator(".bg-group").count() == shown
    window.until(SEEN)
    assert window.page.evaluate("document.activeElement.id") == "low"


def test_back_shows_the_link_whatever_was_unfolded_above_it(window, files):
    window.open(files(candidates=6, questions=20, samples=1200, hostile=True))
    window.page.evaluate(LOW)
    height = window.page.evaluate("document.body.scrollHeight")
    window.page.locator(".bg-unfold").first.click()
    assert window.page.evaluate("document.body.scrollHeight") > height + 2_000
    window.page.locator("#low").click()
    window.until("document.activeElement.id === 'bg-texts-head'")
    window.page.go_back()
    window.until(SEEN)


def test_a_place_elsewhere_in_the_page_leaves_the_filter_as_it_is(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    window.page.select_option("[name=sample]", "wrong")
    wrong = window.count()
    window.page.evaluate("location.hash = 'bg-conditions'")
    window.until("history.state !== null")
    assert window.count() == wrong
    window.page.evaluate("location.hash = 'bg-texts?sample=right'")
    window.until("document.querySelector('[name=sample]').value === 'right'")
    window.page.go_back()
    assert window.page.input_value("[name=sample]") == "wrong"


TWICE = "odd; check=a/b; sample=loops; text=x"
"""What is left out of a link that has some fields twice."""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", ""),
        ("candidate=nobody&check=nothing&sample=odd&verdict=fair", "nobody; nothing; odd; fair"),
        ("candidate=yi-6b&candidate=nobody", "nobody"),
        ("verdict=wrong&verdicts=fail", "wrong; verdicts=fail"),
        ("sample=odd&sample=loops&check=&check=a/b&text=&text=x&text=%20", TWICE),
        ("candidate=<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("%%%", "%%%"),
    ],
)
def test_a_link_that_asks_for_what_is_not_on_the_page_says_so_and_shows_the_rest(
    window, files, given, told
):
    window.open(files(candidates=2, questions=10, samples=200), f"#bg-texts?{given}")
    every, _, rest = window.count().partition(" of ")
    assert rest.startswith(every) == ("yi-6b" not in given)
    message = "The link asks for something that this page cannot show and is left out: "
    said = f"{message}{told}" if told else ""
    assert unknown(window) == said
    assert window.findings("#bg-texts") == []
    window.page.select_option("[name=sample]", "right")
    assert window.page.inner_text(STATUS).strip() == window.count()
    window.page.go_back()
    assert unknown(window) == said
    assert window.unasked == []


def unknown(window):
    """What the line above the samples says that a link asked for in vain."""
    return window.page.inner_text(STATUS).removesuffix(window.count()).strip()


def test_the_filters_and_what_they_show_can_be_used_by_keyboard(window, files):
    window.open(files())
    page = window.page
    page.locator(".bg-candidates input").first.focus()
    page.keyboard.press("Space")
    assert "yi-6b" not in window.texts(".bg-column h4")
    page.locator("[name=check]").focus()
    page.keyboard.type("knowledge m")
    window.until("document.querySelector('[name=check]').value === 'knowledge/must-know'")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Tab")
    page.keyboard.type("fail")
    page.keyboard.press("Tab")
    page.keyboard.type("B")
    page.keyboard.press("Enter")
    hash_ = page.evaluate("location.hash")
    assert "sample=wrong&verdict=fail" in hash_
    assert hash_.endswith("text=B")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    window.until("location.hash === ''")
    before = page.locator(".bg-group").count()
    page.locator(".bg-more button").focus()
    page.keyboard.press("Enter")
    assert (
        page.evaluate(
            "[...document.querySelectorAll('.bg-group h3')].indexOf(document.activeElement)"
        )
        == before
    )
