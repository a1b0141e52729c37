"""Rows of pytest-html's table: all of it is escaped."""

import pytest

from basegate.measurement import Metric, Sample
from basegate.report import html_rows as page
from tests.helpers.markup import SCRIPT, read
from tests.helpers.rows import make_measurement, row


def sample(text="A", **fields):
    return Sample(**{"item": "q1", "prompt": "Which?", "text": text, "seed": 0, **fields})


def details(*samples, **fields):
    return read(page.details(make_measurement(*samples, **fields), []))


def test_metrics_facts_and_notes_are_escaped():
    metric = Metric(name=SCRIPT, value=1.0, unit="count", item=f"id {SCRIPT}")
    reader = details(metrics=(metric,), facts={"fact": SCRIPT}, notes=(SCRIPT,), left_out=(SCRIPT,))
    assert f"id {SCRIPT}: 1 {SCRIPT}" in reader.text
    assert f"fact {SCRIPT}" in reader.text
    assert f"Note: {SCRIPT}" in reader.text
    assert "script" not in reader.elements


@pytest.mark.parametrize("char", "\x00\x07\x1b\x7f\x9b\u202e")
def test_control_characters_do_not_reach_the_page(char):
    # NUL and most controls are no HTML, and U+202E turns the direction of what follows.
    written = page.details(make_measurement(notes=(f"a{char}[31mb",)), [])
    assert char not in written
    assert "[31mb" in written


def test_details_tell_numbers_time_and_facts():
    metric = Metric(name="m", value=0.5, unit="count", interval=(0.25, 0.75), confidence=0.9)
    reader = details(metrics=(metric,), facts={"left_out": 3, "none": None, "remark": "Hm."})
    assert "0.50 m (90 %: 0.25 to 0.75)" in reader.text
    assert "left out 3. Measured 2026-01-01T00:00:00+00:00 in 1.2 s." in reader.words
    assert "Hm." not in reader.text


def test_what_was_written_is_linked_where_it_stands_once():
    made = page.details(
        make_measurement(sample("SECRET")), [row(check="knowledge", item="bank/q1")]
    )
    assert "SECRET" not in made
    assert 'href="#bg-texts?candidate=yi-6b&amp;check=knowledge%2Fbank"' in made
    assert "href" not in page.details(make_measurement(), [row()])  # there is nothing to see


def test_the_cells_of_a_row_have_a_line_per_metric():
    cells = page.result_cells(
        [
            row(interval=(4.125, 4.375)),
            row(
                "fail",
                item="bank/q1",
                metric="correct",
                value=3.0,
                unit="correct",
                n_generated=10,
                limit=7,
                direction="min",
            ),
        ]
    )
    assert [read(cell).text for cell in cells] == [
        "✓ pass✗ fail",
        "bits per charq1: correct",
        "4.25 bits per character (95\u00a0%: 4.12 to 4.38)3 of 10 correct",
        "at most 5.5at least 7",
    ]
    assert all(cell.count("<br>") == 1 for cell in cells)


def test_the_cells_of_something_broken_are_empty_but_for_the_verdict():
    broken = row("invalid", metric="", value=None, unit="", limit=None, direction=None)
    assert [read(cell).text for cell in page.result_cells([broken])] == ["! invalid", "", "", ""]


def test_a_row_without_results_has_as_many_cells_as_the_header():
    assert len(page.result_cells([])) == len(page.header_cells()) == 4


@pytest.mark.parametrize("field", ["item", "metric"])
def test_cells_are_escaped(field):
    text = "".join(page.result_cells([row(**{field: f"bank/{SCRIPT}"})]))
    assert SCRIPT in read(text).text


def test_the_id_of_a_test_is_escaped():
    assert read(page.id_cell(f"test_x.py::test[{SCRIPT}]")).text == f"test_x.py::test[{SCRIPT}]"


def test_a_count_says_what_it_tells_of_the_chance_and_what_was_not_drawn():
    metric = Metric(
        name="correct",
        value=3.0,
        unit="correct",
        item="q1",
        interval=(1.5, 4.5),
        count=5,
        drawn=3,
    )
    reader = details(sample(expected="A", answer="A"), metrics=(metric,))
    assert (
        "q1: 3 of 3 correct; chance of a right answer 30 % to 90 % (95 %, Clopper and Pearson); "
        "2 more could not change the verdict and were not generated"
    ) in reader.texts


def test_questions_of_a_bank_that_is_judged_as_a_whole_are_not_listed_again():
    whole = Metric(name="accuracy", value=0.5, unit="fraction")
    one = Metric(name="correct", value=3.0, unit="correct", drawn=4, item="q1")
    text = details(metrics=(whole, one)).words
    assert "50 % of answers right" in text
    assert "q1" not in text
