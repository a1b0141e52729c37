"""Measurements held against limits. Sees no model; computes no metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from basegate.figures import format_limit, found
from basegate.records import FiniteOrNone, Frozen, Interval
from basegate.statistics import passing_probability

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from basegate.limits import Limit
    from basegate.measurement import Measurement, Metric

VerdictWord = Literal["pass", "inconclusive", "fail", "invalid"]
_SEVERITY: tuple[VerdictWord, ...] = ("pass", "inconclusive", "fail", "invalid")


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
        detail: a sentence for people.
        seconds: time that the measurement took.
        measurement: its key in the store.
        basis: what was measured on, e.g. `240 questions, 4 samples each, 2 left out`.
        why: the reason that `thresholds.toml` gives for the limit.
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
    seconds: float | None = None
    measurement: str | None = None
    basis: str = ""
    why: str = ""

    @property
    def part(self) -> str:
        """The corpus, bank or prompt file, without the question's id."""
        return self.item.partition("/")[0]

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


def judge(measurement: Measurement, limits: Sequence[Limit], candidate: str) -> Verdict:
    """Hold a measurement against the limits that apply to the candidate.

    Args:
        measurement: numbers and evidence.
        limits: at least one.
        candidate: the name it goes by in this run; one checkpoint may have several.
    """
    metrics = measurement.findings.metrics
    results = [
        _result(measurement, metric, limit, candidate)
        for limit in limits
        for metric in metrics
        if metric.name == limit.metric
    ]
    missing = [limit for limit in limits if limit.metric not in {m.name for m in metrics}]
    results += [
        invalid(
            candidate,
            measurement.check,
            measurement.item,
            f"{limit.key}: the measurement holds no {limit.metric}.",
            measurement.key,
        )
        for limit in missing
    ]
    return Verdict(results=tuple(results))


def invalid(
    candidate: str, check: str, item: str, reason: str, measurement: str | None = None
) -> Result:
    """Return the row of a measurement that could not be made or is broken."""
    return Result(
        candidate=candidate,
        check=check,
        item=item,
        verdict="invalid",
        detail=f"{candidate} on {item or check}: {reason}",
        measurement=measurement,
    )


def _result(measurement: Measurement, metric: Metric, limit: Limit, candidate: str) -> Result:
    item = f"{measurement.item}/{metric.item}" if metric.item else measurement.item
    verdict = decide(metric, limit)
    interval, confidence = metric.interval_at(limit.confidence)
    metric = metric.model_copy(update={"interval": interval, "confidence": confidence})
    return Result(
        candidate=candidate,
        check=measurement.check,
        item=item,
        metric=metric.name,
        value=metric.value,
        unit=metric.unit,
        limit=limit.value,
        direction=limit.direction,
        verdict=verdict,
        interval=metric.interval,
        confidence=metric.confidence,
        detail=_sentence(candidate, item, measurement, metric, limit, verdict),
        seconds=measurement.seconds,
        measurement=measurement.key,
        basis=measurement.findings.basis,
        why=limit.why,
    )


def decide(metric: Metric, limit: Limit) -> VerdictWord:
    """Return the verdict on one metric.

    With `by_interval`, an interval wholly on the right side passes, wholly on the wrong side
    fails, and one that straddles the limit is inconclusive. Otherwise the value decides.
    """
    if metric.value is None:
        return "invalid"
    lower, upper = metric.value, metric.value
    interval, _ = metric.interval_at(limit.confidence)
    if limit.by_interval and interval is not None:
        lower, upper = interval
    if limit.direction == "max":
        lower, upper, bound = -upper, -lower, -limit.value
    else:
        bound = limit.value
    if lower >= bound:
        return "pass"
    return "fail" if upper < bound else "inconclusive"


def _sentence(
    candidate: str,
    item: str,
    measurement: Measurement,
    metric: Metric,
    limit: Limit,
    verdict: VerdictWord,
) -> str:
    asked = format_limit(limit.value, limit.direction, metric.unit)
    text = f"{candidate} on {item}: {found(metric, limit.value)}, limit {asked}."
    if verdict == "inconclusive":
        text += " The interval straddles the limit: more text or more samples would settle it."
    if limit.metric == "correct" and metric.count is not None:
        text += f" {_operating_point(int(limit.value), metric.count)}"
    remarks = measurement.findings.facts.get("remark")
    if remarks and verdict == "fail":
        text += f" {remarks}"
    return text


def _operating_point(correct: int, samples: int) -> str:
    """Say what the gate lets through: the chance that a model right half of the time passes."""
    chance = passing_probability(0.5, correct, samples)
    return f"(A model that is right half of the time passes {chance * 100:.0f} % of the time.)"
