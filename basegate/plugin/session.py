"""One run of the gate in one process: candidates are measured and judged."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from basegate.checks.early_stopping import ALL_SAMPLES, StoppingRule
from basegate.config.registry import CandidateSpec
from basegate.config.settings import CheckConfig
from basegate.data.fingerprint import FINGERPRINTS
from basegate.engines.devices import another_dtype, resolve_device
from basegate.i18n.catalogue import translator
from basegate.judging.judge import Verdict, check_valid, judge, stopping_rule
from basegate.judging.relative_limits import (
    Origin,
    References,
    check_known,
    origins_of,
    references_first,
)
from basegate.ledger import Record
from basegate.measurement import CandidateFacts, Earlier, Measurement
from basegate.plugin.options import RunOptions
from basegate.progress import SILENT, Progress
from basegate.runner.backends import backend_of
from basegate.runner.candidate import Candidate
from basegate.runner.isolation import Isolation
from basegate.runner.measure import Measurer, get_or_measure, measure
from basegate.runner.unforeseen import watching
from basegate.store.folder import Store


class GateSession:
    """Candidates, limits and store of one run.

    Attributes:
        device: `cuda` or `cpu`.
        tr: the words of the reader's language.
        references: names of the candidates that limits are relative to.
        measuring: candidate, check and item that a test asked for last.
    """

    measuring: tuple[str, str, str] | None = None

    def __init__(self, options: RunOptions, progress: Progress) -> None:
        self.options = options
        self.progress = progress
        self.store = Store(options.store)
        self.device = resolve_device(options.device)
        self.tr = progress.tr = translator(options.language)
        self._opened: dict[str, Candidate] = {}
        self._earlier: dict[tuple[str, str | None], Earlier | None] = {}
        self.references = {limit.candidate for limit in options.thresholds.relative}
        self._isolation: Isolation | None = None

    def check_references(self) -> None:
        check_known(self.options.thresholds, self.options.known, self.store)

    @property
    def order(self) -> list[str]:
        """Names in the order of work: candidates that limits are relative to come first."""
        names = [spec.name for spec in self.options.candidates]
        # All workers have to collect the same; what they begin with, the scheduler decides.
        first = self.references if self.options.worker else self.first
        return sorted(names, key=lambda name: name not in first)

    @property
    def first(self) -> set[str]:
        """Candidates that limits are relative to, or that may be the same checkpoint as one."""
        known = (self.options.thresholds.relative, self.options.known, self._memory)
        return references_first(self.options.candidates, *known)

    def open(self, spec: CandidateSpec) -> Candidate:
        self._opened[spec.name] = self.handle(spec, self.progress)
        return self._opened[spec.name]

    def handle(self, spec: CandidateSpec, progress: Progress = SILENT) -> Candidate:
        """A candidate of this run, not loaded."""
        return Candidate(
            spec,
            device=self.device,
            memory=self._memory,
            progress=progress,
            window=self.options.thresholds.window,
            budget=self.options.memory,
        )

    def close(self, candidate: Candidate) -> None:
        """Free a candidate, in whichever process it was loaded."""
        candidate.close()
        if self._isolation is not None:
            self._isolation.stop()

    def measure(self, candidate: Candidate, check: str, item: str) -> Measurement:
        """A measurement, from the store or made now.

        Raises:
            InvalidMeasurement: it could not be made, or is beyond a limit of validity.
        """
        limits = self.options.thresholds.limits(candidate.name, check, item)
        self.measuring = (candidate.name, check, item)
        asked, stopping = self.asked(candidate.name, check, item)
        with watching(asked, candidate.name, "measuring", self.store.folder):
            measurement = get_or_measure(
                candidate,
                asked,
                self.store,
                stopping=stopping,
                remeasure=self.options.remeasure,
                progress=self.progress,
                measurer=self._measurer(candidate),
            )
        # Of the first time: what this run has measured is not from an earlier one.
        first = self._earlier.setdefault((candidate.name, measurement.key), measurement.earlier)
        measurement = measurement.model_copy(update={"earlier": first})
        if self.references:
            named = measurement.candidate.model_copy(update={"name": candidate.name})
            self._references.add(measurement.model_copy(update={"candidate": named}))
        check_valid(measurement, limits)
        return measurement

    def asked(self, name: str, check: str, item: str) -> tuple[CheckConfig, StoppingRule]:
        """How a check is measured on a candidate, and when that may stop."""
        asked = self.options.thresholds.find(check, item)
        limits = self.options.thresholds.limits(name, check, item)
        return asked, stopping_rule(limits) if asked.stop_early else ALL_SAMPLES

    def earlier(self, name: str, key: str | None) -> Earlier | None:
        """What earlier runs had done of a candidate's measurement of that key."""
        return self._earlier.get((name, key))

    def _measurer(self, candidate: Candidate) -> Measurer:
        """A process of its own, unless the candidate is loaded in this one."""
        if self.options.in_process or candidate.loaded:
            return measure
        if self._isolation is None:
            # Late: a run that finds all in the store starts no process.
            from basegate.runner.isolation import Isolation

            self._isolation = Isolation(
                self._memory,
                self.options.thresholds.window,
                self.options.timeout,
                self.options.gpus,
                self.options.memory,
            )
        return self._isolation

    @property
    def _memory(self) -> Path:
        return self.store.folder / FINGERPRINTS

    def judge(self, candidate: Candidate, measurement: Measurement) -> tuple[Verdict, Record]:
        limits = self.options.thresholds.limits(candidate.name, measurement.check, measurement.item)
        verdict = judge(measurement, limits, candidate.name, self._references)
        facts = measurement.candidate.model_copy(
            update={"name": candidate.name, "source": candidate.spec.source}
        )
        return verdict, Record(
            candidate=facts, results=verdict.results, earlier=measurement.earlier
        )

    @cached_property
    def _references(self) -> References:
        """Measurements that limits may be relative to: of the store, which is read once, or new."""
        own = [spec.name for spec in self.options.candidates] if self.options.worker else ()
        limits = self.options.thresholds.relative
        return References(limits, self.store, self.origins, beside=own, evidence=self.store.get)

    @cached_property
    def origins(self) -> dict[str, Origin]:
        return origins_of(self.options.thresholds.relative, self.options.known, self._memory)

    def facts(self, name: str) -> CandidateFacts:
        """What is known of a candidate before anything is measured on it."""
        spec = next(spec for spec in self.options.candidates if spec.name == name)
        opened = self._opened.get(name)
        device = backend_of(spec).resolve_device(self.options.device)
        return CandidateFacts(
            name=spec.name,
            source=spec.source,
            revision=opened.known_revision if opened is not None else None,
            engine=spec.engine,
            quantization=spec.quantization,
            dtype=spec.dtype,
            compute_dtype=another_dtype(spec, device),
            device=device,
        )
