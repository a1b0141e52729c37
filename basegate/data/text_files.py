"""Local files of text: their format by suffix, their text as UTF-8, or what is wrong with it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from basegate.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SURROGATE = re.compile("[\ud800-\udfff]")


def format_of(path: Path, given: str | None, suffixes: Mapping[str, str]) -> str:
    """The format given, or the one that the file's suffix (in small letters) stands for.

    Raises:
        DataError: none was given and the suffix is none of these.
    """
    found = given or suffixes.get(path.suffix.lower())
    if found is None:
        *others, last = (f'"{name}"' for name in dict.fromkeys(suffixes.values()))
        raise DataError(
            f"{path}: its suffix does not tell what it holds. Say format = {', '.join(others)} or "
            f"{last} in the thresholds file."
        )
    return found


def has_lone_surrogate(text: str) -> bool:
    """Whether a text has an unpaired surrogate: JSON can say it, UTF-8 cannot hold it."""
    return _SURROGATE.search(text) is not None


def read_utf8(path: Path) -> str:
    """A file's text, in UTF-8 with or without a byte order mark.

    Raises:
        DataError: it cannot be read, or is not UTF-8; names the likely encoding.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file. Check the thresholds file.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not UTF-8 (byte {error.start} is 0x{data[error.start]:02X}){_advice(data)}"
        ) from None


def _advice(data: bytes) -> str:
    """The end of the sentence on a file in another encoding: the first that fits, what to do."""
    for encoding, label, name in (
        ("utf-16", "UTF-16", "UTF-16"),
        ("big5hkscs", "Big5", "BIG5-HKSCS"),
        ("gb18030", "GB 18030", "GB18030"),
    ):
        if encoding == "utf-16" and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        with suppress(UnicodeDecodeError):
            data.decode(encoding)
            return (
                f"; it may be {label}. Read wrongly it would measure noise: convert it with `iconv "
                f"-f {name} -t UTF-8` and run again."
            )
    return ". Read wrongly it would measure noise: save it as UTF-8 and run again."
