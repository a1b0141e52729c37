"""Typed records, canonical JSON without NaN, digests, and files written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AllowInfNan,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
)
from pydantic_core import core_schema

from basegate.i18n.messages import Message


class Frozen(BaseModel):
    """An immutable record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _finite_or_none(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _finite_interval(value: Any) -> Any:
    if isinstance(value, (tuple, list)) and None in map(_finite_or_none, value):
        return None
    return value


class _OfPython:
    """Changes what Python gives before it is validated.

    JSON is left to pydantic, since its numbers are finite where it is valid: a store holds a
    hundred thousand, and a call for each takes a while.
    """

    def __init__(self, change: Callable[[Any], Any]) -> None:
        self._change = change

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        plain = handler(source)
        changed = core_schema.no_info_before_validator_function(self._change, plain)
        return core_schema.json_or_python_schema(json_schema=plain, python_schema=changed)


_Finite = Annotated[float, AllowInfNan(False)]

FiniteOrNone = Annotated[_Finite | None, _OfPython(_finite_or_none)]
"""A number that JSON can hold: NaN and infinities become `None`, which is judged `invalid`."""

Interval = Annotated[tuple[_Finite, _Finite] | None, _OfPython(_finite_interval)]
"""Lower and upper end; an interval with an end that is not finite is none."""


class StoredMessage(BaseModel):
    """A text for people, kept as what it is put together from.

    Attributes:
        template: in English, with the names of its values in braces; without values it is the text
            as it is.
        values: by name; some are put together likewise.
    """

    template: str
    values: dict[str, str | StoredMessage]


def _stored(message: Message) -> StoredMessage:
    inner = {
        name: _stored(each) if isinstance(each, Message) else each
        for name, each in message.values.items()
    }
    return StoredMessage(template=message.template, values=inner)


def _restored(value: Any) -> Message:
    if isinstance(value, str):
        return Message.of(value)
    stored = StoredMessage.model_validate(value)
    inner = {
        name: _restored(each) if isinstance(each, StoredMessage) else each
        for name, each in stored.values.items()
    }
    try:
        return Message(stored.template, **inner)
    except (KeyError, IndexError) as error:
        raise ValueError(f"a value is missing for {error} of {stored.template!r}") from None


MessageField = Annotated[
    Message, PlainValidator(_restored), PlainSerializer(_stored, when_used="json")
]
"""A message, which JSON holds as a `StoredMessage`; a plain text is one without values."""

_CANONICAL = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no white space; `ValueError` for NaN and infinities."""
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """SHA-256 of `canonical_json(value)`, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


_CHUNK = 2**20


def hash_file(path: Path, read: Callable[[int], None] = lambda amount: None) -> str:
    """SHA-256 of a file's bytes; `read` is told how many bytes more were read."""
    digest = hashlib.sha256()
    piece = memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as file:
        while amount := file.readinto(piece):
            digest.update(piece[:amount])
            read(amount)
    return digest.hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text to a temporary file beside `path`, then put it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files are readable by their owner alone, and stores are shared.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except BaseException:  # Ctrl-C, too, leaves no half of a file
        temporary.unlink(missing_ok=True)
        raise


def _flush_folder(folder: Path) -> None:
    """Let a new name outlive a loss of power, where folders can be flushed at all."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
