"""Read TOML; errors name the file, the key and what is accepted."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from basegate.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

NUMBER, RELATIVE = "[number]", "[relative]"
"""In pydantic's locations: the forms that a limit may have."""
_OF_FILES = ("path", "file")
_FORMS = ("[key]", NUMBER, RELATIVE)

_ACCEPTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "string_type": 'a text in quotes, such as "text"',
    "bool_type": "true or false",
    "finite_number": "a finite number",
    "model_type": "a table",
    "dict_type": "a table",
    "tuple_type": 'a list in brackets, such as ["text"]',
    "list_type": 'a list in brackets, such as ["text"]',
    "too_short": "a table with at least one entry",
    # The only pattern in these files is that of names.
    "string_pattern_mismatch": (
        "a name made of letters (A to Z, a to z), digits, '.', '_' and '-', a letter or digit first"
    ),
}
"""By pydantic's type of error; of others its message says what should be."""


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file; `UsageError` with the line if it cannot be read or parsed."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 (byte {error.start}). Save it as UTF-8.") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: is not valid TOML: {error}.{_stray(text, str(error))}") from None


def _stray(text: str, error: str) -> str:
    """A hint for non-ASCII punctuation: Chinese input methods give full-width signs and quotes."""
    found = re.search(r"at line (\d+), column (\d+)", error)
    lines = text.split("\n")
    if found is None or int(found[1]) > len(lines):
        return ""
    column = int(found[2])
    sign = lines[int(found[1]) - 1][column - 1 : column]
    if sign.isascii():
        return ""
    return (
        f" {sign!r} is not TOML: a name is made of A to Z, a to z, digits, '_' and '-', a text "
        "stands in straight quotation marks (\"), and TOML's own signs are the half-width ones."
    )


def explain(error: ValidationError, path: Path, model: type[BaseModel], where: str = "") -> str:
    """One line per problem; `where`: key of the validated table, if not the whole file."""
    return "\n".join(f"{path}: {_sentence(each, model, where)}" for each in error.errors())


def _sentence(detail: ErrorDetails, model: type[BaseModel], where: str) -> str:
    location = tuple(part for part in detail["loc"] if part not in _FORMS)
    key = ".".join([*([where] if where else []), *(str(part) for part in location)])
    kind = detail["type"]
    if kind == "extra_forbidden":
        table = _table_at(model, location[:-1])
        known = sorted(table.model_fields)
        files = getattr(table, "file_keys", ())
        hint = did_you_mean(str(location[-1]), known)
        if location[-1] in _OF_FILES and files:
            hint = f" Its file is given as {files[0]} = (a local file)."
        return f"{key}: unknown key.{hint} Accepted here: {', '.join(known)}."
    if kind == "missing":
        return f"{key}: this key is missing."
    given = _shown(detail["input"])
    if kind == "value_error":
        return f"{key}: {detail['ctx']['error']}"
    if kind == "too_short" and isinstance(detail["input"], list | tuple):
        kind = "list_type"
    accepted = _ACCEPTED.get(kind) or detail["msg"].removeprefix("Input should be ")
    form = ""
    if NUMBER in detail["loc"] and kind == "float_type":
        form = ' Or { reference = "NAME", plus = 0.2 }.'
    elif kind == "model_type" and location[-1] == "max_drop":
        form = ' Such as { reference = "NAME", by = 0.03 }.'
    return f"{key} = {given}: accepted: {accepted}.{form}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _table_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The table at a place; the names of items are no fields of their table."""
    for step in location:
        field = model.model_fields.get(str(step))
        model = (field and _model_in(field.annotation)) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
