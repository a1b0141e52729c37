"""The Chinese of terminal and page: all of it is there, none too much, as Hong Kong writes it."""

from __future__ import annotations

import json
import re
from functools import cache
from html import unescape
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.pofile import read_po as babel_read_po

from basegate.checks import labels, language_variety as variety
from basegate.config.declaration import declaration_of
from basegate.i18n.catalogue import read_po, translator
from basegate.report.markdown import summarise
from basegate.report.page.document import document
from basegate.report.terminal import summary
from fixtures.algebra import FAMILIES
from fixtures.topics import TOPICS
from tests.helpers.pages import make_page
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from basegate.ledger import Ledger

PACKAGE = ROOT / "basegate"
PO = PACKAGE / "i18n/locales/zh_HK/LC_MESSAGES/basegate.po"
CATALOGUE = read_po(PO.read_text(encoding="utf-8"))


@cache
def extracted() -> dict[str, str]:
    """The messages in the code, as `make messages` finds them, each with its plural or itself."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nmessages:")[2]
    keywords = parse_keywords(re.findall(r"--keyword (\S+)", recipe.partition("\n\n")[0]))
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = chain.from_iterable(
        extract_from_dir(ROOT / folder, methods, options, keywords=keywords)
        for folder in ("basegate", "fixtures")
    )
    texts = (text for _, _, text, _, _ in found)
    return dict(text if isinstance(text, tuple) else (text, text) for text in texts)


def test_every_message_has_a_translation():
    assert len(extracted()) > 200
    assert sorted(extracted().keys() - CATALOGUE.keys()) == [], "make messages, then translate"


def test_no_translation_is_of_a_message_that_nothing_shows():
    assert sorted(CATALOGUE.keys() - extracted().keys()) == [], "make messages takes them out"


def test_the_catalogue_is_read_as_gettext_reads_it():
    with PO.open("rb") as file:
        every = [each for each in babel_read_po(file, locale="zh_HK") if each.id]
    found = {
        each.id[0] if isinstance(each.id, tuple) else each.id: "".join(each.string)
        for each in every
    }
    assert found == CATALOGUE
    assert [each.id for each in every if each.fuzzy] == []


def test_topics_of_the_suites_own_banks_have_a_translation():
    found = set(FAMILIES)
    for path in (ROOT / "fixtures/questions").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            found |= {record[key] for key in ("topic", "kind") if record.get(key)}
    assert found == set(TOPICS)


def test_what_measurements_hold_has_a_label():
    made = [each.findings for each in make_page(2).measurements.values()]
    for each in make_page(2).measurements.values():
        labelled = declaration_of(each.check).labels.keys()
        assert {metric.name for metric in each.findings.metrics} <= labelled
    assert {fact for found in made for fact in found.facts} <= labels.FACTS.keys()
    assert {found.sample_size.kind for found in made} <= labels.KINDS.keys()


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_translations_hold_the_same_names_and_nothing_else_in_braces():
    others = {
        text: translated
        for text, translated in CATALOGUE.items()
        if places(translated) != places(extracted()[text])
        or "{" in re.sub(r"\{\w+\}", "", translated)
    }
    assert others == {}


HAN = "[\u3400-\u9fff]"
LATIN = "[A-Za-z0-9]"
TOUCHING = re.compile(f"{HAN}{LATIN}|{LATIN}{HAN}")
HALF_WIDTH = re.compile(f"(?<={HAN})[,.;:?!()]|[,;:?!()](?={HAN})")
LOOSE = re.compile("[，。、；：？！（）「」] | [，。、；：？！（）「」]| %")
FOREIGN = re.compile(
    "軟體|網路|程式碼庫|機率|信賴區間|影片|滑鼠|透過|列印機|品質"  # Taiwan
    "|軟件包|默認|內存|顯存|信息|視頻|質量|算法|字符|代碼|缺省|文件夾|打印|支持|運行|數組|似然"
    "|令牌|分詞器|么|爲"
)
"""Words that are said otherwise in Hong Kong, or left in English there."""


def amiss(text: str) -> list[str]:
    found = (pattern.findall(text) for pattern in (TOUCHING, HALF_WIDTH, LOOSE, FOREIGN))
    return [*variety.simplified_characters(text), *chain.from_iterable(found)]


def test_it_is_set_as_hong_kong_sets_it():
    assert {text: found for text in CATALOGUE.values() if (found := amiss(text))} == {}
    assert amiss("软件a體 ，默認,") == ["软", "件a", ",", " ，", "默認"]


def test_it_is_written_chinese_and_not_cantonese():
    labels = {
        sentence: variety.label(sentence)
        for text in CATALOGUE.values()
        for sentence in variety.sentences(text)
    }
    assert [each for each, label in labels.items() if label in ("cantonese", "mixed")] == []
    assert sum(label == "written_chinese" for label in labels.values()) > 30


def test_words_come_from_the_catalogue():
    tr = translator("zh-HK")
    assert tr("Take {name}: it meets every limit.", name="yi-6b") == (
        CATALOGUE["Take {name}: it meets every limit."].replace("{name}", "yi-6b")
    )


def visible(markup: str) -> list[str]:
    """Return the texts of a page, without scripts, style and tags."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", "\n", markup, flags=re.DOTALL)
    texts = (unescape(text).strip() for text in re.sub(r"<[^>]*>", "\n", bare).split("\n"))
    return [text for text in texts if text]


ENGLISH_WORDS = re.compile(r"[A-Za-z]+(?: [a-z]+)+")
COMMAND = "python -m basegate store show KEY"


def given(ledger: Ledger) -> str:
    """Return the texts of a ledger that stay as their authors wrote them."""
    rows = ledger.results
    machine = (f"{name} {value}" for name, value in ledger.environment.items())
    reasons = (row.why for row in rows)
    return "\n".join((*reasons, *machine, ledger.suite.command, COMMAND))


@pytest.mark.parametrize("candidates", [1, 2, 6])
def test_page_and_terminal_leave_nothing_in_english_but_what_others_wrote(candidates):
    tr = translator("zh-HK")
    page = make_page(candidates, tr=tr)
    texts = [
        *visible(document(page)),
        *(text for text, _ in summary(page.ledger, tr=tr)),
        *re.split(r" ?\| ?|\n|<br>", summarise(page.ledger, tr)),
    ]
    assert len(texts) > 200
    english = {found for text in texts for found in ENGLISH_WORDS.findall(text)}
    assert sorted(each for each in english if each not in given(page.ledger)) == []
    kept = [text for text in texts if not ENGLISH_WORDS.search(text)]
    assert [text for text in kept if TOUCHING.search(text) or LOOSE.search(text)] == []


def test_what_the_script_shows_is_in_the_language_too():
    page = make_page(2, tr=translator("zh-HK"))
    found = re.search(r'id="bg-texts-data">(.*?)</script>', document(page), re.DOTALL)
    data = json.loads(found[1])
    assert [text for text in data["words"].values() if text not in CATALOGUE.values()] == []
    assert {part["name"].split()[0] for part in data["parts"]} == {
        "正誤句對",
        "續寫",
        "知識",
        "推理",
    }
    assert {"量詞", "語氣助詞"} <= {group["item"] for group in data["groups"]}
    readings = {
        sample["reading"]
        for group in data["groups"]
        for column in group.get("columns", ())
        for sample in (column or {}).get("samples", ())
        if "reading" in sample
    }
    assert any(text.startswith("句子：粵語 ") for text in readings)


IN_BOTH = re.compile(r"\b(Message|Translator)\b")
"""A module that says something in both languages; diagnostics are in English."""
IN_A_ROW = re.compile(r"""(["'`])[,;] \1\.join\(|\.join\((["'`])[,;] \2\)""")


def test_names_in_a_row_are_parted_as_the_language_does():
    found = {
        (path.name, line.strip())
        for path in chain(PACKAGE.rglob("*.py"), PACKAGE.rglob("*.js"))
        if path.suffix == ".js" or IN_BOTH.search(path.read_text(encoding="utf-8"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if IN_A_ROW.search(line)
    }
    assert found == set()
    assert IN_A_ROW.search('text = ", ".join(names)')
