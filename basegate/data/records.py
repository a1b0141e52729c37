"""Records of banks: what is asked, checked one by one when it is read."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from basegate.data.plain_text import form
from basegate.data.text_files import has_lone_surrogate, has_open_quote

_NO_OPTION = frozenset({"nan", "NaN", "<NA>", "#N/A", "\\N"})
NOTHING = _NO_OPTION | {"NULL"}
"""What programs write into a cell that holds nothing. NULL may be an option (SQL)."""


class BankRecord(BaseModel):
    """A record of a bank. Further fields (source, difficulty, …) are allowed."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    kind_name: ClassVar[str]
    asked: ClassVar[tuple[str, ...]]
    """The fields that none may leave empty; together they are what it asks."""
    trimmed: ClassVar[tuple[str, ...]] = ()
    """The fields whose ends do not stay as they stand: white space there moves the numbers."""

    id: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _is_text(self) -> Self:
        for name, value in self:
            if name in self.asked and not value.strip():
                raise ValueError(f"{name} is empty")
            what: str = name
            texts: tuple[object, ...] = (value,)
            nothing = NOTHING if name in self.asked else frozenset[str]()
            if isinstance(value, dict):
                what, texts, nothing = f"one of the {name}", tuple(value.values()), _NO_OPTION
            if any(isinstance(text, str) and has_lone_surrogate(text) for text in texts):
                raise ValueError(f"{what} holds an unpaired surrogate, which is no character")
            if found := nothing.intersection(text for text in texts if isinstance(text, str)):
                raise ValueError(
                    f"{what} is {next(iter(found))!r}, which programs write for a missing cell: "
                    "leave it empty"
                )
        return self

    @property
    def content(self) -> str:
        """What makes two records the same, whatever their ids."""
        return "\n".join(getattr(self, name) for name in self.asked)

    @property
    def has_open_quote(self) -> bool:
        """Whether a quotation mark of a text that is asked is not closed."""
        return any(has_open_quote(text) for text in self.content.split("\n"))

    @property
    def right_answer(self) -> str:
        """What two that are the same have to agree on; empty where nothing is right or wrong."""
        return ""


CUE = "答案是：\n"
"""What the article's prompts end with."""
PLACES = ("{context}", "{question}", "{options}")
"""What a template may hold."""
_PLACE = re.compile("|".join(map(re.escape, PLACES)))


class Prompt(BankRecord):
    """A text that ends in mid-sentence, for the model to go on with."""

    kind_name = "prompt"
    asked = ("prompt",)
    prompt: str


class Question(BankRecord):
    """A multiple-choice question.

    Attributes:
        topic: what it is about; may be empty.
        context: a paragraph before the question; may be empty.
        question: the question itself.
        options: letter to text, in the order they are shown.
        answer: the right letter.
    """

    kind_name = "question"
    asked = ("question",)
    trimmed = ("context", "question")
    topic: str = ""
    context: str = ""
    question: str
    options: dict[str, str]
    answer: str

    @model_validator(mode="after")
    def _has_one_right_option(self) -> Question:
        if len(self.options) < 2:
            raise ValueError("a question needs at least two options")
        strange = [key for key in self.options if not ("A" <= key <= "Z" and len(key) == 1)]
        if strange:
            raise ValueError(f"the option {strange[0]!r} is not marked by a letter from A to Z")
        if self.answer not in self.options:
            raise ValueError(f"answer {self.answer!r} is none of {', '.join(self.options)}")
        forms = [form(text) for text in self.options.values()]
        if not all(forms):
            raise ValueError("an option is empty")
        if len(set(forms)) < len(forms):
            raise ValueError("two options are alike, so no answer could be told")
        return self

    @property
    def prompt(self) -> str:
        """The article's layout, ending where the model is to answer."""
        return self.laid_out()

    def laid_out(self, template: str | None = None, *, listed: bool = True) -> str:
        """A prompt that ends where the model is to answer.

        Args:
            template: with `{context}`, `{question}` and `{options}`; a line of nothing but what is
                empty is left out. By default the article's layout.
            listed: whether it shows the options.
        """
        options = "\n".join(f"{letter}: {text}" for letter, text in self.options.items())
        shown = (self.context, self.question, options if listed else "")
        parts = dict(zip(PLACES, shown, strict=True))
        if template is None:
            return "\n\n".join(part for part in (*parts.values(), CUE) if part)
        lines = [line for line in template.split("\n") if parts.get(line, line) or not line]
        return _PLACE.sub(lambda found: parts[found[0]], "\n".join(lines))

    def turned(self, shift: int) -> Question:
        """The same question with its options in another cyclic order."""
        letters, texts = list(self.options), list(self.options.values())
        turned = dict(zip(letters, texts[shift:] + texts[:shift], strict=True))
        answer = letters[letters.index(self.answer) - shift]
        return self.model_copy(update={"options": turned, "answer": answer})

    @property
    def content(self) -> str:
        """Question and options, in any order."""
        return "\n".join([self.context, self.question, *sorted(self.options.values())])

    @property
    def right_answer(self) -> str:
        return form(self.options[self.answer])


class Pair(BankRecord):
    """Two sentences that differ in one point.

    Attributes:
        kind: which point, e.g. `classifier`.
        right: as a speaker would say it.
        wrong: as none would.
    """

    kind_name = "pair"
    asked = trimmed = ("right", "wrong")
    kind: str = ""
    right: str
    wrong: str

    @model_validator(mode="after")
    def _differ(self) -> Pair:
        if self.right.strip() == self.wrong.strip():
            raise ValueError("right and wrong are the same sentence")
        return self


class Problem(BankRecord):
    """A problem with a whole number as its answer; `prompt` ends where the model is to answer.

    Attributes:
        family: what kind of problem; may be empty.
    """

    kind_name = "problem"
    asked = ("prompt",)
    family: str = ""
    prompt: str
    answer: int

    @property
    def right_answer(self) -> str:
        return str(self.answer)


Record = TypeVar("Record", bound=BankRecord)
