"""Read TOML; errors name the file, the key and what is accepted."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from basegate.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

NUMBER, RELATIVE = "[number]", "[relative]"
"""In pydantic's locations: the forms that a limit may have."""
_FORMS = ("[key]", NUMBER, RELATIVE)

_ACCEPTED = {
    "missing": "it is missing",
    "float_type": "accepted: a number",
    "float_parsing": "accepted: a number",
    "int_type": "accepted: a whole number",
    "int_parsing": "accepted: a whole number",
    "int_from_float": "accepted: a whole number",
    "string_type": 'accepted: a text in quotes, such as "text"',
    "bool_type": "accepted: true or false",
    "finite_number": "accepted: a finite number",
    "model_type": "accepted: a table",
    "dict_type": "accepted: a table",
    "too_short": "accepted: a table with at least one entry",
    # The only pattern in these files is that of names.
    "string_pattern_mismatch": (
        "accepted: a name made of letters (A to Z, a to z), digits, '.', '_' and '-', a letter or "
        "digit first"
    ),
}

_BOUNDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than": lambda given: f"accepted: greater than {given['gt']}",
    "greater_than_equal": lambda given: f"accepted: greater than or equal to {given['ge']}",
    "less_than_equal": lambda given: f"accepted: less than or equal to {given['le']}",
}


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
        known = _keys_at(model, location[:-1])
        hint = did_you_mean(str(location[-1]), known)
        return f"{key}: unknown key.{hint} Accepted here: {', '.join(known)}."
    if kind == "missing":
        return f"{key}: this key is missing."
    given = _shown(detail["input"])
    if kind == "value_error":
        return f"{key}: {detail['ctx']['error']}"
    accepted = _ACCEPTED.get(kind) or _accepted(detail)
    form = ""
    if NUMBER in detail["loc"] and kind == "float_type":
        form = ' Or { reference = "NAME", plus = 0.2 }.'
    return f"{key} = {given}: {accepted}.{form}"


def _accepted(detail: ErrorDetails) -> str:
    given = detail.get("ctx", {})
    if detail["type"] in _BOUNDS:
        return _BOUNDS[detail["type"]]({name: f"{each:g}" for name, each in given.items()})
    what = given.get("expected") or detail["msg"].removeprefix("Input should be ")
    *first, last = what.rsplit(" or ", 1)
    return f"accepted: {' or '.join([*first, last])}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    current: type[BaseModel] | None = model
    steps = list(location)
    while steps and current is not None:
        field = current.model_fields.get(str(steps.pop(0)))
        if field is None:
            return []
        current = _model_in(field.annotation)
        if steps and current is not None and _is_mapping(field.annotation):
            steps.pop(0)
    return sorted(current.model_fields) if current is not None else []


def _is_mapping(annotation: Any) -> bool:
    origins = (annotation, *get_args(annotation))
    return any(getattr(each, "__origin__", None) is dict for each in origins)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
