"""Banks of prompts, questions, pairs and problems: read from tables, or drawn by a generator."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic

from pydantic import ValidationError

from basegate.config.settings import BankSettings, BankSource, GeneratedSource
from basegate.data.option_labels import spaced_labels
from basegate.data.option_texts import labels_of, unpacked
from basegate.data.plain_text import composed, form, trimmed
from basegate.data.records import NOTHING, Question, Record
from basegate.data.tables import as_number, pick, read_table, table_identity
from basegate.data.text_files import Row, RowError
from basegate.errors import DataError
from basegate.i18n.messages import some
from basegate.measurement import AnswerCounts, SampleSize
from basegate.serialization import digest

_SHOWN = 10
_NEITHER = "the same with another answer: neither is asked"


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

    @property
    def with_open_quotes(self) -> list[str]:
        """The ids of records of which a quotation mark is not closed."""
        return [each.id for each in self.records if each.has_open_quote]

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
        DataError: it cannot be read, it is empty, or too many of its records are bad.
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
            if other := _contradicted(record, records, contents):
                bad.append(RowError(row.place, f"it contradicts {other!r}, {_NEITHER}."))
                if records.pop(other, None):
                    place = next(row.place for row, each in good if each.id == other)
                    bad.append(RowError(place, f"it contradicts {record.id!r}, {_NEITHER}."))
                continue
            _add(record, records, contents)
            good.append((row, record))
        except ValueError as error:
            bad.append(RowError(row.place, f"{error}."))
    good = [(row, record) for row, record in good if record.id in records]
    if kind is Question:  # first: read from the wrong end, the last option is out of range
        _check_first_answer(source, good)
        records = _without_spaced_labels(source, records)
    _refuse_bad(source, bad, len(good) + len(bad))
    return Bank(tuple(records.values()), tuple(bad))


def _without_spaced_labels(source: BankSource, records: dict[str, Any]) -> dict[str, Any]:
    """Questions without labels that white space parts from options (`A x`), if all have them.

    Raises:
        DataError: most have them and some have not, so that they may be words.
    """
    found = {key: spaced_labels(each.options) for key, each in records.items()}
    labelled = [labels for labels in found.values() if labels]
    if len(records) < 2 or 2 * len(labelled) <= len(records):
        return records
    if len(labelled) < len(records):
        without = some([key for key, labels in found.items() if labels is None])
        raise DataError(
            f"{source.place}: the options of {len(labelled)} of {len(records)} questions begin "
            "with A, B, C and a space, and those of others do not "
            f"({without}), so whether these are labels cannot be told. Take them out, or write a "
            "point behind each (A. …)."
        )
    return {
        key: each.model_copy(update={"options": dict(zip(each.options, labels.texts, strict=True))})
        for (key, each), labels in zip(records.items(), labelled, strict=True)
    }


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
        texts = {
            name: composed(value)
            for name, value in fields.items()
            if name not in ("topic", "context", "family", "kind") or value not in NOTHING
        }
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
        told = source.answers is None and not known.isdisjoint({number, str(given).strip()})
        if number.isdecimal() and not told:
            numbers.append(number)
    if (
        source.first_answer is None
        and source.answers in (None, "number")
        and numbers
        and "0" not in numbers
    ):
        raise DataError(
            f"{source.place}: {len(numbers)} answers are numbers and none of them is 0. If they "
            "count from 1, every key would be read wrong: say first_answer = 1 (or 0) in the "
            "thresholds file."
        )


def _add(record: Record, records: dict[str, Record], contents: dict[str, str]) -> None:
    if record.id in records:
        raise ValueError(f"duplicate id {record.id!r}")
    if (same := contents.get(_content(record))) is not None:
        raise ValueError(f"it is the same {record.kind_name} as {same!r}")
    records[record.id] = record
    contents[_content(record)] = record.id


def _contradicted(
    record: Record, records: dict[str, Record], contents: dict[str, str]
) -> str | None:
    """The id of the same question with another answer, if there is or was one."""
    same = contents.get(_content(record))
    other = records.get(same) if same is not None else None
    alike = same is None or (other is not None and other.right_answer == record.right_answer)
    return None if alike else same


def _content(record: Record) -> str:
    # 10² and 102 are two, as are mW and MW.
    return form(_RAISED.sub(r"^\g<0>", record.content))


_RAISED = re.compile("[\u00b2\u00b3\u00b9\u2070-\u209c]")
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
    if len(bad) <= source.max_bad_share * total:
        return
    more = [f"and {len(bad) - _SHOWN} more"] if len(bad) > _SHOWN else []
    listed = "".join(f"\n  {each}" for each in [*bad[:_SHOWN], *more])
    raise DataError(
        f"{source.place}: {len(bad)} of {total} records cannot be used. That is more than "
        f"{source.max_bad_share * 100:g} %, so the bank is refused: its score would not speak of "
        "the bank. Fix them, check header and columns in the thresholds file, or let more pass "
        f"there (max_bad_share).{listed}"
    )
