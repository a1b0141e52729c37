"""Plots as SVG: the size of their axes, and text that is shortened, broken and escaped."""

import re
from xml.etree import ElementTree

import pytest

from basegate.i18n.formatting import columns
from basegate.report.page.plots.svg import draw, label, shorten, write


def test_a_long_name_loses_its_middle():
    assert shorten("yi-6b") == "yi-6b"
    short = shorten("a-name-that-goes-on-and-on-to-its-end", 20)
    assert short.startswith("a-name-th")
    assert short.endswith("to-its-end")
    assert "…" in short
    assert columns(short) <= 20


@pytest.mark.parametrize("most", range(5, 40))
def test_a_name_is_never_wider_than_its_room_and_uses_it(most):
    for text in ("x" * 50, "香港" * 20, "a" * 10 + "名字好長" * 10):
        assert most - 3 <= columns(shorten(text, most)) <= most


def test_text_is_one_line_without_characters_that_steer():
    assert shorten("a\n\tb\x00\u202ec\udc80") == "a b\ufffd\ufffdc?"


def test_a_label_is_broken_at_a_joint_unless_that_takes_more_lines():
    assert label("yi-6b", width=20) == "yi-6b"
    assert label("cantonese-llama-2-7b", width=12) == "cantonese-\nllama-2-7b"
    assert label("a-bbbbbbbbbbb-cc-dddddddd", width=13) == "a-bbbbbbbbbbb\n-cc-dddddddd"


def test_a_line_of_chinese_holds_half_as_many_characters_and_makes_room_for_them():
    lines = label("名字好長好長好長", width=8).split("\n")
    assert [line.rstrip() for line in lines] == ["名字好長", "好長好長"]
    # matplotlib's font has neither; it takes a Chinese character for 0.6 em, a space for 0.32.
    for line in lines:
        assert 0.6 * 4 + 0.32 * line.count(" ") == pytest.approx(4, abs=0.2)


def test_a_name_that_looks_like_a_colour_or_a_formula_stays_what_it_is():
    def paint(figure):
        axes = figure.subplots()
        write(axes, 0, 0, label("#000001 $x^2$ {x} <b> & \x1b[31m \ud800 end"))
        return [axes]

    svg = draw("key", 20, paint)
    assert "#000001 $x^2$ {x} &lt;b&gt; &amp; \ufffd[31m ? end" in svg
    ElementTree.fromstring(svg)


@pytest.mark.parametrize("height", [60, 300])
def test_axes_are_as_high_as_they_should_be_whatever_stands_around_them(height):
    seen = []

    def paint(figure):
        axes = figure.subplots()
        axes.set_title("a\nb\nc")
        axes.set_xlabel("below")
        seen.append(axes)
        return [axes]

    svg = draw("key", height, paint)
    assert seen[0].bbox.height == pytest.approx(height, abs=1)
    whole = float(re.search(r'viewBox="0 0 380 ([\d.]+)"', svg)[1])
    assert height + 60 < whole < height + 140


def test_a_text_within_axes_does_not_make_them_smaller():
    seen = []

    def paint(figure):
        axes = figure.subplots()
        write(axes, 0, 0, "x" * 200)
        seen.append(axes)
        return [axes]

    draw("key", 50, paint)
    assert seen[0].bbox.width > 330
