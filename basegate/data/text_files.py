"""Local files of text, whole or as JSON Lines: in UTF-8, or refused with what they may be.

A row that cannot be read is a `RowError`, so that one bad line does not lose a bank.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from basegate.errors import DataError

_SURROGATE = re.compile("[\ud800-\udfff]")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\3\4")
"""First bytes of gzip, bzip2, xz, zstd and zip."""
_LFS_POINTER = "version https://git-lfs.github.com/"
"""First words of what Git LFS leaves in place of a file that was not fetched."""
OF_LFS = "is a pointer of Git LFS. Fetch the file with `git lfs pull`."


@dataclass(frozen=True)
class Row:
    """A record and its place, e.g. `questions.csv, line 12`."""

    place: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class RowError:
    """A record that cannot be used: its place, and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


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


_QUOTES = (("「", "」"), ("『", "』"), ("“", "”"), ("《", "》"), ("〈", "〉"))


def has_open_quote(text: str) -> bool:
    """Whether a quotation mark of a text is not closed: it may have lost its end."""
    for opening, closing in _QUOTES:
        steps = ((char == opening) - (char == closing) for char in text)
        depths = list(accumulate(steps, initial=0))
        if depths[-1] or min(depths) < 0:
            return True
    marks = text.count('"')
    inches = sum(before.isdigit() and char == '"' for before, char in pairwise(text))
    return marks % 2 == 1 and (marks - inches) % 2 == 1


def read_utf8(path: Path) -> str:
    """A file's text, in UTF-8 with or without a byte order mark; its lines end with LF.

    Raises:
        DataError: it cannot be read, is not UTF-8, or no text; names the likely encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from None
    _refuse_stand_in(path, data[:99].decode("utf-8-sig", errors="replace").lstrip().lower())
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not UTF-8 (byte {error.start} is 0x{data[error.start]:02X}){_advice(data)}"
        ) from None
    if "\0" in text:
        raise DataError(f"{path}: is no text (byte {data.index(0)} is NUL){_advice(data)}")
    return with_lf(text)


def _refuse_stand_in(path: Path, start: str) -> None:
    """Refuse what downloads leave in place of a file: noise, measured as its text."""
    if is_pointer(start):
        raise DataError(f"{path}: {OF_LFS}")
    for sign, kind in (
        ("%pdf-", "a PDF"),
        ("{\\rtf", "Rich Text Format, as word processors save it"),
    ):
        if start.startswith(sign):
            raise DataError(f"{path}: is {kind}, not plain text. Save its text as .txt in UTF-8.")
    if start.startswith(("<!doctype html", "<html")) and "htm" not in path.suffix.lower():
        raise DataError(
            f"{path}: is a web page, saved in place of a file. Fetch the file itself (on the hub: "
            "/resolve/ in its address, not /blob/); of a page that is meant, save the text as .txt."
        )


def is_pointer(start: str) -> bool:
    """Whether a file, or a record made of it, is what Git LFS leaves of one not fetched."""
    return start.startswith(_LFS_POINTER)


def is_pointer_file(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return is_pointer(file.read(99).decode("utf-8", errors="replace"))
    return False


def hub_hint(path: Path) -> str:
    """How to name a data set of the hub, if that may be meant by a path that is not there."""
    named = not path.suffix or path.suffix[1:].isdigit()
    owner, name = path.parts[-2:] if len(path.parts) > 3 else ("", "")
    if not (owner and named) or path.parent.exists() or not path.parent.parent.is_dir():
        return ""
    return f' If a data set of the hub is meant, say dataset = "{owner}/{name}" in its place.'


def with_lf(text: str) -> str:
    """A text whose lines end with LF, as models have met it, however an editor has ended them."""
    # Twice converted, a line ends with CR CR LF.
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")


def _advice(data: bytes) -> str:
    """The end of the sentence on a file in another encoding: the first that fits, what to do."""
    if data.startswith(_COMPRESSED):
        return "; it is compressed. Unpack it and run again."
    with suppress(UnicodeDecodeError):
        if b"\0" not in data and data.decode("utf-8", errors="surrogatepass"):
            return ": it is CESU-8, UTF-8 of UTF-16's surrogates. Save it as UTF-8 and run again."
    for encoding, label, name in (
        ("utf-32", "UTF-32", "UTF-32"),
        ("utf-16", "UTF-16", "UTF-16"),
        ("utf-16-le", "UTF-16", "UTF-16LE"),
        ("utf-16-be", "UTF-16", "UTF-16BE"),
        ("big5hkscs", "Big5", "BIG5-HKSCS"),
        ("gb18030", "GB 18030", "GB18030"),
    ):
        if (b"\0" in data or encoding.startswith("utf-")) and encoding != _wide(data):
            continue
        with suppress(UnicodeDecodeError):
            data.decode(encoding)
            return (
                f"; it may be {label}. Read wrongly it would measure noise: convert it with `iconv "
                f"-f {name} -t UTF-8` and run again."
            )
    return ". Read wrongly it would measure noise: save it as UTF-8 and run again."


def _wide(data: bytes) -> str | None:
    """The form of UTF-16 or 32 that bytes seem to be in: by their mark, or zeros on one side."""
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    first, second = (b"\0" in data[side::2] for side in (0, 1))
    return {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get((first, second))


def read_jsonl(path: Path) -> Iterator[Row | RowError]:
    """The record of every line that is not blank.

    Raises:
        DataError: the file cannot be read as text.
    """
    # Not splitlines(): a JSON string may hold U+2028.
    for number, line in enumerate(read_utf8(path).split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            record = parsed(line)
        except ValueError as error:
            yield RowError(place, f"is not valid JSON ({error}).")
            continue
        yield as_row(place, record)


def parsed(text: str) -> Any:
    """A text of JSON; `ValueError` where it is none, or an object says one key twice."""
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        doubled = next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at]))
        raise ValueError(f"{doubled!r} stands twice in an object")
    return found


def as_row(place: str, record: Any) -> Row | RowError:
    if isinstance(record, dict):
        return Row(place, record)
    return RowError(place, "is not a JSON object in braces.")
