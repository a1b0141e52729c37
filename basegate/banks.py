"""Banks of prompts, questions and problems: JSONL files to what a model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from basegate.corpora import read_jsonl
from basegate.errors import DataError
from basegate.fingerprint import hash_file

if TYPE_CHECKING:
    from pathlib import Path


class _Record(BaseModel):
    """A line of a bank. Further fields (topic, source, …) may stand beside these."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: Annotated[str, Field(min_length=1)]


class Prompt(_Record):
    """A text that ends in mid-sentence, for the model to go on with."""

    prompt: str


class Question(_Record):
    """A multiple-choice question.

    Attributes:
        context: a paragraph before the question; may be empty.
        question: the question itself.
        options: letter to text, in the order they are shown.
        answer: the right letter.
    """

    context: str = ""
    question: str
    options: dict[str, str]
    answer: str

    @model_validator(mode="after")
    def _answer_is_an_option(self) -> Question:
        if len(self.options) < 2:
            raise ValueError("a question needs at least two options")
        if self.answer not in self.options:
            raise ValueError(f"answer {self.answer!r} is none of {', '.join(self.options)}")
        return self

    @property
    def prompt(self) -> str:
        """The article's layout, ending where the model is to answer."""
        options = "\n".join(f"{letter}: {text}" for letter, text in self.options.items())
        parts = [self.context, self.question, options, "答案是：\n"]
        return "\n\n".join(part for part in parts if part)


class Problem(_Record):
    """A problem with a whole number as its answer; `prompt` ends where the model is to answer."""

    prompt: str
    answer: int


Record = TypeVar("Record", bound=_Record)


def bank_identity(path: Path) -> str:
    """Return what identifies a bank's content.

    Raises:
        DataError: there is no such file.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file. Check thresholds.toml.")
    return f"sha256:{hash_file(path)}"


def load_bank(path: Path, kind: type[Record]) -> tuple[Record, ...]:
    """Read a bank.

    Raises:
        DataError: it cannot be read, a record is malformed, an id stands twice, or it is empty.
    """
    records: dict[str, Record] = {}
    for number, fields in read_jsonl(path):
        try:
            record = kind.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise DataError(
                f"{path}, line {number}: {field + ': ' if field else ''}"
                f"{first['msg'].removeprefix('Value error, ')}. A record holds "
                f"{', '.join(kind.model_fields)}."
            ) from None
        if record.id in records:
            raise DataError(f"{path}, line {number}: the id {record.id!r} stands twice.")
        records[record.id] = record
    if not records:
        raise DataError(f"{path} is empty: there is nothing to ask.")
    return tuple(records.values())
