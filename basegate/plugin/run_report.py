"""Records of a run, in the process that reports; then its ledger and evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from basegate.checks.identity import installed_version
from basegate.errors import NotCompared, summary
from basegate.judging.comparison import compare_candidates, measurements_behind
from basegate.judging.ledger_builder import CandidateRecords, build_ledger, thresholds_file
from basegate.ledger import Comparison, Record, Suite
from basegate.plugin.compare import from_store
from basegate.plugin.outcomes import PROPERTY, crash_record, is_over
from basegate.report.github import write_summary
from basegate.report.junit import properties
from basegate.runner.environment import environment

if TYPE_CHECKING:
    import pytest

    from basegate.ledger import Ledger
    from basegate.measurement import CandidateFacts, Measurement
    from basegate.plugin.session import GateSession
    from basegate.verdict import Result


class RunReport:
    """Collects the records of a run, and writes what was asked for at its end.

    Attributes:
        records: of the acceptance tests, as they came in.
        ledger: `None` until it is built.
        evidence: the measurements that the ledger's rows are based on, by key.
        warnings: for the reader of the verdicts, by kind.
        written: whether files were to be written.
    """

    def __init__(self, gate: GateSession) -> None:
        self.gate = gate
        self.records: list[Record] = []
        self.finished_nodeids: set[str] = set()
        self.ledger: Ledger | None = None
        self.evidence: dict[str, Measurement] = {}
        self.warnings: list[tuple[type[Warning], str]] = []
        self.write_errors: list[str] = []
        self.written = False
        self._by_report: WeakKeyDictionary[pytest.TestReport, list[Record]] = WeakKeyDictionary()

    def add(self, report: pytest.TestReport) -> None:
        self._by_report[report] = take_records(report)
        self.records.extend(self._by_report[report])
        if (crashed := crash_record(self.gate, report)) is not None:
            self.records.append(crashed)
        if is_over(report):
            self.finished_nodeids.add(report.nodeid)

    def records_of(self, report: pytest.TestReport) -> list[Record]:
        return self._by_report.get(report, [])

    def results_of(self, report: pytest.TestReport) -> list[Result]:
        return [row for record in self.records_of(report) for row in record.results]

    def has_something_to_write(self, exit_status: int) -> bool:
        """Whether a run that ended so has a ledger to write.

        A usage error, nothing selected, or an interruption before the first verdict must not
        replace the ledger of an earlier run with an empty one.
        """
        return bool(self.records) or exit_status in (0, 1)

    def build(self, *, interrupted: bool) -> Ledger:
        options = self.gate.options
        candidates = [
            CandidateRecords(self.gate.facts(spec.name), self.records)
            for spec in options.candidates
        ]
        candidates += self._compared([each.facts for each in candidates])
        results = [row for each in candidates for row in each.results]
        self.evidence = measurements_behind(self.gate.store, results)
        self.ledger = build_ledger(
            Suite(
                version=installed_version("basegate"),
                thresholds=thresholds_file(options.thresholds),
                command=options.command,
                interrupted=interrupted,
            ),
            environment(self.gate.device),
            [(check.name, check.item) for check in options.thresholds.checks],
            candidates,
            self._comparisons(results),
        )
        return self.ledger

    def _comparisons(self, results: list[Result]) -> tuple[Comparison, ...]:
        """Every two candidates on the same items; without those that an own check cannot make."""
        try:
            return compare_candidates(results, self.evidence)
        # A check of the project's own compares what it likes: the verdicts must not go with it.
        except Exception as error:  # noqa: BLE001
            text = f"the candidates could not be compared ({summary(error)})"
            self.warnings.append((NotCompared, text))
            return ()

    def _compared(self, own: list[CandidateFacts]) -> list[CandidateRecords]:
        gate, options = self.gate, self.gate.options
        if not options.compare:
            return []
        found = from_store(
            gate.store, options.thresholds, options.compare, own, gate.origins, options.known
        )
        if found.missing:
            self.warnings.append((NotCompared, " ".join(found.missing)))
        return list(found.candidates)

    def write(self, ledger: Ledger) -> bool:
        """Write each file, even where another cannot be written; whether all could be."""
        wanted = self.gate.options
        self.written = True
        try:
            ledger.write(wanted.ledger)
        except OSError as error:
            self.write_errors.append(f"the ledger could not be written: {error}")
        try:
            if missing := write_summary(ledger, wanted.summary, self.gate.tr):
                self.warnings.append((UserWarning, missing))
        except OSError as error:
            self.write_errors.append(f"the summary could not be written: {error}")
        return not self.write_errors


def take_records(report: pytest.TestReport) -> list[Record]:
    """Take the records off a report, leave JUnit properties in their place; return this phase's.

    For the process that reports, before pytest writes a JUnit file or any other plugin reads. The
    reports of later phases repeat the records of earlier ones.
    """
    records, others = [], []
    for name, value in report.user_properties:  # names of others may be of any type
        if str(name).startswith(f"{PROPERTY}:"):
            records.append((name.removeprefix(f"{PROPERTY}:"), Record.from_json(str(value))))
        else:
            others.append((name, value))
    report.user_properties[:] = [*others, *properties(record for _, record in records)]
    return [record for phase, record in records if phase == report.when]
