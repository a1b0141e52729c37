"""The Chinese of terminal and page: all of it is there, none too much, as Hong Kong writes it."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from functools import cache
from html import unescape
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from basegate.checks import language_variety as variety
from basegate.checks import measure_for, perplexity
from basegate.checks import option_likelihood as choices
from basegate.config.limits import RULES
from basegate.config.thresholds import CHECKS, load_thresholds
from basegate.i18n.catalogue import without_numbers, words
from basegate.i18n.formatting import FRACTION
from basegate.i18n.messages import JOINS
from basegate.judging.from_store import _as_answer
from basegate.measurement import CandidateFacts, OptionScores
from basegate.report import decision_table as decision
from basegate.report import html_rows as html
from basegate.report.markdown import summarise
from basegate.report.page.article_results import PUBLISHED
from basegate.report.page.document import document
from basegate.report.terminal import summary
from basegate.report.wording import parts_of_basis
from basegate.runner.measure import _noting
from fixtures.algebra import FAMILIES
from tests.helpers.pages import make_page
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from basegate.ledger import Ledger

PACKAGE = ROOT / "basegate"
CATALOGUE: dict[str, str] = tomllib.loads(
    (PACKAGE / "i18n/locales/zh-HK.toml").read_text(encoding="utf-8")
)

PRINTS = "basegate.cli.console"
"""Its `say` prints a line; so does that of a `Progress`."""
IN_TEMPLATES = re.compile(r"""\bsay\(\s*(?:"([^"]*)"|'([^']*)'|([^\s)]+))""")


ERRORS = {"failure", "UsageError", "InvalidMeasurement", "CandidateError", "DataError"}
"""What takes the template of a message where it is given values; else a text in English."""


def is_message(call: ast.Call) -> bool:
    """Whether a call makes a message, which is said in the reader's language later."""
    if not isinstance(call.func, ast.Name):
        return False
    values = [each for each in call.keywords if each.arg != "measurement"]
    return call.func.id == "Message" or (call.func.id in ERRORS and bool(values))


def is_words(call: ast.Call) -> bool:
    """Whether a call asks for words in the reader's language."""
    named = call.func
    if isinstance(named, ast.Name):
        return named.id == "say"
    owner = named.value if isinstance(named, ast.Attribute) and named.attr == "say" else None
    name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "progress")
    return "progress" not in name


def asked_in(path: Path) -> tuple[set[str], set[str]]:
    """Return the texts that a module asks for, and what it gives where that is no literal."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    prints = any(
        node.module == PRINTS and "say" in [(each.asname or each.name) for each in node.names]
        for node in imports
    )
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    made = [node for node in calls if is_message(node)]
    said = [node for node in calls if is_words(node)]
    if prints or path.name in ("console.py", "progress.py"):
        said = [node for node in said if not ast.unparse(node.func).endswith("say")]
    texts = [node.args[0] for node in (*made, *said)]
    # An error may be given what is a message already.
    ready = [node.args[0] for node in made if ast.unparse(node.func) != "Message"]
    whole = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
    literals = {each.value for each in texts if isinstance(each, ast.Constant)}
    others = {
        ast.unparse(each)
        for each in texts
        if not isinstance(each, ast.Constant) and not (each in ready and isinstance(each, whole))
    }
    return literals, others


@cache
def asked() -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Return all literals given to `say`, and by file what else is."""
    literals: set[str] = set()
    others: set[tuple[str, str]] = set()
    for path in (*PACKAGE.rglob("*.py"), ROOT / "fixtures/demo/__main__.py"):
        found, variables = asked_in(path)
        literals |= found
        others |= {(path.name, each) for each in variables}
    for path in PACKAGE.rglob("templates/*.html"):
        for one, other, variable in IN_TEMPLATES.findall(path.read_text(encoding="utf-8")):
            if variable:
                others.add((path.name, variable))
            else:
                literals.add(one or other)
    return frozenset(literals), frozenset(others)


VARIABLES = {
    # Of a ledger or a measurement; the functions below return what they can hold.
    ("formatting.py", "unit.removeprefix(SHARE)"),
    ("formatting.py", "together"),
    ("formatting.py", "check.replace('_', ' ')"),
    ("html_rows.py", "row.metric.replace('_', ' ')"),
    ("evidence.html", 'row.metric.replace("_",'),
    ("html_rows.py", "_FACTS.get(key, key.replace('_', ' '))"),
    ("html_rows.py", "name.lower()"),
    ("html_rows.py", "metric.item"),
    ("samples.py", "kind"),
    ("topics.py", "topic"),
    ("terminal.py", "entry.weights_held"),
    ("markdown.py", "entry.weights_held"),
    ("conditions.html", "entry.weights_held"),
    ("comparison.html", "each.published.broken"),
    ("verdict.html", "word"),
    # Put together before, from literals; or one of those that functions below return.
    ("verdict.py", "self.template"),
    ("errors.py", "text"),
    ("catalogue.py", "text"),
    ("messages.py", "template"),
    ("messages.py", "JOINS[gap]"),
}


def test_whatever_else_than_a_literal_is_said_is_known_here():
    assert asked()[1] == VARIABLES


def units() -> set[str]:
    """Return the units of all metrics and comparisons, in words and with their number."""
    page = make_page(2)
    metrics = [
        *(each for made in page.measurements.values() for each in made.findings.metrics),
        *page.ledger.comparisons,
    ]
    found = {perplexity.ARTICLE_UNIT, *(each.unit.removeprefix(FRACTION) for each in metrics)}
    found = {each for each in found if not re.fullmatch(r"of \d+ correct", each)}
    return found | {f"{{value}} {each}" for each in found}


def short_names() -> set[str]:
    return {f"{{value}} {each}" for each in decision._SHORT.values()}


def judged_metrics() -> set[str]:
    names = {rule.metric for rule in RULES.values() if not rule.validity}
    return {name.replace("_", " ") for name in (*names, "likelihood_accuracy")}


def facts() -> set[str]:
    made = [each.findings for each in make_page(2).measurements.values()]
    made.append(_noting(made[0], SimpleNamespace(prefix="", loaded=None), 1))
    keys = {key for each in made for key in each.facts}
    return {html._FACTS.get(key, key.replace("_", " ")) for key in keys}


def bases() -> set[str]:
    """Return what measurements rest on, in parts."""
    texts = [perplexity._basis(2, 1), *(row.basis for row in make_page(2).ledger.results)]
    for check in load_thresholds(ROOT / "thresholds.toml").checks:
        if check.name != "perplexity":
            bank = measure_for(check.name).prepare(check.settings)
            texts += [bank.basis(1), bank.basis(4, up_to=True)]
    parts = {part for text in texts for part in parts_of_basis(text) if part}
    return {without_numbers(part)[0] for part in parts}


def notes() -> set[str]:
    """Return what may be said of a whole measurement, without numbers."""

    def scores(right: bool) -> tuple[OptionScores, ...]:
        likely = {"A": -1.0 if right else -3.0, "B": -2.0}
        return (OptionScores(item="q", expected="A", letters=likely, texts=likely),) * 20

    page = make_page(2)
    found = next(iter(page.measurements.values()))
    loaded = SimpleNamespace(weights="pickle", code=True, notes=())
    engine = SimpleNamespace(prefix="", loaded=loaded)
    check = SimpleNamespace(item=found.item)
    texts = [
        choices.disagreement([1.0] * 20, scores(right=False)),
        choices.disagreement([0.0] * 20, scores(right=True)),
        perplexity.copies(["香港", "香港"]),
        *_noting(found.findings, engine, 1).notes,
        *_noting(found.findings, engine, 3).notes,
        *_as_answer(found, check, 2, found.candidate.name).findings.notes,
    ]
    return {without_numbers(text)[0] for text in texts}


def topics() -> set[str]:
    """Return the topics of the project's questions, the kinds of its pairs and problems."""
    found = set(FAMILIES)
    for path in (ROOT / "fixtures/questions").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            found |= {record[key] for key in ("topic", "kind") if record.get(key)}
    return found


def others() -> set[str]:
    whole = CandidateFacts(name="", source="", quantization="none", dtype="", device="")
    return {
        whole.weights_held,
        *(check.replace("_", " ") for check in CHECKS),
        *(name.lower() for name in html.COLUMNS),
        *(each.broken for each in PUBLISHED.values() if each.broken),
    }


def joins() -> set[str]:
    """Return the templates of parts in a row."""
    return set(JOINS.values())


SOURCES = (joins, units, short_names, judged_metrics, facts, bases, notes, topics, others)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_what_a_ledger_holds_is_translated(source):
    found = source()
    assert found
    assert sorted(found - CATALOGUE.keys()) == []


def test_every_text_has_a_translation():
    assert len(asked()[0]) > 200
    assert sorted(asked()[0] - CATALOGUE.keys()) == []


def test_no_translation_is_of_a_text_that_nothing_says():
    known = asked()[0].union(*(source() for source in SOURCES))
    assert sorted(CATALOGUE.keys() - known) == []


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_translations_hold_the_same_names_and_nothing_else_in_braces():
    others = {
        text: translated
        for text, translated in CATALOGUE.items()
        if places(translated) != places(text) or "{" in re.sub(r"\{\w+\}", "", translated)
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
    say = words("zh-HK")
    assert say("Take {name}: it meets every limit.", name="yi-6b") == (
        CATALOGUE["Take {name}: it meets every limit."].replace("{name}", "yi-6b")
    )


def test_samples_are_of_a_question():
    assert words("zh-HK").known("up to 10 samples each") == "每題最多抽 10 個樣本"


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
    say = words("zh-HK")
    page = make_page(candidates, say=say)
    texts = [
        *visible(document(page)),
        *(text for text, _ in summary(page.ledger, say=say)),
        *re.split(r" ?\| ?|\n|<br>", summarise(page.ledger, say)),
    ]
    assert len(texts) > 200
    english = {found for text in texts for found in ENGLISH_WORDS.findall(text)}
    assert sorted(each for each in english if each not in given(page.ledger)) == []
    kept = [text for text in texts if not ENGLISH_WORDS.search(text)]
    assert [text for text in kept if TOUCHING.search(text) or LOOSE.search(text)] == []


def test_what_the_script_shows_is_in_the_language_too():
    page = make_page(2, say=words("zh-HK"))
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


IN_BOTH = re.compile(r"\b(Message|Words)\b")
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
