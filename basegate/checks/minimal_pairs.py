"""Minimal pairs: is the right sentence more probable than one that is wrong in a single point?

    preferred_share = pairs whose right sentence has fewer bits per character / pairs

No sampling: the probabilities of both sentences are compared, per character, so that a pair whose
sentences differ by a character is fair. A tie is no preference.

Source: Warstadt et al., BLiMP: The Benchmark of Linguistic Minimal Pairs for English, 2020; there
without the division by length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from basegate.checks.early_stopping import MeasureTask, ask_in_turn, sequential_share
from basegate.checks.validity import LostCharacters, first_tokens, open_quotes
from basegate.config.declaration import CheckDeclaration, MetricLabel, at_least, by_item, register
from basegate.config.settings import BankSettings, Positive, TableSource
from basegate.config.thresholds_schema import BankTable, Confidence, Early, Name, ShareLimit, Table
from basegate.data.banks import Bank, identity, prepares
from basegate.data.plain_text import trimmed
from basegate.data.records import Pair
from basegate.data.tables import read_table
from basegate.data.text_files import Row
from basegate.engines.protocol import Engine
from basegate.i18n.messages import Message
from basegate.measurement import Findings, Metric, Preference
from basegate.stats.paired import ItemScores


class PairSettings(BankSettings):
    """How one bank of minimal pairs is measured.

    Attributes:
        source: the pairs.
        window: as for perplexity, but a candidate made for fewer tokens takes these: a sentence is
            far shorter.
    """

    window: Positive = 512

    @property
    def window_needed(self) -> None:
        """No candidate is too small for it."""


class PairsTable(BankTable):
    """Minimal pairs: `[minimal_pairs.banks.NAME]`."""

    fields = ("id", "kind", "right", "wrong")

    file_keys = ("pairs",)

    pairs: str | None = None
    min_preferred: Annotated[ShareLimit | None, at_least("preferred_share", sequential=True)] = None
    confidence: Confidence = 0.95
    early: Early = "sequential"


class MinimalPairsTable(Table):
    """`[minimal_pairs]`."""

    item_tables = "banks"

    window: Positive = 512
    banks: Annotated[dict[Name, PairsTable], Field(min_length=1)]

    def settings_of(self, item: PairsTable, base: Path) -> PairSettings:
        return PairSettings(source=item.source(base), window=self.window)


def content_identity(settings: PairSettings) -> str:
    """A bank's identity; another where sentences are scored otherwise than they stand in a file.

    Their ends had been scored once, too, and measurements of them are others.

    Raises:
        DataError: it cannot be found.
    """
    found, source = identity(settings), settings.source
    if not isinstance(source, TableSource) or source.dataset or source.format == "dataset":
        return found
    columns = [str(source.columns.get(name, name)) for name in Pair.trimmed]
    texts = (
        text
        for row in read_table(source)
        if isinstance(row, Row)
        for text in map(row.fields.get, columns)
    )
    changed = any(isinstance(text, str) and trimmed(text) != text for text in texts)
    return f"{found}, trimmed" if changed else found


def measure(engine: Engine, task: MeasureTask[Bank[Pair], PairSettings]) -> Findings:
    """Score both sentences of every pair and count preferences.

    Raises:
        InvalidMeasurement: a log-probability is not finite, or the tokenizer lost text.
    """
    bank = task.data
    own = {each.item: each for each in task.earlier.preferences} if task.earlier else {}
    lost = LostCharacters(task.earlier)

    def ask(pairs: Sequence[Pair]) -> None:
        own.update({each.item: each for each in _prefer(engine, pairs, task, lost)})

    def partial() -> tuple[Metric, ...]:
        shares = [float(each.preferred) for each in own.values()]
        return (sequential_share("preferred_share", shares, task.stopping.confidence),)

    left = ask_in_turn(bank.records, own.keys(), ask, partial, task.stopping)
    preferences = tuple(own[pair.id] for pair in bank.records if pair.id in own)
    note = first_tokens(engine, 2 * len(preferences))
    return Findings(
        notes=(*open_quotes(bank), *([note] if note else [])),
        metrics=partial() if left else summarise(preferences),
        preferences=preferences,
        facts={
            "pairs": len(preferences),
            "ties": sum(each.right_bits == each.wrong_bits for each in preferences),
            "left_out": len(bank.left_out),
            **({"not_asked": left} if left else {}),
            **lost.facts(sum(len(each.right) + len(each.wrong) for each in preferences)),
        },
        sample_size=bank.sample_size(not_asked=left),
        left_out=tuple(map(str, bank.left_out)),
    )


def _prefer(
    engine: Engine,
    pairs: Sequence[Pair],
    task: MeasureTask[Bank[Pair], PairSettings],
    lost: LostCharacters,
) -> Iterator[Preference]:
    window = task.settings.window
    window = min(window, getattr(engine, "context_length", None) or window)
    texts = [text for pair in pairs for text in (pair.right, pair.wrong)]
    scores = engine.log_likelihoods(
        texts, window=window, context=window // 2, progress=task.progress
    )
    lost.add(scores)
    bits = [
        -float(each.logprobs.sum()) / math.log(2) / len(text)
        for each, text in zip(scores, texts, strict=True)
    ]
    for pair, right, wrong in zip(pairs, bits[::2], bits[1::2], strict=True):
        yield Preference(
            item=pair.id,
            kind=pair.kind,
            right=pair.right,
            wrong=pair.wrong,
            right_bits=right,
            wrong_bits=wrong,
        )


def summarise(preferences: Sequence[Preference]) -> tuple[Metric, ...]:
    """The share of all pairs and of each kind, with Wilson's interval over pairs."""
    kinds = dict.fromkeys(each.kind for each in preferences if each.kind)
    of_kind = {kind: [each for each in preferences if each.kind == kind] for kind in kinds}
    parts = (_share("preferred_share_of_kind", kind, part) for kind, part in of_kind.items())
    return (_share("preferred_share", "", preferences), *parts)


def _share(name: str, item: str, preferences: Sequence[Preference]) -> Metric:
    count = len(preferences)
    share = sum(each.preferred for each in preferences) / count
    return Metric.share(name, share, item=item, count=count, worth=count)


def _preferred(found: Findings) -> ItemScores:
    return ItemScores.each(
        "preferred_share", {each.item: float(each.preferred) for each in found.preferences}
    )


_PREFERRED = MetricLabel(
    Message("preferred share"),
    Message("of pairs with the right sentence more probable"),
    Message("{value} of pairs with the right sentence more probable"),
    Message("{value} right sentence more probable"),
)


CHECK = register(
    CheckDeclaration(
        name="minimal_pairs",
        doc="Which of two sentences the candidate finds more probable.",
        table=MinimalPairsTable,
        version=3,
        measure=measure,
        prepare=prepares(Pair),
        identity=content_identity,
        counted="pairs",
        evidence=("preferences",),
        compare=by_item(_preferred),
        label=Message("minimal pairs"),
        labels=dict.fromkeys(("preferred_share", "preferred_share_of_kind"), _PREFERRED),
    )
)
