"""The sections put together, and the style that they share."""

import html
import re
from html.parser import HTMLParser

import pytest

from basegate.report.page.document import SECTIONS, document, fragment
from basegate.report.page.templating import asset
from tests.helpers.pages import make_page

SMALL = {"candidates": 2, "questions": 5, "samples": 150}


def schemes():
    """Return the colours of the page, light and dark, by variable."""
    light, dark = asset("page.css").split("@media (prefers-color-scheme: dark)", 1)
    pattern = re.compile(r"--bg-([\w-]+): (#[0-9a-f]{6});")
    found = dict(pattern.findall(light))
    return {"light": found, "dark": {**found, **dict(pattern.findall(dark.partition("\n}\n")[0]))}}


def luminance(colour):
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_what_wcag_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whatever_is_written_in_colour_is_legible_on_paper_and_on_its_shade(scheme):
    colours = schemes()[scheme]
    written = ("ink", "soft", "link", "pass", "fail", "inconclusive", "invalid")
    series = tuple(f"series-{number}" for number in range(1, 9))
    pairs = [(text, on) for text in (*written, *series) for on in ("paper", "shade")]
    pairs += [("ink", on) for on in ("found", "english", "simplified", "loop")]
    pale = [pair for pair in pairs if contrast(*(colours[name] for name in pair)) < 4.5]
    assert pale == []
    # The edges of fields and buttons.
    assert contrast(colours["edge"], colours["paper"]) >= 3


def test_every_colour_of_the_light_page_has_one_for_the_dark():
    light, dark = schemes().values()
    assert set(light) == set(dark)
    assert all(light[name] != dark[name] for name in light)


class Outline(HTMLParser):
    """The headings, ids and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.levels, self.ids, self.asked = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        self.ids += [given["id"]] if "id" in given else []
        self.asked += [
            given[name]
            for name in ("src", "href", "action")
            if given.get(name) and not given[name].startswith("#")
        ]


def test_sections_stand_in_order_with_headings_below_those_around_them():
    page = make_page(**SMALL)
    text = document(page)
    outline = Outline(text)
    assert outline.levels[:2] == [1, 2]
    assert outline.levels.count(1) == 1
    assert len(outline.ids) == len(set(outline.ids))
    places = [text.index(section(page).strip()[:60]) for section in SECTIONS if section(page)]
    assert places == sorted(places)
    # Inside the page of pytest-html, whose own heading is the first.
    assert 1 not in Outline(fragment(page)).levels


def test_a_page_of_our_own_names_its_language_and_asks_for_nothing_elsewhere():
    text = document(make_page(**SMALL))
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert Outline(text).asked == []
    assert "default-src 'none'" in html.unescape(text)
    assert not re.search(r"@import|url\((?!['\"]?[#d])", text)
