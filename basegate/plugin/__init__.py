"""pytest's hooks, and nothing else: they translate and delegate.

Imported by `pytest --help`, so nothing heavy is imported at the top. Where `--model` is absent
the plugin does nothing but refuse to run acceptance tests.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

import pytest

from basegate.errors import StoreWarning, message_of
from basegate.plugin import fixtures, options
from basegate.plugin.stash import GATE, NAMES

if TYPE_CHECKING:
    import warnings
    from collections.abc import Generator

    from basegate.plugin.session import GateSession
    from basegate.progress import Progress


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the command line."""
    options.add_options(parser, pluginmanager.getplugin("pytestconfig"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, args: list[str]
) -> Generator[None, object, object]:
    """Take the short names that nobody declares, the initial `conftest.py` files included."""
    names = early_config.stash[NAMES]
    names.parse_early(early_config, args)
    try:
        return (yield)
    finally:
        names.add_short_names()


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer `--list-models`, like pytest answers `--markers`."""
    if not config.option.basegate_list_models:
        return None
    from basegate.plugin.list_models import format_registry

    with config.stash[NAMES].usage_errors():
        print(format_registry(options.listed_models(config), config.rootpath))
    return 0


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Say what `-n auto` means; asked before `pytest_configure`."""
    from basegate.plugin.xdist import auto_workers

    with config.stash[NAMES].usage_errors():
        return auto_workers(config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set up the run before workers start and before pytest-html looks at its options."""
    config.stash[NAMES].release_short_names()
    plugins = config.pluginmanager
    plugins.register(fixtures, "basegate-fixtures")
    if plugins.hasplugin("xdist"):
        from basegate.plugin.xdist import XdistHooks, share_threads

        plugins.register(XdistHooks(), "basegate-xdist")
        if hasattr(config, "workerinput") and config.option.basegate_model:
            share_threads(config.workerinput)
    if not config.option.basegate_model:
        plugins.register(RefuseWithoutModel(), "basegate-refuse")
        return
    from basegate.plugin.session import GateSession

    with config.stash[NAMES].usage_errors():
        gate = GateSession(options.parse(config), _progress(config))
        options.check_in_process(config, gate.device)
        if not hasattr(config, "workerinput"):  # its controller has looked
            gate.check_names()
            options.check_places(config, gate.options.store)
    config.stash[GATE] = gate
    plugins.register(RunHooks(gate), "basegate-run")
    if not hasattr(config, "workerinput"):
        _report_html_by_default(config)
        plugins.register(ReportHooks(gate), "basegate-report")


def _report_html_by_default(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("html") and not config.option.collectonly:
        config.option.htmlpath = config.option.htmlpath or "report.html"
        config.option.self_contained_html = True


def _progress(config: pytest.Config) -> Progress:
    """Return where slow work is shown: the real stderr, which pytest captures during tests."""
    from basegate.progress import Progress

    stream: TextIO | None
    try:
        stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return Progress()
    config.add_cleanup(stream.close)

    if hasattr(config, "workerinput"):
        return Progress(stream)
    return Progress(stream, partial(_end_line, config))


def _end_line(config: pytest.Config) -> None:
    """End the line that pytest is writing, past its own capturing of output."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")
    if reporter is None or capture is None:
        return
    with capture.global_and_fixture_disabled():
        reporter.ensure_newline()
        writer = config.get_terminal_writer()
        if writer.width_of_current_line:  # with -q there are dots, but no line to "ensure"
            writer.line()
        reporter.flush()


class RefuseWithoutModel:
    """A gate that tests nothing must not look green."""

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Refuse acceptance tests where no candidate is named."""
        from basegate.plugin.collection import lacks_candidate

        # A worker cannot refuse: the controller does, when it hears what was collected.
        looking = hasattr(config, "workerinput") or config.option.showfixtures
        if not looking and any(map(lacks_candidate, items)):
            raise options.missing_model(config)


class RunHooks:
    """What every process of a run does."""

    def __init__(self, gate: GateSession) -> None:
        self.gate = gate

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None]:
        """Leave out checks without a table; after all other plugins, group by candidate."""
        from basegate.plugin.collection import by_candidate, is_not_configured

        absent = [item for item in items if is_not_configured(item)]
        if absent:
            config.hook.pytest_deselected(items=absent)
            items[:] = [item for item in items if not is_not_configured(item)]
        yield
        items[:] = by_candidate(items, self.gate.order)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what the test found on its report."""
        from basegate.plugin.outcomes import attach_records

        report = yield
        attach_records(self.gate, item, call, report)
        return report


class ReportHooks:
    """What the reporting process does: with pytest-xdist only the controller."""

    def __init__(self, gate: GateSession) -> None:
        from basegate.plugin.run_report import RunReport

        self.gate = gate
        self.report = RunReport(gate)

    def pytest_report_header(self) -> list[str]:
        """Say what is being judged, and by what."""
        from basegate.report.terminal import header

        wanted = self.gate.options
        names = [spec.name for spec in wanted.candidates]
        return header(names, wanted.thresholds.path, wanted.store, self.gate.tr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test found, and leave it on the report in words for other readers."""
        self.report.add(report)

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Keep what is said of the store, by this process or a worker."""
        if issubclass(warning_message.category, StoreWarning):
            text = message_of(warning_message.message)
            self.report.warnings.append((warning_message.category, text))

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
        """One line per candidate and check."""
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
        for line, markup in summary(ledger, report.records, tr):
            terminalreporter.write_line(line, **markup)
        for line in warned(report.warnings, tr):
            terminalreporter.write_line(line, yellow=True)
        if report.written:
            files = (self.gate.options.ledger, self.gate.options.summary)
            for line, markup in written(*files, report.write_errors, tr):
                terminalreporter.write_line(line, **markup)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the page."""
        report.title = "basegate"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Open the page with the decision."""
        if self.report.ledger is None:
            return
        from basegate.report.page.document import fragment
        from basegate.report.page.model import Page

        prefix.append(fragment(Page(self.report.ledger, self.report.evidence, self.gate.tr)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add the columns of a verdict."""
        from basegate.report.html_rows import header_cells

        cells[2:2] = header_cells(self.gate.tr)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Fill the columns of a verdict."""
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
