"""Local copies of data sets of the hub are read as the hub's, in corpora and banks alike."""

from __future__ import annotations

import json
import os
import shutil

import pyarrow
import pyarrow.parquet
import pytest

import basegate.checks  # noqa: F401  declares what thresholds may ask for
from basegate.config.settings import CorpusSource, TableSource
from basegate.config.thresholds import load_thresholds
from basegate.data.banks import load_bank
from basegate.data.corpora import corpus_identity, load_corpus
from basegate.data.records import Question
from basegate.data.tables import table_identity
from basegate.errors import DataError, UsageError

ROWS = {
    "yue/train": ["訓練。"],
    "yue/test": ["香港。", "九龍。"],
    "zho/test": ["新界。"],
}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A data set of two configurations, as `hf download --local-dir` leaves it."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "copy"
    card = "---\nconfigs:\n"
    for name in ("yue", "zho"):
        card += f"- config_name: {name}\n  data_files:\n"
        for place, texts in ROWS.items():
            config, _, split = place.partition("/")
            if config == name:
                card += f"  - split: {split}\n    path: {place}.parquet\n"
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                questions = [json.dumps([text, "唔知"], ensure_ascii=False) for text in texts]
                table = {
                    "text": texts,
                    "question": [f"{text[:2]}？" for text in texts],
                    "options": [json.loads(each) for each in questions],
                    "answer": ["A"] * len(texts),
                }
                pyarrow.parquet.write_table(pyarrow.table(table), folder / f"{place}.parquet")
    (folder / "README.md").write_text(f"{card}---\n# A data set\n", encoding="utf-8")
    return folder


def test_a_corpus_is_the_split_that_was_asked_for(copy):
    source = CorpusSource(path=copy, format="dataset", name="yue")
    assert load_corpus(source).documents == ("香港。", "九龍。")
    other = source.model_copy(update={"name": "zho", "column": "question"})
    assert load_corpus(other).documents == ("新界？",)


def test_a_bank_is_the_split_that_was_asked_for(copy):
    source = TableSource(path=copy, format="dataset", name="yue")
    bank = load_bank(source, Question)
    assert [each.question for each in bank.records] == ["香港？", "九龍？"]


def test_its_identity_is_its_content_wherever_it_lies(copy, tmp_path):
    there = shutil.copytree(copy, tmp_path / "there")
    (there / ".cache" / "huggingface").mkdir(parents=True)
    (there / ".cache" / "huggingface" / "x.lock").touch()
    found = {corpus_identity(CorpusSource(path=at, format="dataset")) for at in (copy, there)}
    found |= {table_identity(TableSource(path=at, format="dataset")) for at in (copy, there)}
    assert len(found) == 1
    (there / "yue" / "test.parquet").unlink()
    assert corpus_identity(CorpusSource(path=there, format="dataset")) not in found


@pytest.mark.parametrize("told", ["README.md", ".cache"])
def test_a_copy_is_not_read_as_a_folder_of_texts(copy, told):
    if told == ".cache":
        (copy / "README.md").unlink()
        (copy / ".cache" / "huggingface").mkdir(parents=True)
    with pytest.raises(DataError, match=r'holds a data set, as the hub.* format = "dataset"'):
        load_corpus(CorpusSource(path=copy))
    with pytest.raises(DataError, match=r'is a folder.* format = "dataset"'):
        load_bank(TableSource(path=copy), Question)


def test_a_clone_is_no_folder_of_texts(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n", encoding="utf-8")
    attributes = b"# caf\xe9\n*.parquet filter=lfs diff=lfs merge=lfs -text\n"
    (tmp_path / ".gitattributes").write_bytes(attributes)
    with pytest.raises(DataError, match="holds a data set, as the hub has them"):
        load_corpus(CorpusSource(path=tmp_path))


def test_a_page_of_front_matter_alone_makes_no_copy(tmp_path):
    text = "---\ntitle: 一個\n---\nconfigs: none"
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert load_corpus(CorpusSource(path=tmp_path)).documents == ("configs: none",)


def test_what_changed_is_read_anew_whatever_its_time(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    path = tmp_path / "copy" / "test.jsonl"
    path.parent.mkdir()
    for text in ("甲", "乙"):
        path.write_text(json.dumps({"text": text}), encoding="utf-8")
        os.utime(path, (0, 0))  # as archives and cp -p leave it
        source = CorpusSource(path=path.parent, format="dataset")
        assert load_corpus(source).documents == (text,)


def test_a_split_that_is_not_there_is_refused(copy):
    with pytest.raises(DataError, match="split 'validation', could not be read"):
        load_corpus(CorpusSource(path=copy, format="dataset", name="yue", split="validation"))


def test_a_copy_of_several_configurations_lists_them(copy):
    with pytest.raises(DataError, match=r"several configurations: 'yue', 'zho'. Say with name"):
        load_corpus(CorpusSource(path=copy, format="dataset"))


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv", "txt"])
def test_pointers_of_git_lfs_in_a_copy_are_refused_as_that(tmp_path, monkeypatch, suffix):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    path = tmp_path / "copy" / f"test.{suffix}"
    path.parent.mkdir()
    path.write_text(POINTER, encoding="utf-8")
    with pytest.raises(DataError, match=r"copy: holds pointers of Git LFS.*`git lfs pull`"):
        load_corpus(CorpusSource(path=path.parent, format="dataset"))


def test_pointers_of_what_was_not_asked_for_do_not_matter(copy):
    (copy / "zho" / "test.parquet").write_text(POINTER, encoding="utf-8")
    source = CorpusSource(path=copy, format="dataset", name="yue")
    assert len(load_corpus(source).documents) == 2


@pytest.mark.parametrize(("name", "split"), [("bank", "train"), ("test", "test")])
def test_a_bank_of_parquet_is_read_as_the_error_says(copy, tmp_path, name, split):
    path = tmp_path / "alone" / f"{name}.parquet"
    path.parent.mkdir()
    shutil.copy(copy / "yue" / "test.parquet", path)
    with pytest.raises(
        DataError, match=r'a folder of its own.* format = "dataset" and split = "tr'
    ):
        load_bank(TableSource(path=path), Question)
    source = TableSource(path=path.parent, format="dataset", split=split)
    assert len(load_bank(source, Question).records) == 2


def test_a_bank_that_looks_like_a_hub_id_is_told_how_to_name_one(tmp_path):
    with pytest.raises(DataError, match='is meant, say dataset = "owner/bank"'):
        load_bank(TableSource(path=tmp_path / "owner" / "bank"), Question)


def test_a_copy_without_files_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no folder with the files of a data set"):
        corpus_identity(CorpusSource(path=tmp_path / "none", format="dataset"))


CORPUS = "[perplexity.corpora.c]\nmax_bits_per_char = 5.0\n"
BANK = "[knowledge.banks.b]\nmin_accuracy = 0.5\n"


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (f'{CORPUS}path = "c"\nsplit = "test"', "split"),
        (f'{CORPUS}path = "c"\nname = "yue"', "name"),
        (f'{CORPUS}path = "c"\nformat = "dataset"\nrevision = "main"', "revision"),
        (f'{CORPUS}dataset = "a/b"\nglob = "*"', "glob"),
        (f'{CORPUS}dataset = "a/b"\nformat = "text"', "format"),
        (f'{BANK}questions = "q.csv"\nsplit = "test"', "split"),
        (f'{BANK}dataset = "a/b"\nformat = "csv"', "format"),
        (f'{BANK}dataset = "a/b"\nheader = ["question", "answer"]', "header"),
    ],
)
def test_a_key_without_effect_is_refused(tmp_path, table, key):
    path = tmp_path / "t.toml"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(UsageError, match=f"{key} has no effect on a"):
        load_thresholds(path)
