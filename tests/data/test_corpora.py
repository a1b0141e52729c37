"""Corpora: local text, JSONL and parquet, and data sets of the hub."""

import gzip
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

import basegate.checks  # noqa: F401  declares perplexity
from basegate.config.settings import CorpusSource
from basegate.config.thresholds import load_thresholds
from basegate.data import hub as hub_module
from basegate.data.corpora import Corpus, corpus_identity, load_corpus
from basegate.errors import DataError
from tests.helpers.checkpoints import write_jsonl
from tests.helpers.paths import ROOT, SHARED

NTREX = SHARED / "data" / "public" / "ntrex"

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def load(path, **fields):
    return load_corpus(CorpusSource(path=path, **fields))


def refusal(path, **fields):
    with pytest.raises(DataError) as caught:
        load(path, **fields)
    return str(caught.value)


def write_parquet(path, **columns):
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def test_a_text_file_is_a_document(tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("第一段。\n\n第二段。\n", encoding="utf-8")
    assert load(path) == Corpus(("第一段。\n\n第二段。",), left_out=0)


def test_texts_of_records_are_the_same_however_they_were_saved(tmp_path):
    texts = ("一\r\n二\r三\n", "一\n二\n三", "\ufeff一\n二\n三")
    path = write_jsonl(tmp_path / "c.jsonl", *({"text": text} for text in texts))
    assert load(path).documents == ("一\n二\n三",) * 3


def test_a_folder_is_read_in_the_order_of_its_paths_and_other_files_are_left_alone(tmp_path):
    for name in ("b.txt", "a.md", "sub/c.txt", "image.png", "notes"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert load(tmp_path).documents == ("a.md", "b.txt", "sub/c.txt")


def test_the_glob_chooses_files_of_a_folder(tmp_path):
    for name in ("a.txt", "b.txt", "b.md"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert load(tmp_path, glob="b.*").documents == ("b.md", "b.txt")


def test_a_given_format_reads_files_of_any_suffix(tmp_path):
    (tmp_path / "corpus.dat").write_text('{"text": "一"}\n', encoding="utf-8")
    assert load(tmp_path, format="jsonl").documents == ("一",)
    assert load(tmp_path, format="text").documents == ('{"text": "一"}',)


def test_lines_of_jsonl_are_documents_and_blank_lines_are_none(tmp_path):
    path = tmp_path / "c.jsonl"
    # U+2028 ends a line for Python, but may stand in a JSON string.
    path.write_text('{"text": "一\u2028二"}\r\n\n  \n{"text": "三", "id": 7}', encoding="utf-8")
    assert load(path).documents == ("一\u2028二", "三")


def test_a_column_of_jsonl_is_chosen(tmp_path):
    path = write_jsonl(tmp_path / "c.jsonl", {"text": "no", "body": "yes"})
    assert load(path, column="body").documents == ("yes",)


def test_rows_of_parquet_are_documents(tmp_path):
    path = write_parquet(tmp_path / "c.parquet", text=["一", "二"], other=[1, 2])
    assert load(path).documents == ("一", "二")


def test_documents_are_nfc_and_blank_ones_are_left_out_and_counted(tmp_path):
    decomposed = unicodedata.normalize("NFD", "café")
    assert len(decomposed) == 5
    path = write_jsonl(
        tmp_path / "c.jsonl", {"text": decomposed}, {"text": " \n"}, {"text": ""}, {"text": "二"}
    )
    assert load(path) == Corpus(("café", "二"), left_out=2)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_corpus_without_text_is_refused(tmp_path, text):
    path = tmp_path / "c.txt"
    path.write_text(text, encoding="utf-8")
    assert refusal(path) == (
        f"{path} holds no text: all documents (there are 1) are empty. Check path, glob and "
        f"column in the thresholds file."
    )


def test_a_record_that_is_no_text_is_refused(tmp_path):
    path = write_jsonl(tmp_path / "c.jsonl", {"text": "H\0K\0"})
    assert "line 1: column 'text' holds a NUL character: it is no text" in refusal(path)


def test_hidden_and_system_files_and_packed_copies_are_no_documents(tmp_path):
    for name in (
        "a.txt",
        ".ipynb_checkpoints/a-checkpoint.txt",
        "._a.txt",
        "__MACOSX/a.txt",
        "sub/.b.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"a.txt"))
    found = load(tmp_path)
    assert found.documents == ("a.txt",)
    assert found.not_read == (
        "._a.txt",
        ".ipynb_checkpoints/a-checkpoint.txt",
        "__MACOSX/a.txt",
        "a.txt.gz",
        "sub/.b.txt",
    )
    alone = load(tmp_path, glob="*", format="text")
    assert (alone.documents, alone.not_read) == (("a.txt",), ("._a.txt", "a.txt.gz"))
    asked = load(tmp_path, glob=".ipynb_checkpoints/*")
    assert (asked.documents, asked.not_read) == ((".ipynb_checkpoints/a-checkpoint.txt",), ())


def test_links_to_folders_and_to_nothing_are_named(tmp_path):
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "a.txt").write_text("一", encoding="utf-8")
    (folder / "loop").symlink_to(folder)
    (folder / "gone.txt").symlink_to(tmp_path / "none.txt")
    (folder / "b.txt").symlink_to(folder / "a.txt")
    found = load(folder)
    assert (found.documents, found.not_read) == (("一", "一"), ("gone.txt", "loop"))


def test_a_path_that_does_not_exist_is_refused(tmp_path):
    assert refusal(tmp_path / "none") == (
        f"{tmp_path / 'none'}: there is no such file or folder. Check the thresholds file."
    )


def test_a_glob_that_matches_no_file_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    message = refusal(tmp_path, glob="*.jsonl")
    assert message.startswith(f"{tmp_path}: no file matches glob = '*.jsonl'")


@pytest.mark.parametrize("glob", ["", "/etc/*"])
def test_a_glob_that_is_none_is_refused(tmp_path, glob):
    assert "glob" in refusal(tmp_path, glob=glob)


@pytest.mark.parametrize(
    ("name", "fields", "sentence"),
    [
        ("a.txt", {"column": "body"}, "a.txt: column has no effect on text files"),
        (".", {"column": "body"}, "column has no effect on text files"),
        ("a.txt", {"glob": "*.txt"}, "a.txt: is a file, on which glob = '*.txt' has no effect."),
    ],
)
def test_a_key_without_effect_is_refused(tmp_path, name, fields, sentence):
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    assert sentence in refusal(tmp_path / name, **fields)


def test_a_suffix_that_says_nothing_is_refused(tmp_path):
    path = tmp_path / "c.dat"
    path.write_text("text", encoding="utf-8")
    assert refusal(path) == (
        f'{path}: its suffix does not tell what it holds. Say format = "text", "jsonl" or '
        f'"parquet" in the thresholds file.'
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"body": "x"}', "there is no column 'text'; there are 'body'. Set column in"),
        ('{"text": 5}', "column 'text' holds int, not text. Check column in the thresholds file."),
        ('{"text": null}', "column 'text' holds NoneType, not text."),
        ('["x"]', "is not a JSON object in braces."),
        ('{"text": ', "is not valid JSON ("),
    ],
    ids=["missing column", "number", "null", "array", "cut off"],
)
def test_a_broken_line_of_jsonl_is_refused_by_its_number(tmp_path, line, sentence):
    path = tmp_path / "c.jsonl"
    path.write_text('{"text": "fine"}\n\n' + line + "\n", encoding="utf-8")
    assert refusal(path).startswith(f"{path}, line 3: {sentence}")


def test_half_of_a_surrogate_pair_is_refused(tmp_path):
    # JSON can say it, UTF-8 cannot hold it: its bytes could not be counted.
    path = tmp_path / "c.jsonl"
    path.write_text('{"text": "\\ud800"}\n', encoding="ascii")
    assert refusal(path).startswith(f"{path}, line 1: ")


def test_a_missing_column_of_parquet_is_refused(tmp_path):
    path = write_parquet(tmp_path / "c.parquet", body=["x"], title=["y"])
    assert refusal(path) == (
        f"{path}: there is no column 'text'; there are 'body', 'title'. Set column in "
        f"the thresholds file."
    )


def test_a_row_of_parquet_without_text_is_refused_by_its_number(tmp_path):
    path = write_parquet(tmp_path / "c.parquet", text=["x", None])
    assert refusal(path).startswith(f"{path}, row 1: column 'text' holds NoneType, not text.")


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    path = tmp_path / "c.parquet"
    path.write_bytes(b"not parquet at all")
    assert refusal(path).startswith(f"{path}: is not a readable parquet file (")


def test_a_pointer_in_place_of_parquet_is_refused_as_that(tmp_path):
    path = tmp_path / "c.parquet"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    assert refusal(path) == f"{path}: is a pointer of Git LFS. Fetch the file with `git lfs pull`."


def test_a_path_that_looks_like_a_hub_id_is_told_how_to_name_one(tmp_path):
    hint = 'If a data set of the hub is meant, say dataset = "owner/set-v1.5" in its place.'
    assert refusal(tmp_path / "owner" / "set-v1.5").endswith(hint)
    assert "dataset" not in refusal(tmp_path / "owner" / "c.txt")
    assert "dataset = " not in refusal(tmp_path / "none")
    assert refusal(tmp_path / "owner" / "set-v1.5", format="dataset").endswith(hint)


def test_a_parquet_file_with_broken_pages_is_refused(tmp_path):
    path = write_parquet(tmp_path / "c.parquet", text=[f"text {row}" for row in range(1000)])
    data = bytearray(path.read_bytes())
    for place in range(4, 400):
        data[place] ^= 0xFF
    path.write_bytes(data)
    assert refusal(path).startswith(f"{path}: is not a readable parquet file (")


def test_the_identity_is_the_content_wherever_it_lies(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text("一", encoding="utf-8")
    here, there = (CorpusSource(path=tmp_path / folder) for folder in ("here", "there"))
    assert corpus_identity(here) == corpus_identity(there)
    (tmp_path / "there" / "a.txt").write_text("二", encoding="utf-8")
    assert corpus_identity(here) != corpus_identity(there)


def test_the_identity_changes_with_the_number_of_files(tmp_path):
    (tmp_path / "a.txt").write_text("一", encoding="utf-8")
    before = corpus_identity(CorpusSource(path=tmp_path))
    (tmp_path / "b.txt").write_text("", encoding="utf-8")
    assert corpus_identity(CorpusSource(path=tmp_path)) != before


def test_the_same_bytes_read_in_another_format_are_another_corpus(tmp_path):
    # The suffix says how to read them, so the documents differ.
    for name in ("c.txt", "c.jsonl"):
        (tmp_path / name).write_text('{"text": "一"}', encoding="utf-8")
    as_text, as_jsonl = (CorpusSource(path=tmp_path / name) for name in ("c.txt", "c.jsonl"))
    assert load_corpus(as_text) != load_corpus(as_jsonl)
    assert corpus_identity(as_text) != corpus_identity(as_jsonl)


def test_the_identity_of_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        corpus_identity(CorpusSource(path=tmp_path / "none"))


@pytest.fixture
def hub(monkeypatch):
    """Replace the hub by a table; return the calls that were made."""
    import datasets

    calls = []

    def load_dataset(*args, **kwargs):
        calls.append((args, kwargs))
        if kwargs["split"] == "missing":
            raise ValueError('Unknown split "missing". Should be one of ["test"].\nmore')
        return datasets.Dataset.from_dict({"text": ["一", "", "二"], "number": [1, 2, 3]})

    def resolve_commit(kind, repo_id, revision):
        calls.append((kind, repo_id, revision))
        return COMMIT

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(hub_module, "resolve_commit", resolve_commit)
    return calls


def test_a_data_set_of_the_hub_is_read_at_a_commit(hub):
    source = CorpusSource(dataset="a/b", name="yue", revision="main", split="test")
    assert load_corpus(source) == Corpus(("一", "二"), left_out=1)
    assert hub == [
        ("dataset", "a/b", "main"),
        (("a/b", "yue"), {"split": "test", "revision": COMMIT}),
    ]


def test_the_identity_of_a_data_set_is_its_commit_and_nothing_is_read(hub):
    assert corpus_identity(CorpusSource(dataset="a/b")) == f"a/b@{COMMIT}"
    assert hub == [("dataset", "a/b", None)]


def test_a_data_set_without_the_column_is_refused(hub):
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusSource(dataset="a/b", column="body"))
    assert str(caught.value) == (
        "a/b: there is no column 'body'; there are 'text', 'number'. Set column in the thresholds "
        "file."
    )


def test_a_column_of_a_data_set_that_is_no_text_is_refused(hub):
    with pytest.raises(DataError, match="a/b, row 0: column 'number' holds int, not text"):
        load_corpus(CorpusSource(dataset="a/b", column="number"))


def test_a_data_set_that_cannot_be_read_is_refused_in_one_line(hub):
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusSource(dataset="a/b", split="missing"))
    message = str(caught.value)
    assert message.startswith("the data set a/b, split 'missing', could not be read (ValueError: ")
    assert "\n" not in message


FRONT = "---\nid: speech-01\nregister: speech\ntitle: 一個：兩個\n---\n\n"


LISTS = "---\ntitle: 一個\ntags:\n  - 香港\n  - 生活\n\n# 未出版\n--- \n"


@pytest.mark.parametrize(
    "front",
    [
        FRONT,
        LISTS,
        '---\n{"title": "一個"}\n---\n\n',
        '---\n{\n  "title": [\n    "一個"\n  ]\n}\n---\n',
        "---\ntitle: 一個\n...\n\n",
        "---\ntags:\n- 香港\n- 生活\n---\n",
        "---\ndc:title: 香港\n  又: 九龍\n---\n",
        "---\n title: 香港\n author: 陳\n---\n",
        "---\ntitle: 香港: 一個城市\nsummary: |\n  長。\n\n  短。\n---\n",
        "---\ntitle: 香港\n九龍\n---\n",
        "---\ndate created: 2020\ndate modified: 2021\n---\n",
        "---\n---\n",
    ],
    ids=[
        *("keys", "lists", "json", "json-lines", "dots", "flat-list", "colons", "indented"),
        *("no-yaml", "anything", "phrases", "empty"),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_front_matter_is_no_text(tmp_path, front, ends):
    text = f"{front}香港。\n---\n九龍。\n".replace("\n", ends)
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load(tmp_path).documents == ("香港。\n---\n九龍。",)


def test_the_first_paragraph_keeps_its_indentation(tmp_path):
    (tmp_path / "a.md").write_text(f"{FRONT}　　香港。\n", encoding="utf-8")
    assert load(tmp_path).documents == ("　　香港。",)


@pytest.mark.parametrize(
    "text",
    [
        "---\n香港。",
        "香港。\n---\n九龍。\n---\n新界。",
        "----\n香港。\n----",
        "---\n\n第一回。\n\n---\n\n第二回。",
        "---\n# 第一章\n香港。\n---\n# 第二章",
        "---\nChapter 1: 開始\n第一章正文。\n---\nChapter 2: 中",
        "---\n- 你好呀。\n- 食咗飯未？\n---\n第二場。",
        "\n---\nA: 你好\nB: 你好\n---\n第二場。",
    ],
)
def test_what_only_looks_like_front_matter_is_text(tmp_path, text):
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    assert load(tmp_path).documents == (text,)


@pytest.fixture
def parallel(tmp_path):
    """Three Cantonese documents, one empty, and versions of two of them."""
    for folder, texts in {
        "yue": {"a": "我哋嘅。", "b": " ", "c/d": "佢哋嘅。"},
        "written": {"a": "我們的。", "c/d": "他們的。"},
    }.items():
        for name, text in texts.items():
            path = tmp_path / folder / f"{name}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(FRONT + text + "\n", encoding="utf-8")
    return CorpusSource(path=tmp_path / "yue", parallel=tmp_path / "written")


def test_versions_are_found_by_the_names_of_their_files(parallel):
    corpus = load_corpus(parallel)
    assert corpus.documents == ("我哋嘅。", "佢哋嘅。")
    assert corpus.parallel == {0: "我們的。", 1: "他們的。"}


@pytest.mark.parametrize("read", [corpus_identity, load_corpus])
def test_each_side_is_looked_through_once(parallel, monkeypatch, read):
    looked, glob = [], Path.glob
    monkeypatch.setattr(Path, "glob", lambda self, *of: looked.append(self) or glob(self, *of))
    read(parallel)
    assert looked == [parallel.path, parallel.parallel]


def test_a_version_of_nothing_is_refused(parallel):
    (parallel.parallel / "e.md").write_text("誰？", encoding="utf-8")
    with pytest.raises(DataError, match=r"e\.md: the document e\.md in .* is not there"):
        load_corpus(parallel)


def test_the_identity_of_a_parallel_corpus_covers_both_sides(parallel):
    before = corpus_identity(parallel)
    assert before != corpus_identity(parallel.model_copy(update={"parallel": None}))
    (parallel.parallel / "a.md").write_text("咱們的。", encoding="utf-8")
    assert corpus_identity(parallel) != before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: (s.parallel / "b.md").write_text("x", encoding="utf-8"), "b.md in .* is empty"),
        (lambda s: (s.parallel / "a.md").write_text(" ", encoding="utf-8"), "a.md: is empty, so"),
        (lambda s: (s.parallel / "a.jsonl").write_text("{}"), "is made of text files"),
        (lambda s: s.model_copy(update={"parallel": s.path / "c"}), "lie in each other"),
        (lambda s: s.model_copy(update={"parallel": s.path.with_name("no")}), "no: there is no"),
    ],
)
def test_two_sides_that_do_not_fit_are_refused(parallel, change, sentence):
    changed = change(parallel)
    source = changed if isinstance(changed, CorpusSource) else parallel
    with pytest.raises(DataError, match=sentence):
        load_corpus(source)


@pytest.mark.skipif(not NTREX.is_dir(), reason="needs NTREX, which is not part of the project")
def test_the_documented_commands_make_a_parallel_corpus_of_ntrex(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "thresholds.md").read_text(encoding="utf-8")
    [commands, table] = re.search(
        r"### .*NTREX\n.*?```bash\n(.*?)```.*?```toml\n(.*?)```", page, re.DOTALL
    ).groups()
    for file in NTREX.iterdir():
        shutil.copy(file, tmp_path)
    for _ in range(2):  # a second time does not double it
        subprocess.run(["bash", "-euc", commands], cwd=tmp_path, check=True)
    (tmp_path / "thresholds.toml").write_text(table, encoding="utf-8")
    [check] = load_thresholds(tmp_path / "thresholds.toml").checks
    corpus = load_corpus(check.settings.corpus)
    assert len(corpus.documents) == len(corpus.parallel) == 123
    lines = (NTREX / "newstest2019-ref.yue.txt").read_text(encoding="utf-8").splitlines()
    assert "\n".join(corpus.documents).count("\n") == len(lines) - 1
    assert not any("\r" in text for text in corpus.parallel.values())
