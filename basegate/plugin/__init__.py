"""pytest's hooks, and nothing else: they translate and delegate.

Imported by `pytest --help`, so nothing heavy is imported at the top. Where `--model` is absent
the plugin does nothing but refuse to run acceptance tests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from basegate.config.declaration import begin_session
from basegate.plugin import fixtures, options
from basegate.plugin.collection import GATE, by_candidate, is_not_configured, lacks_candidate
from basegate.plugin.option_names import NAMES

if TYPE_CHECKING:
    from basegate.plugin.session import GateSession
    from basegate.progress import Progress


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    options.add_options(parser, pluginmanager.getplugin("pytestconfig"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, args: list[str]
) -> Generator[None, object, object]:
    """Take the short names that nobody declares, the initial `conftest.py` files included."""
    begin_session()
    names = early_config.stash[NAMES]
    names.parse_early(early_config, args)
    try:
        return (yield)
    finally:
        names.add_short_names()


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer `--list-models`, as pytest answers `--markers`."""
    if not config.option.basegate_list_models:
        return None
    with config.stash[NAMES].usage_errors():
        print(options.list_models(config))
    return 0


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """What `-n auto` means; xdist asks before `pytest_configure`."""
    from basegate.plugin.xdist import auto_workers

    with config.stash[NAMES].usage_errors():
        return auto_workers(config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set up the run before workers start and before pytest-html looks at its options."""
    config.stash[NAMES].release_short_names()
    if config.option.basegate_dry_run:
        options.only_plan(config)
    plugins = config.pluginmanager
    plugins.register(fixtures, "basegate-fixtures")
    if config.option.basegate_model or (config.rootpath / "thresholds.toml").is_file():
        plugins.register(fixtures.check_fixtures(), "basegate-check-fixtures")
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None or getattr(config.option, "dist", "no") != "no":
        from basegate.plugin import xdist

        plugins.register(xdist, "basegate-xdist")
        if worker is not None and config.option.basegate_model:
            xdist.share_threads(worker)
    if not config.option.basegate_model:
        plugins.register(RefuseWithoutModel(), "basegate-refuse")
        return
    from basegate.plugin.session import GateSession

    with config.stash[NAMES].usage_errors():
        gate = GateSession(options.parse(config), _progress(config))
        options.check_in_process(config, gate.device)
        if worker is None:  # its controller has looked
            gate.check_references()
            if not config.option.basegate_dry_run:
                options.check_places(config, gate.options.store)
    config.stash[GATE] = gate
    plugins.register(RunHooks(gate), "basegate-run")
    if config.option.basegate_dry_run:
        plugins.import_plugin("basegate.plugin.dry_run")
        return
    plugins.import_plugin("basegate.plugin.time_left")
    if worker is None:
        # A plugin of its own, as pytest's reporters are: what measures and judges knows no report.
        plugins.import_plugin("basegate.plugin.run_report")


def _progress(config: pytest.Config) -> Progress:
    """Where slow work is shown: the real stderr, which pytest captures during tests."""
    from basegate.progress import Progress

    try:
        stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return Progress()
    config.add_cleanup(stream.close)
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
        # A worker cannot refuse: the controller does, when it hears what was collected.
        looking = hasattr(config, "workerinput") or config.option.showfixtures
        if not looking and any(map(lacks_candidate, items)):
            options.refuse_without_model(config)


class RunHooks:
    """What every process of a run does."""

    def __init__(self, gate: GateSession) -> None:
        self.gate = gate

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None]:
        """Leave out checks without a table; after all other plugins, group by candidate."""
        if absent := [item for item in items if is_not_configured(item)]:
            config.hook.pytest_deselected(items=absent)
            items[:] = [item for item in items if item not in absent]
        yield
        items[:] = by_candidate(items, self.gate.order)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        from basegate.plugin.outcomes import attach_records

        report = yield
        attach_records(self.gate, item, call, report)
        return report
