"""What a check is told to measure, and when enough is known, so that measuring may stop.

A k-of-n verdict is certain before all n samples are drawn. One on a share over a bank is certain,
at the stated confidence, as soon as a confidence sequence lies on one side of the limit. What was
measured stays valid under any limit: where another limit needs the rest, the rest is measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from basegate.i18n.formatting import FRACTION
from basegate.measurement import Findings, Metric
from basegate.progress import SILENT, Progress
from basegate.stats.confidence_sequence import share_sequence
from basegate.stats.intervals import share_interval

Data = TypeVar("Data", covariant=True)
Settings = TypeVar("Settings", covariant=True)

LOOK_EVERY = 16
"""Questions or pairs from one look at the confidence sequence to the next."""


class SequentialLimit(NamedTuple):
    """A limit that is decided by a confidence sequence for its metric.

    Attributes:
        metric: its name.
        value: of the limit.
        confidence: its level.
        rejects: the side of the limit, `above` or `below`, on which a candidate is rejected; empty
            where it is on neither, as of an advisory limit.
    """

    metric: str
    value: float
    confidence: float
    rejects: Literal["above", "below", ""] = ""

    def side(self, metrics: Iterable[Metric]) -> Literal["above", "below", ""]:
        """Where the metric's interval, at this level or a higher one, lies; empty for on both."""
        found = next((m for m in metrics if m.name == self.metric and not m.item), None)
        if found is None or found.interval is None or found.confidence < self.confidence:
            return ""
        low, high = found.interval
        return "above" if low > self.value else "below" if high < self.value else ""


class StoppingRule(NamedTuple):
    """When enough was measured.

    Attributes:
        correct: right samples that decide a question; `None` where all samples are wanted.
        max_degenerate_share: above this share of degenerate samples the measurement is invalid.
        sequential: limits on shares of the bank; empty where all of the bank is wanted.
    """

    correct: int | None = None
    max_degenerate_share: float = 1.0
    sequential: tuple[SequentialLimit, ...] = ()

    @property
    def confidence(self) -> float:
        """Of the confidence sequences that its limits need."""
        return max((each.confidence for each in self.sequential), default=0.95)

    def still_needed(self, right: int, drawn: int, samples: int) -> int:
        """How many more samples to draw: the fewest that can decide the question; 0 if decided."""
        if self.correct is None:
            return samples - drawn
        to_pass = self.correct - right
        to_fail = samples - self.correct + 1 - (drawn - right)
        return max(0, min(to_pass, to_fail))

    def validity_is_certain(self, degenerate: int, drawn: int, undrawn: int) -> bool:
        """Whether the measurement is valid, or not, whatever the undrawn samples would be."""
        # Shares, as in the limit: a product rounds 0.29 * 100 to less than 29.
        samples, most = max(1, drawn + undrawn), self.max_degenerate_share
        return degenerate / samples > most or (degenerate + undrawn) / samples <= most

    def is_decided_by(self, metrics: Sequence[Metric]) -> bool:
        """Whether confidence sequences decide the verdict, and that the measurement is valid.

        One limit that is not met decides it, else all of them have to be decided.
        """
        if not self.sequential:
            return False
        valid = SequentialLimit("degenerate_share", self.max_degenerate_share, self.confidence)
        if any(each.name == valid.metric for each in metrics) and not valid.side(metrics):
            return False
        sides = [each.side(metrics) for each in self.sequential]
        missed = (
            side and side == each.rejects for side, each in zip(sides, self.sequential, strict=True)
        )
        return any(missed) or all(sides)


ALL_SAMPLES = StoppingRule()


@dataclass(frozen=True)
class MeasureTask(Generic[Data, Settings]):
    """What a check's `measure` is given beside the engine; no limit is among it.

    Attributes:
        data: what the check's `prepare` read.
        stopping: when enough was measured.
        earlier: findings of the same measurement to continue, where not all was measured.
    """

    data: Data
    settings: Settings
    progress: Progress = SILENT
    stopping: StoppingRule = ALL_SAMPLES
    earlier: Findings | None = None


class _Named(Protocol):
    @property
    def id(self) -> str: ...


Asked = TypeVar("Asked", bound=_Named)


def ask_in_turn(
    records: Sequence[Asked],
    done: Collection[str],
    ask: Callable[[Sequence[Asked]], None],
    metrics: Callable[[], Sequence[Metric]],
    rule: StoppingRule,
    every: int = LOOK_EVERY,
) -> int:
    """Ask records until the rule's limits are decided; the number that was not asked.

    The order is that of a hash of their ids, the same for every candidate and whatever others there
    are, so that those asked first are a random part of the bank.

    Args:
        records: all of the bank.
        done: ids of those asked before.
        ask: asks so many more.
        metrics: those of what was asked so far.
        rule: without sequential limits all is asked at once.
        every: records from one look at the metrics to the next.
    """
    rest = [each for each in records if each.id not in done]
    if not rule.sequential:
        if rest:
            ask(rest)
        return 0
    rest.sort(key=_place)
    known = len(rest) < len(records)
    while rest and not (known and rule.is_decided_by(metrics())):
        ask(rest[:every])
        rest, known = rest[every:], True
    return len(rest)


def _place(record: _Named) -> bytes:
    return hashlib.sha256(record.id.encode()).digest()


def sequential_share(
    name: str, shares: Sequence[float], confidence: float, best_of: int = 1
) -> Metric:
    """The mean of shares of a part of a bank, with its confidence sequence.

    `best_of`: as of `Metric`. The standard error is that by which Wilson's interval is as wide as
    it is, since none or all right do not make it zero.
    """
    value = sum(shares) / len(shares)
    low, high = share_interval(value, len(shares), confidence)
    return Metric(
        name,
        value,
        FRACTION,
        interval=share_sequence(shares, 1 - (1 - confidence) / best_of),
        confidence=confidence,
        count=len(shares),
        best_of=best_of,
        standard_error=(high - low) / 2 / NormalDist().inv_cdf(0.5 + confidence / 2),
    )


def is_enough(findings: Findings, rule: StoppingRule) -> bool:
    """Whether what was measured decides every question, the bank and the validity of both."""
    if findings.facts.get("not_asked") and not rule.is_decided_by(findings.metrics):
        return False
    undrawn = findings.facts.get("not_drawn")
    if undrawn == 0:
        return True
    if not rule.validity_is_certain(*_degenerate(findings), int(undrawn or 0)):
        return False
    return all(
        rule.still_needed(round(metric.value), metric.drawn, metric.count) == 0
        for metric in findings.metrics
        if metric.value is not None and metric.drawn is not None and metric.count is not None
    )


def _degenerate(findings: Findings) -> tuple[int, int]:
    """Degenerate samples, and all; samples are not read."""
    for metric in findings.metrics:
        if metric.name == "degenerate_share" and metric.value is not None and metric.count:
            return round(metric.value * metric.count), metric.count
    return sum(sample.degenerate for sample in findings.samples), len(findings.samples)
