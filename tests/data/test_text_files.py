"""Files of text: UTF-8, or refused with what they may be."""

from __future__ import annotations

import gzip
import re

import pytest

from basegate.data.text_files import Row, read_jsonl, read_utf8
from basegate.errors import DataError


def refusal(path):
    with pytest.raises(DataError) as caught:
        read_utf8(path)
    return str(caught.value)


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "c.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "香港".encode())
    assert read_utf8(path) == "香港"


@pytest.mark.parametrize(
    ("encoding", "label", "iconv"),
    [
        ("big5hkscs", "it may be Big5", "iconv -f BIG5-HKSCS"),
        ("utf-16", "it may be UTF-16", "iconv -f UTF-16"),
        ("gb18030", "it may be GB 18030", "iconv -f GB18030"),
    ],
)
def test_a_file_in_another_encoding_is_refused_with_the_likely_one(
    tmp_path, encoding, label, iconv
):
    path = tmp_path / "c.txt"
    text = "我们都是香港人" if encoding == "gb18030" else "香港係我哋嘅屋企"
    path.write_bytes(text.encode(encoding))
    message = refusal(path)
    assert message.startswith(f"{path}: is not UTF-8 (byte 0 is 0x")
    assert label in message
    assert iconv in message


def test_a_file_of_noise_is_refused_without_a_guess(tmp_path):
    path = tmp_path / "c.txt"
    path.write_bytes(b"abc\xff\xff\xff")
    message = refusal(path)
    assert "is not UTF-8 (byte 3 is 0xFF)" in message
    assert "it may be" not in message


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("香港 HK\n".encode("utf-16-le"), "it may be UTF-16. .*iconv -f UTF-16LE -t UTF-8"),
        ("Hong Kong\n".encode("utf-16-le"), "is no text .byte 1 is NUL.; it may be UTF-16"),
        ("Hong Kong\n".encode("utf-16-be"), "is no text .byte 0 is NUL.; it may be UTF-16"),
        (b"Hong\0\0Kong", r"is no text \(byte 4 is NUL\)\. Read wrongly"),
        ("香港".encode("utf-32"), "it may be UTF-32. .*iconv -f UTF-32 -t UTF-8"),
        ("香\ud83d\ude00".encode("utf-8", "surrogatepass"), "it is CESU-8"),
        (b"%PDF-1.4\n%text", "is a PDF, not plain text"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "is a PDF, not plain text"),
        (b"{\\rtf1 text}", "is Rich Text Format"),
        (gzip.compress("香港".encode()), "it is compressed. Unpack it and run again"),
    ],
    ids=["utf-16", "little", "big", "binary", "utf-32", "cesu", "pdf", "pdf-binary", "rtf", "gzip"],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, data, sentence):
    path = tmp_path / "c.txt"
    path.write_bytes(data)
    assert re.search(sentence, refusal(path))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "is a pointer of Git",
        ),
        ("\n<!DOCTYPE html>\n<html>", "is a web page, saved in place of a file"),
    ],
)
def test_what_stands_in_for_a_file_is_refused(tmp_path, text, sentence):
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert sentence in refusal(tmp_path / "a.txt")


def test_read_jsonl_gives_numbers_as_an_editor_shows_them(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text('\n{"a": 1}\n\n{"a": 2}', encoding="utf-8")
    assert list(read_jsonl(path)) == [
        Row(f"{path}, line 2", {"a": 1}),
        Row(f"{path}, line 4", {"a": 2}),
    ]
