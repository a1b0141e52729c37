"""What candidates wrote, as the data that the page's script shows."""

import json
import math
import re

import pytest

from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.ledger import CandidateEntry, Ledger, Suite, ThresholdsFile
from basegate.measurement import (
    CandidateFacts,
    Findings,
    Measurement,
    Metric,
    OptionScores,
    Preference,
    Sample,
)
from basegate.report.page.model import Page
from basegate.report.page.samples import (
    DIFFERS,
    _words,
    as_json,
    collect,
    render_samples,
    samples_link,
)
from basegate.report.page.templating import asset
from basegate.verdict import Result
from tests.helpers.pages import make_page
from tests.helpers.rows import make_measurement

LOADED = {"source": "a/b", "quantization": "nf4", "dtype": "bfloat16", "device": "cpu"}


def sample(text="好", **fields):
    return Sample(**{"item": "q1", "prompt": "乜嘢？", "text": text, "seed": 0, **fields})


def answer(text="A", given="A", **fields):
    return sample(text, answer=given, expected="A", **fields)


def make(*, rows=(), check="knowledge", tr=ENGLISH, **candidates):
    """Return the page of candidates, each measured on one bank with such findings."""
    measurements = {
        name: Measurement(
            key=f"{number:064}",
            check=check,
            item="bank",
            candidate=CandidateFacts(name=name, **LOADED),
            findings=Findings(
                **{"metrics": (Metric(name="accuracy", value=0.5, unit="share"),), **found}
            ),
            identity={},
            environment={},
            seconds=1.0,
            measured_at="2026-01-01T00:00:00+00:00",
        )
        for number, (name, found) in enumerate(candidates.items())
        if found is not None
    }
    whole = [
        Result(
            candidate=name,
            check=check,
            item="bank",
            verdict="pass" if name in measurements else "invalid",
            measurement=measurements[name].key if name in measurements else None,
        )
        for name in candidates
    ]
    ledger = Ledger(
        suite=Suite(
            version="1", thresholds=ThresholdsFile(path="t.toml", sha256="0"), command="pytest"
        ),
        environment={},
        candidates=tuple(
            CandidateEntry(name=name, verdict="pass", **LOADED) for name in candidates
        ),
        results=(*whole, *rows),
    )
    return Page(ledger, {each.key: each for each in measurements.values()}, tr)


def text_of(data, number):
    stored = data["texts"][number]
    return stored if isinstance(stored, str) else stored[0]


@pytest.mark.parametrize(
    "text", ["</script><script>", "<!--", "a & b", "\u2028\u2029", "\"\\'", "佢哋", "]]>"]
)
def test_json_can_stand_in_a_script_and_says_the_same(text):
    written = as_json({text: [text]})
    assert not set(written) & set("<>&'")
    assert json.loads(written) == {text: [text]}


def test_nothing_is_shown_where_no_measurement_holds_a_text():
    assert render_samples(make(one={})) == ""


def test_a_prompt_stands_once_with_a_column_for_every_candidate():
    data = collect(
        make(one={"samples": (answer("一"),)}, two={"samples": (answer("二"),)}, gone=None)
    )
    assert data["candidates"] == ["one", "two", "gone"]
    (group,) = data["groups"]
    assert text_of(data, group["prompt"]) == "乜嘢？"
    assert data["texts"].count("乜嘢？") == 1
    one, two, gone = group["columns"]
    assert [text_of(data, each["samples"][0]["text"]) for each in (one, two)] == ["一", "二"]
    assert gone is None
    assert data["parts"] == [
        {"key": "knowledge/bank", "name": "knowledge bank", "verdicts": ["pass", "pass", "invalid"]}
    ]


def test_a_question_that_was_asked_in_other_words_is_another_group():
    data = collect(make(one={"samples": (answer(),)}, two={"samples": (answer(prompt="邊個？"),)}))
    assert [text_of(data, group["prompt"]) for group in data["groups"]] == ["乜嘢？", "邊個？"]
    assert [group["columns"][0] is None for group in data["groups"]] == [False, True]


def test_samples_that_are_alike_stand_once_with_their_numbers():
    data = collect(make(one={"samples": (answer("A"), answer("B", "B"), answer("A\n\n"))}))
    first, second = data["groups"][0]["columns"][0]["samples"]
    assert (first["numbers"], first["tags"], first["answer"]) == ([1, 3], ["right"], "A")
    assert (second["numbers"], second["tags"], second["answer"]) == ([2], ["wrong"], "B")


def test_the_same_text_with_another_reading_is_no_other_samples_double():
    data = collect(make(one={"samples": (answer("A"), answer("A", None))}))
    tags = [each["tags"] for each in data["groups"][0]["columns"][0]["samples"]]
    assert tags == [["right"], ["none"]]


def test_a_sample_is_told_by_its_answer_and_by_what_is_broken_in_it():
    notes = {"cantonese": 2, "foreign": 1, "latin_words": 3, "looping": True}
    samples = (answer("!!!!!!!!", None, degenerate=True), sample("佢", item="c", notes=notes))
    broken, loops = (
        group["columns"][0]["samples"][0]
        for group in collect(make(one={"samples": samples}))["groups"]
    )
    assert broken["tags"] == ["none", "degenerate"]
    assert loops["tags"] == ["loops"]
    assert loops["reading"] == "sentences: 2 Cantonese, 1 other; 3 words of English"


def test_a_question_that_is_judged_alone_carries_its_verdict_and_its_count():
    row = Result(candidate="one", check="knowledge", item="bank/q1", verdict="fail")
    metric = Metric(name="correct", value=1, unit="correct", item="q1", count=5, drawn=2)
    samples = (answer(), answer("B", "B"), answer(item="q2", prompt="邊個？"))
    data = collect(make(one={"samples": samples, "metrics": (metric,)}, rows=(row,)))
    first, second = (group["columns"][0] for group in data["groups"])
    assert first["verdict"] == "fail"
    assert first["counted"] == "1 of 2 right"
    assert "verdict" not in second
    assert second["counted"] == "1 of 1 right"


def test_only_continuations_are_marked_and_places_count_as_javascript_counts():
    written = "𠺢𠺢佢們"
    assert len(written.encode("utf-16-le")) // 2 == 6
    marked, plain = (
        sample(written, notes={"cantonese": 1}),
        answer(written, item="q2"),
    )
    data = collect(make(one={"samples": (marked, plain)}))
    assert [written, 0, [0, 5, 1]] in data["texts"]
    assert written in data["texts"]


def test_control_characters_of_a_model_are_seen_and_do_nothing():
    data = collect(make(one={"samples": (answer("a\x1b[31m\u202eb\r\n\tc", "\x00"),)}))
    (shown,) = data["groups"][0]["columns"][0]["samples"]
    assert text_of(data, shown["text"]) == "a\ufffd[31m\ufffdb\ufffd\n\tc"
    assert shown["answer"] == "\ufffd"


def test_a_text_without_end_is_cut_and_says_by_how_much():
    data = collect(make(one={"samples": (answer("長" * 50_000),)}))
    assert ["長" * 5_000, 45_000, []] in data["texts"]


def test_options_are_told_in_bits_with_the_likeliest():
    half, quarter = math.log(1 / 2), math.log(1 / 4)
    scored = OptionScores(
        item="q1",
        expected="A",
        letters={"A": half, "B": half},
        texts={"A": quarter, "B": half},
    )
    data = collect(make(one={"samples": (answer(),), "choices": (scored,)}))
    (group,) = data["groups"]
    assert group["columns"][0]["options"] == {
        "tags": ["wrong"],
        "text": "B",
        "letter": None,
        "bits": [["A", 2.0, 1.0], ["B", 1.0, 1.0]],
    }


def test_questions_that_were_only_scored_are_there_without_a_prompt():
    scored = OptionScores(
        item="q1", expected="B", letters={"A": -1.0, "B": -math.inf}, texts={"A": -1.0, "B": -2.0}
    )
    data = collect(make(one={"choices": (scored,)}))
    (group,) = data["groups"]
    assert (group["item"], group["prompt"], group["expected"]) == ("q1", None, "B")
    assert group["columns"][0]["options"]["bits"][1][2] is None
    assert json.loads(as_json(data)) == data


def test_pairs_stand_by_kind_with_the_point_in_which_they_differ():
    def pair(right_bits, wrong_bits):
        return Preference(
            item="p",
            kind="aspect",
            right="佢食咗飯",
            wrong="佢食了飯",
            right_bits=right_bits,
            wrong_bits=wrong_bits,
        )

    data = collect(
        make(
            check="minimal_pairs",
            one={"preferences": (pair(3.0, 4.0),)},
            two={"preferences": (pair(4.0, 4.0),)},
        )
    )
    (group,) = data["groups"]
    assert group["item"] == "aspect"
    (shown,) = group["pairs"]
    assert data["texts"][shown["right"]] == ["佢食咗飯", 0, [2, 3, DIFFERS]]
    assert data["texts"][shown["wrong"]] == ["佢食了飯", 0, [2, 3, DIFFERS]]
    assert shown["columns"] == [
        {"tags": ["right"], "bits": [3.0, 4.0]},
        {"tags": ["wrong"], "bits": [4.0, 4.0]},
    ]


def test_what_was_written_stands_before_what_was_only_scored():
    checks = [group["part"] for group in collect(make_page(2, 10, 200))["groups"]]
    data = collect(make_page(2, 10, 200))
    keys = [data["parts"][part]["key"] for part in checks]
    assert keys[0].startswith("continuation/")
    assert keys[-1].startswith("minimal_pairs/")


def test_a_link_names_a_candidate_and_a_check_where_there_is_something_to_see():
    made = make_measurement(sample())
    assert samples_link(made, "yi 6b", "knowledge", "must-know") == (
        "#bg-texts?candidate=yi+6b&check=knowledge%2Fmust-know"
    )
    assert samples_link(made, "<b>\x1b", "continuation", "香") == (
        "#bg-texts?candidate=%3Cb%3E%EF%BF%BD&check=continuation%2F%E9%A6%99"
    )
    assert samples_link(make_measurement(), "yi-6b", "knowledge", "must-know") == ""


def test_the_script_has_words_for_all_that_it_says_and_no_more():
    script, known = asset("samples.js"), set(_words(ENGLISH))
    said = set(re.findall(r'say\("(\w+)"', script))
    assert said
    assert said <= known
    assert [key for key in known if not re.search(rf"\b{key}\b", script)] == []


def test_the_section_is_in_the_language_of_the_page():
    catalogue = {"What it wrote": "佢寫咗乜", "Right answer: {answer}": "正確答案：{answer}"}
    page = make(one={"samples": (answer(),)}, tr=Translator("zh-HK", catalogue))
    text = render_samples(page)
    assert "佢寫咗乜" in text
    assert "正確答案：{answer}" in text


def test_the_data_of_a_full_page_is_well_under_five_megabytes():
    assert len(as_json(collect(make_page())).encode()) < 2_500_000
