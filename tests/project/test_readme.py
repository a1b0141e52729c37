"""The README in two languages: the same commands, options, headings and links; and as written."""

from __future__ import annotations

import re

import pytest

from basegate.checks import language_variety as variety
from tests.helpers.paths import ROOT
from tests.i18n.test_translation import FOREIGN, HALF_WIDTH, HAN, LOOSE, TOUCHING

ENGLISH, CHINESE = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-HK.md")
)
COMMAND = re.compile(r"(?:make|pip|pytest|python|basegate) .*")


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    lines = (line for block in blocks(text) for line in block.splitlines())
    return [line for line in lines if COMMAND.fullmatch(line)]


def headings(text: str) -> list[str]:
    return re.findall(r"^#+(?= )", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)


def options(text: str) -> list[str]:
    return re.findall(r"^\| (`--.*?`) \|", text, re.MULTILINE)


def links(text: str) -> list[str]:
    """Return where links lead, those between the two languages left out."""
    found = re.findall(r"\]\(([^)]+)\)", text)
    return [each for each in found if not each.startswith("README")]


def said(text: str) -> str:
    """Return a text without blocks of code and the addresses of links."""
    return re.sub(r"\]\([^)]+\)", "]", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def test_both_have_the_same_commands():
    assert len(commands(ENGLISH)) > 5
    assert commands(CHINESE) == commands(ENGLISH)
    assert len(blocks(CHINESE)) == len(blocks(ENGLISH))


def test_both_have_the_same_headings_options_and_links():
    assert headings(CHINESE) == headings(ENGLISH)
    assert options(CHINESE) == options(ENGLISH)
    assert sorted(links(CHINESE)) == sorted(links(ENGLISH))


def test_both_lead_to_each_other_and_to_files_that_are_there():
    assert "](README.zh-HK.md)" in ENGLISH[:200]
    assert "](README.md)" in CHINESE[:200]
    assert [each for each in links(CHINESE) if not (ROOT / each.partition("#")[0]).exists()] == []


@pytest.mark.parametrize(
    "names", [r"`(@[\w-]+|--[\w-]+)", r"\d[\d,.]*\d"], ids=["marks", "numbers"]
)
def test_the_chinese_one_leaves_out_no_tag_option_or_number_of_the_other(names):
    missing = {*re.findall(names, said(ENGLISH))} - {*re.findall(names, said(CHINESE))}
    assert missing == set()


def test_the_chinese_one_is_set_as_hong_kong_sets_it():
    text = said(CHINESE)
    assert variety.simplified_characters(CHINESE) == []
    for pattern in (TOUCHING, HALF_WIDTH, FOREIGN):
        assert pattern.findall(text) == []
    # A table has spaces inside its lines.
    assert LOOSE.findall(text.replace("| ", "|").replace(" |", "|")) == []
    # Browsers show a line's end within a paragraph as a space.
    assert re.findall(rf"(?:{HAN}|[，。、；：（）])\n(?:{HAN}|[，。、；：（）])", text) == []


def test_the_chinese_one_is_written_chinese():
    labels = [(each, variety.label(each)) for each in variety.sentences(said(CHINESE))]
    assert [each for each, label in labels if label in ("cantonese", "mixed")] == []
    assert sum(label == "written_chinese" for _, label in labels) > 20
