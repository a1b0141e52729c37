"""Measurements held against limits. Sees no model; computes no metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from basegate.errors import InvalidMeasurement
from basegate.limits import Limit, Reference
from basegate.messages import Message
from basegate.records import FiniteOrNone, Frozen, Interval
from basegate.sentences import sentence, whom
from basegate.statistics import (
    draws_to_settle,
    passing_probability,
    passing_probability_of_share,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from basegate.limits import AnyLimit
    from basegate.measurement import Measurement, Metric

VerdictWord = Literal["pass", "inconclusive", "fail", "invalid"]
_SEVERITY: tuple[VerdictWord, ...] = ("pass", "inconclusive", "fail", "invalid")


Counted = Literal[
    "documents", "documents in both versions", "samples", "questions", "problems", "pairs"
]


class Settling(Frozen):
    """What would settle an inconclusive verdict.

    Attributes:
        what: more of which would.
        have: how many were measured; `None` where that is not known.
        more: about how many more like these, if the value stays; `None` where it cannot be told,
            since the value is too near the limit.
    """

    what: Counted
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


class Reason(Frozen):
    """Why a row holds no number, put together so that it can be said in any language.

    Attributes:
        template: in English, with the names of its values in braces; without values it is the
            text as it is.
        values: by name; some are put together likewise.
    """

    template: str
    values: dict[str, str | Reason] = Field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Reason:
        """Return a text as what it was put together from."""
        if not isinstance(text, Message):
            return cls(template=text)
        inner = {
            name: cls.of(each) if isinstance(each, Message) else each
            for name, each in text.values.items()
        }
        return cls(template=text.template, values=inner)

    @property
    def message(self) -> Message:
        """The text again."""
        inner = {
            name: each.message if isinstance(each, Reason) else each
            for name, each in self.values.items()
        }
        return Message(self.template, **inner)


class Unresolved(Frozen):
    """What was measured, where its limit is relative to a candidate and cannot be computed.

    Attributes:
        candidate: that the limit is relative to.
        metric: what was measured.
        value: the number.
        unit: in words.
    """

    candidate: str
    metric: str
    value: FiniteOrNone = None
    unit: str = ""


class Result(Frozen):
    """One row of the ledger: a metric, its limit, and what follows.

    Attributes:
        candidate: its name.
        check: the check.
        item: corpus, bank or prompt file; `bank/question` where a question is judged alone.
        metric: what was measured; empty where nothing could be.
        value: the number, `None` where there is none.
        unit: in words.
        limit: the limit's value.
        direction: `max` or `min`.
        verdict: what follows.
        interval: the metric's interval.
        confidence: the interval's level.
        detail: a sentence for people, in English; see `sentences.sentence`.
        reason: why nothing could be measured, for whoever says it in another language; `None` of
            rows with a limit.
        seconds: time that the measurement took.
        measurement: its key in the store.
        basis: what was measured on, e.g. `240 questions, 4 samples each, 2 left out`.
        why: the reason that `thresholds.toml` gives for the limit.
        notes: sentences about the whole measurement, the same on all of its rows.
        count: samples of a question in all, where one is judged alone; of a share, its questions,
            or 0 where there was nothing that it could be a share of.
        drawn: samples of the question that were drawn.
        curve: operating curve of a gate on answers: the share that a model truly has right, and
            the chance that it passes.
        settling: what would settle it, where it is inconclusive.
        tokenizer: of a perplexity, what the tokenizer makes of the text.
        reference: what the limit was computed from, where it is relative to a candidate.
        unresolved: what was measured, where its limit is relative to a candidate and cannot be
            computed: the row is `invalid` for want of the limit.
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
    detail: str
    reason: Reason | None = None
    seconds: float | None = None
    measurement: str | None = None
    basis: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()
    count: int | None = None
    drawn: int | None = None
    curve: tuple[tuple[float, float], ...] = ()
    settling: Settling | None = None
    tokenizer: TokenizerCost | None = None
    reference: Reference | None = None
    unresolved: Unresolved | None = None

    @property
    def part(self) -> str:
        """The corpus, bank or prompt file, without the question's id."""
        return self.item.partition("/")[0]

    @property
    def counts(self) -> bool:
        """Whether right samples are counted, and the count itself is held against the limit."""
        return self.metric == "correct"

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


class Verdict(Frozen):
    """The results of one measurement; the worst of them is the verdict."""

    results: tuple[Result, ...]

    @property
    def word(self) -> VerdictWord:
        """The worst verdict of the results."""
        return worst(result.verdict for result in self.results)

    @property
    def passed(self) -> bool:
        """Whether every limit is met."""
        return self.word == "pass"

    @property
    def explanation(self) -> str:
        """The results that are not met, a line each; all of them if it passed."""
        wanted = [r for r in self.results if r.verdict != "pass"] or list(self.results)
        return "\n".join(result.detail for result in wanted)

    def __repr__(self) -> str:
        """Short, since pytest prints it below a failed assertion."""
        return f"<Verdict {self.word}>"


def worst(verdicts: Iterable[VerdictWord]) -> VerdictWord:
    """Return the most severe verdict; of none at all, `invalid`."""
    return max(verdicts, key=_SEVERITY.index, default="invalid")


def telling(rows: Sequence[Result]) -> tuple[VerdictWord, list[Result]]:
    """Return the verdict of rows, and the rows that it comes from.

    What speaks of the whole stands before what speaks of single questions.
    """
    word = worst(row.verdict for row in rows)
    return word, sorted((r for r in rows if r.verdict == word), key=lambda row: bool(row.question))


def judge(
    measurement: Measurement, limits: Sequence[Limit], candidate: str, *, brief: bool = False
) -> Verdict:
    """Hold a measurement against the limits that apply to the candidate.

    Args:
        measurement: numbers; no evidence is looked at.
        limits: at least one.
        candidate: the name it goes by in this run; one checkpoint may have several.
        brief: whether sentences and operating curves are left out, which take far longer than the
            verdicts; a listing has no use for them.
    """
    metrics: dict[str, list[Metric]] = {}
    for metric in measurement.findings.metrics:
        metrics.setdefault(metric.name, []).append(metric)
    judging = [limit for limit in limits if not limit.validity]
    results = [
        _result(measurement, metric, limit, candidate, brief)
        for limit in judging
        for metric in metrics.get(limit.metric, ())
    ]
    missing = [limit for limit in judging if limit.metric not in metrics]
    results += [
        invalid(
            candidate,
            measurement.check,
            measurement.item,
            Message(
                "{key}: the measurement holds no {metric}.", key=limit.key, metric=limit.metric
            ),
            measurement.key,
        )
        for limit in missing
    ]
    return Verdict(results=tuple(results))


def check_valid(measurement: Measurement, limits: Sequence[AnyLimit]) -> None:
    """Refuse a measurement that is beyond a limit of validity: it says nothing about the model.

    Raises:
        InvalidMeasurement: with what was found, the limit, and what to do.
    """
    for limit in (each for each in limits if isinstance(each, Limit) and each.validity):
        measured = [each for each in measurement.findings.metrics if each.name == limit.metric]
        if not measured or decide(measured[0], limit) == "pass":
            continue
        raise InvalidMeasurement(
            "{broken}, {key} is {value}: empty, one token or character over and over, or "
            "characters that cannot be shown. That is a broken run, not a wrong answer: try "
            "another --dtype or --quantization. If the model is in order and merely says "
            "nothing, raise the limit.",
            broken=_broken(measurement, measured[0]),
            key=limit.key,
            value=f"{limit.value:g}",
            measurement=measurement.key,
        )


def _broken(measurement: Measurement, share: Metric) -> str:
    """Say how many samples are degenerate, with an example where samples were read."""
    count = share.count or 0
    found = round((share.value or 0.0) * count)
    texts = (sample.text for sample in measurement.findings.samples if sample.degenerate)
    example = next(texts, None)
    if example is None:
        return Message("{found} of {count} samples are degenerate", found=found, count=count)
    return Message(
        "{found} of {count} samples are degenerate (such as {example})",
        found=found,
        count=count,
        example=repr(example[:12]),
    )


def invalid(
    candidate: str, check: str, item: str, reason: str, measurement: str | None = None
) -> Result:
    """Return the row of a measurement that could not be made or is broken."""
    return Result(
        candidate=candidate,
        check=check,
        item=item,
        verdict="invalid",
        detail=f"{whom(candidate, check, item)}{reason}",
        reason=Reason.of(reason),
        measurement=measurement,
    )


def _result(
    measurement: Measurement, metric: Metric, limit: Limit, candidate: str, brief: bool
) -> Result:
    item = f"{measurement.item}/{metric.item}" if metric.item else measurement.item
    interval, confidence = metric.interval_at(limit.confidence)
    row = Result(
        candidate=candidate,
        check=measurement.check,
        item=item,
        metric=metric.name,
        value=metric.value,
        unit=metric.unit,
        limit=limit.value,
        direction=limit.direction,
        verdict=_decided(metric.value, interval, limit),
        interval=interval,
        confidence=confidence,
        detail="",
        seconds=measurement.seconds,
        measurement=measurement.key,
        basis=measurement.findings.basis,
        why=limit.why,
        notes=measurement.findings.notes,
        count=metric.count,
        drawn=metric.drawn,
        reference=limit.reference,
    )
    return row if brief else _explained(row, measurement, metric, limit)


def _explained(row: Result, measurement: Measurement, metric: Metric, limit: Limit) -> Result:
    """Return a row with its operating curve, what would settle it, and its sentence."""
    # More of what holds nothing to count settles nothing.
    open_ = row.verdict == "inconclusive" and row.count != 0
    settling = _settling(measurement, metric, limit) if open_ else None
    told = row.model_copy(
        update={
            "curve": _curve(metric, limit),
            "settling": settling,
            "tokenizer": _tokenizer(measurement),
        }
    )
    return told.model_copy(update={"detail": sentence(told)})


def decide(metric: Metric, limit: Limit) -> VerdictWord:
    """Return the verdict on one metric.

    With `by_interval`, an interval wholly on the right side passes, wholly on the wrong side
    fails, and one that straddles the limit is inconclusive. Otherwise the value decides.
    """
    interval, _ = metric.interval_at(limit.confidence)
    return _decided(metric.value, interval, limit)


def _decided(
    value: float | None, interval: tuple[float, float] | None, limit: Limit
) -> VerdictWord:
    if value is None:
        return "invalid"
    lower, upper = value, value
    if limit.by_interval and interval is not None:
        lower, upper = interval
    if limit.direction == "max":
        lower, upper, bound = -upper, -lower, -limit.value
    else:
        bound = limit.value
    if lower >= bound:
        return "pass"
    return "fail" if upper < bound else "inconclusive"


def _tokenizer(measurement: Measurement) -> TokenizerCost | None:
    facts = measurement.findings.facts
    tokens, characters = facts.get("tokens"), facts.get("characters")
    split = facts.get("split_token_share")
    if not isinstance(tokens, int) or not isinstance(characters, int) or not characters:
        return None
    return TokenizerCost(
        tokens_per_character=tokens / characters,
        split_share=float(split) if isinstance(split, int | float) else None,
    )


_COUNTED: dict[str, tuple[Counted, str]] = {
    "perplexity": ("documents", "documents"),
    "continuation": ("samples", "samples"),
    "knowledge": ("questions", "questions"),
    "reasoning": ("problems", "problems"),
    "minimal_pairs": ("pairs", "pairs"),
    "gap": ("documents in both versions", "parallel_documents"),
}
"""By check or metric: what is counted, and the fact that holds how many there are."""


def _settling(measurement: Measurement, metric: Metric, limit: Limit) -> Settling:
    """Return how many more questions, or whatever was measured on, would settle it."""
    what, fact = _COUNTED.get(metric.name) or _COUNTED[measurement.check]
    have = measurement.findings.facts.get(fact)
    if not isinstance(have, int):
        return Settling(what=what)
    factor = _times_as_many(metric, limit)
    if factor is None:
        return Settling(what=what, have=have)
    # Rounded first: four times as many must not become four times and one.
    more = max(1, math.ceil(round(have * factor, 6)) - have)
    return Settling(what=what, have=have, more=more)


_FAR = 1000.0


def _times_as_many(metric: Metric, limit: Limit) -> float | None:
    """Return how many times as much would put the interval on one side; `None` where too many.

    A share's interval is computed; of any other the width is taken to fall with the root of what
    it rests on.
    """
    interval, _ = metric.interval_at(limit.confidence)
    if metric.value is None or interval is None or metric.value == limit.value:
        return None
    worth = metric.worth_at(limit.confidence)
    if worth is not None:
        needed = draws_to_settle(metric.value, limit.value, limit.confidence)
        factor = math.inf if needed is None else needed / worth
    else:
        end = interval[0] if metric.value > limit.value else interval[1]
        factor = ((metric.value - end) / (metric.value - limit.value)) ** 2
    return factor if factor <= _FAR else None


_POINTS = tuple(step / 10 for step in range(1, 10))


def _curve(metric: Metric, limit: Limit) -> tuple[tuple[float, float], ...]:
    """Return the operating curve of a gate on answers; empty for other gates."""
    if limit.metric == "correct" and metric.count is not None:
        count, correct = metric.count, int(limit.value)
        return tuple((p, passing_probability(p, correct, count)) for p in _POINTS)
    worth, level = metric.worth_at(limit.confidence), limit.confidence
    if worth is not None and limit.direction == "min":
        return tuple(
            (p, passing_probability_of_share(p, limit.value, worth, level)) for p in _POINTS
        )
    return ()
