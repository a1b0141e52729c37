"""Worked examples before a prompt (few-shot), from a bank of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import cast

from basegate.config.settings import FewShotSettings
from basegate.data import banks
from basegate.data.banks import Bank, load_bank, normal
from basegate.data.records import Question, Record
from basegate.data.tables import table_identity
from basegate.errors import DataError

_SHOWN = 5
_PLACE_ONLY = re.compile(r"(row-)?\d+")
"""Ids that say where a record stands in its file, and so mean nothing in another one."""


def identity(settings: FewShotSettings) -> str:
    """Digests of a bank's content and of its examples', a measure's `identity`.

    Raises:
        DataError: one cannot be found.
    """
    asked = banks.identity(settings)
    if settings.examples is None:
        return asked
    return f"{asked}, examples {table_identity(settings.examples)}"


def prepares(kind: type[Record]) -> Callable[[FewShotSettings], Bank[Record]]:
    """A measure's `prepare`: read a bank of such records and its examples.

    It raises `DataError` as `load_bank` does, and where there are fewer examples than `shots`, or
    one of them is asked.
    """

    def prepare(settings: FewShotSettings) -> Bank[Record]:
        bank = load_bank(settings.source, kind)
        if settings.examples is None:
            return bank
        examples = load_bank(settings.examples, kind).records
        where = settings.examples.place
        if len(examples) < settings.shots:
            raise DataError(
                f"{where}: shots = {settings.shots}, but it holds {len(examples)} examples. Lower "
                "shots, or add examples that are not asked."
            )
        _refuse_shared(where, settings.source.place, examples, bank.records)
        return replace(bank, examples=_balanced(examples[: settings.shots]))

    return prepare


def _refuse_shared(
    where: str, asked: str, examples: Iterable[Record], records: Iterable[Record]
) -> None:
    ids: dict[str, str] = {}
    for each in records:
        ids[_text(each)] = each.id
        if not _PLACE_ONLY.fullmatch(each.id):
            ids[each.id] = each.id
    shared = [
        f"{each.id} (asked as {found})"
        for each in examples
        if (found := ids.get(_text(each)) or ids.get(each.id)) is not None
    ]
    if shared:
        more = f" and {len(shared) - _SHOWN} more" if len(shared) > _SHOWN else ""
        raise DataError(
            f"{where}: {', '.join(shared[:_SHOWN])}{more} of {asked}: an example with its answer "
            "must not be asked. Take it out of one of the two; where only the ids are alike, give "
            "it another."
        )


def _text(record: Record) -> str:
    """What it asks, whatever options it offers: its answer is the same, and must not be shown."""
    if isinstance(record, Question):
        return normal(f"{record.context}\n{record.question}")
    return normal(record.content)


def _balanced(examples: tuple[Record, ...]) -> tuple[Record, ...]:
    """Examples whose right options take turns under the letters, in no order to be continued."""
    return tuple(_with_answer_at(place, each) for place, each in enumerate(examples))


def _with_answer_at(place: int, example: Record) -> Record:
    if not isinstance(example, Question):
        return example
    letters = list(example.options)
    count = len(letters)
    order = [*range(1, count, 2), *range(0, count, 2)]
    if place // count % 2:
        order.reverse()
    wanted = order[place % count]
    # mypy does not see that `Record` is `Question` here.
    return cast("Record", example.turned((letters.index(example.answer) - wanted) % count))


def before(examples: Iterable[Record], prompt_and_answer: Callable[[Record], str]) -> str:
    """What stands before a prompt: every example with its answer, and an empty line."""
    return "".join(f"{prompt_and_answer(each)}\n\n" for each in examples)
