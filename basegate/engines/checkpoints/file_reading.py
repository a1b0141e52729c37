"""A checkpoint's files as their writers meant them, and errors that name what is wrong with one."""

from __future__ import annotations

import codecs
import json
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from basegate.data.text_files import is_pointer
from basegate.engines.checkpoints.other_formats import really
from basegate.errors import CandidateError

_DEEPEST = 64
"""Tables within tables; real configs have three."""
_WHOLE = re.compile(
    r"num_\w+|(\w+_)?(size|length|positions|embeddings|layers?|heads?|experts|dim|window|tok|ids?|ctx|embd"
    r"|rank|groups?|replace|step|interval|kernel|conv|state|inner|model|index|tp|topk|k"
    r"|expand|section|scalar|per_\w+|d_\w+)"
)
"""Keys of whole numbers, which some programs write as floats (512.0) or as text."""
_NUMBER = re.compile(r"(\w+_)?(eps|epsilon|theta|factor|range)")
"""Keys of other numbers; YAML, for one, makes text of 1e-6."""
_NUMERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_FLOAT = re.compile(r"b?float\d\w*")
_MENDED = ("config.json", "tokenizer_config.json", "special_tokens_map.json")
_READ = re.compile(
    r"(\w*config|[\w.]+\.index|tokenizer|special_tokens_map|added_tokens|vocab)\.json"
)
"""Of a folder's JSON, what a checkpoint is read from; results, notes and the like lie beside it."""


def check_file(path: Path) -> None:
    """Refuse a file that may not be read, is a pointer of Git LFS, or is JSON in UTF-16."""
    try:
        with path.open("rb") as file:
            start = file.read(99)
    except OSError as error:
        raise unreadable(path, error) from None
    if is_pointer(start.decode("utf-8", errors="replace")):
        raise CandidateError(
            f"{path} is a pointer of Git LFS, not the file itself. Run `git lfs pull` in the "
            "repository, or fetch it with `hf download`."
        )
    encoding = json.detect_encoding(start).upper().replace("-LE", "LE").replace("-BE", "BE")
    if _READ.fullmatch(path.name) and not encoding.startswith("UTF-8"):
        raise CandidateError(
            f"{path} is in {encoding}, and every program reads a checkpoint's JSON as UTF-8. Save "
            f'it so (`iconv -f {encoding} -t UTF-8`; on Windows as "UTF-8", not "Unicode").'
        )


def unreadable(path: Path, error: OSError) -> CandidateError:
    what = f" cannot be read: {error.strerror or error}"
    if not isinstance(error, PermissionError):
        return damaged(path, what)
    return CandidateError(
        f"{path}{what}. Run as the user who owns it, or let its owner allow it (`chmod a+rX "
        f"{path}`; the folders above need a+x)."
    )


def damaged(place: Path, what: str) -> CandidateError:
    """The error of a file or folder that only another copy can mend."""
    return CandidateError(f"{place}{what}. Fetch the checkpoint again.")


def read_json(path: Path) -> dict[str, Any]:
    """The table in a JSON file.

    Raises:
        CandidateError: it cannot be read, is no JSON, or is nested too deeply.
    """
    try:
        # A byte order mark may stand before it.
        found = _as_meant(json.loads(path.read_bytes()), "")
    except OSError as error:
        raise unreadable(path, error) from None
    except RecursionError:
        raise damaged(
            path, f" is nested deeper than {_DEEPEST} levels, which no checkpoint's is"
        ) from None
    except ValueError as error:
        sign = f": it{really(path)}" if really(path) else ""
        raise CandidateError(
            f"{path} is not valid JSON ({error}){sign}. Correct it where it was edited by hand, "
            "or fetch it again."
        ) from None
    if not isinstance(found, dict):
        raise damaged(path, " should hold a table ({...}) and holds none")
    return found


def _as_meant(value: Any, key: str, depth: int = 0) -> Any:
    """A value in which numbers that were written as text, or whole ones as floats, are numbers.

    Left out are the name of a dtype that torch does not have, which nobody asks for, and a special
    token that is empty: transformers would look for it for ever.

    Raises:
        RecursionError: it is nested too deeply.
    """
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, dict):
        return {
            name: _as_meant(each, name, depth + 1)
            for name, each in value.items()
            if not (name.endswith("dtype") and isinstance(each, str) and not _FLOAT.fullmatch(each))
            and not (name.endswith("_token") and _content(each) == "")
        }
    if isinstance(value, list):
        return [_as_meant(each, key, depth + 1) for each in value]
    if isinstance(value, str) and _kind(key) and _NUMERAL.fullmatch(value):
        value = float(value)
    whole = isinstance(value, float) and value.is_integer() and _kind(key) is int
    return int(value) if whole else value


def _content(token: Any) -> Any:
    """The text of a token, which may be written as a table with its flags."""
    return token.get("content") if isinstance(token, dict) else token


@cache
def _kind(key: str) -> type[int | float] | None:
    """Of which kind numbers under a key are, if the key is known for numbers."""
    if _WHOLE.fullmatch(key):
        return int
    return float if _NUMBER.fullmatch(key) else None


@contextmanager
def readable(folder: Path, without: Collection[str] = ()) -> Iterator[Path]:
    """A checkpoint's folder as transformers can read its small files, without some of its files.

    Where one begins with a byte order mark, says what `_as_meant` reads otherwise, or is an index
    without metadata, it is a folder of links with mended copies, which lasts as long as the
    context.
    """
    mended = {
        path.name: text for path in folder.glob("*.json") if (text := _mended(path)) is not None
    }
    held = {path.name: path for path in folder.iterdir()}
    if not (mended or held.keys() & {*without}):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="basegate-") as made:
        for name in held.keys() - {*without}:
            place = Path(made, name)
            if name in mended:
                place.write_bytes(mended[name])
            else:
                place.symlink_to(held[name].resolve())
        yield Path(made)


def _mended(path: Path) -> bytes | None:
    """What a file should hold, if that is not what it holds."""
    with path.open("rb") as file:
        marked = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
    index = path.name.endswith(".index.json")
    if path.name not in _MENDED and not index:
        return path.read_bytes().removeprefix(codecs.BOM_UTF8) if marked else None
    table = read_json(path)
    if index:
        table.setdefault("metadata", {})  # which transformers asks for and does not use
    text = json.dumps(table)
    same = not marked and json.dumps(json.loads(path.read_bytes())) == text
    return None if same else text.encode()


def within(value: Any) -> Iterator[tuple[int, Any]]:
    """A value and all that is within it, each with its depth."""
    waiting = [(0, value)]
    while waiting:
        depth, each = waiting.pop()
        yield depth, each
        if isinstance(each, dict | list):
            parts = each.values() if isinstance(each, dict) else each
            waiting.extend((depth + 1, part) for part in parts)


def items(table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every key and value of a table and of those within it."""
    for _, each in within(table):
        if isinstance(each, dict):
            yield from each.items()
