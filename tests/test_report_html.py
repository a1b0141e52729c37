"""Parts of the HTML report: all of it is escaped."""

import math
from html.parser import HTMLParser

import pytest

from basegate.judge import Result
from basegate.ledger import CandidateEntry, Ledger, Suite, ThresholdsFile
from basegate.measurement import CandidateFacts, Findings, Measurement, Metric, OptionScores, Sample
from basegate.report import html as page

SCRIPT = "<script>alert('x')</script>\"&'"
VOID = {"br"}


class Reader(HTMLParser):
    """Reads text, elements and attributes, and checks that elements are closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.open, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)


def read(text):
    reader = Reader(text)
    assert "script" not in reader.elements
    assert set(reader.attributes) <= {"class", "style", "data-column-type"}
    return reader


def row(verdict="pass", **fields):
    given = {
        "candidate": "yi-6b",
        "check": "perplexity",
        "item": "wiki",
        "metric": "bits_per_char",
        "value": 4.25,
        "unit": "bits per character",
        "limit": 5.5,
        "direction": "max",
        "detail": "a sentence.",
    }
    return Result(verdict=verdict, **{**given, **fields})


def entry(name="yi-6b", verdict="pass", **fields):
    given = {"source": "a/b", "quantization": "nf4", "dtype": "bfloat16", "device": "cpu"}
    return CandidateEntry(name=name, verdict=verdict, **{**given, **fields})


def make_ledger(*rows, entries=None, environment=None, path="t.toml"):
    return Ledger(
        suite=Suite(
            version="1", thresholds=ThresholdsFile(path=path, sha256="0"), command="pytest"
        ),
        environment=environment or {},
        candidates=tuple(entries or [entry()]),
        results=rows,
    )


def make_measurement(*samples, metrics=None, **found):
    return Measurement(
        key="0" * 64,
        check="knowledge",
        item="bank",
        candidate=CandidateFacts(
            name="yi-6b", source="a/b", quantization="nf4", dtype="bfloat16", device="cpu"
        ),
        findings=Findings(
            metrics=metrics or (Metric(name="correct", value=1.0, unit="of 2 correct", item="q1"),),
            samples=samples,
            **found,
        ),
        identity={},
        environment={},
        seconds=1.25,
        measured_at="2026-01-01T00:00:00+00:00",
    )


def sample(text="A", **fields):
    return Sample(**{"item": "q1", "prompt": "Which?", "text": text, "seed": 0, **fields})


def evidence(*samples, **fields):
    return read(page.evidence(make_measurement(*samples, **fields), []))


def test_what_a_model_wrote_is_shown_to_the_letter_and_not_run():
    written = f"{SCRIPT}\n\n香港 </pre></td> <img src=x onerror=alert(1)>"
    reader = evidence(sample(written))
    assert written in reader.text
    assert "img" not in reader.elements


@pytest.mark.parametrize("field", ["item", "prompt", "answer"])
def test_ids_prompts_and_answers_are_escaped(field):
    reader = evidence(sample(**{field: SCRIPT, "expected": "A"}))
    assert SCRIPT in reader.text


def test_metrics_and_facts_are_escaped():
    metric = Metric(name=SCRIPT, value=1.0, unit=f"of {SCRIPT}", item=f"id {SCRIPT}")
    reader = evidence(metrics=(metric,), facts={"fact": SCRIPT})
    assert f"id {SCRIPT}: 1 of {SCRIPT}" in reader.text
    assert f"fact {SCRIPT}" in reader.text


@pytest.mark.parametrize("char", "\x00\x07\x1b\x7f\x9b\u202e")
def test_control_characters_of_a_model_do_not_reach_the_page(char):
    # NUL and most controls are no HTML, and U+202E turns the direction of what follows.
    written = page.evidence(make_measurement(sample(f"a{char}[31mb", item=f"q{char}1")), [])
    assert char not in written
    assert "[31mb" in written


def test_lines_and_tabs_of_a_model_are_kept():
    assert "a\n\tb" in evidence(sample("a\n\tb")).text


def test_every_sample_is_shown_under_its_question_with_its_reading():
    reader = evidence(
        sample("It is A", answer="A", expected="A"),
        sample("It is B", answer="B", expected="A"),
        sample("Hm", expected="A"),
        sample("9", item="q2", prompt="Other?", answer="9", expected="9"),
    )
    assert reader.texts[reader.texts.index("q1") :] == [
        *("q1", "1 of 2 correct.", "Which?", "#", "read as", "what it wrote"),
        *("1", "A right", "It is A"),
        *("2", "B wrong", "It is B"),
        *("3", "no answer", "Hm"),
        *("q2", "Other?", "#", "read as", "what it wrote"),
        *("1", "9 right", "9"),
    ]


def test_a_continuation_shows_its_counts_and_whether_it_loops():
    notes = {"cantonese": 2, "written_chinese": 0, "foreign": 1, "latin_words": 3, "looping": True}
    reader = evidence(sample("text", notes=notes))
    assert "2 Cantonese, 1 other, 3 words of English, loops" in reader.text
    assert "written Chinese" not in reader.text


def test_evidence_tells_numbers_time_and_facts():
    metric = Metric(name="m", value=0.5, unit="of it", interval=(0.25, 0.75), confidence=0.9)
    reader = evidence(metrics=(metric,), facts={"left_out": 3, "none": None, "remark": "Hm."})
    assert "0.50 of it (90 %: 0.25 to 0.75)" in reader.text
    assert "left out 3. Measured 2026-01-01T00:00:00+00:00 in 1.2 s." in reader.text
    assert "Hm." not in reader.text


def test_the_page_opens_with_a_row_per_candidate_and_a_column_per_check():
    rows = [
        row(),
        row(check="knowledge", item="bank/q1", verdict="fail", value=3.0, unit="of 10 correct"),
        row(check="knowledge", item="bank/q2", value=9.0, unit="of 10 correct"),
        row(candidate="two"),
    ]
    reader = read(page.decision(make_ledger(*rows, entries=[entry(verdict="fail"), entry("two")])))
    table = reader.text[: reader.text.index("What is not met")]
    assert table == (
        "Verdicts"
        "candidatedecisionperplexity wikiknowledge bank"
        "yi-6brejected on knowledgepass4.25 bits per characterfailq1: 3 of 10 correct"
        "twoacceptedpass4.25 bits per characternot run"
    )


def test_the_page_lists_what_is_not_met_with_the_reason_for_the_limit():
    text = read(page.decision(make_ledger(row(), row("fail", detail="Too bad.", why="because"))))
    assert "fail Too bad. Reason for the limit: because" in text.text
    assert "a sentence." not in text.text


def test_the_page_says_when_every_limit_is_met():
    assert "Every limit is met." in read(page.decision(make_ledger(row()))).text


def test_the_page_tells_the_conditions():
    text = read(
        page.decision(
            make_ledger(
                row(),
                entries=[entry(revision="0123456789abcdef0123456789abcdef01234567")],
                environment={"python": "3.11", "gpu": None},
                path="folder/t.toml",
            )
        )
    ).text
    assert "yi-6b: a/b, 0123456789abcdef012, nf4, bfloat16, cpu" in text
    assert "python 3.11" in text
    assert "gpu" not in text
    assert "Limits: folder/t.toml" in text


@pytest.mark.parametrize("field", ["check", "item", "unit", "detail", "why"])
def test_whatever_a_row_holds_is_escaped_at_the_top_of_the_page(field):
    reader = read(page.decision(make_ledger(row("fail", **{field: SCRIPT}))))
    # What stands before a slash is the bank, what stands after it the question.
    assert all(part in reader.text for part in SCRIPT.split("/"))


@pytest.mark.parametrize("field", ["source", "revision", "device"])
def test_whatever_an_entry_holds_is_escaped_at_the_top_of_the_page(field):
    reader = read(page.decision(make_ledger(entries=[entry(**{field: SCRIPT})])))
    assert SCRIPT[:19] in reader.text


def test_the_conditions_are_escaped():
    ledger = make_ledger(environment={SCRIPT: SCRIPT}, path=SCRIPT)
    text = read(page.decision(ledger)).text
    assert f"{SCRIPT} {SCRIPT}" in text
    assert f"Limits: {SCRIPT}" in text


def test_more_than_four_values_in_a_cell_are_counted():
    rows = [row("fail", item=f"bank/q{number}") for number in range(6)]
    table = read(page.decision(make_ledger(*rows))).text.partition("What is not met")[0]
    assert "q3: " in table
    assert "q4: " not in table
    assert "and 2 more" in table


def test_the_cells_of_a_row_have_a_line_per_metric():
    cells = page.result_cells(
        [
            row(interval=(4.125, 4.375)),
            row(
                "fail",
                item="bank/q1",
                metric="correct",
                value=3.0,
                unit="of 10 correct",
                limit=7,
                direction="min",
            ),
        ]
    )
    assert [read(cell).text for cell in cells] == [
        "passfail",
        "bits per charq1: correct",
        "4.25 bits per character (95 %: 4.12 to 4.38)3 of 10 correct",
        "at most 5.5at least 7",
    ]
    assert all(cell.count("<br>") == 1 for cell in cells)


def test_the_cells_of_something_broken_are_empty_but_for_the_verdict():
    broken = row("invalid", metric="", value=None, unit="", limit=None, direction=None)
    assert [read(cell).text for cell in page.result_cells([broken])] == ["invalid", "", "", ""]


def test_a_row_without_results_has_as_many_cells_as_the_header():
    assert len(page.result_cells([])) == len(page.header_cells()) == 4


@pytest.mark.parametrize("field", ["item", "metric", "unit"])
def test_cells_are_escaped(field):
    text = "".join(page.result_cells([row(**{field: f"bank/{SCRIPT}"})]))
    assert SCRIPT in read(text).text


def test_the_id_of_a_test_is_escaped():
    assert read(page.id_cell(f"test_x.py::test[{SCRIPT}]")).text == f"test_x.py::test[{SCRIPT}]"


def test_a_count_says_what_it_tells_of_the_chance_and_what_was_not_drawn():
    metric = Metric(
        name="correct",
        value=3.0,
        unit="of 3 correct",
        item="q1",
        interval=(1.5, 4.5),
        count=5,
        drawn=3,
    )
    reader = evidence(sample(expected="A", answer="A"), metrics=(metric,))
    assert (
        "3 of 3 correct; chance of a right answer 30 % to 90 % (95 %, Clopper and Pearson). "
        "2 more could not change the verdict and were not drawn."
    ) in reader.texts


def test_notes_are_shown_and_escaped():
    reader = evidence(sample(), notes=(SCRIPT,))
    assert f"Note: {SCRIPT}" in reader.text


def test_options_are_shown_with_the_ones_it_got_wrong_first():
    def scored(item, right):
        scores = {"A": -math.log(2) if right else -2 * math.log(2), "B": -1.5 * math.log(2)}
        return OptionScores(item=item, expected="A", letters=scores, texts=scores)

    reader = evidence(sample(), choices=(scored("knows", True), scored("not", False)))
    at = reader.texts.index("not")
    assert reader.texts[at : at + 6] == ["not", "A", "B", "A 2.00, B 1.50", "B", "A 2.00, B 1.50"]
    assert reader.texts.index("knows") > at


def test_a_gate_shows_once_what_it_lets_through():
    curve = ((0.5, 0.171875), (0.9, 0.987))
    rows = [
        row("fail", metric="correct", item=f"bank/q{at}", direction="min", limit=7.0, curve=curve)
        for at in range(3)
    ]
    reader = read(page.evidence(make_measurement(sample()), rows))
    assert reader.texts.count("What the gate on correct (at least 7) lets through:") == 1
    at = reader.texts.index("truly right")
    assert reader.texts[at : at + 6] == [
        "truly right",
        "50 %",
        "90 %",
        "passes",
        "17.2 %",
        "98.7 %",
    ]
