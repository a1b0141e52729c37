"""From pytest's reports to records: what a test found, or why it found nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.collection import candidate_in, candidate_of, check_of, split_test_id
from basegate.errors import BasegateError
from basegate.judge import invalid
from basegate.ledger import Record
from basegate.state import PROPERTY, RECORDS
from basegate.thresholds import CHECKS

if TYPE_CHECKING:
    import pytest

    from basegate.run import Run


def attach_records(
    run: Run, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    """Put what a test found on its report, once: after the call, or after a failed set-up."""
    spec = candidate_of(item)
    if spec is None or report.skipped:
        return
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, BasegateError):
        # The message stands alone; a traceback through fixtures would bury it.
        report.longrepr = f"{spec.name}: {error}"
    records: list[Record] = []
    if report.when == "call":
        records = item.stash.get(RECORDS, [])
    if error is not None and not records and report.when in ("setup", "call"):
        check, part = check_of(item, CHECKS)
        row = invalid(spec.name, check, part, _reason(error))
        records = [Record(candidate=run.facts(spec.name), results=(row,))]
    properties = [(PROPERTY, record.to_json()) for record in records]
    item.user_properties.extend(properties)
    report.user_properties.extend(properties)


def read_records(report: pytest.TestReport) -> list[Record]:
    """Return what a report carries; reports of the other phases repeat it and are left out."""
    if report.when != "call" and not (report.when == "setup" and report.failed):
        return []
    return [
        Record.from_json(str(value)) for name, value in report.user_properties if name == PROPERTY
    ]


def crash_record(run: Run, report: pytest.TestReport) -> Record | None:
    """Return a record for a test that killed its process: all that is left of it is its name."""
    if report.when in ("setup", "call", "teardown"):
        return None
    # pytest-xdist reports such a test with "???" for the phase.
    _, test, parameters = split_test_id(report.nodeid)
    name = candidate_in(parameters, (spec.name for spec in run.options.candidates))
    if name is None:
        return None
    reason = "the process that ran this test ended without a word (killed or crashed)."
    part = parameters.removeprefix(name).removeprefix("-")
    row = invalid(name, test.removeprefix("test_"), part, reason)
    return Record(candidate=run.facts(name), results=(row,))


def _reason(error: BaseException) -> str:
    if isinstance(error, BasegateError):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
