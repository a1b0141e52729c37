"""Which files of a folder are documents, and that they give one number however they are saved."""

from __future__ import annotations

import gzip
import json
import unicodedata

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from basegate.checks.early_stopping import MeasureTask
from basegate.checks.perplexity import PerplexitySettings, measure
from basegate.config.settings import CorpusSource
from basegate.data.corpora import load_corpus
from basegate.engines.protocol import TokenScores
from basegate.errors import DataError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))
FRONT = "---\ntítulo: 日記\n---\n"


def load(path, **fields):
    return load_corpus(CorpusSource(path=path, **fields))


def refusal(path, **fields):
    with pytest.raises(DataError) as caught:
        load(path, **fields)
    return str(caught.value)


class ByCharacter:
    """An engine that makes a token of every character, each with a score of its own."""

    prefix = "<s>"

    def log_likelihoods(self, texts, *, window, context, progress):
        return [TokenScores(-np.array([1.0 + ord(char) % 7 for char in text]), None)
                for text in texts]  # fmt: skip


def bits_per_char(path):
    source = CorpusSource(path=path)
    asked = MeasureTask(
        load_corpus(source), PerplexitySettings(corpus=source, window=64, context=16)
    )
    [value] = [
        each.value for each in measure(ByCharacter(), asked).metrics if each.name == "bits_per_char"
    ]
    return value


@given(
    front=st.sampled_from(["", FRONT]),
    text=TEXT,
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    ends=st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]),
    form=st.sampled_from(["NFC", "NFD"]),
    last=st.sampled_from(["", "\n", "\n\n"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_text_has_the_same_bits_per_character_however_it_was_saved(
    tmp_path, front, text, mark, ends, form, last
):
    plain, saved = tmp_path / "plain.txt", tmp_path / "saved.txt"
    plain.write_bytes(f"香港{text}".encode())
    changed = unicodedata.normalize(form, f"香港{text}{last}").replace("\n", ends)
    begun = unicodedata.normalize(form, front).replace("\n", ends)
    saved.write_bytes(mark + begun.encode() + changed.encode())
    assert bits_per_char(saved) == bits_per_char(plain)
    (tmp_path / "saved.jsonl").write_bytes(mark + json.dumps({"text": changed}).encode())
    assert bits_per_char(tmp_path / "saved.jsonl") == bits_per_char(plain)


@pytest.mark.parametrize(
    "name",
    ["@eaDir/b.txt", "$RECYCLE.BIN/b.txt", "lost+found/b.txt", "node_modules/b.md", "z.txt.gz"],
)
def test_what_systems_and_tools_leave_is_no_document(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("乙", encoding="utf-8")
    (tmp_path / "a.txt").write_text("甲", encoding="utf-8")
    found = load(tmp_path)
    assert (found.documents, found.not_read) == (("甲",), (name,))


def test_copies_that_editors_leave_are_no_documents(tmp_path):
    for name in ("a.txt", "a.txt~", "#a.txt#"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    found = load(tmp_path, format="text")
    assert (found.documents, found.not_read) == (("a.txt",), ("#a.txt#", "a.txt~"))


def test_packed_files_alone_are_refused(tmp_path):
    path = tmp_path / "a.TXT.GZ"
    path.write_bytes(gzip.compress("甲".encode()))
    assert "holds packed files only (a.TXT.GZ). Unpack them." in refusal(tmp_path)
    assert "a.TXT.GZ: is packed. Unpack it, and give what comes out as path." in refusal(path)


@pytest.mark.parametrize(
    "names",
    [
        ("train.jsonl", "test.jsonl"),
        ("data/train-00000-of-00001.jsonl", "data/test-00000-of-00001.jsonl"),
        ("yue/validation.jsonl", "yue/test.jsonl"),
        ("train/0.jsonl", "dev/0.jsonl"),
        ("train.txt", "test.txt"),
        ("yue_train.jsonl", "yue_test.jsonl"),
        ("Train.jsonl", "Test.jsonl"),
        ("data/training.jsonl", "data/testing.jsonl"),
        ("train.jsonl", "eval.jsonl"),
        ("README.md", "a.jsonl"),
    ],
)
def test_splits_and_cards_are_not_read_together(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('{"text": "甲"}', encoding="utf-8")
    assert "holds a data set, as the hub has them" in refusal(tmp_path)
    last = load(tmp_path, glob=f"**/{names[1]}")
    assert len(last.documents) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("train-station.md", "test-kitchen.md"),
        ("dev.txt", "validation.txt"),
        ("README.md", "a.txt"),
        ("trains.jsonl", "tests.jsonl"),
        ("training_of_dogs.txt", "latest.txt"),
        ("retest.jsonl", "devil.jsonl"),
    ],
)
def test_names_that_say_nothing_of_splits_are_documents(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text('{"text": "甲"}', encoding="utf-8")
    assert len(load(tmp_path).documents) == 2


def test_a_text_between_dashes_is_named(tmp_path):
    long = "\n".join(["---", *["甲: 今日落雨。"] * 20, "---", "完"])
    short = FRONT + "今日落雨。\n" * 20
    for side, texts in {"one": (long, short), "other": (short, long)}.items():
        (tmp_path / side).mkdir()
        for name, text in zip(("a.txt", "b.txt"), texts, strict=True):
            (tmp_path / side / name).write_text(text, encoding="utf-8")
    assert load(tmp_path / "one").mostly_skipped == ("a.txt",)
    both = load(tmp_path / "one", parallel=tmp_path / "other")
    assert both.mostly_skipped == ("a.txt", "b.txt")


def test_a_dot_in_a_pattern_asks_for_no_hidden_files(tmp_path):
    for name in ("a.txt", "._a.txt", ".hidden/b.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert load(tmp_path, glob="./**/*.txt").documents == ("a.txt",)
    assert load(tmp_path, glob=".hidden/*.txt").documents == (".hidden/b.txt",)


def test_a_pattern_of_ones_own_takes_texts_of_any_folders(tmp_path):
    for name in ("dev/a.txt", "test/b.txt", "dev/a.jsonl", "test/b.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('{"text": "甲"}', encoding="utf-8")
    assert len(load(tmp_path, glob="*/*.txt").documents) == 2
    assert "holds a data set" in refusal(tmp_path, glob="*/*.jsonl")


def test_a_card_beside_tables_that_are_not_read_is_no_corpus(tmp_path):
    (tmp_path / "README.md").write_text("甲", encoding="utf-8")
    assert load(tmp_path).documents == ("甲",)
    (tmp_path / "a.csv").write_text("text\n乙\n", encoding="utf-8")
    assert "holds a data set" in refusal(tmp_path)
    (tmp_path / "b.txt").write_text("丙", encoding="utf-8")
    assert len(load(tmp_path).documents) == 2


def test_logs_beside_a_page_are_texts_if_they_are_called_so(tmp_path):
    for name in ("README.md", "a.log"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert len(load(tmp_path, format="text").documents) == 2
