"""Numbers as words."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from basegate.checks.labels import check_label, format_measured, format_metric
from basegate.i18n.formatting import (
    format_limit,
    format_list,
    format_probability,
    format_row_limit,
    format_value,
    printable,
    short_path,
)
from basegate.measurement import Metric
from basegate.verdict import Reference, Result


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not a number"),
        (7.0, "7"),
        (0.0, "0"),
        (5.314, "5.31"),
        (0.15, "0.15"),
        (999.994, "999.99"),
        (1234.56, "1,235"),
        (880640.5, "880,640"),
        (12345678.9, "1.23e+07"),
        (1e30, "1e+30"),
        (-2.5, "-2.50"),
    ],
)
def test_numbers_have_as_many_digits_as_a_reader_can_use(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.5, "50 %"), (0.123456, "12.3 %"), (0.9996, "100 %")],
)
def test_shares_are_per_cent(value, text):
    assert format_value(value, "fraction") == text


@pytest.mark.parametrize(
    ("value", "unit", "limit", "text"),
    [
        (5.004, "bits", 5.0, "5.004"),
        (4.9999, "bits", 5.0, "4.9999"),
        (5.0, "bits", 5.0, "5"),
        (5.31, "bits", 5.0, "5.31"),
        (0.0249, "fraction", 0.02, "2.5 %"),
        (0.0204, "fraction", 0.02, "2.04 %"),
        (0.02, "fraction", 0.02, "2 %"),
        (1000.4, "", 1000.0, "1,000.4"),
    ],
)
def test_a_number_beside_its_limit_shows_on_which_side_it_is(value, unit, limit, text):
    assert format_value(value, unit, limit) == text


@given(st.floats(-1e6, 1e6), st.integers(-1000, 1000))
def test_rounding_never_moves_a_number_over_its_limit(value, limit):
    shown = float(format_value(value, "", float(limit)).replace(",", ""))
    if abs(value - limit) > 1e-7:
        assert (shown > limit, shown < limit) == (value > limit, value < limit)


def test_an_interval_is_given_with_its_level():
    metric = Metric(
        name="gap", value=0.5, unit="bits_per_char", interval=(0.25, 0.75), confidence=0.9
    )
    words = "bits per character more than in written Chinese"
    assert format_metric(metric, "perplexity") == f"0.50 {words} (90 %: 0.25 to 0.75)"


def test_a_metric_has_the_words_of_its_own_check_whatever_another_calls_by_that_name():
    metric = Metric(name="gap", value=0.5, unit="")
    assert format_metric(metric, "my_check") == "0.50 gap"


def test_a_share_says_of_what():
    metric = Metric(name="cantonese_share", value=0.5, unit="fraction", interval=(0.25, 0.75))
    found = format_metric(metric, "continuation")
    assert found == "50 % of sentences in Cantonese (95 %: 25 % to 75 %)"


def test_a_metric_of_a_check_that_brings_no_labels_is_shown_by_its_name():
    metric = Metric(name="my_own_share", value=None, unit="fraction")
    assert format_metric(metric, "my_check") == "not a number my own share"
    assert check_label("my_check", "bank") == "my check bank"


def test_limits_are_words():
    assert format_limit(5.25, "max") == "at most 5.25"
    assert format_limit(7, "min") == "at least 7"
    assert format_limit(0.004, "max") == "at most 0.004"
    assert format_limit(0.02, "max", "fraction") == "at most 2 %"


def test_a_row_of_the_ledger_is_said_in_the_same_words():
    row = Result(
        candidate="c", check="continuation", item="i", metric="latin_share", value=0.2,
        unit="fraction", limit=0.15, direction="max", verdict="fail",
    )  # fmt: skip
    assert format_measured(row) == "20 % of words in Latin letters"
    assert format_row_limit(row) == "at most 15 %"
    assert format_row_limit(row.model_copy(update={"limit": None, "direction": None})) == ""


@pytest.mark.parametrize(
    ("chance", "text"),
    [(0, "0 %"), (1e-9, "under 1 %"), (0.005, "under 1 %"), (0.1719, "17 %"), (0.995, "over 99 %"),
     (1, "100 %")],
)  # fmt: skip
def test_a_chance_is_never_rounded_to_none_or_all(chance, text):
    assert format_probability(chance) == text


def test_parts_are_joined_as_a_sentence_holds_them():
    lists = [format_list(list(parts)) for parts in ("", "a", "ab", "abcd")]
    assert lists == ["", "a", "a and b", "a, b, c and d"]


def test_a_path_is_named_from_the_working_folder_if_it_lies_in_there(tmp_path, monkeypatch):
    here = tmp_path / "project"
    here.mkdir()
    monkeypatch.chdir(here)
    assert short_path(here / "limits" / "t.toml") == "limits/t.toml"
    assert short_path(tmp_path / "t.toml") == str(tmp_path / "t.toml")
    assert short_path(Path("t.toml")) == "t.toml"


def relative(limit, value, interval=None, unit="bits", direction="max"):
    """Return a row whose limit was computed from another candidate's number."""
    return Result(
        candidate="c", check="perplexity", item="i", metric="m", value=value, interval=interval,
        unit=unit, limit=limit, direction=direction, verdict="pass",
        reference=Reference(candidate="r", value=3.5, factor=1.1, measurement="k"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "value", "interval", "unit", "text"),
    [
        (3.903754321, 4.2, (4.1, 4.3), "bits", "at most 3.904"),
        (3.903754321, 3.904, None, "bits", "at most 3.9038"),
        (3.903754321, 4.2, (3.9037, 4.3), "bits", "at most 3.904"),
        (4.4000000000000004, 4.2, None, "bits", "at most 4.4"),
        (0.52123456, 0.6, None, "fraction", "at most 52.12 %"),
        (0.52123456, 0.52123, None, "fraction", "at most 52.12 %"),
        (0.00123456, 0.6, None, "bits", "at most 0.001235"),
        (123456.789, 100000.0, None, "", "at most 123,457"),
        (1200.0, 1000.0, None, "", "at most 1,200"),
        (0.0, 0.6, None, "bits", "at most 0"),
        (3.903754321987, 3.903754321987, None, "bits", "at most 3.9"),
        (3.913754321987, 3.913754321987, (3.8, 4.0), "bits", "at most 3.91"),
        (1 / 3, 1 / 3, (0.2, 0.4), "fraction", "at most 33.3 %"),
        (-0.25, 0.6, None, "bits", "at most -0.25"),
        (18058666.0776191056, 18058000.0, None, "", "at most 1.81e+07"),
        (18058666.0776191056, 2.5e7, (1.7e7, 3.1e7), "", "at most 1.81e+07"),
        (9876543.21, 18058000.0, None, "", "at most 9,876,543"),
    ],
)
def test_a_computed_limit_has_few_digits_beside_the_numbers(limit, value, interval, unit, text):
    assert format_row_limit(relative(limit, value, interval, unit)).partition(" (")[0] == text


@given(
    st.floats(0.001, 1e4),
    st.floats(-0.1, 0.1),
    st.sampled_from(["bits", "fraction"]),
)
def test_a_computed_limit_never_moves_over_the_number_beside_it(limit, off, unit):
    row = relative(limit, limit * (1 + off), unit=unit)
    shown, bound = (
        float(text.removesuffix(" %").replace(",", ""))
        for text in (
            format_value(row.value, unit, limit),
            format_row_limit(row).partition(" (")[0].removeprefix("at most "),
        )
    )
    if abs(row.value - limit) > 1e-7:
        assert (shown > bound, shown < bound) == (row.value > limit, row.value < limit)


@pytest.mark.parametrize("hidden", ["\u200b", "\ufeff", "\u2060", "\u202e", "\x1b"])
def test_what_has_no_width_or_steers_a_terminal_is_shown(hidden):
    assert printable(f"a{hidden}b") == "a\ufffdb"


@pytest.mark.parametrize("text", ["👩\u200d🔬", "می\u200cروم", "❤\ufe0f", "a\tb\n"])
def test_what_joins_characters_stays(text):
    assert printable(text) == text


def test_a_number_that_its_computed_limit_equals_has_no_more_digits_for_that():
    assert format_value(3.913754321987, "bits", 3.913754321987) == "3.91"
    assert format_value(1 / 3, "fraction", 1 / 3) == "33.3 %"
    assert format_value(5.004, "bits", 5.004) == "5.004"
