"""A message as JSON holds it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class StoredMessage(BaseModel):
    """A text for people, kept as what it is put together from.

    Attributes:
        template: in English, with the names of its values in braces; without values it is the text
            as it is.
        values: by name; some are put together likewise.
    """

    template: str
    values: dict[str, str | StoredMessage]

    @classmethod
    def of(cls, message: Any) -> StoredMessage:
        """A `Message`, which a record holds so."""
        inner = {
            name: cls.of(each) if hasattr(each, "template") else each
            for name, each in message.values.items()
        }
        return cls(template=message.template, values=inner)
