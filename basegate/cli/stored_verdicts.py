"""What `judge` and `report` share: what is stored, judged, and what would measure the rest."""

from __future__ import annotations

import argparse
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from basegate.cli.candidate_args import REGISTRY, chosen_by
from basegate.cli.console import STORE, THRESHOLDS
from basegate.config.registry import RESERVED, CandidateSpec, load_registry
from basegate.config.selection import asked_for
from basegate.config.thresholds import Thresholds, load_thresholds
from basegate.data.fingerprint import FINGERPRINTS
from basegate.errors import UsageError
from basegate.judging.comparison import compare_candidates
from basegate.judging.from_store import (
    StoredJudgement,
    ThresholdQuery,
    absent_from,
    judge_intact,
    judge_stored,
    ledger_of,
)
from basegate.judging.null_figures import best_nulls
from basegate.judging.relative_limits import Origin, origins_of
from basegate.ledger import Ledger, NullFigure
from basegate.measurement import Measurement
from basegate.runner.measure import environment
from basegate.store.folder import Store
from basegate.store.union import MergedStore


@dataclass(frozen=True)
class StoredVerdicts:
    """Stored candidates, judged by the limits of a `thresholds.toml`.

    Attributes:
        machine: that judges; it needs no GPU, so none is looked for.
        behind: the measurements that verdicts rest on, by key; empty if evidence was not read.
        absent: names that were asked for and of which nothing is stored.
        commands: by the name that a candidate is shown by, what measures the rest.
        nulls: what null models reach; empty if evidence was not read.
    """

    thresholds: Thresholds
    asked: ThresholdQuery
    machine: dict[str, str | None]
    judged: list[StoredJudgement]
    behind: dict[str, Measurement]
    absent: list[str]
    commands: dict[str, str]
    nulls: tuple[NullFigure, ...]

    def ledger(self) -> Ledger:
        rows = [row for each in self.judged for row in each.results]
        return ledger_of(
            self.judged,
            self.thresholds,
            self.machine,
            compare_candidates(rows, self.behind),
            commands=self.commands,
            unknown=self.asked.unknown,
            absent=self.absent,
            nulls=self.nulls,
        )


def judge_stores(
    options: argparse.Namespace, stores: Sequence[Store], *, evidence: bool, brief: bool = False
) -> StoredVerdicts:
    """Judge the candidates of `--model`; with `evidence` by measurements whose samples are intact.

    Raises:
        UsageError: something is wrong in a file that users write, or nothing is stored of a name.
    """
    thresholds = load_thresholds(options.thresholds)
    asked = ThresholdQuery.of(thresholds)
    chosen = chosen_by(options.model)
    judge_from = partial(
        judge_stored,
        thresholds=thresholds,
        asked=asked,
        names=chosen.names,
        registered=chosen.registered,
        origins=origins_for(thresholds, stores[0]),
        brief=brief,
    )
    store = MergedStore(stores)
    judged, behind = judge_intact(store, judge_from) if evidence else (judge_from(store), {})
    nulls = (each for one in stores for each in one.of_candidates(RESERVED))
    return StoredVerdicts(
        thresholds,
        asked,
        environment("cpu"),
        judged,
        behind,
        absent_from(judged, chosen.names),
        _measure_commands(judged, options.thresholds, stores),
        best_nulls((row for each in judged for row in each.results), behind, nulls),
    )


def origins_for(thresholds: Thresholds, store: Store) -> dict[str, Origin]:
    """Where the candidates of `models.toml` come from, if limits are relative to any.

    `store` remembers hashes of large files. Raises `UsageError` if `models.toml` is wrong.
    """
    if not thresholds.relative:
        return {}
    return origins_of(thresholds.relative, load_registry(REGISTRY), store.folder / FINGERPRINTS)


def _measure_commands(
    judged: Sequence[StoredJudgement], thresholds: Path, stores: Sequence[Store]
) -> dict[str, str]:
    """The command that measures the rest of each candidate, in the store that has most of it."""
    lacking = [each for each in judged if each.missing or each.undecided]
    try:
        registry = load_registry(REGISTRY) if lacking else {}
    except UsageError:
        registry = {}
    # Read once more only where it matters, since a store may be large.
    read = stores if lacking and len(stores) > 1 else ()
    counts = {store: Counter(each.candidate.name for each in store) for store in read}
    commands = {}
    for each in lacking:
        fullest = max(stores, key=lambda store: counts[store][each.name] if counts else 0)
        commands[each.facts.name] = _measure_command(each, thresholds, fullest.folder, registry)
    return commands


def _measure_command(
    each: StoredJudgement, thresholds: Path, store: Path, registry: Mapping[str, CandidateSpec]
) -> str:
    facts = each.facts
    name = each.name if facts.is_null else asked_for(each.name, facts.located, registry)
    parts = ["pytest", "--model", name]
    # With `=`, as pytest wants them.
    if thresholds != THRESHOLDS:
        parts.append(f"--thresholds={thresholds}")
    if store != STORE:
        parts.append(f"--store={store}")
    if facts.is_null:  # no option changes what it computes in
        return shlex.join(parts)
    # Without such an option pytest goes by the entry, and would load it otherwise.
    usual = registry.get(each.name) or CandidateSpec(name=each.name, source=facts.source)
    several = facts.name != each.name
    if several or facts.quantization != usual.quantization:
        parts += ["--quantization", facts.quantization]
    if several or facts.dtype != usual.dtype:
        parts += ["--dtype", facts.dtype]
    if several:
        parts += ["--device", facts.device]
    return shlex.join(parts)
