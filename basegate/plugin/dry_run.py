"""`--dry-run`: tests are collected, and instead of running them the plan is printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from basegate.checks.labels import check_label
from basegate.config.declaration import check_names
from basegate.i18n.catalogue import Translator
from basegate.i18n.formatting import duration, printable, table
from basegate.plugin.collection import GATE, measured_by
from basegate.report import terminal

if TYPE_CHECKING:
    from basegate.runner.plan import Planned


def pytest_report_header(config: pytest.Config) -> list[str]:
    options, tr = config.stash[GATE].options, config.stash[GATE].tr
    names = [spec.name for spec in options.candidates]
    return terminal.header(names, options.thresholds.path, options.store, tr)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Print the plan; after errors of collection, and with `--collect-only`, what pytest does."""
    if session.testsfailed or session.config.option.collectonly:
        return None
    from basegate.runner.plan import Asked, plan

    gate = session.config.stash[GATE]
    every = measured_by(session.items, check_names())
    handles = {spec.name: gate.handle(spec) for spec in every.values()}
    asked = [Asked(handles[key[0]], *gate.asked(*key)) for key in every]
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    planned = [*plan(asked, gate.store, remeasure=gate.options.remeasure)]
    other = sum(not measured_by([item], check_names()) for item in session.items)
    for line in lines(planned, other, gate.tr):
        reporter.write_line(printable(line))
    # As where tests fail: what has no plan cannot be measured either.
    session.testsfailed = sum(bool(each.problem) for each in planned)
    return True


def lines(planned: Sequence[Planned], other: int, tr: Translator) -> Iterator[str]:
    """A row per measurement, then the sums, and what the signs mean.

    `other`: tests that are no part of the plan.
    """
    head = (tr("candidate"), tr("check"), tr("tokens to read"), tr("to write"), tr("time"))
    said: set[str] = set()
    rows = []
    for each in planned:
        rows.append(_row(each, each.problem in said, tr))
        said.add(each.problem or "-")
    yield from table([head, *rows])
    rest = [each for each in planned if not each.stored]
    counted = [each.work for each in rest if each.work is not None and each.in_tokens]
    other_units = len(rest) - len(counted)
    text = tr(
        "stored: {stored} of {count}; the rest reads {read} tokens and writes {written}",
        stored=len(planned) - len(rest),
        count=len(planned),
        read=f"{sum(work.fed for work in counted):,}",
        written=_most(sum(each.work.drawn for each in rest if each.work is not None)),
    )
    more = tr(" ({count} not counted in tokens)", count=other_units) if other_units else ""
    yield text + more
    if known := [each.seconds for each in rest if each.seconds is not None]:
        text = tr("in all at most about {time}, loading not counted", time=_time(sum(known), tr))
        unknown = len(rest) - len(known)
        yield text + (tr(" ({count} not known)", count=unknown) if unknown else "")
    if other:
        yield tr.ngettext(
            "{count} test that is no part of the plan",
            "{count} tests that are no part of the plan",
            other,
        )
    if any(each.reads or each.work.drawn for each in rest if each.work and each.work.tokens):
        yield tr(
            "≤: a check may stop once its verdict is certain, a sample once its answer is; "
            "≥: a question that its first samples do not decide is read again"
        )


def _row(each: Planned, said: bool, tr: Translator) -> tuple[str, ...]:
    name, check = each.asked.candidate.name, each.asked.check
    start = (name, check_label(check.name, check.item, tr))
    if each.stored:
        return (*start, "–", "–", tr("stored"))
    if each.work is None:
        reason = tr("see above") if said else each.problem
        return (*start, "?", "?", tr("not known: {reason}", reason=reason))
    if not each.work.tokens:
        return (*start, "–", "–", tr("seconds; a null model has no tokens"))
    read = f"{each.reads} {each.work.fed:,}".strip()
    if not each.in_tokens:
        read = tr("{count} characters", count=read)
    return (*start, read, _most(each.work.drawn), _when(each, tr))


def _when(each: Planned, tr: Translator) -> str:
    if each.seconds is not None:
        whole = each.work is not None and not each.work.drawn and not each.reads
        time = _time(each.seconds, tr)
        return tr("about {time}", time=time) if whole else tr("at most about {time}", time=time)
    if not each.in_tokens:
        return tr("its tokenizer is not here")
    return tr("nothing like it is stored of this device")


def _time(seconds: float, tr: Translator) -> str:
    return tr.translate(duration(seconds))


def _most(count: int) -> str:
    return f"≤ {count:,}" if count else "0"
