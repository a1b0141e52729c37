"""Text files as UTF-8, or an error that tells which encoding they may be in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def read_utf8(path: Path) -> str:
    """Return a file's text.

    Raises:
        DataError: it cannot be read, or is not UTF-8, with the likely encoding.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file. Check thresholds.toml.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not UTF-8 (byte {error.start} is 0x{data[error.start]:02X}){_advice(data)}"
        ) from None


def _advice(data: bytes) -> str:
    """Return the end of the sentence on a file in another encoding: which, and what to do."""
    noise = "Read wrongly it would measure noise"
    found = _likely_encoding(data)
    if found is None:
        return f". {noise}: save it as UTF-8 and run again."
    label, name = found
    return (
        f"; it may be {label}. {noise}: convert it with `iconv -f {name} -t UTF-8` and run again."
    )


def _likely_encoding(data: bytes) -> tuple[str, str] | None:
    """Return the first encoding that fits, as people and as iconv call it."""
    for encoding, label, name in (
        ("utf-16", "UTF-16", "UTF-16"),
        ("big5hkscs", "Big5", "BIG5-HKSCS"),
        ("gb18030", "GB 18030", "GB18030"),
    ):
        if encoding == "utf-16" and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return label, name
    return None
