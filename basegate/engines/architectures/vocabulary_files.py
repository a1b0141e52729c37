"""Vocabularies in the formats of SentencePiece and tiktoken, read without their libraries.

A SentencePiece file is a protocol buffer: fields of a number, a kind and a value, one after the
other. Only the fields that decide how text becomes pieces are looked at.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any, AnyStr, NamedTuple

from basegate.errors import CandidateError

Value = int | bytes


class Kind(IntEnum):
    """What a piece is for, by the format's numbers."""

    ORDINARY = 1
    UNKNOWN = 2
    CONTROL = 3
    BYTE = 6


class Piece(NamedTuple):
    """An entry of the vocabulary; its id is its place."""

    text: str  # with `▁` for a space
    score: float  # of all merges, that into the piece with the highest score comes first
    kind: Kind


def read_pieces(path: Path) -> list[Piece]:
    """The vocabulary of a byte-pair model with byte fallback.

    Raises:
        CandidateError: there is no such file, it is damaged, or its text is prepared in another way
            than by a `▁` before it and for each of its spaces.
    """
    data = _contents(path)
    try:
        fields = list(_fields(data))
        pieces = [_piece(value) for number, value in fields if number == 1]
        # Of a field that stands there more than once the last one counts.
        training = _message(fields, 2)
        normalizing = _message(fields, 3)
    except (LookupError, TypeError, ValueError, struct.error):
        raise CandidateError(
            f"{path} is no SentencePiece model, or it is damaged. Fetch the checkpoint again; a "
            "newer kind of GLM has to be its converted checkpoint (its id ends in -hf)."
        ) from None
    _refuse_others(path, pieces, training, normalizing)
    return pieces


def _refuse_others(
    path: Path, pieces: list[Piece], training: dict[int, Value], normalizing: dict[int, Value]
) -> None:
    """Refuse what would be read as something else than SentencePiece reads it."""
    byte_pairs, whole = 2, {f"<0x{value:02X}>" for value in range(256)}
    bytes_ = {piece.text for piece in pieces if piece.kind is Kind.BYTE}
    spaces = [bool(normalizing.get(number, 1)) for number in (3, 4, 5)]
    problems = {
        "it is no byte-pair model": training.get(3, 1) != byte_pairs,
        "it has no bytes to fall back on": not training.get(35) or bytes_ != whole,
        "it writes spaces after words": training.get(24),
        "it rewrites characters": normalizing.get(2),
        "it treats spaces in another way": spaces != [True, False, True],
        "it holds a piece twice": len({piece.text for piece in pieces}) < len(pieces),
    }
    for problem in (text for text, is_so in problems.items() if is_so):
        raise CandidateError(
            f"{path}: {problem}, which is not supported: texts would get other tokens than the "
            "model was trained with. Choose the model's original tokenizer."
        )


def _piece(value: Value) -> Piece:
    held = dict(_fields(value))
    text, score, kind = held.get(1, b""), held.get(2, bytes(4)), held.get(3, 1)
    if not isinstance(text, bytes) or not isinstance(score, bytes):
        raise ValueError("a piece without text or score")
    (number,) = struct.unpack("<f", score)
    return Piece(text.decode("utf-8"), number, Kind(int(kind)))


def _message(fields: list[tuple[int, Value]], number: int) -> dict[int, Value]:
    return dict(_fields([value for key, value in fields if key == number][-1]))


def _fields(data: Value) -> Iterator[tuple[int, Value]]:
    """Every field of a message: its number, and its value as a number or as bytes."""
    if not isinstance(data, bytes):
        raise ValueError("a message was expected")
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value: Value
        if (kind := key & 7) == 0:
            value, at = _varint(data, at)
        else:
            length, at = _varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = data[at : at + length], at + length
        if at > len(data):
            raise ValueError("it ends in the middle of a field")
        yield key >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the low ones first, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def read_tiktoken(path: Path) -> dict[bytes, int]:
    """Every token with its id, which is also its rank."""
    lines = (line.split() for line in _contents(path).splitlines())
    try:
        ranks = {base64.b64decode(token, validate=True): int(rank) for token, rank in lines}
    except ValueError:  # of base64, too
        ranks = {}
    whole = sorted(ranks.values()) == list(range(len(ranks)))
    if not whole or not all(bytes([value]) in ranks for value in range(256)):
        raise CandidateError(
            f"{path} is damaged: it should hold a token and its number a line, without gaps, and "
            "every byte as a token. Fetch the checkpoint again."
        )
    return ranks


def _contents(path: Path) -> bytes:
    if not path.is_file():
        raise CandidateError(
            f"{path.parent} has no {path.name}, which holds the vocabulary of this kind of model. "
            "Fetch the checkpoint again."
        )
    return path.read_bytes()


def merges(ranks: Mapping[AnyStr, float]) -> list[tuple[AnyStr, AnyStr]]:
    """Every pair of tokens whose concatenation is a token, in order of merging.

    tiktoken and SentencePiece keep no list of merges: of all neighbours that together are a token
    they merge those with the best rank, the lowest number. Tokenizers want the list.
    """
    found = []
    for token, rank in ranks.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in ranks and right in ranks:
                found.append((rank, ranks[left], ranks[right], left, right))
    found.sort()
    return [(left, right) for *_, left, right in found]


def fast_tokenizer(built: Any, special: Sequence[str], **ends: str) -> Any:
    """A tokenizer of the library tokenizers as one of transformers; `ends`: `eos_token`, say."""
    from transformers import AddedToken, PreTrainedTokenizerFast

    built.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in special]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=built,
        split_special_tokens=True,
        clean_up_tokenization_spaces=False,
        **ends,
    )
