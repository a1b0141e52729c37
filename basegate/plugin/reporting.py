"""pytest's hooks of the process that reports: with pytest-xdist only the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from basegate.errors import StoreWarning
from basegate.plugin.collection import GATE
from basegate.plugin.compare import check_stored
from basegate.plugin.option_names import NAMES
from basegate.plugin.run_report import RunReport

if TYPE_CHECKING:
    import warnings

    from basegate.plugin.option_names import OptionNames


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Report on the run, on a page by default; before pytest-html looks at its options."""
    gate, names = config.stash[GATE], config.stash[NAMES]
    if gate.options.compare:
        with names.usage_errors():
            check_stored(gate.store, gate.options.compare, gate.options.known)
    config.pluginmanager.register(ReportHooks(RunReport(gate), names), "basegate-report")
    if config.pluginmanager.hasplugin("html") and not config.option.collectonly:
        config.option.htmlpath = config.option.htmlpath or "report.html"
        config.option.self_contained_html = True


class ReportHooks:
    """Collects the records of tests, and shows them at the end; `names`: of the options."""

    def __init__(self, report: RunReport, names: OptionNames) -> None:
        self.report = report
        self.gate = report.gate
        self.names = names

    def pytest_report_header(self) -> list[str]:
        from basegate.report.terminal import header

        wanted = self.gate.options
        names = [spec.name for spec in wanted.candidates]
        return header(names, wanted.thresholds.path, wanted.store, self.gate.tr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.report.add(report)
        if self.report.records_of(report) and isinstance(report.longrepr, str):
            report.longrepr = self.names.in_text(report.longrepr)

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        if issubclass(warning_message.category, StoreWarning):
            self.report.warnings.append((warning_message.category, str(warning_message.message)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the ledger; green only if every verdict is `pass`."""
        from basegate.plugin.outcomes import exit_status, was_interrupted

        interrupted = was_interrupted(session, len(self.report.finished_nodeids))
        writes = self.report.has_something_to_write(session.exitstatus)
        if session.config.option.collectonly or not (writes or interrupted):
            return
        ledger = self.report.build(interrupted=interrupted)
        if not writes:
            return
        session.exitstatus = exit_status(session.exitstatus, ledger)
        if not self.report.write(ledger):
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        report, ledger = self.report, self.report.ledger
        if ledger is None:
            return
        from basegate.i18n.formatting import columns
        from basegate.report.terminal import heading, summary, warned, written

        tr = self.gate.tr
        head = heading(tr)
        # pytest counts characters, some of which take two columns.
        room = terminalreporter.config.get_terminal_writer().fullwidth + len(head) - columns(head)
        terminalreporter.write_sep("=", head, fullwidth=room)
        lines = [*summary(ledger, report.records, tr)]
        lines += [(line, {"yellow": True}) for line in warned(report.warnings, tr)]
        if report.written:
            options = self.gate.options
            lines += written(options.ledger, options.summary, report.write_errors, tr)
        for line, markup in lines:
            terminalreporter.write_line(self.names.in_text(line), **markup)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        report.title = "basegate"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        if self.report.ledger is None:
            return
        from basegate.report.page.document import fragment
        from basegate.report.page.model import Page

        prefix.append(fragment(Page(self.report.ledger, self.report.evidence, self.gate.tr)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        from basegate.report.html_rows import header_cells

        cells[2:2] = header_cells(self.gate.tr)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        from basegate.report.html_rows import id_cell, result_cells, stored_cells

        cells[:] = stored_cells(cells, self.report.records_of(report), self.gate.tr)
        if len(cells) > 1:
            cells[1] = id_cell(report.nodeid)
            cells[2:2] = result_cells(self.report.results_of(report), self.gate.tr)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: pytest.TestReport, data: list[str]) -> None:
        """Show what the model wrote behind its row."""
        from basegate.report.html_rows import all_evidence

        shown = all_evidence(self.report.results_of(report), self.gate.store, self.gate.tr)
        if shown:
            data[:] = [*shown, *(data if report.failed else [])]
