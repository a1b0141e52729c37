"""Limits relative to a candidate: computed from its stored measurement of the same check.

The same check: version, settings, data, quantization, dtype and device are equal. Versions of
libraries may differ, as for verdicts from the store; a note then says so.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from basegate.config.limits import Limit
from basegate.config.model_source import asked_for
from basegate.errors import InvalidMeasurement, UsageError
from basegate.i18n.catalogue import ENGLISH
from basegate.i18n.formatting import FRACTION, format_limit
from basegate.i18n.messages import Message
from basegate.judging.checkpoint_identity import suggestion
from basegate.judging.judge import Verdict, check_valid, invalid, judge
from basegate.serialization import canonical_json
from basegate.verdict import Unresolved

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from basegate.config.limits import AnyLimit, RelativeLimit
    from basegate.config.thresholds import Thresholds
    from basegate.judging.checkpoint_identity import Origin
    from basegate.measurement import CandidateFacts, Measurement
    from basegate.store.folder import Store

_MAY_DIFFER = ("candidate", "libraries")
"""Parts of an identity that are compared separately."""


@dataclass(frozen=True)
class _Found:
    limit: Limit
    notes: tuple[Message, ...]


class References:
    """The measurements that limits are relative to.

    Args:
        limits: of the thresholds.
        measurements: of the store.
        origins: of candidates that are known; nothing needs to be stored of them.
        beside: names of candidates that another process of this run may be measuring.
    """

    def __init__(
        self,
        limits: Iterable[RelativeLimit] = (),
        measurements: Iterable[Measurement] = (),
        origins: Mapping[str, Origin] | None = None,
        beside: Collection[str] = (),
    ) -> None:
        names = {limit.candidate for limit in limits}
        # Without a relative limit the store is not read.
        self._stored = _by_name(measurements if names else ())
        self._origins = origins or {}
        self._beside = beside
        self._named = names & self._stored.keys()
        self._by_name = {name: self._stored.get(name) or self._aliases(name) for name in names}

    def _aliases(self, name: str) -> list[Measurement]:
        """What is stored of a candidate under other names only."""
        origin = self._origins.get(name)
        every = (each for own in self._stored.values() for each in own)
        found = {
            each.key: each for each in every if origin and origin.is_same_checkpoint(each.candidate)
        }
        return list(found.values())

    def _not_stored(self, name: str) -> str:
        """Error text; names under which the same source is stored, if any."""
        text = "of which no such measurement is stored."
        origin = self._origins.get(name)
        if name in self._stored or self._by_name.get(name):
            return text
        if origin is None:
            hint = suggestion(name, self._stored, self._origins)
            return f"{text}{hint}"
        others = sorted(
            other
            for other, own in self._stored.items()
            if any(each.candidate.source == origin.source for each in own)
        )
        if not others:
            return text
        return (
            f"a name under which nothing is stored. Stored of the same source ({origin.source}): "
            f"{' and '.join(others)}; give such a name if it is what you mean."
        )

    def add(self, measurement: Measurement) -> None:
        """Add a measurement of a reference, in place of an earlier one of its key."""
        for name, own in self._by_name.items():
            if self._is_of(name, measurement):
                others = (each for each in own if each.key != measurement.key)
                self._by_name[name] = [measurement, *others]
        self._named |= {measurement.candidate.name} & self._by_name.keys()

    def _is_of(self, name: str, measurement: Measurement) -> bool:
        """Whether a measurement would count as that reference's own if it was in the store."""
        if measurement.candidate.name == name:
            return True
        if name in self._named:
            candidate = measurement.identity.get("candidate")
            own = self._by_name[name]
            return any(each.identity.get("candidate") == candidate for each in own)
        origin = self._origins.get(name)
        return origin is not None and origin.is_same_checkpoint(measurement.candidate)

    def resolve(
        self, limit: RelativeLimit, measurement: Measurement, validity: Sequence[AnyLimit]
    ) -> _Found:
        """The limit as a number, with notes.

        Args:
            limit: relative to a candidate.
            measurement: to be judged by it.
            validity: limits beyond which the reference itself is invalid.

        Raises:
            InvalidMeasurement: nothing stored can be compared; says what to do.
        """
        stored = self._by_name.get(limit.candidate, [])
        own = [each for each in stored if each.check == measurement.check]
        same = [each for each in own if _asked(each) == _asked(measurement)]
        fitting = [each for each in same if _held(each) == _held(measurement)]
        if not fitting:
            raise InvalidMeasurement(self._nothing_fits(limit, measurement, own, same))
        found = max(fitting, key=lambda each: (_libraries(each, measurement), each.measured_at))
        try:
            check_valid(found, validity)
        except InvalidMeasurement as error:
            raise InvalidMeasurement(f"whose own measurement is invalid: {error.message}") from None
        resolved = _resolved(limit, found)
        notes = _notes(
            limit.candidate, found, fitting, measurement, named=limit.candidate in self._named
        )
        return _Found(resolved, tuple(notes))

    def _nothing_fits(
        self,
        limit: RelativeLimit,
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
        return f"{what} {first}: pytest --model {self._model(limit.candidate)} {_options(facts)}"

    def _model(self, name: str) -> str:
        """What to write after `--model` for a reference."""
        stored = self._stored.get(name)
        if not stored:
            return name
        return shlex.quote(asked_for(name, stored[0].candidate.located, self._origins))


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
                f"store.{suggestion(limit.candidate, stored, known)}"
            )


def judge_by(
    measurement: Measurement,
    limits: Sequence[AnyLimit],
    candidate: str,
    references: References,
    *,
    brief: bool = False,
) -> Verdict:
    """Judge a measurement by absolute and relative limits; see `judge`."""
    resolved: list[Limit] = []
    notes: list[Message] = []
    unknown = []
    for limit in limits:
        if isinstance(limit, Limit):
            resolved.append(limit)
            continue
        try:
            found = references.resolve(limit, measurement, limits)
        except InvalidMeasurement as error:
            reason = f"{limit.key} is relative to {limit.candidate}, {error.message}"
            where = (measurement.check, measurement.item)
            row = invalid(candidate, *where, reason, measurement.key)
            unknown.append(row.model_copy(update={"unresolved": _unresolved(limit, measurement)}))
        else:
            resolved.append(found.limit)
            notes += found.notes
    rows = judge(measurement, resolved, candidate, brief=brief).results
    if notes:
        told = {"notes": (*measurement.findings.notes, *dict.fromkeys(notes))}
        rows = tuple(row.model_copy(update=told) for row in rows)
    return Verdict(results=(*rows, *unknown))


def _unresolved(limit: RelativeLimit, measurement: Measurement) -> Unresolved:
    known = {"candidate": limit.candidate, "metric": limit.metric}
    for metric in measurement.findings.metrics:
        if metric.name == limit.metric:
            return Unresolved(**known, value=metric.value, unit=metric.unit)
    return Unresolved(**known)


def _resolved(limit: RelativeLimit, found: Measurement) -> Limit:
    for metric in found.findings.metrics:
        if metric.name == limit.metric and metric.value is not None:
            resolved = limit.resolved(metric.value, found.key)
            if resolved is None:
                raise InvalidMeasurement(
                    "from which a limit beyond all numbers follows. Choose another number than "
                    f"{_given(limit)}, or give the limit itself as a number."
                )
            _check_telling(resolved, limit, metric.unit)
            return resolved
    raise InvalidMeasurement(f"whose measurement holds no {limit.metric}.")


def _check_telling(resolved: Limit, limit: RelativeLimit, unit: str) -> None:
    """Raise `InvalidMeasurement` for a limit that all candidates would meet, or none could."""
    met_by = resolved.met_by(share=unit == FRACTION)
    if met_by == "some":
        return
    asked = format_limit(resolved.value, resolved.direction, unit, ENGLISH, resolved.reference)
    why = "every candidate meets that" if met_by == "all" else "no candidate can meet that"
    raise InvalidMeasurement(
        f"from which {asked} follows: {why}, so that it tells nothing. Choose another number than "
        f"{_given(limit)}, or give the limit itself as a number."
    )


def _given(limit: RelativeLimit) -> str:
    return f"factor = {limit.factor:g}" if limit.factor is not None else f"plus = {limit.plus:g}"


def _by_name(measurements: Iterable[Measurement]) -> dict[str, list[Measurement]]:
    """Measurements by name; of a candidate with several names, all of them under each.

    The key of a measurement leaves the name out.
    """
    of_candidate: dict[str, list[Measurement]] = {}
    for each in measurements:
        of_candidate.setdefault(canonical_json(each.identity.get("candidate")), []).append(each)
    found: dict[str, list[Measurement]] = {}
    for own in of_candidate.values():
        for name in {each.candidate.name for each in own}:
            found.setdefault(name, []).extend(own)
    return found


def _asked(measurement: Measurement) -> dict[str, Any]:
    """The identity of the check: version, settings and data."""
    identity = measurement.identity
    return {name: value for name, value in identity.items() if name not in _MAY_DIFFER}


def _held(measurement: Measurement) -> tuple[str, str, str]:
    facts = measurement.candidate
    return facts.quantization, facts.dtype, facts.device


def _libraries(one: Measurement, other: Measurement) -> bool:
    return bool(one.identity.get("libraries") == other.identity.get("libraries"))


def _notes(
    name: str,
    found: Measurement,
    fitting: Sequence[Measurement],
    measurement: Measurement,
    *,
    named: bool,
) -> Iterable[Message]:
    if not _libraries(found, measurement):
        mine, other = (each.identity.get("libraries") or {} for each in (measurement, found))
        differing = sorted(key for key in {*mine, *other} if mine.get(key) != other.get(key))
        for library in differing:
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


def _options(held: CandidateFacts) -> str:
    return f"--quantization {held.quantization} --dtype {held.dtype} --device {held.device}"
