"""The JSON Schema of the ledger, made from the types that write it and from their docstrings."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from basegate.ledger import Ledger

_NAME = re.compile(r"(\w+): (.*)")


def ledger_schema() -> str:
    """The schema of what `Ledger.to_json` writes, as JSON text (draft 2020-12)."""
    found = Ledger.model_json_schema(mode="serialization", schema_generator=_Described)
    found["title"] = "Ledger of basegate"
    return json.dumps({"$schema": _Described.schema_dialect, **found}, ensure_ascii=False, indent=1)


class _Described(GenerateJsonSchema):
    """Describes every key as the docstring of its type does; all keys are always written."""

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        return self._described(super().model_schema(schema), schema)

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        return self._described(super().dataclass_schema(schema), schema)

    def _described(self, found: JsonSchemaValue, schema: Any) -> JsonSchemaValue:
        found["description"], attributes = described(schema["cls"])
        for name, text in attributes.items():
            if name in found["properties"]:
                found["properties"][name]["description"] = text.replace("`None`", "`null`")
        return found

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_is_required(self, field: Any, total: bool) -> bool:
        return True

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def described(model: type) -> tuple[str, dict[str, str]]:
    """A type's summary line and the texts of its attributes, inherited ones included."""
    attributes: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if "__doc__" in vars(each) and each.__doc__:
            attributes |= _attributes(inspect.cleandoc(each.__doc__))
    return inspect.cleandoc(model.__doc__ or "").partition("\n")[0], attributes


def _attributes(text: str) -> dict[str, str]:
    """The texts below `Attributes:`, each on one line."""
    found: dict[str, str] = {}
    for line in text.partition("\nAttributes:\n")[2].splitlines():
        if named := _NAME.fullmatch(line.removeprefix("    ")):
            found[name := named[1]] = named[2]
        elif line.strip() and found:
            found[name] += f" {line.strip()}"
    return found
