"""Banks of prompts, questions, pairs and problems: rows of a table to what a model is asked."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from basegate.config.settings import BankSettings, BankSource, GeneratedSource
from basegate.data.option_texts import labels_of, unpacked
from basegate.data.plain_text import composed, form, trimmed
from basegate.data.tables import as_number, pick, read_table, table_identity
from basegate.data.text_files import Row, RowError, check_quotes, has_lone_surrogate
from basegate.errors import DataError
from basegate.measurement import AnswerCounts, SampleSize
from basegate.serialization import digest

BAD_SHARE = 0.01
"""With a greater share of bad records a bank is refused: something is wrong with all of it."""
_SHOWN = 10
_NOTHING = {"nan", "NaN", "<NA>", "#N/A", "\\N", "NULL"}
"""What programs write into a cell that holds nothing."""


class _Record(BaseModel):
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
            if isinstance(value, dict):
                what, texts = f"one of the {name}", tuple(value.values())
            if any(isinstance(text, str) and has_lone_surrogate(text) for text in texts):
                raise ValueError(f"{what} holds an unpaired surrogate, which is no character")
            if nothing := _NOTHING.intersection(text for text in texts if isinstance(text, str)):
                raise ValueError(
                    f"{what} is {nothing.pop()!r}, which programs write for a missing cell: leave "
                    "it empty"
                )
        return self

    @property
    def content(self) -> str:
        """What makes two records the same, whatever their ids."""
        return "\n".join(getattr(self, name) for name in self.asked)


CUE = "答案是：\n"
"""What the article's prompts end with."""
PLACES = ("{context}", "{question}", "{options}")
"""What a template may hold."""
_PLACE = re.compile("|".join(map(re.escape, PLACES)))


class Prompt(_Record):
    """A text that ends in mid-sentence, for the model to go on with."""

    kind_name = "prompt"
    asked = ("prompt",)
    prompt: str


class Question(_Record):
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
        for text in (self.context, self.question, *self.options.values()):
            check_quotes(text)
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


class Pair(_Record):
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
        for text in (self.right, self.wrong):
            check_quotes(text)
        return self


class Problem(_Record):
    """A problem with a whole number as its answer; `prompt` ends where the model is to answer.

    Attributes:
        family: what kind of problem; may be empty.
    """

    kind_name = "problem"
    asked = ("prompt",)
    family: str = ""
    prompt: str
    answer: int


Record = TypeVar("Record", bound=_Record)


@dataclass(frozen=True)
class Bank(Generic[Record]):
    """What is asked, and what was left out because it could not be.

    Attributes:
        records: at least one, no two of the same id or content.
        left_out: bad records, at most one in a hundred.
        examples: worked examples before every prompt, in their order.
    """

    records: tuple[Record, ...]
    left_out: tuple[RowError, ...] = ()
    examples: tuple[Record, ...] = ()

    def sample_size(
        self,
        samples: int | None = None,
        *,
        at_most: bool = False,
        read: AnswerCounts | None = None,
        not_asked: int = 0,
    ) -> SampleSize:
        """What a measurement of the bank is based on.

        Args:
            samples: of each record, where there are any.
            at_most: whether some have fewer.
            read: what was read in them.
            not_asked: records that were not needed for a verdict.
        """
        return SampleSize(
            kind=f"{self.records[0].kind_name}s",
            n=len(self.records) - not_asked,
            out_of=len(self.records) if not_asked else None,
            samples_each=samples,
            at_most=at_most,
            left_out=len(self.left_out),
            read=read,
            shots=len(self.examples),
        )


def identity(settings: BankSettings) -> str:
    """Digest or hub commit of a bank's content, a measure's `identity`.

    Raises:
        DataError: it cannot be found.
    """
    if isinstance(settings.source, GeneratedSource):
        # The problems themselves: whatever changes the generator's code changes the identity.
        return f"sha256:{digest([row.fields for row in _drawn(settings.source)])}"
    return table_identity(settings.source)


def prepares(kind: type[Record]) -> Callable[[BankSettings], Bank[Record]]:
    """A measure's `prepare`: read a bank of such records. See `load_bank` for errors."""
    return lambda settings: load_bank(settings.source, kind)


def load_bank(source: BankSource, kind: type[Record]) -> Bank[Record]:
    """Read a bank.

    Raises:
        DataError: it cannot be read, it is empty, or more than 1 % of its records are bad.
    """
    records: dict[str, Record] = {}
    contents: dict[str, str] = {}
    good: list[tuple[Row, Any]] = []
    bad: list[RowError] = []
    rows = _drawn(source) if isinstance(source, GeneratedSource) else read_table(source)
    for number, row in enumerate(rows, start=1):
        if isinstance(row, RowError):
            bad.append(row)
            continue
        try:
            record = _read(row, source, kind, number)
            _add(record, records, contents)
            good.append((row, record))
        except ValueError as error:
            bad.append(RowError(row.place, f"{error}."))
    if kind is Question:  # first: read from the wrong end, the last option is out of range
        _check_first_answer(source, good)
    _refuse_bad(source, bad, len(good) + len(bad))
    return Bank(tuple(records.values()), tuple(bad))


def _drawn(source: GeneratedSource) -> tuple[Row, ...]:
    try:
        return _draw(importlib.import_module(source.generator).generate, source)
    except ValueError as error:
        raise DataError(f"generator = {source.generator!r}: {error}") from None
    except (ImportError, AttributeError, TypeError, SyntaxError) as error:
        raise DataError(
            f"generator = {source.generator!r}: cannot be used ({error}). Name a module that can "
            "be imported from the project's root, with a function generate(*, families, "
            "per_family, level, seed) that returns problems with id, family, prompt and answer."
        ) from None


@lru_cache
def _draw(generate: Callable[..., Iterable[Any]], source: GeneratedSource) -> tuple[Row, ...]:
    """Draw once in a run: what is asked is then what the measurement's identity names."""
    problems = generate(
        families=source.families, per_family=source.per_family, level=source.level, seed=source.seed
    )
    return tuple(
        Row(
            f"{source.generator}, {problem.id}",
            {name: getattr(problem, name) for name in ("id", "family", "prompt", "answer")},
        )
        for problem in problems
    )


_EXPECTED = {
    "missing": "is missing",
    "string_type": "is not text",
    "string_too_short": "is empty",
    "int_type": "is not a whole number",
    "dict_type": "are neither a list nor a table of letters and texts",
}


def _read(row: Row, source: BankSource, kind: type[Record], number: int) -> Record:
    names = tuple(kind.model_fields)
    fields = pick(row.fields, names, source.columns, source.first_answer or 0, source.answers)
    fields.setdefault("id", f"row-{number}")
    try:
        texts = {name: composed(value) for name, value in fields.items()}
        ends = {
            name: trimmed(texts[name]) for name in kind.trimmed if isinstance(texts.get(name), str)
        }
        return kind.model_validate(texts | ends)
    except ValidationError as error:
        [detail, *_] = error.errors()
        if detail["type"] == "value_error":
            raise ValueError(str(detail["ctx"]["error"])) from None
        field = ".".join(map(str, detail["loc"]))
        what = _EXPECTED.get(detail["type"], detail["msg"])
        if source.columns.get(field, field) not in row.fields and detail["type"] == "missing":
            what += f"; it has {', '.join(map(repr, row.fields))}"
        raise ValueError(f"{field} {what}") from None


def _check_first_answer(source: BankSource, rows: Sequence[tuple[Row, Question]]) -> None:
    """Refuse numbers as answers that may be counted from 1: every key would be off by one."""
    column = str(source.columns.get("answer", "answer"))
    options = str(source.columns.get("options", "options"))
    numbers = []
    for row, question in rows:
        given = row.fields.get(column)
        number = str(as_number(given))
        # As an option's text or label it needs no beginning.
        known = {*question.options.values(), *labels_of(unpacked(row.fields.get(options)))}
        if number.isdecimal() and known.isdisjoint({number, str(given).strip()}):
            numbers.append(number)
    if source.first_answer is None and numbers and "0" not in numbers:
        raise DataError(
            f"{source.place}: {len(numbers)} answers are numbers and none of them is 0. If they "
            "count from 1, every key would be read wrong: say first_answer = 1 (or 0) in the "
            "thresholds file."
        )


def _add(record: Record, records: dict[str, Record], contents: dict[str, str]) -> None:
    if record.id in records:
        raise ValueError(f"duplicate id {record.id!r}")
    content = normal(record.content)
    if (same := contents.get(content)) is not None:
        raise ValueError(f"it is the same {record.kind_name} as {same!r}")
    records[record.id] = record
    contents[content] = record.id


_SIGNS = "-*/.%!()√"
_SYMBOLS = ("Sm", "Sc", "Sk", "So")


def normal(text: str) -> str:
    """A text without what does not make a difference: width, case, white space, marks."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    # Marks of mathematics, a point between digits and emoji make one; those of prose do not.
    return "".join(
        char
        for char in plain
        if char.isalnum() or char in _SIGNS or unicodedata.category(char) in _SYMBOLS
    )


def _refuse_bad(source: BankSource, bad: list[RowError], total: int) -> None:
    if total == 0:
        raise DataError(
            f"{source.place} is empty: there is nothing to ask. Check the thresholds file."
        )
    if len(bad) <= BAD_SHARE * total:
        return
    more = [f"and {len(bad) - _SHOWN} more"] if len(bad) > _SHOWN else []
    listed = "".join(f"\n  {each}" for each in [*bad[:_SHOWN], *more])
    raise DataError(
        f"{source.place}: {len(bad)} of {total} records cannot be used. That is more than 1 %, so "
        "the bank is refused: its score would not speak of the bank. Fix them, or check header and "
        f"columns in the thresholds file.{listed}"
    )
