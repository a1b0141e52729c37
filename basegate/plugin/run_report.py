"""What a run reports, in the process that reports: with pytest-xdist only the controller."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import pytest

from basegate.checks.identity import installed_version
from basegate.config.registry import RESERVED
from basegate.errors import NotCompared, StoreWarning
from basegate.i18n.formatting import columns
from basegate.judging.comparison import compare_candidates, measurements_behind
from basegate.judging.ledger_builder import CandidateRecords, build_ledger, thresholds_file
from basegate.judging.null_figures import best_nulls
from basegate.ledger import Comparison, Ledger, Record, Suite
from basegate.measurement import Measurement
from basegate.plugin.collection import GATE
from basegate.plugin.compare import check_stored, stored_beside
from basegate.plugin.option_names import NAMES, OptionNames
from basegate.plugin.outcomes import PROPERTY, crash_record, exit_status, was_interrupted
from basegate.plugin.session import GateSession
from basegate.report import html_rows, terminal
from basegate.report.junit import properties
from basegate.report.markdown import write_summary
from basegate.runner.candidate import NOT_TRIED
from basegate.runner.measure import environment
from basegate.verdict import Result


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Report on the run, on a page by default; before pytest-html looks at its options."""
    gate, names = config.stash[GATE], config.stash[NAMES]
    if gate.options.compare:
        with names.usage_errors():
            check_stored(gate.store, gate.options.compare, gate.options.known)
    config.pluginmanager.register(RunReport(gate, names), "basegate-report")
    if config.pluginmanager.hasplugin("html") and not config.option.collectonly:
        config.option.htmlpath = config.option.htmlpath or "report.html"
        config.option.self_contained_html = True


class _Attempt(NamedTuple):
    """A test, and how many times it has been begun."""

    nodeid: str
    number: int


class RunReport:
    """Collects the records of tests; writes and shows what they come to at the end.

    Attributes:
        names: of the options, as they can be written here.
        ledger: `None` until it is built.
        evidence: the measurements that the ledger's rows are based on, by key.
        warnings: for the reader of the verdicts, by kind.
        written: whether files were to be written.
    """

    def __init__(self, gate: GateSession, names: OptionNames) -> None:
        self.gate = gate
        self.names = names
        self._kept: list[tuple[_Attempt, Record]] = []
        self._attempts: Counter[str] = Counter()
        self.finished_nodeids: set[str] = set()
        self.ledger: Ledger | None = None
        self.evidence: dict[str, Measurement] = {}
        self.warnings: list[tuple[type[Warning], str]] = []
        self.write_errors: list[str] = []
        self.written = False
        self._by_report: WeakKeyDictionary[pytest.TestReport, list[Record]] = WeakKeyDictionary()

    def pytest_report_header(self) -> list[str]:
        options = self.gate.options
        names = [spec.name for spec in options.candidates]
        return terminal.header(names, options.thresholds.path, options.store, self.gate.tr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._by_report[report] = records = take_records(report)
        if records and isinstance(report.longrepr, str):
            report.longrepr = self.names.in_text(report.longrepr)
        crashed = crash_record(self.gate, report)
        self._keep(report, [*records, crashed] if crashed is not None else records)
        if report.when not in ("setup", "call"):  # it was torn down, or its process is gone
            self.finished_nodeids.add(report.nodeid)

    def _keep(self, report: pytest.TestReport, records: Sequence[Record]) -> None:
        """Keep records in place of those that earlier attempts made of the same checks.

        Other plugins run tests again, under the same name (`--reruns`) or another (`--count`).
        """
        self._attempts[report.nodeid] += report.when == "setup"
        if not records:
            return
        attempt = _Attempt(report.nodeid, self._attempts[report.nodeid])
        again = {each for record in records for each in _judged(record)}
        self._kept = [
            (other, record)
            for other, record in self._kept
            if other == attempt or again.isdisjoint(_judged(record))
        ]
        self._kept += [(attempt, record) for record in records]

    @property
    def records(self) -> list[Record]:
        """Of the acceptance tests, as they came in; of one that ran again, of its last attempt."""
        return [record for _, record in self._kept]

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Count what only refers to a candidate's first error apart, which stands in full once."""
        refers = report.failed and f": {NOT_TRIED}" in str(report.longrepr)
        return ("unmeasured", "E", "ERROR") if refers else None

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        if issubclass(warning_message.category, StoreWarning):
            self.warnings.append((warning_message.category, str(warning_message.message)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the ledger; green only if every verdict is `pass`.

        A usage error, nothing selected, or an interruption before the first verdict must not
        replace the ledger of an earlier run with an empty one.
        """
        interrupted = was_interrupted(session, len(self.finished_nodeids))
        writes = bool(self.records) or session.exitstatus in (0, 1)
        if session.config.option.collectonly or not (writes or interrupted):
            return
        self.ledger = self._build(interrupted=interrupted)
        if writes:
            session.exitstatus = exit_status(session.exitstatus, self.ledger)
            self._write(self.ledger)
            if self.write_errors:
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _build(self, *, interrupted: bool) -> Ledger:
        gate, options = self.gate, self.gate.options
        candidates = [
            CandidateRecords(gate.facts(spec.name), self.records) for spec in options.candidates
        ]
        if options.compare:
            beside, missing = stored_beside(gate, [each.facts for each in candidates])
            candidates += beside
            if missing:
                self.warnings.append((NotCompared, " ".join(missing)))
        results = [row for each in candidates for row in each.results]
        self.evidence = measurements_behind(gate.store, results)
        return build_ledger(
            Suite(
                version=installed_version("basegate"),
                thresholds=thresholds_file(options.thresholds),
                command=options.command,
                interrupted=interrupted,
            ),
            environment(gate.device),
            [(check.name, check.item) for check in options.thresholds.checks],
            candidates,
            self._comparisons(results),
            nulls=best_nulls(results, self.evidence, gate.store.of_candidates(RESERVED)),
        )

    def _comparisons(self, results: list[Result]) -> tuple[Comparison, ...]:
        """Every two candidates on the same items; without those that an own check cannot make."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", NotCompared)
            found = compare_candidates(results, self.evidence)
        self.warnings += [
            (NotCompared, str(each.message)) for each in caught if each.category is NotCompared
        ]
        return found

    def _write(self, ledger: Ledger) -> None:
        """Write each file, even where another cannot be written."""
        options = self.gate.options
        self.written = True
        try:
            ledger.write(options.ledger)
        except OSError as error:
            self.write_errors.append(f"the ledger could not be written: {error}")
        try:
            if missing := write_summary(ledger, options.summary, self.gate.tr):
                self.warnings.append((UserWarning, missing))
        except OSError as error:
            self.write_errors.append(f"the summary could not be written: {error}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.ledger is None:
            return
        tr, options = self.gate.tr, self.gate.options
        head = tr("verdicts")
        # pytest counts characters, some of which take two columns.
        room = terminalreporter.config.get_terminal_writer().fullwidth + len(head) - columns(head)
        terminalreporter.write_sep("=", head, fullwidth=room)
        lines = [*terminal.summary(self.ledger, self.records, tr)]
        lines += [(line, {"yellow": True}) for line in terminal.warned(self.warnings, tr)]
        if self.written:
            lines += terminal.written(options.ledger, options.summary, self.write_errors, tr)
        for line, markup in lines:
            terminalreporter.write_line(self.names.in_text(line), **markup)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        report.title = "basegate"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        if self.ledger is None:
            return
        # Late: plots take long to import.
        from basegate.report.page.document import fragment
        from basegate.report.page.model import Page

        prefix.append(fragment(Page(self.ledger, self.evidence, self.gate.tr)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        cells[2:2] = html_rows.header_cells(self.gate.tr)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        if len(cells) > 1:
            cells[1] = html_rows.id_cell(report.nodeid)
            cells[2:2] = html_rows.result_cells(self._results_of(report), self.gate.tr)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: pytest.TestReport, data: list[str]) -> None:
        """Show what the model wrote behind its row."""
        results = self._results_of(report)
        if shown := html_rows.all_details(results, self.gate.store, self.gate.tr):
            data[:] = [*shown, *(data if report.failed else [])]

    def _results_of(self, report: pytest.TestReport) -> list[Result]:
        return [row for record in self._by_report.get(report, []) for row in record.results]


def _judged(record: Record) -> set[tuple[str, str, str]]:
    """Candidate, check and item (bank, corpus) of a record's rows."""
    return {(row.candidate, row.check, row.item.partition("/")[0]) for row in record.results}


def take_records(report: pytest.TestReport) -> list[Record]:
    """Take the records off a report, leave JUnit properties in their place; return this phase's.

    For the process that reports, before pytest writes a JUnit file or any other plugin reads. The
    reports of later phases repeat the records of earlier ones.
    """
    records, others = [], []
    for name, value in report.user_properties:  # names of others may be of any type
        if str(name).startswith(f"{PROPERTY}:"):
            records.append(
                (name.removeprefix(f"{PROPERTY}:"), Record.model_validate_json(str(value)))
            )
        else:
            others.append((name, value))
    report.user_properties[:] = [*others, *properties(record for _, record in records)]
    return [record for phase, record in records if phase == report.when]
