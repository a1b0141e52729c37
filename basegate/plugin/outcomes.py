"""Records on pytest's reports: the rows that a test judged, or why it judged none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from basegate.config.declaration import check_names
from basegate.errors import BasegateError, InvalidMeasurement
from basegate.i18n.formatting import printable
from basegate.i18n.messages import Message
from basegate.judging.explanation import sentence
from basegate.judging.judge import invalid
from basegate.ledger import Ledger, Record
from basegate.plugin.collection import candidate_in, candidate_of, check_of, split_test_id
from basegate.plugin.fixtures import RECORDS

if TYPE_CHECKING:
    import pytest

    from basegate.plugin.session import GateSession
    from basegate.verdict import Result

PROPERTY = "basegate"
"""Prefix of the entries in `user_properties` that are records; the phase follows."""


def attach_records(
    gate: GateSession, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    """Put the records of a phase of a test on its report.

    Verdicts come with the call. A phase that failed or was skipped without a verdict that says so
    adds one: `invalid`, since a test that judged nothing must not look like one that passed.
    """
    spec = candidate_of(item)
    if spec is None:
        return
    if report.when == "setup":  # what an earlier attempt of the same test has left
        report.user_properties[:] = [
            each for each in report.user_properties if not str(each[0]).startswith(f"{PROPERTY}:")
        ]
    error = call.excinfo.value if call.excinfo is not None else None
    records = item.stash.get(RECORDS, []) if report.when == "call" else []
    rows = [row for record in records for row in record.results]
    if report.when == "call" and report.failed and _says_why(error, rows):
        # The verdict as a sentence, instead of the source of the test.
        if item.config.option.tbstyle != "long":
            unmet = [sentence(row, gate.tr) for row in rows if row.blocks]
            report.longrepr = printable("\n".join(unmet))
    elif error is not None and not any(row.blocks for row in rows):
        if isinstance(error, BasegateError):
            # The message stands alone; a traceback through fixtures would bury it.
            report.longrepr = printable(f"{spec.name}: {gate.tr.translate(error.message)}")
        check, part = check_of(item, check_names())
        seen = error.measurement if isinstance(error, InvalidMeasurement) else None
        row = invalid(spec.name, check, part, _reason(error, report), seen)
        earlier = gate.earlier(spec.name, seen)
        records = [
            *records,
            Record(candidate=gate.facts(spec.name), results=(row,), earlier=earlier),
        ]
    report.user_properties.extend(
        (f"{PROPERTY}:{report.when}", record.model_dump_json()) for record in records
    )
    item.user_properties[:] = report.user_properties


def crash_record(gate: GateSession, report: pytest.TestReport) -> Record | None:
    """A record for a test that killed its process: all that is left of it is its name."""
    # pytest-xdist reports such a test with "???" for the phase.
    if report.when in ("setup", "call", "teardown"):
        return None
    _, test, parameters = split_test_id(report.nodeid)
    names = [spec.name for spec in gate.options.candidates]
    name = candidate_in(parameters, names, gate.options.thresholds.all_items())
    if name is None:
        return None
    reason = Message("the process that ran this test was killed, or crashed without an error.")
    part = parameters.removeprefix(name).removeprefix("-")
    row = invalid(name, test.removeprefix("test_"), part, reason)
    return Record(candidate=gate.facts(name), results=(row,))


def exit_status(found: int, ledger: Ledger) -> int:
    """Pytest's exit status, 1 instead of 0 unless every verdict is `pass`.

    A candidate whose tests the user left out does not count, as long as another was judged. Limits
    that are advisory, or relative to the candidate's own number, judge nobody.
    """
    own = [entry for entry in ledger.candidates if not entry.compared]
    rows = [row for entry in own for row in ledger.results_of(entry.name)]
    judging = any(not (row.advisory or row.is_its_own) for row in rows)
    judged = {row.candidate for row in rows}
    failed = any(entry.verdict != "pass" for entry in own if entry.name in judged)
    return 1 if found == 0 and (failed or not judging) else found


def was_interrupted(session: pytest.Session, over: int) -> bool:
    """Whether Ctrl-C, `-x` or `--maxfail` stopped a run of which `over` tests are finished."""
    stopped = session.exitstatus == 2 or bool(session.shouldstop or session.shouldfail)
    # Where collecting was stopped, nothing was collected.
    return stopped and not 0 < session.testscollected <= over


def _says_why(error: BaseException | None, rows: Sequence[Result]) -> bool:
    """Whether a test failed because a limit is not met, and its message says which."""
    return isinstance(error, AssertionError) and any(
        row.blocks and sentence(row) in str(error) for row in rows
    )


def _reason(error: BaseException, report: pytest.TestReport) -> str:
    if report.skipped:
        return Message(
            "its test was skipped or expected to fail ({error}), so nothing was judged.",
            error=error,
        )
    if isinstance(error, BasegateError):
        return error.message
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
