"""A plan of a run: what is stored, how much is fed and drawn for the rest, and how long it takes.

Nothing is measured and no weights are read: every check measures with a `CountingEngine`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from basegate.checks.early_stopping import (
    ALL_SAMPLES,
    MeasureTask,
    SequentialLimit,
    StoppingRule,
    is_enough,
)
from basegate.config.declaration import declaration_of
from basegate.config.settings import CheckConfig, SamplingSettings
from basegate.engines.counting import CountingEngine
from basegate.errors import BasegateError, CandidateError, InvalidMeasurement
from basegate.measurement import Findings, Measurement, Metric, Work
from basegate.runner.candidate import Candidate
from basegate.runner.measure import call, environment, job_of, stored
from basegate.runner.transformers_backend import tokenizer_here
from basegate.store.folder import Store

if TYPE_CHECKING:
    from basegate.engines.tokenization import Encoder

_HERE = ("platform", "gpu", "cpus")
"""What tells one device from another in the environment of a measurement."""


class _AtOnce(StoppingRule):
    """Stops after the first look."""

    def is_decided_by(self, metrics: Sequence[Metric]) -> bool:
        return True


_NEVER = StoppingRule(sequential=(SequentialLimit("", 0.0, 0.95),))
"""Asks in as many rounds as a confidence sequence is looked at, and never decides."""


class Asked(NamedTuple):
    """A measurement that a run asks for."""

    candidate: Candidate
    check: CheckConfig
    stopping: StoppingRule = ALL_SAMPLES


@dataclass(frozen=True)
class Planned:
    """What is known of a measurement before it is made.

    Attributes:
        asked: which.
        stored: whether the store has all of it that is wanted.
        work: what is fed, and drawn at most; `None` where that is not known.
        in_tokens: whether texts were counted in tokens, not in characters.
        seconds: how long that takes, loading excluded; `None` where nobody knows.
        problem: why nothing is known.
    """

    asked: Asked
    stored: bool = False
    work: Work | None = None
    in_tokens: bool = True
    seconds: float | None = None
    problem: str = ""

    @property
    def reads(self) -> str:
        """How the reading that was counted compares with what will be read: `≤`, `≥` or nothing.

        k of n asks every question, and those again that the first samples do not decide.
        """
        if self.asked.stopping.correct is not None:
            return "≥"
        return "≤" if self.asked.stopping.sequential else ""


def plan(every: Sequence[Asked], store: Store, *, remeasure: bool = False) -> Iterator[Planned]:
    """What is known of every measurement that a run asks for."""
    timed = [each for each in store if each.work is not None and each.work.tokens]
    tokenizers: dict[str, tuple[Encoder, int | None] | None] = {}
    for asked in every:
        name = asked.candidate.name
        try:
            found, enough = find(asked, store, remeasure)
            if enough:
                yield Planned(asked, stored=True)
                continue
            if asked.candidate.spec.engine == "null":  # of no tokens, and done in seconds
                yield Planned(asked, work=Work())
                continue
            if name not in tokenizers:
                spec, revision = asked.candidate.spec, asked.candidate.revision
                tokenizers[name] = tokenizer_here(spec, revision)
            engine = CountingEngine(*(tokenizers[name] or ()))
            earlier = found.findings if found is not None else None
            counted = count(engine, asked.check, earlier, rule=_in_rounds(asked))
        # What a check of the project's own raises is a RuntimeError: see `call`.
        except (BasegateError, RuntimeError) as error:
            yield Planned(asked, problem=str(error))
            continue
        planned = Planned(asked, work=counted.workload, in_tokens=tokenizers[name] is not None)
        speed = rate(_measured_here(asked.candidate, timed), asked.check.name, counted.workload)
        if planned.in_tokens and speed is not None:
            planned = replace(planned, seconds=counted.workload.tokens / speed)
        yield planned


def find(asked: Asked, store: Store, remeasure: bool) -> tuple[Measurement | None, bool]:
    """What the store has of a measurement, and whether that is all that is wanted.

    Raises:
        InvalidMeasurement: candidate or data cannot be found.
    """
    found = stored(job_of(asked.candidate, asked.check, store, remeasure=remeasure), store)
    return found, found is not None and is_enough(found.findings, asked.stopping)


def count(
    engine: CountingEngine,
    check: CheckConfig,
    earlier: Findings | None = None,
    *,
    rule: StoppingRule = ALL_SAMPLES,
) -> CountingEngine:
    """Let an engine count all that a check asks for by a rule.

    Raises:
        DataError: its data cannot be read.
        RuntimeError: a check of the project's own is broken, or cannot do with an empty answer.
    """
    made = declaration_of(check.name)
    data = call(check.name, made.prepare, check.settings)
    task = MeasureTask(data, check.settings, stopping=rule, earlier=earlier)
    try:
        call(check.name, made.measure, engine, task)
    except CandidateError:
        raise
    except InvalidMeasurement:  # what was "measured" means nothing, of course
        pass
    return engine


def _in_rounds(asked: Asked) -> StoppingRule:
    return _NEVER if asked.stopping.sequential else ALL_SAMPLES


def least(asked: Asked, work: Work) -> int:
    """The fewest characters and tokens that a measurement may take, of those of all its `work`.

    Raises as `count`.
    """
    rule = asked.stopping
    if rule.sequential:
        return count(CountingEngine(), asked.check, rule=_AtOnce(*rule)).workload.tokens
    if rule.correct is None or not isinstance(asked.check.settings, SamplingSettings):
        return work.tokens
    samples = asked.check.settings.sampling.samples
    return work.fed + work.drawn * rule.still_needed(0, 0, samples) // samples


def _measured_here(candidate: Candidate, timed: Sequence[Measurement]) -> list[Measurement]:
    """Measurements of the same checkpoint, loaded alike, on this device."""
    own, here = candidate.facts(), environment(candidate.device)
    return [
        each
        for each in timed
        if each.candidate.revision == own.revision
        and each.candidate.load_config == own.load_config
        and all(each.environment.get(key) == here[key] for key in _HERE)
    ]


def rate(measured: Sequence[Measurement], check: str, work: Work) -> float | None:
    """Tokens per second, fed and drawn alike: of the same check, or else of others of its kind.

    Those that draw are one kind, those that only read the other. `None` where none was measured.
    """
    alike = [each for each in measured if each.work and bool(each.work.drawn) == bool(work.drawn)]
    nearest = [each for each in alike if each.check == check] or alike
    seconds = sum(each.seconds for each in nearest)
    return sum(each.work.tokens for each in nearest if each.work) / seconds if seconds else None
