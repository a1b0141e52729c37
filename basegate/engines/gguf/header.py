"""What a GGUF file says of itself: its metadata, and where its tensors are.

Read here, since the readers of the packages gguf and transformers take seconds for a vocabulary of
262,144, and fail without a sentence on a file that was cut short. Imports no library but numpy.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3).
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from basegate.config.gguf_source import parts_of
from basegate.engines.checkpoints.file_reading import check_file, damaged, unreadable
from basegate.errors import CandidateError
from basegate.i18n.messages import joined

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
"""struct's letters for the types of numbers, by their number in the format."""
_LENGTH = struct.Struct("<Q")
_TEXT, _ARRAY = 8, 9
_ALIGNMENT = 32
_MOST_DIMENSIONS = 8


class Tensor(NamedTuple):
    """One tensor of a file."""

    name: str
    shape: tuple[int, ...]  # as torch writes it, rows first
    kind: int  # ggml's number of its type
    path: Path
    offset: int  # of its first byte in the file


class Header(NamedTuple):
    """A GGUF file, or all parts of a split one.

    `metadata` has `None` for an array, unless arrays were asked for.
    """

    paths: tuple[Path, ...]
    metadata: dict[str, Any]
    tensors: tuple[Tensor, ...]

    @property
    def architecture(self) -> str:
        return str(self.metadata["general.architecture"])


def read_header(path: Path, *, arrays: bool = False) -> Header:
    """Read a file's header, and those of its other parts where it is split.

    Raises:
        CandidateError: it is not there, no GGUF file, cut short, or a part is missing.
    """
    paths = parts_of(path)
    if missing := [each.name for each in paths if not each.is_file()]:
        others = f" It is one of {len(paths)} parts of a model." if len(paths) > 1 else ""
        raise CandidateError(
            f"{path.parent} lacks {joined(missing)}.{others} Put what is missing beside it."
        )
    metadata: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    for each in paths:
        more, found = _read(each, arrays)
        metadata = {**more, **metadata}  # what the first says of the model counts
        for tensor in found:
            if tensors.setdefault(tensor.name, tensor) is not tensor:
                raise damaged(each, f" holds a second tensor {tensor.name}")
    if not isinstance(metadata.get("general.architecture"), str):
        raise damaged(path, " does not say of what architecture it is (general.architecture)")
    _check_count(paths, metadata, len(tensors))
    return Header(paths, metadata, tuple(tensors.values()))


def _check_count(paths: tuple[Path, ...], metadata: dict[str, Any], held: int) -> None:
    """Refuse a part under a name that does not tell, and parts of different models."""
    parts = metadata.get("split.count", 0)
    if parts > 1 and parts != len(paths):
        raise CandidateError(
            f"{paths[0]} is one of {parts} parts of a model, and its name does not say which. Give "
            f"all parts the names that they were published under (NAME-00001-of-{parts:05}.gguf)."
        )
    if parts > 1 and (whole := metadata.get("split.tensors.count", held)) != held:
        raise damaged(paths[0], f" and its parts hold {held} tensors of {whole}")


def _read(path: Path, arrays: bool) -> tuple[dict[str, Any], list[Tensor]]:
    check_file(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Header(path, data).read(arrays)
    except OSError as error:
        raise unreadable(path, error) from None
    except ValueError as error:  # an empty file cannot be mapped; text that is no UTF-8
        raise damaged(path, f" is no whole GGUF file ({error})") from None


class _Header:
    """The bytes of a file, read from the front."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path, self._data, self._at = path, data, 0

    def read(self, arrays: bool) -> tuple[dict[str, Any], list[Tensor]]:
        if self._take(4) != _MAGIC:
            raise CandidateError(
                f"{self._path} is no GGUF file: it does not begin with {_MAGIC.decode()!r}. Give "
                "the file itself, as it was published."
            )
        version = self._number("I")
        if version not in _VERSIONS:
            raise CandidateError(
                f"{self._path} is a GGUF file of version {version}, or of a machine of another "
                f"byte order; versions {joined(map(str, _VERSIONS))}, little-endian, are read. "
                "Convert the model again with a newer llama.cpp."
            )
        count, pairs = self._number("Q"), self._number("Q")
        metadata = {}
        for _ in range(pairs):
            key = self._text()
            metadata[key] = self._value(self._number("I"), arrays)
        tensors = [self._tensor() for _ in range(count)]
        step = metadata.get("general.alignment", _ALIGNMENT)
        if not isinstance(step, int) or step < 1:
            raise damaged(self._path, f" has general.alignment {step}")
        start = -(-self._at // step) * step
        return metadata, [self._placed(each, start) for each in tensors]

    def _placed(self, tensor: Tensor, start: int) -> Tensor:
        placed = tensor._replace(offset=start + tensor.offset)
        if placed.offset > len(self._data):
            raise cut_short(self._path, f"{tensor.name} begins after its end")
        return placed

    def _tensor(self) -> Tensor:
        name, dimensions = self._text(), self._number("I")
        if dimensions > _MOST_DIMENSIONS:
            raise damaged(self._path, f": {name} has {dimensions} dimensions")
        shape = tuple(self._number("Q") for _ in range(dimensions))[::-1]
        return Tensor(name, shape, self._number("I"), self._path, self._number("Q"))

    def _value(self, kind: int, arrays: bool) -> Any:
        if kind == _TEXT:
            return self._text()
        if kind == _ARRAY:
            return self._array(self._number("I"), self._number("Q"), arrays)
        return self._number(self._type(kind))

    def _array(self, kind: int, count: int, keep: bool) -> list[Any] | None:
        if kind != _TEXT:
            type_ = np.dtype(f"<{self._type(kind)}")
            values = np.frombuffer(self._take(count * type_.itemsize), type_)
            return values.tolist() if keep else None
        if keep:
            return [self._text() for _ in range(count)]
        self._skip_texts(count)
        return None

    def _skip_texts(self, count: int) -> None:
        at, last = self._at, len(self._data) - _LENGTH.size
        for _ in range(count):
            if at > last:
                raise cut_short(self._path, "it ends within its header")
            at += _LENGTH.size + _LENGTH.unpack_from(self._data, at)[0]
        self._at = at

    def _type(self, kind: int) -> str:
        if kind not in _NUMBERS:
            raise damaged(self._path, f" holds a value of type {kind}, which GGUF does not have")
        return _NUMBERS[kind]

    def _text(self) -> str:
        return self._take(self._number("Q")).decode("utf-8")

    def _number(self, letter: str) -> Any:
        size = struct.calcsize(f"<{letter}")
        (value,) = struct.unpack(f"<{letter}", self._take(size))
        # The shortest number of this precision: 1e-06, not 9.99999997e-07.
        return float(str(np.float32(value))) if letter == "f" else value

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise cut_short(self._path, "it ends within its header")
        taken = self._data[self._at : end]
        self._at = end
        return taken


def cut_short(path: Path, how: str) -> CandidateError:
    return damaged(path, f" was cut short: {how}")
