"""The summary in Markdown: what it says, where it goes, and that nothing breaks out of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from basegate.checks.labels import check_label
from basegate.cli import main
from basegate.i18n.catalogue import Translator, translator
from basegate.i18n.messages import Message
from basegate.report.markdown import escape, summarise
from tests.helpers.ledgers import bits, make_ledger
from tests.helpers.markup import heads
from tests.helpers.page_texts import HOSTILE, HOSTILE_NAMES
from tests.helpers.pages import make_page
from tests.helpers.paths import DATA
from tests.helpers.plain import SLOW_WITH_WORKERS

GOLDEN = DATA / "summary.md"
MEBIBYTE = 2**20
"""What GitHub takes of one step."""
OWN = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "strong", "br", "ul", "li"}


class Shown(HTMLParser):
    """What a reader sees of Markdown: elements, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.texts = set(), set(), []
        markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
        self.feed(markdown.render(text))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)


def tables(text):
    """Return the tables of a summary as lists of rows."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [[re.split(r"(?<!\\)\|", line)[1:-1] for line in each.splitlines()] for each in found]


def test_the_summary_is_as_it_was_looked_at():
    assert summarise(make_ledger()) == GOLDEN.read_text(encoding="utf-8")


def test_a_stopped_run_says_that_it_is_partial():
    assert "This report is partial" in summarise(make_ledger(interrupted=True))
    assert "partial" not in summarise(make_ledger())


def test_a_note_on_several_checks_of_a_candidate_is_told_once():
    ledger = make_ledger()
    name = ledger.candidates[0].name
    note = Message("Of the weights.")
    rows = [
        row.model_copy(update={"notes": (*row.notes, note)}) if row.candidate == name else row
        for row in ledger.results
    ]
    told = summarise(ledger.model_copy(update={"results": tuple(rows)}))
    assert told.count("Of the weights.") == 1
    assert f"- {name}: Of the weights." in told


def test_a_note_on_some_checks_of_a_candidate_names_them():
    ledger = make_ledger()
    name = ledger.candidates[0].name
    note = Message("Of two.")
    places = [*{(row.check, row.part): row for row in ledger.results_of(name) if row.metric}][:2]
    rows = [
        row.model_copy(update={"notes": (note,)})
        if row.candidate == name and (row.check, row.part) in places
        else row
        for row in ledger.results
    ]
    told = summarise(ledger.model_copy(update={"results": tuple(rows)}))
    both = " and ".join(check_label(*place) for place in places)
    assert f"- {name}, {both}: Of two." in told


def test_where_there_are_more_candidates_than_checks_they_stand_below_each_other():
    found = tables(summarise(make_page(6).ledger))[0]
    assert len(found) == 2 + 9
    assert {len(row) for row in found[:1] + found[2:]} == {7}
    ledger = make_page(6).ledger
    some = tuple(row for row in ledger.results if row.check == "perplexity")
    turned = tables(summarise(ledger.model_copy(update={"results": some})))[0]
    assert [row[0].partition("<br>")[0].strip() for row in turned[2:]] == list(make_page(6).names)


def test_a_run_that_meets_every_limit_lists_none():
    ledger = make_ledger()
    good = tuple(row for row in ledger.results if row.verdict == "pass")
    text = summarise(ledger.model_copy(update={"results": good}))
    assert "Every limit that was judged is met." in text
    assert "not met, or not known" not in text


def test_what_is_not_met_is_said_in_the_readers_language():
    words = {
        "{candidate} on {item}: {found}, limit {asked}.": "{candidate}/{item}：{found}，{asked}"
    }
    text = summarise(make_ledger(), Translator("zh-HK", words))
    assert "llama-2-7b/wiki：5.004 bits per character (95 %: 4.88 to 5.13)，at most 5" in text


def test_many_limits_that_are_not_met_are_counted_per_candidate():
    ledger = make_ledger()
    rows = tuple(bits("llama-2-7b", 9.0 + number, "fail") for number in range(25))
    text = summarise(ledger.model_copy(update={"results": rows}))
    assert text.count("- ✗ **fail**") == 10
    assert text.count("Reason for") == 0  # it stands after the last of the 25
    assert "- llama-2-7b: 15 more" in text


def test_comparisons_that_carry_nothing_are_counted_only():
    ledger = make_ledger()
    nothing = tuple(each.model_copy(update={"better": None}) for each in ledger.comparisons)
    text = summarise(ledger.model_copy(update={"comparisons": nothing}))
    assert "0 of 3 comparisons on the same items show a significant difference" in text
    assert len(tables(text)) == 1
    assert "against each other" not in summarise(ledger.model_copy(update={"comparisons": ()}))


def test_a_hostile_run_shows_as_text_and_breaks_no_table():
    text = summarise(make_page(6, hostile=True).ledger)
    shown = Shown(text)
    assert shown.elements <= OWN
    assert not shown.attributes
    for name in HOSTILE_NAMES[:1] + HOSTILE_NAMES[3:]:
        assert name in shown.text
    assert not set(shown.text) & set("\x1b\x00\x07\u202e\u2067")
    for table in tables(text):
        assert len({len(row) for row in table[:1] + table[2:]}) == 1
    assert len(text.encode()) < MEBIBYTE


SPOILING = (
    *HOSTILE,
    "a | b || c",
    "`code` ``more`` ```",
    "**bold** __bold__ *i* _i_ ~~gone~~",
    "[link](javascript:alert(1)) ![image](x) [ref]: y",
    "<https://x.example> https://x.example www.x.example HTTP://X.example me@x.example",
    "@someone #12 $x^2$ &copy; &#60;",
    "ends with a backslash \\",
    "\\| \\` \\<",
    "# heading",
    "> quote",
    "- list",
    "+ list",
    "1. list",
    "2) list",
    "---",
    "===",
    "1.5 of 2",
    "<!-- comment --> <details open>",
)


@pytest.mark.parametrize("text", SPOILING)
@pytest.mark.parametrize("around", ["| a | b |\n|---|---|\n| {} | end |\n", "{}", "- {}\n- x"])
def test_a_text_shows_as_it_is_wherever_it_stands(text, around):
    plain = Shown(around.format("plain"))
    shown = Shown(around.format(escape(text)))
    assert shown.elements == plain.elements
    assert not shown.attributes
    hidden = r"[\x00-\x08\x0b-\x1f\u200b\u2060\u2066-\u2069\u202a-\u202e\ufeff]"
    seen = re.sub(hidden, "\ufffd", text)
    assert shown.text == plain.text.replace("plain", " ".join(seen.split()))


@pytest.mark.parametrize(
    ("text", "linking"),
    [
        ("ask @someone", "@someone"),
        ("see #12", "#12"),
        ("at https://x.example", "https://"),
        ("at WWW.x.example", "WWW."),
        ("me@x.example", "@x"),
    ],
)
def test_nothing_is_left_that_github_makes_a_link_of(text, linking):
    assert linking not in escape(text)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        (":tada:", ":<!-- -->tada:"),
        (":tada::+1:", ":<!-- -->tada::<!-- -->+1:"),
        ("a:8ball:b", "a:<!-- -->8ball:b"),
        (":stuck_out:", r":<!-- -->stuck\_out:"),
        (":100: :1234: :-1:", ":<!-- -->100: :<!-- -->1234: :<!-- -->-1:"),
        # What nobody draws a picture of.
        ("10:30:20", "10:30:20"),
        ("2026-11-25T17:13:34+00:00", "2026-11-25T17:13:34+00:00"),
        ("a: b: c", "a: b: c"),
        ("問:答:", "問:答:"),
        ("https://x/a", "https:<!-- -->//x/a"),
    ],
)
def test_nothing_is_left_that_github_makes_a_picture_of(text, escaped):
    assert escape(text) == escaped


def test_a_text_is_one_line_and_no_longer_than_a_reader_reads():
    assert escape("a\n\n# b\r\n\tc") == "a #<!-- --> b c"
    assert len(escape("長" * 1_000_000)) == 400
    assert escape("長" * 400) == "長" * 400


def test_a_summary_stands_in_place_of_an_earlier_one(plain):
    (plain.path / "s.md").write_text("# before", encoding="utf-8")
    plain.runpytest_subprocess("--model", "one", "--summary=s.md", "-k", "perplexity")
    assert heads(plain.path / "s.md") == ["## Which model to take", "### Conditions"]


@SLOW_WITH_WORKERS
def test_a_run_writes_its_summary_once_and_says_where(isolated, workers):
    result = isolated.runpytest_subprocess(
        "--model", "one,bad", "--summary=out/summary.md", *workers
    )
    assert result.ret == 1
    text = (isolated.path / "out/summary.md").read_text(encoding="utf-8")
    assert text.startswith("## Which model to take\n\n**Take one: it meets every limit.**")
    assert text.count("## Which model to take") == 1
    assert "| perplexity local | ✓ pass<br>1.44 bits per character" in text
    assert "- ✗ **fail** bad on local: 12.98 bits per character, limit at most 2." in text
    result.stdout.fnmatch_lines(["summary: *out/summary.md"])


@pytest.mark.parametrize("place", ["tests_models", "conftest.py/summary.md"])
def test_a_place_that_cannot_hold_it_is_refused_before_anything_is_measured(plain, place):
    result = plain.runpytest_subprocess("--model", "one", f"--summary={place}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --summary*"])
    assert not (plain.path / "log").exists()


def test_a_summary_that_fails_at_the_end_is_told_and_the_ledger_is_kept(plain):
    with (plain.path / "conftest.py").open("a", encoding="utf-8") as file:
        file.write("\ndef pytest_runtest_setup(item):\n    os.makedirs('s.md/x', exist_ok=True)\n")
    result = plain.runpytest_subprocess("--model", "one", "--summary=s.md")
    assert result.ret == 3
    result.stdout.fnmatch_lines(["ERROR: the summary could not be written: *"])
    assert (plain.path / ".basegate/ledger.json").exists()


def test_the_summary_is_in_the_language_that_is_asked_for(plain):
    with (plain.path / "conftest.py").open("a", encoding="utf-8") as file:
        file.write(
            "\nimport basegate.i18n.catalogue as b\n"
            "b.translator = lambda tag: b.Translator(tag, {'Conditions': f'環境 {tag}'})\n"
        )
    plain.runpytest_subprocess("--model", "one", "--summary=s.md", "--language=zh-HK")
    assert heads(plain.path / "s.md")[-1] == "### 環境 zh-HK"


def test_the_summary_of_several_stores_is_written_without_the_page(stored, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(stored / "step.md"))
    status = main(["report", "--store", "yi-6b", "--store", "other", "--summary", "out/s.md"])
    assert (status, capsys.readouterr().out) == (0, "summary: out/s.md (2 candidates)\n")
    text = (stored / "out/s.md").read_text(encoding="utf-8")
    assert text.splitlines()[4] == "|  | other<br>**recommended** | yi-6b |"
    assert (stored / "step.md").read_text(encoding="utf-8") == f"\n{text}"
    assert not (stored / "report.html").exists()


def test_a_summary_that_a_report_cannot_write_is_a_usage_error(stored, capsys):
    Path("file").write_text("")
    assert main(["report", "--store", "yi-6b", "--summary", "file/summary.md"]) == 4
    assert "error: --summary file/summary.md: cannot be written" in capsys.readouterr().err


def test_the_decision_is_bold_in_chinese_too_where_no_space_parts_sentences():
    text = summarise(make_ledger(), translator("zh-HK"))
    # Before a letter, asterisks after a full stop would end nothing.
    assert (
        "\n**建議選用 yi-6b：所有門檻都達標。** 其他完成全部項目的候選模型都未能全部達標：llama"
        in text
    )
    assert "，上限 5。設此門檻的原因：the article's corpus\n" in text
    assert "\n- 門檻：thresholds.toml（sha256 " in text
