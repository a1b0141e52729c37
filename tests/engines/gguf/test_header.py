"""Headers of GGUF files: read without a library, and refused in a sentence where damaged."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from basegate.config.gguf_source import in_repository, is_gguf, part_names
from basegate.engines.gguf.header import read_header
from basegate.engines.gguf.weights import check_whole
from basegate.errors import CandidateError
from tests.helpers.gguf_files import gguf, write_gguf


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "m.gguf"
    write_gguf(path)
    return path


def refused(path):
    with pytest.raises(CandidateError) as caught:
        check_whole(read_header(path))
    return str(caught.value)


def test_metadata_and_tensors_are_those_that_the_package_reads(whole):
    header, reader = read_header(whole, arrays=True), gguf.GGUFReader(whole)
    for name, value in header.metadata.items():
        expected = reader.get_field(name).contents()
        assert value == pytest.approx(expected) if isinstance(value, float) else value == expected
    assert len(header.metadata) + 3 == len(reader.fields)  # which counts the three of the preamble
    found = [(each.name, each.shape, each.kind, each.offset) for each in header.tensors]
    assert found == [
        (each.name, tuple(each.shape.tolist()[::-1]), each.tensor_type, each.data_offset)
        for each in reader.tensors
    ]


def test_a_file_that_is_cut_short_is_refused_wherever_it_ends(whole, tmp_path):
    data = whole.read_bytes()
    ends = {0, 3, 4, 10, 23, 24, 40, 500, 3000, len(data) // 2, len(data) - 1}
    for end in sorted(ends):
        path = tmp_path / "cut.gguf"
        path.write_bytes(data[:end])
        message = refused(path)
        assert "Fetch the checkpoint again." in message, (end, message)
        assert "cut short" in message or "no whole GGUF file" in message, (end, message)


def test_where_a_file_ends_is_named(whole, tmp_path):
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole.read_bytes()[:-1])
    last = read_header(whole).tensors[-1].name
    assert refused(path).startswith(f"{path} was cut short: it ends within {last}")
    path.write_bytes(whole.read_bytes()[:900])
    assert "it ends within its header" in refused(path)


def test_what_is_no_gguf_file_is_refused(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    assert "is no GGUF file: it does not begin with 'GGUF'" in refused(path)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "is a pointer of Git LFS" in refused(path)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 1, 0, 0))
    assert "is a GGUF file of version 1" in refused(path)
    path.write_bytes(b"GGUF" + struct.pack(">IQQ", 3, 0, 0))
    assert "of another byte order" in refused(path)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0))
    assert "does not say of what architecture it is" in refused(path)
    assert "lacks other.gguf" in refused(tmp_path / "other.gguf")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_of_a_header_ends_in_a_traceback(whole, tmp_path_factory, data):
    content = bytearray(whole.read_bytes()[:1500])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "m.gguf"
    path.write_bytes(bytes(content))
    assert refused(path)


def split(path, folder, parts=2):
    """Split a file as llama.cpp's `gguf-split` does: what the model is stands in the first part."""
    reader = gguf.GGUFReader(path)
    share = -(-len(reader.tensors) // parts)
    for part in range(parts):
        name = folder / f"m-{part + 1:05}-of-{parts:05}.gguf"
        writer = gguf.GGUFWriter(name, "llama")
        if part == 0:
            for field in list(reader.fields.values())[4:]:
                kind, *inner = field.types
                writer.add_key_value(field.name, field.contents(), kind, *inner)
        writer.add_uint16("split.no", part)
        writer.add_uint16("split.count", parts)
        writer.add_int32("split.tensors.count", len(reader.tensors))
        for tensor in reader.tensors[part * share : (part + 1) * share]:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def test_a_split_file_is_read_by_any_of_its_parts(whole, tmp_path):
    split(whole, tmp_path, 3)
    one = read_header(whole)
    for part in (1, 3):
        header = read_header(tmp_path / f"m-{part:05}-of-00003.gguf")
        assert [each.name for each in header.tensors] == [each.name for each in one.tensors]
        assert len(header.paths) == 3
        check_whole(header)
        given = {k: v for k, v in header.metadata.items() if not k.startswith("split.")}
        assert given == one.metadata


def test_missing_parts_are_named(whole, tmp_path):
    split(whole, tmp_path, 3)
    (tmp_path / "m-00002-of-00003.gguf").unlink()
    message = refused(tmp_path / "m-00001-of-00003.gguf")
    assert "lacks m-00002-of-00003.gguf. It is one of 3 parts of a model." in message
    (tmp_path / "m-00001-of-00003.gguf").rename(tmp_path / "alone.gguf")
    assert "is one of 3 parts of a model, and its name does not say which" in refused(
        tmp_path / "alone.gguf"
    )


def test_parts_of_other_models_are_refused(whole, tmp_path):
    split(whole, tmp_path, 2)
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(
        (tmp_path / "m-00001-of-00002.gguf").read_bytes()
    )
    assert "holds a second tensor" in refused(tmp_path / "m-00001-of-00002.gguf")


def test_names_of_sources(tmp_path):
    assert part_names("q4/m-00001-of-00002.gguf") == (
        "q4/m-00001-of-00002.gguf",
        "q4/m-00002-of-00002.gguf",
    )
    assert part_names("m-00001-of-00000.gguf") == ("m-00001-of-00000.gguf",)
    assert part_names("m.gguf") == ("m.gguf",)
    assert in_repository("owner/name") == ("owner/name", "")
    assert is_gguf("owner/name:q4/m.gguf")
    assert not is_gguf("owner/name-GGUF")
    (tmp_path / "folder.gguf").mkdir()
    assert not is_gguf(str(tmp_path / "folder.gguf"))
