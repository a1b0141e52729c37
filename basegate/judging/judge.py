"""Judge measurements by limits. Sees no model; computes no metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from basegate.checks.early_stopping import ALL, Draws
from basegate.config.declaration import declaration_of
from basegate.config.limits import Limit
from basegate.errors import InvalidMeasurement
from basegate.i18n.messages import Message, joined
from basegate.judging.explanation import sentence
from basegate.serialization import Frozen
from basegate.stats.operating_curves import (
    draws_needed,
    passing_probability,
    passing_probability_of_share,
)
from basegate.verdict import Result, SampleSizeHint, TokenizerCost, VerdictWord, worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.config.limits import AnyLimit
    from basegate.measurement import Measurement, Metric


class Verdict(Frozen):
    """The results of one measurement; the worst of them is the verdict.

    Attributes:
        results: a row per metric and limit.
    """

    results: tuple[Result, ...]

    @property
    def word(self) -> VerdictWord:
        return worst(result.verdict for result in self.results)

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
    measurement: Measurement, limits: Sequence[Limit], candidate: str, *, brief: bool = False
) -> Verdict:
    """Judge a measurement by the limits of its candidate.

    Args:
        measurement: evidence is not read.
        limits: at least one.
        candidate: the name it goes by in this run; one checkpoint may have several.
        brief: leave out operating curves, which take far longer than the verdicts.
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
    # Of validity, too: what cannot be checked must not pass.
    missing = [limit for limit in limits if limit.metric not in metrics]
    results += [
        invalid(
            candidate,
            measurement.check,
            measurement.item,
            Message(
                "{key}: the measurement holds no {metric}; it holds {metrics}.",
                key=limit.key,
                metric=limit.metric,
                metrics=joined(metrics),
            ),
            measurement.key,
        )
        for limit in missing
    ]
    return Verdict(results=tuple(results))


def check_valid(measurement: Measurement, limits: Sequence[AnyLimit]) -> None:
    """Raise `InvalidMeasurement` for a measurement beyond a limit of validity."""
    for limit in (each for each in limits if isinstance(each, Limit) and each.validity):
        measured = [each for each in measurement.findings.metrics if each.name == limit.metric]
        if not measured or decide(measured[0], limit) == "pass":
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
    """How many samples are degenerate, with an example where samples were read."""
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
    """The row of a measurement that could not be made or is beyond a limit of validity."""
    return Result(
        candidate=candidate,
        check=check,
        item=item,
        verdict="invalid",
        reason=Message.of(reason),
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
        seconds=measurement.seconds,
        measurement=measurement.key,
        sample_size=measurement.findings.sample_size,
        why=limit.why,
        notes=measurement.findings.notes,
        count=metric.count,
        n_generated=metric.drawn,
        reference=limit.reference,
    )
    return row if brief else _explained(row, measurement, metric, limit)


def _explained(row: Result, measurement: Measurement, metric: Metric, limit: Limit) -> Result:
    """A row with its operating curve and sample size hint."""
    # More of what holds nothing to count settles nothing.
    open_ = row.verdict == "inconclusive" and row.count != 0
    hint = _sample_size_hint(measurement, metric, limit) if open_ else None
    return row.model_copy(
        update={
            "curve": _curve(metric, limit),
            "sample_size_hint": hint,
            "tokenizer": _tokenizer(measurement),
        }
    )


def decide(metric: Metric, limit: Limit) -> VerdictWord:
    """The verdict on one metric.

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
        needed = draws_needed(metric.value, limit.value, limit.confidence)
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
    worth, level = metric.worth_at(limit.confidence), limit.confidence
    if worth is not None and limit.direction == "min":
        return tuple(
            (p, passing_probability_of_share(p, limit.value, worth, level)) for p in _POINTS
        )
    return ()


def draws_for(limits: Sequence[AnyLimit]) -> Draws:
    """How many samples the limits on a bank need.

    Only k of n can be decided early. A limit on the bank's accuracy needs all samples.
    """
    judged = [limit for limit in limits if not limit.validity]
    absolute = [limit for limit in limits if isinstance(limit, Limit)]
    counts = {int(limit.value) for limit in absolute if limit.metric == "correct"}
    if len(counts) == 1 and all(limit.metric == "correct" for limit in judged):
        shares = (limit.value for limit in absolute if limit.validity)
        return Draws(counts.pop(), min(shares, default=1.0))
    return ALL
