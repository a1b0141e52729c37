"""Verdicts and the records that contain them: rows of the ledger, and their parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import FiniteFloat

from basegate.i18n.messages import Message
from basegate.measurement import CORRECT, SampleSize
from basegate.serialization import FiniteOrNone, Frozen, Interval, MessageField

VerdictWord = Literal["pass", "inconclusive", "fail", "invalid"]
_SEVERITY: tuple[VerdictWord, ...] = ("pass", "inconclusive", "invalid", "fail")
"""A limit that is not met rejects, whatever else could not be measured."""


class SampleSizeHint(Frozen):
    """How many more would settle an inconclusive verdict.

    Attributes:
        kind: more of what: `documents`, `parallel_documents` (documents in both versions),
            `samples`, `questions`, `problems` or `pairs`.
        have: how many were measured; `None` where that is not known.
        more: about how many more like these, if the value stays; `None` where it cannot be told,
            since the value is too near the limit.
    """

    kind: str
    have: int | None = None
    more: int | None = None


class TokenizerCost(Frozen):
    """What a tokenizer makes of a text.

    Attributes:
        tokens_per_character: of the text.
        split_share: share of the tokens that are a part of a character only; `None` where the
            tokenizer cannot tell.
    """

    tokens_per_character: float
    split_share: float | None = None


class Unresolved(Frozen):
    """What was measured, where its limit is relative to a candidate and cannot be computed.

    Attributes:
        candidate: that the limit is relative to.
        metric: what was measured.
        value: the number.
        unit: of which kind the number is.
    """

    candidate: str
    metric: str
    value: FiniteOrNone = None
    unit: str = ""


class Reference(Frozen):
    """What a limit was computed from, where it is relative to a candidate's own measurement.

    Without `factor` and `plus` the limit is one on the drop from its value, on the same items.

    Attributes:
        candidate: its name.
        value: what was measured on it.
        factor: that the value is multiplied with.
        plus: that is added to it.
        measurement: its key in the store.
    """

    candidate: str
    value: FiniteFloat
    factor: FiniteFloat | None = None
    plus: FiniteFloat | None = None
    measurement: str

    @property
    def is_of_drop(self) -> bool:
        return self.factor is None and self.plus is None

    @property
    def limit(self) -> float:
        return self.value * (self.factor or 1.0) + (self.plus or 0.0)


class Result(Frozen):
    """One row of the ledger: a metric, its limit, and what follows.

    Attributes:
        candidate: its name.
        check: the check.
        item: corpus, bank or prompt file; `bank/question` where a question is judged alone.
        metric: what was measured; empty where nothing could be.
        value: the number, `None` where there is none.
        unit: of which kind the number is, see `Metric`; a `fraction` is shown in per cent.
        limit: the limit's value.
        direction: `max` or `min`.
        verdict: what follows.
        interval: the metric's interval.
        confidence: the interval's level.
        standard_error: of the value, where the interval is a confidence sequence; see `Metric`.
        reason: why nothing could be measured; `None` of rows with a limit.
        seconds: time that the measurement took.
        measurement: its key in the store.
        sample_size: what the number is based on.
        why: the reason that `thresholds.toml` gives for the limit.
        notes: messages about the whole measurement, the same on all of its rows.
        count: samples of a question in all, where one is judged alone; of a share, its questions,
            or 0 where there was nothing that it could be a share of.
        n_generated: samples of the question that were generated.
        curve: operating curve of a gate on answers: the share that a model truly has right, and
            the chance that it passes.
        sample_size_hint: how many more would settle it, where it is inconclusive.
        tokenizer: of a perplexity, what the tokenizer makes of the text.
        reference: what the limit was computed from, where it is relative to a candidate.
        unresolved: what was measured, where its limit is relative to a candidate and cannot be
            computed: the row is `invalid` for want of the limit.
        advisory: whether the limit is only reported: its verdict keeps no candidate from being
            accepted.
    """

    candidate: str
    check: str
    item: str
    metric: str = ""
    value: FiniteOrNone = None
    unit: str = ""
    limit: float | None = None
    direction: Literal["max", "min"] | None = None
    verdict: VerdictWord
    interval: Interval = None
    confidence: float = 0.95
    standard_error: FiniteOrNone = None
    reason: MessageField | None = None
    seconds: float | None = None
    measurement: str | None = None
    sample_size: SampleSize | None = None
    why: str = ""
    notes: tuple[MessageField, ...] = ()
    count: int | None = None
    n_generated: int | None = None
    curve: tuple[tuple[float, float], ...] = ()
    sample_size_hint: SampleSizeHint | None = None
    tokenizer: TokenizerCost | None = None
    reference: Reference | None = None
    unresolved: Unresolved | None = None
    advisory: bool = False

    @property
    def blocks(self) -> bool:
        """Whether it keeps the candidate from being accepted."""
        return self.verdict != "pass" and not self.advisory

    @property
    def part(self) -> str:
        """The corpus, bank or prompt file, without the question's id."""
        return self.item.partition("/")[0]

    @property
    def is_asked_in_part(self) -> bool:
        """Whether the rest of its bank or corpus was left out, as the verdict was certain."""
        return self.sample_size is not None and self.sample_size.out_of is not None

    @property
    def counts(self) -> bool:
        """Whether right samples are counted, and the count itself is held against the limit."""
        return self.metric == CORRECT

    @property
    def is_its_own(self) -> bool:
        """Whether the limit follows from the very number that is held against it."""
        reference = self.reference
        return reference is not None and (
            self.candidate == reference.candidate or self.measurement == reference.measurement
        )

    @property
    def question(self) -> str:
        """The id of the question that is judged alone; empty where the whole item is."""
        return self.item.partition("/")[2]


def worst(verdicts: Iterable[VerdictWord]) -> VerdictWord:
    """Return the most severe verdict; of none at all, `invalid`."""
    return max(verdicts, key=_SEVERITY.index, default="invalid")


def verdict_of(rows: Iterable[Result]) -> VerdictWord:
    """The verdict of rows; advisory ones have no say, so of these alone it is `invalid`."""
    return worst(row.verdict for row in rows if not row.advisory)


def deciding_rows(rows: Sequence[Result]) -> tuple[VerdictWord, list[Result]]:
    """Return the verdict of a check, and the rows that it comes from.

    What speaks of the whole stands before what speaks of single questions. A check of which all
    limits are advisory passes.
    """
    own = [row for row in rows if not row.advisory]
    word = "pass" if rows and not own else verdict_of(own)
    return word, sorted((r for r in own if r.verdict == word), key=lambda row: bool(row.question))


def rows_by_reason(rows: Iterable[Result]) -> dict[Message, list[Result]]:
    """Rows of a candidate that nothing was measured for, by a reason that several of them share.

    It speaks of the candidate (it could not be loaded, say): told once is enough.
    """
    found: dict[Message, list[Result]] = {}
    for row in rows:
        if row.reason is not None and not row.metric:
            found.setdefault(row.reason, []).append(row)
    return {reason: shared for reason, shared in found.items() if len(shared) > 1}


def checks_by_note(rows: Iterable[Result]) -> dict[Message, list[tuple[str, str]]]:
    """Every note of a candidate's rows with the checks and parts that it stands on, told once.

    Without them where several, and all that were measured, have it: then it speaks of the candidate
    (how its weights were made, say).
    """
    found: dict[Message, dict[tuple[str, str], None]] = {}
    measured = set()
    for row in rows:
        if row.metric:
            measured.add((row.check, row.part))
        for note in row.notes:
            found.setdefault(note, {})[row.check, row.part] = None
    return {
        note: [] if len(places) > 1 and measured <= places.keys() else list(places)
        for note, places in found.items()
    }
