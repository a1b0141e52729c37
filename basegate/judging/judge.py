"""From a measurement to its verdict, measured now or stored. Sees no model; computes no metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Literal

from basegate.checks.early_stopping import ALL_SAMPLES, SequentialLimit, StoppingRule
from basegate.config.declaration import declaration_of
from basegate.config.limits import AnyLimit, DropLimit, Limit, RelativeLimit
from basegate.errors import InvalidMeasurement
from basegate.i18n.messages import Message, joined
from basegate.judging.explanation import sentence
from basegate.serialization import Frozen
from basegate.stats.intervals import draws_needed, passing_probability, passing_probability_of_share
from basegate.verdict import (
    Result,
    SampleSizeHint,
    TokenizerCost,
    Unresolved,
    VerdictWord,
    deciding_rows,
)

if TYPE_CHECKING:
    from basegate.judging.relative_limits import References
    from basegate.measurement import Measurement, Metric


class Verdict(Frozen):
    """The results of one measurement, a row per metric and limit.

    The worst is the verdict; advisory ones have no say.
    """

    results: tuple[Result, ...]

    @property
    def word(self) -> VerdictWord:
        return deciding_rows(self.results)[0]

    @property
    def passed(self) -> bool:
        return self.word == "pass"

    @property
    def explanation(self) -> str:
        """The results that are not met, a line each; all of them if it passed."""
        wanted = [r for r in self.results if r.verdict != "pass"] or list(self.results)
        return "\n".join(map(sentence, wanted))

    def __repr__(self) -> str:
        """Short, since pytest prints it below a failed assertion."""
        return f"<Verdict {self.word}>"


def judge(
    measurement: Measurement,
    limits: Sequence[AnyLimit],
    candidate: str,
    references: References,
    *,
    brief: bool = False,
) -> Verdict:
    """Judge a measurement, stored or made now, by the limits of its candidate.

    A measurement beyond a limit of validity has one `invalid` row.

    Args:
        measurement: evidence is not read.
        limits: at least one.
        candidate: the name it goes by in this run; one checkpoint may have several.
        references: what relative limits are computed from.
        brief: leave out operating curves, which take far longer than the verdicts.
    """
    place = (candidate, measurement.check, measurement.item)
    try:
        check_valid(measurement, limits)
    except InvalidMeasurement as error:
        return Verdict(results=(invalid(*place, error.message, measurement.key),))
    resolved: list[Limit] = []
    drops: list[Metric] = []
    notes = dict.fromkeys(measurement.findings.notes)
    unresolved = []
    for limit in limits:
        if isinstance(limit, Limit):
            resolved.append(limit)
            continue
        try:
            found, drop, further = references.resolve(limit, measurement, limits)
        except InvalidMeasurement as error:
            reason = f"{limit.key} is relative to {limit.candidate}, {error.message}"
            row = invalid(*place, reason, measurement.key, _unresolved(limit, measurement))
            unresolved.append(row.model_copy(update={"advisory": limit.advisory}))
        else:
            resolved.append(found)
            drops += [drop] if drop is not None else []
            notes.update(dict.fromkeys(further))
    measurement = measurement.model_copy(
        update={"findings": measurement.findings.with_metrics(*drops)}
    )
    rows = (_rows(measurement, limit, candidate, tuple(notes), brief) for limit in resolved)
    return Verdict(results=(*chain.from_iterable(rows), *unresolved))


def _unresolved(limit: RelativeLimit | DropLimit, measurement: Measurement) -> Unresolved:
    wanted = limit.metrics if isinstance(limit, DropLimit) else (limit.metric,)
    found = (each for each in measurement.findings.metrics if each.name in wanted)
    own = next(found, None)
    return Unresolved(
        candidate=limit.candidate,
        metric=own.name if own else limit.metric,
        value=own.value if own else None,
        unit=own.unit if own else "",
    )


def _rows(
    measurement: Measurement, limit: Limit, candidate: str, notes: tuple[Message, ...], brief: bool
) -> list[Result]:
    """A row per metric that the limit is on; none for a limit of validity."""
    metrics = measurement.findings.metrics
    own = [metric for metric in metrics if metric.name == limit.metric]
    if own:
        judged = () if limit.validity else own
        return [_row(measurement, each, limit, candidate, notes, brief) for each in judged]
    # Of validity, too: what cannot be checked must not pass.
    reason = Message(
        "{key}: the measurement holds no {metric}; it holds {metrics}.",
        key=limit.key,
        metric=limit.metric,
        metrics=joined(dict.fromkeys(metric.name for metric in metrics)),
    )
    row = invalid(candidate, measurement.check, measurement.item, reason, measurement.key)
    return [row.model_copy(update={"advisory": limit.advisory})]


def check_valid(measurement: Measurement, limits: Sequence[AnyLimit]) -> None:
    """Raise `InvalidMeasurement` for a measurement beyond a limit of validity.

    These limits tell a broken run from a bad model. A null model has no numerics that could break:
    what it writes is what it is, however degenerate, and it fails by its numbers.
    """
    if measurement.candidate.is_null:
        return
    for limit in (each for each in limits if isinstance(each, Limit) and each.validity):
        measured = [each for each in measurement.findings.metrics if each.name == limit.metric]
        if not measured or verdict_on(measured[0], limit) == "pass":
            continue
        reason = Message(
            "{broken}, {key} is {value}: empty, one token or character over and over, or "
            "characters that cannot be shown. That is a broken run, not a wrong answer: try "
            "another --dtype or --quantization. If the model is in order and merely says "
            "nothing, raise the limit.",
            broken=_broken(measurement, measured[0]),
            key=limit.key,
            value=f"{limit.value:g}",
        )
        raise InvalidMeasurement(reason, measurement=measurement.key)


def _broken(measurement: Measurement, share: Metric) -> str:
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
    candidate: str,
    check: str,
    item: str,
    reason: str,
    measurement: str | None = None,
    unresolved: Unresolved | None = None,
) -> Result:
    """The row of a measurement that could not be made, is broken, or has no limit to meet."""
    return Result(
        candidate=candidate,
        check=check,
        item=item,
        verdict="invalid",
        reason=Message.of(reason),
        measurement=measurement,
        unresolved=unresolved,
    )


def _row(
    measurement: Measurement,
    metric: Metric,
    limit: Limit,
    candidate: str,
    notes: tuple[Message, ...],
    brief: bool,
) -> Result:
    interval, confidence = metric.interval_at(limit.confidence)
    row = Result(
        candidate=candidate,
        check=measurement.check,
        item=f"{measurement.item}/{metric.item}" if metric.item else measurement.item,
        metric=metric.name,
        value=metric.value,
        unit=metric.unit,
        limit=limit.value,
        direction=limit.direction,
        verdict=verdict_on(metric, limit),
        interval=interval,
        confidence=confidence,
        standard_error=metric.standard_error,
        seconds=measurement.seconds,
        measurement=measurement.key,
        sample_size=measurement.findings.sample_size,
        why=limit.why,
        notes=notes,
        count=metric.count,
        n_generated=metric.drawn,
        reference=limit.reference,
        advisory=limit.advisory,
    )
    if brief:
        return row
    # More of what holds nothing to count settles nothing; where another limit decided, there is
    # more to ask, and how much would do does not follow from so few.
    is_open = row.verdict == "inconclusive" and row.count != 0 and not row.is_asked_in_part
    return row.model_copy(
        update={
            "curve": _curve(metric, limit),
            "sample_size_hint": _sample_size_hint(measurement, metric, limit) if is_open else None,
            "tokenizer": _tokenizer(measurement),
        }
    )


def verdict_on(metric: Metric, limit: Limit) -> VerdictWord:
    """The verdict on one metric by one limit.

    With `by_interval`, an interval wholly on the right side passes, wholly on the wrong side
    fails, and one that straddles the limit is inconclusive. Otherwise the value decides.
    """
    if metric.value is None:
        return "invalid"
    interval, _ = metric.interval_at(limit.confidence)
    ends = interval if limit.by_interval and interval is not None else (metric.value, metric.value)
    met = [end <= limit.value if limit.direction == "max" else end >= limit.value for end in ends]
    if all(met):
        return "pass"
    return "inconclusive" if any(met) else "fail"


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


def _sample_size_hint(measurement: Measurement, metric: Metric, limit: Limit) -> SampleSizeHint:
    """How many more questions, documents etc. would make the verdict conclusive."""
    declared = declaration_of(measurement.check)
    kind = declared.counted_by_metric.get(metric.name, declared.counted)
    have = measurement.findings.facts.get(kind)
    if not isinstance(have, int):
        return SampleSizeHint(kind=kind)
    factor = _times_as_many(metric, limit)
    if factor is None:
        return SampleSizeHint(kind=kind, have=have)
    # Rounded first: four times as many must not become four times and one.
    more = max(1, math.ceil(round(have * factor, 6)) - have)
    return SampleSizeHint(kind=kind, have=have, more=more)


_FAR = 1000.0


def _times_as_many(metric: Metric, limit: Limit) -> float | None:
    """Factor in sample size that puts the interval on one side; `None` where too large.

    A share's interval is computed; of any other the width is taken to fall with the root of the
    sample size.
    """
    interval, _ = metric.interval_at(limit.confidence)
    if metric.value is None or interval is None or metric.value == limit.value:
        return None
    worth = metric.worth_at(limit.confidence)
    if worth is not None:
        needed = draws_needed(metric.value, limit.value, _level(metric, limit))
        factor = math.inf if needed is None else needed / worth
    else:
        end = interval[0] if metric.value > limit.value else interval[1]
        factor = ((metric.value - end) / (metric.value - limit.value)) ** 2
    return factor if factor <= _FAR else None


_POINTS = tuple(step / 10 for step in range(1, 10))


def _curve(metric: Metric, limit: Limit) -> tuple[tuple[float, float], ...]:
    """The operating curve of a gate on answers; empty for other gates."""
    if limit.metric == "correct" and metric.count is not None:
        count, correct = metric.count, int(limit.value)
        return tuple((p, passing_probability(p, correct, count)) for p in _POINTS)
    worth, level = metric.worth_at(limit.confidence), _level(metric, limit)
    if worth is not None and limit.direction == "min":
        return tuple(
            (p, passing_probability_of_share(p, limit.value, worth, level)) for p in _POINTS
        )
    return ()


def _level(metric: Metric, limit: Limit) -> float:
    """Of each of the metrics of which this one is the best, at the limit's confidence together."""
    return 1 - (1 - limit.confidence) / metric.best_of


def stopping_rule(limits: Sequence[AnyLimit]) -> StoppingRule:
    """How much of a bank its limits need.

    k of n is decided as soon as the samples left cannot change it, a share of the bank by a
    confidence sequence: one limit that is not met is enough. Limits of both kinds, or relative
    ones, need all of it.
    """
    absolute = [limit for limit in limits if isinstance(limit, Limit)]
    counts = {int(limit.value) for limit in absolute if limit.metric == "correct"}
    if len(counts) == 1 and all(limit.metric == "correct" or limit.validity for limit in limits):
        return StoppingRule(counts.pop(), _most_degenerate(absolute))
    gates = [limit for limit in limits if not limit.validity]
    if gates and all(isinstance(each, Limit) and each.sequential for each in gates):
        sequential = tuple(_sequential(each) for each in absolute if not each.validity)
        return StoppingRule(None, _most_degenerate(absolute), sequential)
    return ALL_SAMPLES


def _sequential(limit: Limit) -> SequentialLimit:
    rejects: Literal["above", "below", ""] = "above" if limit.direction == "max" else "below"
    side = "" if limit.advisory else rejects
    return SequentialLimit(limit.metric, limit.value, limit.confidence, side)


def _most_degenerate(limits: Sequence[Limit]) -> float:
    return min((each.value for each in limits if each.validity), default=1.0)
