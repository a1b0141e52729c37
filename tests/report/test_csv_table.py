"""CSV of verdicts: a row per metric, numbers that stay numbers, and texts that stay texts."""

from __future__ import annotations

import csv
import io

import pytest

from basegate.report.csv_table import COLUMNS, table
from tests.helpers.ledgers import bits, broken, correct, make_ledger


def rows(*results):
    return list(csv.DictReader(io.StringIO(table(results))))


def test_a_row_holds_what_was_measured_and_what_was_asked_for():
    assert table([bits("yi-6b", 4.125, "pass")]).splitlines() == [
        ",".join(f'"{name}"' for name in COLUMNS),
        '"yi-6b","perplexity","wiki","","bits_per_char",4.125,"bits_per_char",4.0,4.25,0.95,'
        f'5.0,"max","pass","60 documents","{"c0ffee" * 10}beef",""',
    ]


def test_a_question_that_is_judged_alone_has_a_column():
    [row] = rows(correct("yi-6b", "harbour", 7, 8, "pass"))
    assert (row["item"], row["question"], row["value"]) == ("must-know", "harbour", "7.0")


def test_an_advisory_limit_is_marked():
    [row] = rows(bits("yi-6b", 9.1, "fail").model_copy(update={"advisory": True}))
    assert (row["verdict"], row["advisory"]) == ("fail", "yes")


def test_what_broke_has_a_row_without_numbers():
    [row] = rows(broken("yi-6b"))
    assert row["verdict"] == "invalid"
    assert {row[name] for name in ("value", "low", "high", "confidence", "limit")} == {""}


def test_there_is_a_row_per_row_of_the_ledger():
    found = rows(*make_ledger().results)
    assert len(found) == len(make_ledger().results)
    assert [row["candidate"] for row in found].count("llama-2-7b") == 4


@pytest.mark.parametrize("sign", [*"=+-@\t\r＝＋－＠", " =", "  @"])
@pytest.mark.parametrize("column", ["candidate", "question", "unit"])
def test_a_text_that_a_spreadsheet_would_run_is_marked_as_text(sign, column):
    text = f"{sign}cmd|'/C calc'!A0"
    given = {"item": f"must-know/{text}"} if column == "question" else {column: text}
    [row] = rows(correct("a", "q", 7, 7, "pass").model_copy(update=given))
    # A carriage return steers a terminal, too, and is replaced.
    assert row[column] == (f"'{text}" if sign != "\r" else text.replace("\r", "\ufffd"))


def test_a_negative_number_stays_a_number():
    [row] = rows(bits("a", -0.5, "pass"))
    assert [row[name] for name in ("value", "low", "high")] == ["-0.5", "-0.625", "-0.375"]


def test_a_text_cannot_leave_its_cell():
    name = 'a";=1+1,"b\nc;@d'
    text = table([bits(name, 4.0, "pass")])
    assert rows(bits(name, 4.0, "pass"))[0]["candidate"] == name
    assert text.splitlines()[1].startswith('"a"";=1+1,""b')


def test_control_characters_are_replaced():
    [row] = rows(bits("a\x1b[31m\x00\u202e", 4.0, "pass"))
    assert row["candidate"] == "a\ufffd[31m\ufffd\ufffd"
