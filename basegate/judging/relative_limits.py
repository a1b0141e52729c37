"""Limits relative to a candidate: computed from its stored measurement of the same check.

The same check: version, settings, data, quantization, dtype (that of the computation, too) and
device are equal. Versions of libraries may differ, as for verdicts from the store; a note then says
so. Two names mean one candidate where hub id and commit, or a folder's fingerprint, are the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basegate.config.limits import AnyLimit, DropLimit, Limit, RelativeLimit
from basegate.config.registry import COMMIT, CandidateSpec
from basegate.config.selection import asked_for
from basegate.config.thresholds import Thresholds
from basegate.data.fingerprint import known_fingerprint
from basegate.errors import InvalidMeasurement, UsageError, did_you_mean
from basegate.i18n.catalogue import ENGLISH
from basegate.i18n.formatting import FRACTION, format_limit
from basegate.i18n.messages import Message
from basegate.judging.judge import check_valid
from basegate.judging.non_inferiority import drop_from
from basegate.measurement import CandidateFacts, Measurement, Metric
from basegate.serialization import canonical_json
from basegate.store.folder import Store

Referring = RelativeLimit | DropLimit
"""A limit that needs a measurement of another candidate."""


@dataclass(frozen=True)
class Origin:
    """Source of a candidate in `models.toml` or `--model`: hub id, or folder (`local`).

    Attributes:
        revision: a full commit, or the fingerprint of a folder; `None` where the hub would have to
            be asked for it, or gigabytes read.
    """

    source: str
    local: bool = False
    revision: str | None = None

    @classmethod
    def of(cls, spec: CandidateSpec, memory: Path | None) -> Origin:
        if spec.local:
            revision = known_fingerprint(Path(spec.source), memory, spec.file)
        else:
            revision = spec.revision if COMMIT.fullmatch(spec.revision or "") else None
        return cls(spec.source, spec.local, revision)

    def is_same_checkpoint(self, facts: CandidateFacts | Origin) -> bool:
        """Whether a candidate is certainly this one; False where a revision is not known."""
        same = self.local or facts.source == self.source
        return same and self.revision is not None and facts.revision == self.revision


def origins_of(
    limits: Iterable[Referring], known: Mapping[str, CandidateSpec], memory: Path | None = None
) -> dict[str, Origin]:
    """Origins of known candidates, if limits refer to any; those have revisions.

    `memory`: see `checkpoint_fingerprint`.
    """
    names = {limit.candidate for limit in limits}
    return {
        name: Origin.of(spec, memory) if name in names else Origin(spec.source, spec.local)
        for name, spec in known.items()
        if names
    }


def references_first(
    candidates: Iterable[CandidateSpec],
    limits: Sequence[Referring],
    known: Mapping[str, CandidateSpec],
    memory: Path | None = None,
) -> set[str]:
    """Names of candidates that limits refer to, or that may be the same checkpoint as one."""
    names = {limit.candidate for limit in limits}
    references = [each for name, each in origins_of(limits, known, memory).items() if name in names]

    def may_be_one(spec: CandidateSpec) -> bool:
        # Which revision it is without a full commit shows only once it is measured.
        if any(each.source == spec.source for each in references):
            return True
        own = Origin.of(spec, memory) if references else None
        return own is not None and any(each.is_same_checkpoint(own) for each in references)

    return {spec.name for spec in candidates if spec.name in names or may_be_one(spec)}


class References:
    """The measurements that limits are relative to.

    Args:
        limits: of the thresholds.
        measurements: of the store.
        origins: of candidates that are known; nothing needs to be stored of them.
        beside: names of candidates that another process of this run may be measuring.
        evidence: reads a measurement with its evidence, by key.
    """

    def __init__(
        self,
        limits: Iterable[Referring] = (),
        measurements: Iterable[Measurement] = (),
        origins: Mapping[str, Origin] | None = None,
        beside: Collection[str] = (),
        evidence: Callable[[str], Measurement | None] = lambda key: None,
    ) -> None:
        self._evidence = evidence
        self._origins = origins or {}
        self._beside = beside
        self._measurements: dict[tuple[str, str], Measurement] = {}
        self._found: dict[str, list[Measurement]] = {}
        # Without a relative limit the store is not read.
        for each in measurements if any(limits) else ():
            self.add(each)

    def add(self, measurement: Measurement) -> None:
        """Add a measurement, in place of an earlier one of its name and key."""
        self._measurements[measurement.candidate.name, measurement.key] = measurement
        self._found.clear()

    def _is_stored(self, name: str) -> bool:
        return any(stored == name for stored, _ in self._measurements)

    def _measured_on(self, name: str) -> list[Measurement]:
        """Measurements of a candidate under all of its names, which keys leave out.

        Where nothing is stored under this one, those of the same checkpoint.
        """
        if name not in self._found:
            every = self._measurements.values()
            named = {_candidate_key(each) for each in every if each.candidate.name == name}
            origin = self._origins.get(name)
            self._found[name] = [
                each
                for each in every
                if _candidate_key(each) in named
                or (not named and origin is not None and origin.is_same_checkpoint(each.candidate))
            ]
        return self._found[name]

    def _not_stored(self, name: str) -> str:
        """Error text; names under which the same source is stored, if any."""
        text = "of which no such measurement is stored."
        origin = self._origins.get(name)
        if self._measured_on(name):
            return text
        stored = [each.candidate for each in self._measurements.values()]
        if origin is None:
            return text + did_you_mean(name, {*self._origins, *(each.name for each in stored)})
        others = sorted({each.name for each in stored if each.source == origin.source})
        if not others:
            return text
        return (
            f"a name under which nothing is stored. Stored of the same source ({origin.source}): "
            f"{' and '.join(others)}; give such a name if it is what you mean."
        )

    def resolve(
        self, limit: Referring, measurement: Measurement, validity: Sequence[AnyLimit]
    ) -> tuple[Limit, Metric | None, tuple[Message, ...]]:
        """The limit as a number, of a drop the metric that it judges, and notes.

        Args:
            limit: relative to a candidate.
            measurement: to be judged by it.
            validity: limits beyond which the reference itself is invalid.

        Raises:
            InvalidMeasurement: nothing stored can be compared; says what to do.
        """
        name = limit.candidate
        own = [each for each in self._measured_on(name) if each.check == measurement.check]
        same = [each for each in own if _identity_of_check(each) == _identity_of_check(measurement)]
        config = measurement.candidate.load_config
        fitting = [each for each in same if each.candidate.load_config == config]
        if not fitting:
            raise InvalidMeasurement(self._nothing_fits(limit, measurement, own, same))
        libraries = measurement.identity.get("libraries")
        found = max(
            fitting,
            key=lambda each: (each.identity.get("libraries") == libraries, each.measured_at),
        )
        try:
            check_valid(found, validity)
        except InvalidMeasurement as error:
            raise InvalidMeasurement(f"whose own measurement is invalid: {error.message}") from None
        notes = _notes(name, found, fitting, measurement, named=self._is_stored(name))
        if isinstance(limit, DropLimit):
            return *drop_from(limit, self._whole(measurement), self._whole(found)), tuple(notes)
        return _resolved(limit, found), None, tuple(notes)

    def _whole(self, measurement: Measurement) -> Measurement:
        """A measurement with its evidence, which a list of a store's measurements lacks."""
        findings = measurement.findings
        if findings.has_texts or findings.documents:
            return measurement
        whole = self._evidence(measurement.key)
        if whole is None:
            raise InvalidMeasurement(
                f"and what {measurement.candidate.name} reached on single items is not stored, or "
                "its file is damaged. Measure it again with --remeasure."
            )
        return measurement.model_copy(update={"findings": whole.findings})

    def _nothing_fits(
        self,
        limit: Referring,
        measurement: Measurement,
        own: Sequence[Measurement],
        same: Sequence[Measurement],
    ) -> str:
        facts = measurement.candidate
        if same:
            ways = dict.fromkeys(each.candidate.load_config for each in same)
            what = (
                f"which is stored in {' and in '.join(ways)} only, and this measurement in "
                f"{facts.load_config}; these are not compared with each other."
            )
        elif own:
            what = (
                "whose stored measurements are of other settings, other data or another version of "
                "the measure."
            )
        else:
            what = self._not_stored(limit.candidate)
        first = "Measure it first, with the same --thresholds and --store"
        if limit.candidate in self._beside:
            first = (
                "With -n it is measured beside the others, which do not wait for it. Leave -n out, "
                "or measure it first, with the same --thresholds and --store"
            )
        name = limit.candidate
        if self._is_stored(name):
            located = self._measured_on(name)[0].candidate.located
            name = shlex.quote(asked_for(name, located, self._origins))
        return f"{what} {first}: pytest --model {name} {_load_options(facts)}"


def check_known(thresholds: Thresholds, known: Collection[str], store: Store) -> None:
    """Raise `UsageError` for limits relative to a candidate neither known nor stored.

    The store is read only if a name is not among `known`, those of `models.toml` and `--model`.
    """
    unknown = [limit for limit in thresholds.relative if limit.candidate not in known]
    stored = {each.candidate.name for each in store} if unknown else set()
    for limit in unknown:
        if limit.candidate not in stored:
            raise UsageError(
                f"{thresholds.path}: {limit.key}.reference: there is no candidate called "
                f"{limit.candidate!r} in models.toml, in --model or in the "
                f"store.{did_you_mean(limit.candidate, {*stored, *known})}"
            )


def _resolved(limit: RelativeLimit, found: Measurement) -> Limit:
    """The limit that follows; raises `InvalidMeasurement` where all or none could meet it."""
    values = ((m.value, m.unit) for m in found.findings.metrics if m.name == limit.metric)
    value, unit = next(values, (None, ""))
    if value is None:
        raise InvalidMeasurement(f"whose measurement holds no {limit.metric}.")
    given = f"factor = {limit.factor:g}" if limit.factor is not None else f"plus = {limit.plus:g}"
    advice = f"Choose another number than {given}, or give the limit itself as a number."
    resolved = limit.resolved(value, found.key)
    if resolved is None:
        raise InvalidMeasurement(f"from which a limit beyond all numbers follows. {advice}")
    met_by = resolved.met_by(share=unit == FRACTION)
    if met_by == "some":
        return resolved
    asked = format_limit(resolved.value, resolved.direction, unit, ENGLISH, resolved.reference)
    why = "every candidate meets that" if met_by == "all" else "no candidate can meet that"
    raise InvalidMeasurement(
        f"from which {asked} follows: {why}, so that it tells nothing. {advice}"
    )


def _candidate_key(measurement: Measurement) -> str:
    return canonical_json(measurement.identity.get("candidate"))


def _identity_of_check(measurement: Measurement) -> dict[str, Any]:
    """Version, settings and data: all but candidate and libraries, which are compared apart."""
    identity = measurement.identity
    return {name: identity[name] for name in identity if name not in ("candidate", "libraries")}


def _load_options(facts: CandidateFacts) -> str:
    return f"--quantization {facts.quantization} --dtype {facts.dtype} --device {facts.device}"


def _notes(
    name: str,
    found: Measurement,
    fitting: Sequence[Measurement],
    measurement: Measurement,
    *,
    named: bool,
) -> Iterable[Message]:
    mine, other = (each.identity.get("libraries") or {} for each in (measurement, found))
    for library in sorted({*mine, *other}):
        if mine.get(library) != other.get(library):
            yield Message(
                "the reference {name} was measured with {library} {other}, not {own}.",
                name=name,
                library=library,
                other=other.get(library),
                own=mine.get(library),
            )
    if not named:
        yield Message(
            "nothing is stored under the name {name}; it is the same checkpoint as {other}, whose "
            "measurement counts.",
            name=name,
            other=found.candidate.name,
        )
    revisions = {each.candidate.revision for each in fitting}
    if len(revisions) > 1:
        yield Message(
            "of the reference {name}, {count} revisions are stored; the limit is that of "
            "{revision}, measured at {date}.",
            name=name,
            count=len(revisions),
            revision=(found.candidate.revision or "unknown")[:19],
            date=found.measured_at,
        )
