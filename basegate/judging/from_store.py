"""Verdicts from the store alone: no model, no pytest, any limits.

A stored measurement answers a check if it was made by the same version of the check, with the same
settings, on the same data. Versions of libraries may differ: of several the newest counts, and a
note says so.
"""

from __future__ import annotations

import shlex
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from basegate.checks.early_stopping import ALL_SAMPLES, is_enough
from basegate.checks.identity import identify_check
from basegate.config.declaration import origin_of
from basegate.config.settings import CheckConfig
from basegate.config.thresholds import Thresholds
from basegate.errors import InvalidMeasurement, summary
from basegate.i18n.messages import Message
from basegate.judging.comparison import measurements_behind
from basegate.judging.judge import judge, stopping_rule
from basegate.judging.ledger_builder import CandidateRecords, build_ledger, thresholds_file
from basegate.judging.relative_limits import Origin, References
from basegate.ledger import Comparison, Ledger, NotJudged, NullFigure, Record, Suite
from basegate.measurement import CandidateFacts, Measurement
from basegate.serialization import canonical_json, digest
from basegate.store.inventory import require_stored
from basegate.store.union import FilteredStore, Readable
from basegate.verdict import Result, VerdictWord, verdict_of


@dataclass(frozen=True)
class StoredJudgement:
    """Verdicts on one candidate from the store.

    Attributes:
        name: that it was measured under, and that limits of its own are looked up by.
        facts: how it was loaded, under the name that it is shown by.
        others: further names that it was measured under.
        answers: to the checks of `ThresholdQuery`, in their order, the newest stored measurement.
        records: one per check that was judged.
        missing: checks without a stored measurement.
        undecided: checks of which too few samples are stored for these limits.
        measured_at: of its newest measurement: UTC time, ISO 8601.
    """

    name: str
    facts: CandidateFacts
    others: tuple[str, ...]
    answers: tuple[Measurement | None, ...]
    records: tuple[Record, ...]
    missing: tuple[CheckConfig, ...]
    undecided: tuple[CheckConfig, ...]
    measured_at: str

    @property
    def verdict(self) -> VerdictWord:
        return verdict_of(self.results)

    @property
    def results(self) -> list[Result]:
        return [row for record in self.records for row in record.results]

    @property
    def passed(self) -> bool:
        """Whether all was judged and every limit is met."""
        return self.verdict == "pass" and not (self.missing or self.undecided)


@dataclass(frozen=True)
class ThresholdQuery:
    """The identities of the measurements that answer the checks of a `thresholds.toml`.

    Attributes:
        checks: those whose data was found, with their part of an identity.
        unknown: the others, with the reason.
    """

    checks: tuple[tuple[CheckConfig, dict[str, Any]], ...]
    unknown: tuple[tuple[CheckConfig, str], ...]

    @classmethod
    def of(cls, thresholds: Thresholds) -> ThresholdQuery:
        checks, unknown = [], []
        for check in thresholds.checks:
            try:
                checks.append((check, identify_check(check)))
            except (InvalidMeasurement, OSError) as error:
                unknown.append((check, str(error)))
            # A check of the project's own runs its code here: the rest must not go with it.
            except Exception as error:  # noqa: BLE001
                reason = (
                    f"the check {check.name} ({origin_of(check.name).shown}) cannot identify its "
                    f"data: {summary(error)}. Correct its identity."
                )
                unknown.append((check, reason))
        return cls(tuple(checks), tuple(unknown))


@dataclass
class _CandidateGroup:
    """What is stored of one candidate with one quantization, dtype and device.

    Attributes:
        newest: its newest measurement of all.
        names: that it was measured under, each with how it was loaded then.
        answers: by the number of a check, the measurements that answer it.
    """

    newest: Measurement
    names: dict[str, CandidateFacts] = field(default_factory=dict)
    answers: dict[int, list[Measurement]] = field(default_factory=lambda: defaultdict(list))


def _age(measurement: Measurement) -> tuple[str, str]:
    """Sort key, the newest last; of the same second, the one with the greater key."""
    return measurement.measured_at, measurement.key


def judge_stored(
    store: Readable,
    thresholds: Thresholds,
    asked: ThresholdQuery,
    names: Sequence[str] = (),
    *,
    registered: Collection[str] = (),
    origins: Mapping[str, Origin] | None = None,
    brief: bool = False,
) -> list[StoredJudgement]:
    """Judge what is stored.

    Args:
        store: where measurements are.
        thresholds: the limits.
        asked: of the same thresholds.
        names: of the candidates to judge, in order; if empty, all that are stored, by name.
        registered: names that are left out where nothing is stored of them.
        origins: see `References`.
        brief: see `judge`.

    Raises:
        UsageError: nothing is stored of another name, or of any.
    """
    pairs = _chosen(_groups(store, asked), names, registered)
    references = References(thresholds.relative, store, origins, evidence=store.get)
    return [
        _judge_group(group, name, label, thresholds, asked, references, brief)
        for (name, group), label in zip(pairs, _labels(pairs), strict=True)
    ]


def judge_intact(
    store: Readable, judge_from: Callable[[Readable], list[StoredJudgement]]
) -> tuple[list[StoredJudgement], dict[str, Measurement]]:
    """Judge by measurements with intact evidence only, and return them by key.

    That samples are damaged shows when they are read; then `judge_from` judges anew without them.
    """
    distrusted: set[str] = set()
    while True:
        judged = judge_from(FilteredStore(store, distrusted))
        rows = [row for each in judged for row in each.results]
        behind = measurements_behind(store, rows)
        lost = {row.measurement for row in rows if row.measurement} - behind.keys()
        if not lost:
            return judged, behind
        distrusted |= lost


def ledger_of(
    judged: Sequence[StoredJudgement],
    thresholds: Thresholds,
    machine: dict[str, str | None],
    comparisons: Sequence[Comparison] = (),
    *,
    choose: bool = True,
    commands: Mapping[str, str] | None = None,
    unknown: Sequence[tuple[CheckConfig, str]] = (),
    absent: Sequence[str] = (),
    nulls: Sequence[NullFigure] = (),
) -> Ledger:
    """The ledger of what was judged from the store; for arguments see `build_ledger`.

    `commands`: by the name that a candidate is shown by, the command that measures the rest.
    """
    suite = Suite(
        version=machine["basegate"],
        thresholds=thresholds_file(thresholds),
        command=shlex.join(["python", "-m", "basegate", *sys.argv[1:]]),
    )
    candidates = [
        CandidateRecords(
            each.facts,
            each.records,
            not_judged=_not_judged(each, (commands or {}).get(each.facts.name, ""), unknown),
        )
        for each in judged
    ]
    checks = [(check.name, check.item) for check in thresholds.checks]
    return build_ledger(
        suite,
        machine,
        checks,
        candidates,
        comparisons,
        choose=choose,
        absent=absent,
        nulls=nulls,
    )


def absent_from(judged: Sequence[StoredJudgement], names: Sequence[str]) -> list[str]:
    stored = {name for each in judged for name in (each.name, *each.others)}
    return [name for name in names if name not in stored]


def _not_judged(
    each: StoredJudgement, command: str, unknown: Sequence[tuple[CheckConfig, str]]
) -> list[NotJudged]:
    left: list[tuple[Literal["undecided", "missing"], CheckConfig]] = [
        *(("undecided", check) for check in each.undecided),
        *(("missing", check) for check in each.missing),
    ]
    return [
        *(
            NotJudged(check=check.name, item=check.item, why=why, command=command)
            for why, check in left
        ),
        *(
            NotJudged(check=check.name, item=check.item, why="unknown", reason=Message.of(reason))
            for check, reason in unknown
        ),
    ]


def _groups(store: Readable, asked: ThresholdQuery) -> list[_CandidateGroup]:
    by_data = defaultdict(list)
    for number, (_, identity) in enumerate(asked.checks):
        by_data[identity["data"]].append((number, identity))
    groups: dict[str, _CandidateGroup] = {}
    for measurement in store:
        own = measurement.identity
        key = canonical_json(own.get("candidate"))
        group = groups.setdefault(key, _CandidateGroup(measurement))
        group.newest = max(group.newest, measurement, key=_age)
        group.names[measurement.candidate.name] = measurement.candidate
        for number, identity in by_data.get(str(own.get("data")), ()):
            if all(own.get(part) == value for part, value in identity.items()):
                group.answers[number].append(measurement)
    return list(groups.values())


def _chosen(
    groups: Sequence[_CandidateGroup], names: Sequence[str], registered: Collection[str]
) -> list[tuple[str, _CandidateGroup]]:
    if not names:
        newest = [(each.newest.candidate, each) for each in groups]
        newest.sort(key=lambda pair: (pair[0].name, pair[0].load_config))
        return [(facts.name, each) for facts, each in newest]
    known = {name for each in groups for name in each.names}
    stored = require_stored(names, known, registered)
    return [(name, each) for name in stored for each in groups if name in each.names]


def _labels(pairs: Sequence[tuple[str, _CandidateGroup]]) -> list[str]:
    """Unique labels: the name, with precision, revision or a hash where needed."""
    details: tuple[Callable[[Measurement], str], ...] = (
        lambda newest: "",
        lambda newest: f", {(newest.candidate.revision or 'unknown').removeprefix('sha256:')[:12]}",
        lambda newest: f", {digest(newest.identity.get('candidate'))[:12]}",
    )
    names = [name for name, _ in pairs]
    newest = [group.newest for _, group in pairs]
    labels = names
    for detail in details:
        often = Counter(labels)
        labels = [
            label if often[label] == 1 else f"{name} ({own.candidate.load_config}{detail(own)})"
            for name, own, label in zip(names, newest, labels, strict=True)
        ]
    return labels


def _judge_group(
    group: _CandidateGroup,
    name: str,
    label: str,
    thresholds: Thresholds,
    asked: ThresholdQuery,
    references: References,
    brief: bool,
) -> StoredJudgement:
    answers: list[Measurement | None] = []
    records: list[Record] = []
    missing: list[CheckConfig] = []
    undecided: list[CheckConfig] = []
    for number, (check, _) in enumerate(asked.checks):
        if not group.answers[number]:
            answers.append(None)
            missing.append(check)
            continue
        answer = _as_answer(group.answers[number], check, label)
        answers.append(answer)
        limits = thresholds.limits(name, check.name, check.item)
        if is_enough(answer.findings, stopping_rule(limits) if check.stop_early else ALL_SAMPLES):
            verdict = judge(answer, limits, label, references, brief=brief)
            records.append(Record(candidate=answer.candidate, results=verdict.results))
        else:
            undecided.append(check)
    return StoredJudgement(
        name=name,
        facts=group.names[name].model_copy(update={"name": label}),
        others=tuple(sorted(set(group.names) - {name})),
        answers=tuple(answers),
        records=tuple(records),
        missing=tuple(missing),
        undecided=tuple(undecided),
        measured_at=group.newest.measured_at,
    )


def _as_answer(answers: Sequence[Measurement], check: CheckConfig, label: str) -> Measurement:
    """The newest answer to a check, under this item and label, with a note of older ones."""
    newest = max(answers, key=_age)
    update: dict[str, Any] = {"item": check.item}
    if newest.candidate.name != label:
        update["candidate"] = newest.candidate.model_copy(update={"name": label})
    if len(answers) > 1:
        note = Message(
            "measured {count} times, with other versions of libraries; the newest counts, of "
            "{date}.",
            count=len(answers),
            date=newest.measured_at,
        )
        update["findings"] = newest.findings.noting(note)
    return newest.model_copy(update=update)
