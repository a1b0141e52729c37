"""The ledger on a terminal."""

from pathlib import Path

import pytest

from basegate.errors import NotKept, NotTrusted
from basegate.i18n.catalogue import Translator, translator
from basegate.i18n.formatting import padded, printable
from basegate.i18n.messages import Message
from basegate.ledger import (
    CandidateEntry,
    CheckItem,
    Ledger,
    Recommendation,
    Record,
    Suite,
    ThresholdsFile,
)
from basegate.measurement import CandidateFacts, Earlier, SampleSize
from basegate.report.terminal import header, summary, warned
from basegate.verdict import Result, verdict_of


def left(check, item=""):
    return CheckItem(check=check, item=item)


def entry(name="yi-6b", verdict="pass", **fields):
    return CandidateEntry(
        name=name,
        source="01-ai/Yi-6B",
        quantization="nf4",
        dtype="bfloat16",
        device="cpu",
        verdict=verdict,
        **fields,
    )


def row(verdict="pass", *, check="perplexity", item="wiki", candidate="yi-6b", **fields):
    given = {
        "metric": "bits_per_char",
        "value": 4.25,
        "unit": "bits_per_char",
        "limit": 5.5,
        "direction": "max",
    }
    return Result(
        candidate=candidate, check=check, item=item, verdict=verdict, **{**given, **fields}
    )


def counted(question, right, verdict):
    return row(
        verdict,
        check="knowledge",
        item=f"must-know/{question}",
        metric="correct",
        value=right,
        unit="correct",
        n_generated=10,
        limit=7,
        direction="min",
    )


def make_ledger(*rows, entries=None):
    return Ledger(
        suite=Suite(
            version="1", thresholds=ThresholdsFile(path="t.toml", sha256="0"), command="pytest"
        ),
        environment={},
        candidates=tuple(entries or [entry()]),
        results=rows,
    )


def lines(*rows, entries=None):
    return [text for text, _ in summary(make_ledger(*rows, entries=entries))]


@pytest.mark.parametrize("code", [*range(0x00, 0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)])
def test_control_characters_are_replaced(code):
    assert printable(f"a{chr(code)}b") == "a\ufffdb"


@pytest.mark.parametrize("char", "\u202a\u202e\u2066\u2069\u200e\u200f")
def test_characters_that_turn_the_direction_of_text_are_replaced(char):
    assert printable(f"a{char}b") == "a\ufffdb"


@pytest.mark.parametrize("text", ["香港係我哋嘅屋企。", "a\tb\nc", "café ✅ 𨋢", ""])
def test_text_is_left_as_it_is(text):
    assert printable(text) == text


def test_an_escape_sequence_of_a_model_cannot_steer_the_terminal():
    broken = row("invalid", limit=None, direction=None, reason="\x1b[2J\x07 broke")
    text = "\n".join(lines(broken, entries=[entry(verdict="invalid")]))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[2J" in text


def test_a_control_character_in_a_questions_id_is_replaced():
    text = "\n".join(lines(counted("q\x1b]0;title\x07", 3.0, "fail")))
    assert "\x1b" not in text
    assert "]0;title" in text


def test_a_candidate_that_passes_in_lines():
    assert lines(row(interval=(4.125, 4.375)), counted("q1", 8.0, "pass")) == [
        "yi-6b: accepted",
        "  pass         perplexity wiki              4.25 bits per character (95 %: 4.12 to 4.38), "
        "limit at most 5.5",
        "  pass         knowledge must-know          q1 8 of 10 correct, limit at least 7",
    ]


@pytest.mark.parametrize(
    ("verdict", "decision"),
    [
        ("fail", "yi-6b: rejected on perplexity"),
        ("inconclusive", "yi-6b: not accepted (inconclusive) on perplexity"),
        ("invalid", "yi-6b: not judged (invalid) on perplexity"),
    ],
)
def test_the_decision_names_the_checks_that_are_not_met(verdict, decision):
    rows = [row(verdict), row(verdict, item="news"), counted("q", 9.0, "pass")]
    assert lines(*rows, entries=[entry(verdict=verdict)])[0] == decision


@pytest.mark.parametrize(
    ("verdicts", "decision"),
    [
        # Each check once; its items where they differ.
        (
            {"perplexity wiki": "invalid", "knowledge a": "fail", "reasoning b": "inconclusive"},
            "yi-6b: rejected on knowledge; inconclusive: reasoning; invalid: perplexity",
        ),
        (
            {"perplexity wiki": "invalid", "perplexity news": "fail", "perplexity law": "fail"},
            "yi-6b: rejected on perplexity news, perplexity law; invalid: perplexity wiki",
        ),
        (
            {"perplexity wiki": "invalid", "knowledge a": "inconclusive", "knowledge b": "pass"},
            "yi-6b: not judged (invalid) on perplexity; inconclusive: knowledge",
        ),
    ],
)
def test_a_failed_check_rejects_and_the_rest_is_named_beside_it(verdicts, decision):
    places = {tuple(place.split()): word for place, word in verdicts.items()}
    rows = [row(word, check=check, item=item) for (check, item), word in places.items()]
    assert lines(*rows, entries=[entry(verdict=verdict_of(rows))])[0] == decision


def test_a_check_of_which_a_limit_fails_and_another_is_not_known_fails():
    rows = [row("invalid", metric="", limit=None, reason="no ref"), row("fail")]
    first, second = lines(*rows, entries=[entry(verdict=verdict_of(rows))])
    assert first == "yi-6b: rejected on perplexity"
    assert second.startswith("  fail  ")


def test_advisory_limits_have_lines_of_their_own_and_no_say():
    gap = row("fail", metric="gap", value=1.25, limit=1.0, advisory=True)
    assert lines(row(), gap) == [
        "yi-6b: accepted",
        "  pass         perplexity wiki              4.25 bits per character, limit at most 5.5",
        "  advisory     perplexity wiki              fail: 1.25 bits per character more than in "
        "written Chinese, limit at most 1 (advisory)",
    ]
    assert len(lines(row(), gap.model_copy(update={"verdict": "pass"}))) == 2
    # Where a check has no other limits it has a line, met or not.
    alone = [row(check="reasoning"), row("pass", advisory=True)]
    assert "  advisory     perplexity wiki              pass: 4.25 bits" in lines(*alone)[2]
    only = lines(gap, entries=[entry(verdict=verdict_of([gap]))])
    assert only[0] == "yi-6b: not judged (all limits that were run are advisory)"


def test_a_number_near_its_limit_has_the_digits_that_tell_it_from_it():
    [_, line] = lines(row("fail", value=5.504), entries=[entry(verdict="fail")])
    assert line.endswith("5.504 bits per character, limit at most 5.5")


def test_a_line_shows_what_is_not_met_and_leaves_out_the_rest():
    text = lines(
        counted("q1", 8.0, "pass"), counted("q2", 2.0, "fail"), counted("q3", 3.0, "fail")
    )[1]
    assert text.startswith("  fail         knowledge must-know ")
    assert text.endswith(
        "q2 2 of 10 correct, limit at least 7; q3 3 of 10 correct, limit at least 7"
    )
    assert "q1" not in text


def test_a_line_shows_three_and_counts_the_others():
    text = lines(*(counted(f"q{number}", 1.0, "fail") for number in range(8)))[1]
    assert "q2 1 of" in text
    assert "q3" not in text
    assert text.endswith("; and 5 more")


def test_something_broken_is_told_once_without_candidate_and_item():
    broken = row("invalid", metric="", limit=None, direction=None, reason="no such file.")
    [_, text] = lines(broken, entries=[entry(verdict="invalid")])
    assert text.split() == ["invalid", "perplexity", "wiki", "no", "such", "file."]


def test_every_candidate_and_every_item_has_its_line():
    rows = [
        row(),
        row(item="news"),
        row(candidate="two", check="continuation", item="continuation"),
    ]
    texts = lines(*rows, entries=[entry(), entry("two")])
    assert [text.split()[:3] for text in texts] == [
        ["yi-6b:", "accepted"],
        ["pass", "perplexity", "wiki"],
        ["pass", "perplexity", "news"],
        ["two:", "accepted"],
        ["pass", "continuation", "4.25"],
    ]


def test_a_candidate_on_which_nothing_was_run_says_so():
    assert lines(entries=[entry(verdict="invalid", not_run=(left("perplexity", "wiki"),))]) == [
        "yi-6b: not run (none of its acceptance tests was selected)"
    ]


def test_a_run_of_some_checks_accepts_nothing():
    some = entry(
        not_run=(
            left("continuation"),
            left("knowledge", "must-know"),
        )
    )
    assert lines(row(), entries=[some])[0] == (
        "yi-6b: passed so far; not run: continuation, knowledge must-know"
    )
    some = entry(verdict="fail", not_run=(left("continuation"),))
    assert lines(row("fail"), entries=[some])[0] == (
        "yi-6b: rejected on perplexity; not run: continuation"
    )


def test_loading_time_and_memory_are_told_where_it_was_loaded():
    # 3 * 2^29 bytes are one and a half GiB.
    loaded = entry(load_seconds=12.34, peak_memory_bytes=3 * 2**29)
    assert lines(row(), entries=[loaded])[-1] == (
        "  measured in nf4, bfloat16, on cpu: loaded in 12.3 s, at most 1.50 GiB in use"
    )
    assert "measured" not in lines(row())[-1]


@pytest.mark.parametrize(
    ("verdict", "colour"),
    [("pass", "green"), ("fail", "red"), ("inconclusive", "yellow"), ("invalid", "red")],
)
def test_verdicts_have_colours(verdict, colour):
    head, line = summary(make_ledger(row(verdict), entries=[entry(verdict=verdict)]))
    assert head[1] == {colour: True, "bold": True}
    assert line[1] == {colour: True}


def test_the_header_names_candidates_limits_and_store():
    where = (["one", "two"], Path("t.toml"), Path("kept"))
    assert header(*where) == ["basegate: one, two", "thresholds: t.toml, store: kept"]
    assert header(*where, translator("zh-HK")) == ["basegate：one、two", "門檻：t.toml，存檔：kept"]


def test_a_note_stands_once_below_its_check():
    shown = lines(row(notes=("Look at this.",)), row(metric="perplexity", notes=("Look at this.",)))
    assert [line.strip() for line in shown if "Look" in line] == ["note: Look at this."]
    assert shown[1].lstrip().startswith("pass")


def test_a_note_on_several_checks_stands_once_below_the_candidate():
    shown = lines(
        row(notes=("Of the weights.",)),
        row(check="reasoning", item="algebra", notes=("Of the weights.", "Of one.")),
    )
    assert [line.strip() for line in shown if "note: " in line] == [
        "note: Of one.",
        "note: Of the weights.",
    ]
    assert shown[-1] == "  note: Of the weights."


def test_a_note_on_some_checks_of_a_candidate_names_them():
    shown = lines(
        row(notes=("Of two.",)),
        row(check="reasoning", item="algebra", notes=("Of two.",)),
        row(check="reasoning", item="geometry"),
    )
    assert [line for line in shown if "note: " in line] == [
        "  note: perplexity wiki and reasoning algebra: Of two."
    ]


def test_a_count_stands_without_the_interval_of_its_chance():
    [_, line] = lines(counted("q", 6.0, "fail").model_copy(update={"interval": (2.6, 8.8)}))
    assert "q 6 of 10 correct, limit at least 7" in line


def from_the_store(*found):
    """Return the lines on the store below checks of which earlier runs had done so much."""
    facts = CandidateFacts(
        name="yi-6b", source="a/b", quantization="nf4", dtype="bfloat16", device="cpu"
    )
    rows = [row(item=f"text-{number}") for number in range(len(found))]
    records = [
        Record(candidate=facts, results=(each,), earlier=earlier)
        for each, earlier in zip(rows, found, strict=True)
    ]
    shown = [text for text, _ in summary(make_ledger(*rows), records)]
    return [text.strip() for text in shown if "from the store" in text]


def test_a_run_that_measured_all_says_nothing_of_the_store():
    assert from_the_store(None, None) == []


def test_what_earlier_runs_had_done_is_said_in_one_line():
    whole, some = Earlier(whole=True), Earlier(batches=12, batches_in_all=40)
    assert from_the_store(whole, None, whole) == ["from the store: 2 of 3 checks"]
    assert from_the_store(whole) == ["from the store: 1 of 1 check"]
    first = Earlier(samples=True)
    assert from_the_store(whole, first, None, some, first) == [
        "from the store: 1 of 5 checks; 12 of 40 batches of perplexity text-3; the first samples "
        "of perplexity text-1, perplexity text-4"
    ]


def test_another_name_that_it_is_stored_under_is_told():
    whole = Earlier(whole=True, name="first")
    assert from_the_store(whole, Earlier(whole=True), whole) == [
        "from the store: 3 of 3 checks, kept under the name first"
    ]


def test_a_check_that_broke_when_it_was_done_is_counted_once():
    facts = CandidateFacts(
        name="yi-6b", source="a/b", quantization="nf4", dtype="bfloat16", device="cpu"
    )
    records = [
        Record(candidate=facts, results=(row(),), earlier=Earlier(whole=True)),
        Record(candidate=facts, results=(row("invalid"),)),
    ]
    shown = [text for text, _ in summary(make_ledger(row(), row("invalid")), records)]
    assert "  from the store: 1 of 1 check" in shown


def test_of_each_kind_of_warning_the_last_is_told_once():
    assert list(warned([])) == []
    told = [(NotKept, "a is full."), (NotTrusted, "b is cut\x1b."), (NotKept, "a is full.")]
    assert list(warned(told)) == ["warning: a is full.", "warning: b is cut\ufffd."]
    told.append((NotKept, "c is full."))
    assert next(warned(told)) == "warning: c is full. (1 more like it)"


CHINESE = {
    "; ": "；",
    ", ": "、",
    "pass": "合格",
    "fail": "不合格",
    "rejected": "不宜採用",
    "{decision} on {checks}": "{decision}（{checks}）",
    "{decision}; not run: {checks}": "{decision}；未執行：{checks}",
    "{name}: {decision}": "{name}：{decision}",
    "{found}, limit {asked}": "{found}，{asked}",
    "at least {value}": "下限 {value}",
    "at most {value}": "上限 {value}",
    "{value} of {count} correct": "{count} 個樣本答對 {value} 個",
    "{value} bits per character": "每字 {value} bits",
    "knowledge": "知識",
    "perplexity": "困惑度",
    "note: {note}": "註：{note}",
    "halved {count} times": "減半 {count} 次",
    "{count} document": "{count} 篇文章",
    "{count} empty one left out": "略去 {count} 篇空白文章",
    "{basis}, {more}": "{basis}，{more}",
}


def test_the_summary_is_in_the_readers_language_with_columns_as_wide_as_ever():
    rows = [
        row(
            "pass",
            sample_size=SampleSize(kind="documents", n=1, left_out=2),
            notes=(Message("halved {count} times", count=3), "Hm, 2."),
        ),
        counted("q1", 2.0, "fail"),
        counted("q2", 3.0, "fail"),
    ]
    some = entry(
        verdict="fail",
        not_run=(
            left("knowledge", "held-out"),
            left("knowledge"),
            left("unheard", "of"),
        ),
    )
    shown = summary(make_ledger(*rows, entries=[some]), tr=Translator("zh-HK", CHINESE))
    asked = "下限 7"
    assert [text for text, _ in shown] == [
        "yi-6b：不宜採用（知識）；未執行：知識 held-out、知識、unheard of",
        f"  合格{'':9}困惑度 wiki{'':18}每字 4.25 bits，上限 5.5 [1 篇文章，略去 2 篇空白文章]",
        f"{'':44}註：減半 3 次",
        f"{'':44}註：Hm, 2.",
        f"  不合格{'':7}知識 must-know{'':15}"
        f"q1 10 個樣本答對 2 個，{asked}；q2 10 個樣本答對 3 個，{asked}",
    ]


def test_the_sentences_of_the_choice_stand_as_the_language_has_them():
    words = Translator(
        "zh-HK",
        {
            "Take {name}: it meets every limit.": "選 {name}。",
            "No other candidate does": "僅此一個",
            "{told}.": "{told}。",
        },
    )
    ledger = make_ledger(
        row(), row("fail", candidate="two"), entries=[entry(), entry("two", "fail")]
    )
    ledger = ledger.model_copy(
        update={"recommendation": Recommendation(candidate="yi-6b", reason="only")}
    )
    assert [text for text, _ in summary(ledger, tr=words)][-1] == "選 yi-6b。僅此一個。"
    assert [text for text, _ in summary(ledger)][-1].endswith("limit. No other candidate does.")


@pytest.mark.parametrize(
    ("text", "spaces"),
    [("", 8), ("pass", 4), ("合格", 4), ("未能判斷", 0), ("，", 6), ("a very long one", 0)],
)
def test_padding_counts_columns(text, spaces):
    assert padded(text, 8) == text + " " * spaces
