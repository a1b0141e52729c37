"""The page as a browser shows it.

Screenshots are kept in the folder that BASEGATE_SCREENSHOTS names, if it does.
"""

from itertools import pairwise

import pytest

from basegate.report.page.document import document
from basegate.report.page.samples_section import address
from tests.helpers.browsing import IN_EVERY_WINDOW, STATUS
from tests.helpers.pages import HOSTILE, HOSTILE_NAMES, LONG_LINE, make_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a function that writes a page of our own once and gives its path."""
    folder, written = tmp_path_factory.mktemp("pages"), {}

    def path_of(**made):
        key = tuple(sorted(made.items()))
        if key not in written:
            written[key] = folder / f"{len(written)}.html"
            written[key].write_text(document(make_page(**made)), encoding="utf-8")
        return written[key]

    return path_of


def test_a_page_of_full_size_is_ready_in_time_and_asks_the_network_for_nothing(window, files):
    path = files()
    assert path.stat().st_size < 8_000_000
    window.open(path)
    assert window.page.evaluate("performance.now()") < 2_000
    assert window.unasked == []
    assert "data-ready" not in path.read_text(encoding="utf-8").partition("<script")[0]


def test_a_filter_answers_in_a_tenth_of_a_second(window, files):
    window.open(files())
    fields = [
        *({"sample": each} for each in ("wrong", "loops", "")),
        *({"verdict": each} for each in ("fail", "")),
        *({"text": each} for each in ("香", "香港", "market", "")),
        *({"check": each} for each in ("minimal_pairs/cantonese", "knowledge/hong-kong", "")),
    ]
    for field in fields:
        # The best of three: other work on the machine is not the page's.
        assert min(window.filter(**field)[0] for _ in range(3)) < 100, field


def test_a_candidate_that_is_left_out_has_no_column(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    assert set(window.texts(".bg-column h4")) == {"yi-6b", "llama-2-7b"}
    window.choose("llama-2-7b")
    assert set(window.texts(".bg-column h4")) == {"llama-2-7b"}
    window.choose()
    assert window.texts(".bg-column h4") == []
    assert window.count() == "Nothing matches these filters."


def test_a_check_can_be_looked_at_alone(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    window.page.select_option("[name=check]", label="knowledge must-know")
    window.all_groups()
    assert set(window.texts(".bg-group h3 > .bg-soft")) == {"knowledge must-know"}


def test_what_a_sample_is_leaves_the_samples_that_it_is_true_of(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    window.page.select_option("[name=check]", label="knowledge hong-kong")
    totals = []
    for kind, word in (("right", "right"), ("wrong", "wrong"), ("none", "no answer")):
        window.filter(sample=kind)
        window.all_groups()
        heads = window.texts(".bg-sample .bg-sign")
        assert heads
        assert all(head.endswith(word) for head in heads)
        totals.append(int(window.count().partition(" ")[0]))
    window.filter(sample="")
    assert int(window.count().partition(" ")[0]) == sum(totals)


def test_a_verdict_of_a_check_leaves_what_was_judged_so(window, files):
    window.open(files())
    window.page.select_option("[name=check]", label="knowledge must-know")
    window.filter(verdict="fail")
    window.all_groups()
    with_samples = window.page.locator(".bg-column:has(.bg-sample) .bg-counted")
    assert with_samples.count() > 0
    assert all("fail" in text for text in with_samples.all_inner_texts())


def test_a_sample_and_its_check_are_asked_for_apart_and_together(window, files):
    window.open(files())
    fields = window.texts(".bg-filters .bg-field > span")
    assert fields[1:3] == ["Sample is", "Check's verdict"]
    choices = [
        window.texts(f".bg-filters [name={name}] option:not([value=''])")
        for name in ("sample", "verdict")
    ]
    assert choices == [
        ["right", "wrong", "no answer", "degenerate", "loops"],
        ["pass", "fail", "inconclusive", "invalid"],
    ]
    window.page.select_option("[name=check]", label="knowledge must-know")
    window.filter(verdict="fail", sample="right")
    window.all_groups()
    heads = window.texts(".bg-sample .bg-sign")
    assert heads
    assert all(head.endswith("right") for head in heads)
    judged = window.page.locator(".bg-column:has(.bg-sample) .bg-counted").all_inner_texts()
    assert all("fail" in text for text in judged)


def test_text_is_found_in_samples_and_in_prompts_whatever_its_case(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    window.filter(text="MARKET")
    window.all_groups()
    found = window.texts("mark.bg-found")
    assert found
    assert {each.lower() for each in found} == {"market"}
    assert all("market" in text for text in window.texts(".bg-sample .bg-text"))
    window.filter(text="特首李家超")
    assert window.texts(".bg-group h3 bdi") == ["article"]
    assert len(window.texts(".bg-column")) == 2
    window.filter(text="(.*")
    assert window.count() == "Nothing matches these filters."


def test_the_count_is_told_to_those_who_cannot_see_it(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    assert window.count() in window.page.inner_text(STATUS)
    every, _, rest = window.count().partition(" of ")
    assert rest.startswith(every)
    window.filter(sample="wrong")
    shown, _, rest = window.count().partition(" of ")
    assert rest.startswith(f"{every} samples")
    assert int(shown) < int(every)


def test_all_samples_of_a_candidate_can_be_reached(window, files):
    window.open(files(candidates=2, questions=10, samples=200))
    window.choose("yi-6b")
    window.all_groups()
    numbers = window.page.evaluate("""() => [...document.querySelectorAll('.bg-sample')].length""")
    alike = window.page.evaluate(
        r"""() => [...document.querySelectorAll('.bg-sample-head > .bg-soft')]
        .map(each => each.textContent.match(/^(\d+) alike/)).filter(Boolean)
        .reduce((sum, match) => sum + Number(match[1]) - 1, 0)"""
    )
    assert f"{numbers + alike} of " in window.count()


def test_the_address_keeps_the_filter_and_a_link_sets_it(window, files):
    path = files(candidates=2, questions=10, samples=200)
    window.open(path)
    window.choose("llama-2-7b")
    window.page.select_option("[name=check]", label="knowledge must-know")
    window.filter(sample="wrong", verdict="fail", text="香&港")
    kept = window.page.evaluate("location.hash")
    assert kept.startswith(address("llama-2-7b", "knowledge", "must-know", "wrong", "fail"))
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
    assert link.get_attribute("href") == address("yi-6b", "continuation", "continuation")
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
    assert window.page.evaluate("location.hash") == address(check="knowledge", part="must-know")
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
    assert text.locator("button").inner_text() == "Show 20,000 of 400,000 characters"
    text.locator("button").click()
    assert "380,000 more characters are in the store only." in text.inner_text()
    assert len(text.locator(".bg-text").inner_text()) == 20_000
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
