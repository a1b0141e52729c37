"""Tables: JSON Lines, JSON, CSV and data sets of the hub, row by row."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given, strategies as st

from basegate.config.settings import TableSource
from basegate.data import hub, tables
from basegate.data.tables import read_table, table_identity
from basegate.data.text_files import Row, RowError
from basegate.errors import DataError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def read(tmp_path):
    """Write a file and read it; rows as (line or record, cells), complaints as (line, reason)."""

    def write_and_read(name, text, **fields):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        found = []
        for row in read_table(TableSource(path=path, **fields)):
            place = int(row.place.rpartition(" ")[2])
            found.append((place, row.fields if isinstance(row, Row) else row.reason))
        return found

    return write_and_read


def test_json_lines(read):
    rows = read("t.jsonl", '{"a": 1}\n\n[1]\n{"a": \n{"a": 2}')
    assert rows[0] == (1, {"a": 1})
    assert rows[1] == (3, "is not a JSON object in braces.")
    assert rows[2][0] == 4
    assert rows[2][1].startswith("is not valid JSON")
    assert rows[3] == (5, {"a": 2})


def test_a_list_of_records(read):
    assert read("t.json", '[{"a": 1}, 5, {"a": 2}]') == [
        (1, {"a": 1}),
        (2, "is not a JSON object in braces."),
        (3, {"a": 2}),
    ]


def test_a_record_that_says_a_field_twice_is_bad(read):
    [(line, reason)] = read("t.jsonl", '{"answer": "A", "answer": "B"}')
    assert (line, reason) == (1, "is not valid JSON ('answer' stands twice in an object).")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "holds no list"),
        ("[1,", "is not valid"),
        ('{"a": 1}\n{"a": 2}', 'is not valid JSON.*say format = "jsonl"'),
        ('[{"a": 1, "a": 2}]', "'a' stands twice in an object"),
    ],
)
def test_json_that_is_no_list_is_refused(read, text, sentence):
    with pytest.raises(DataError, match=sentence):
        read("t.json", text)


def test_csv_with_a_header(read):
    assert read("t.csv", "a,b\r\n1,2\r\n\r\n3,4\r\n") == [
        (2, {"a": "1", "b": "2"}),
        (4, {"a": "3", "b": "4"}),
    ]


def test_csv_without_a_header(read):
    assert read("t.csv", "1,2\n", header=("a", "b")) == [(1, {"a": "1", "b": "2"})]


def test_tab_separated_cells(read):
    assert read("t.tsv", "a\tb\n1,5\t2\n") == [(2, {"a": "1,5", "b": "2"})]


def test_a_quoted_cell_may_hold_commas_quotes_and_line_breaks(read):
    assert read("t.csv", 'a,b\n"1, ""x""\n1",2\n3,4\n') == [
        (2, {"a": '1, "x"\n1', "b": "2"}),
        (4, {"a": "3", "b": "4"}),
    ]


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (['"1,2', "3,4", "5,6"], 2),
        (["1,2", "3,4", '"5,6'], 4),
        (['"1"x,2', "3,4"], 2),
        (["1,2", '7" wide,"a', 'b"'], 3),
    ],
)
def test_quotation_marks_that_may_join_records_are_refused_with_their_line(read, lines, line):
    with pytest.raises(DataError, match=rf"t\.csv, line {line}: its quotation marks are not those"):
        read("t.csv", "\n".join(["a,b", *lines]) + "\n")


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (['"1,2', "3,4", '5",6'], 2),  # two strays, which would swallow what is between them
        (["1,2", '3,"4', "5,6", '7",8'], 3),
    ],
)
def test_lines_that_are_a_record_each_are_not_joined(read, lines, line):
    with pytest.raises(
        DataError, match=rf"t\.csv, line {line}: two quotation marks join 3 lines into a record"
    ):
        read("t.csv", "\n".join(["a,b", *lines]) + "\n")


@pytest.mark.parametrize(
    ("head", "cell"),
    [("a", "一\n二\n三"), ("a,b", "Dear Sir,\nYes, I do.\nBest"), ("a,b,c", "x\n蘋果, 橙, 梨\ny")],
)
def test_a_cell_may_hold_lines_of_prose(read, head, cell):
    more = [str(n) for n in range(head.count(","))]
    [(_, fields)] = read("t.csv", f"{head}\n{','.join([*more, chr(34) + cell + chr(34)])}\n")
    assert [*fields.values()][-1] == cell


def test_a_mark_within_a_cell_without_marks_is_a_sign_like_any_other(read):
    assert read("t.csv", 'a,b\n7" wide,2\n8" wide,3\n') == [
        (2, {"a": '7" wide', "b": "2"}),
        (3, {"a": '8" wide', "b": "3"}),
    ]


def test_a_line_with_too_many_cells(read):
    assert read("t.csv", "a,b\n1,2,3\n") == [(2, "has 3 cells, not 2: a, b.")]


def test_a_file_of_unknown_suffix_asks_for_its_format(read):
    with pytest.raises(DataError, match="Say format = "):
        read("t.dat", "a")
    assert read("t.dat", '{"a": 1}', format="jsonl") == [(1, {"a": 1})]


def test_the_rows_of_nothing_that_a_spreadsheet_writes_are_left_out(read):
    assert read("t.csv", "a,b\n1,2\n,\n,\n") == [(2, {"a": "1", "b": "2"})]


def test_old_line_ends_are_line_ends(read):
    assert read("t.csv", "a,b\r1,2\r") == [(2, {"a": "1", "b": "2"})]


def test_a_cell_may_be_long(read):
    limit = csv.field_size_limit()
    assert len(read("t.csv", f"a,b\n{'x' * 200_000},2\n")[0][1]["a"]) == 200_000
    assert csv.field_size_limit() == limit  # the whole process's


@pytest.mark.parametrize(
    ("text", "fields", "sentence"),
    [
        ("a,a\n1,2\n", {}, "two columns are called 'a'"),
        ("a,b\n1,2\n", {"header": ("a", "b")}, "Leave out header"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(read, text, fields, sentence):
    with pytest.raises(DataError, match=sentence):
        read("t.csv", text, **fields)


def test_the_same_bytes_in_another_format_are_another_table(tmp_path):
    for name in ("t.csv", "t.tsv"):
        (tmp_path / name).write_text("a,b\tc\n", encoding="utf-8")
    first, second = (table_identity(TableSource(path=tmp_path / n)) for n in ("t.csv", "t.tsv"))
    assert first != second


# A cell with line breaks may look like records of its own; then a person could not tell either.
cells = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6))
def test_what_pythons_own_writer_wrote_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("written") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    assert [cells for _, cells in tables._records(path, ",", None)] == [list(row) for row in rows]


def test_a_data_set_of_the_hub_is_read_at_a_commit(monkeypatch):
    import datasets

    calls = []

    def load_dataset(*args, **kwargs):
        calls.append((args, kwargs))
        return datasets.Dataset.from_dict({"question": ["一", "二"]})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(hub, "resolve_commit", lambda *_: COMMIT)
    source = TableSource(dataset="a/b", name="yue", split="dev")
    assert list(read_table(source)) == [
        Row("a/b, row 0", {"question": "一"}),
        Row("a/b, row 1", {"question": "二"}),
    ]
    assert calls == [(("a/b", "yue"), {"split": "dev", "revision": COMMIT})]
    assert table_identity(source) == f"a/b@{COMMIT}"


def test_a_complaint_is_a_line():
    assert str(RowError("b.csv, line 3", "is wrong.")) == "b.csv, line 3: is wrong."
