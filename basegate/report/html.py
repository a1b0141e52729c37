"""Parts of the pytest-html page: the decision, the cells of a row, what a model wrote.

pytest-html inserts all of it as it is, so everything is escaped here.
"""

from __future__ import annotations

import html
from itertools import groupby
from typing import TYPE_CHECKING

from basegate.judge import Result, VerdictWord, format_limit, format_metric, worst
from basegate.report.terminal import DECISION, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.ledger import Ledger
    from basegate.measurement import Measurement, Metric, Sample

_COLOURS: dict[VerdictWord, str] = {
    "pass": "#1a7f37",
    "fail": "#b3261e",
    "inconclusive": "#7a5900",
    "invalid": "#5f4b8b",
}
_COLUMNS = ("Verdict", "Metric", "Value", "Limit")
_STYLE = """<style>
.bg-decision{border-collapse:collapse;margin:1em 0}
.bg-decision th,.bg-decision td{border:1px solid #ccc;padding:6px 10px;text-align:left;
vertical-align:top}
.bg-decision td.bg-why{max-width:44em}
.bg-samples{border-collapse:collapse;width:100%;margin:.5em 0}
.bg-samples th,.bg-samples td{border:1px solid #ddd;padding:4px 8px;text-align:left;
vertical-align:top}
.bg-text{white-space:pre-wrap;overflow-wrap:anywhere;font-family:inherit;margin:0}
.bg-prompt{color:#555;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4em 0}
.logwrapper .log:has(.bg-evidence){height:auto;max-height:none;font-family:inherit;
white-space:normal;background:#fff}
.logwrapper:has(.bg-evidence){max-height:none}
</style>"""


def escape(text: str) -> str:
    """Return text for HTML: no tags, no quotes, no control characters."""
    return html.escape(printable(text))


def _word(verdict: VerdictWord, text: str | None = None) -> str:
    return f'<strong style="color:{_COLOURS[verdict]}">{escape(text or verdict)}</strong>'


def decision(ledger: Ledger) -> str:
    """Return the table that the page opens with: a row per candidate, a column per check."""
    checks = list(dict.fromkeys((row.check, row.part) for row in ledger.results))
    heads = "".join(f"<th>{escape(f'{check} {part}'.strip())}</th>" for check, part in checks)
    rows = []
    for entry in ledger.candidates:
        own = ledger.results_of(entry.name)
        cells = "".join(f"<td>{_cell(own, check, part)}</td>" for check, part in checks)
        rows.append(
            f"<tr><th>{escape(entry.name)}</th>"
            f"<td>{_word(entry.verdict, DECISION[entry.verdict])}</td>{cells}</tr>"
        )
    return (
        f"{_STYLE}<h2>Verdicts</h2><table class='bg-decision'><thead><tr><th>candidate</th>"
        f"<th>decision</th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"{_unmet(ledger)}{_conditions(ledger)}"
    )


def _cell(rows: Sequence[Result], check: str, part: str) -> str:
    own = [row for row in rows if (row.check, row.part) == (check, part)]
    if not own:
        return "not run"
    verdict = worst(row.verdict for row in own)
    shown = [row for row in own if row.verdict == verdict]
    values = "<br>".join(escape(_value(row)) for row in shown[:4])
    more = f"<br>and {len(shown) - 4} more" if len(shown) > 4 else ""
    return f"{_word(verdict)}<br>{values}{more}"


def _value(row: Result) -> str:
    if not row.metric:
        return "no measurement"
    value = format_metric(row.value, row.unit, row.interval, row.confidence)
    return f"{row.question}: {value}" if row.question else value


def _unmet(ledger: Ledger) -> str:
    rows = [row for row in ledger.results if row.verdict != "pass"]
    if not rows:
        return "<p>Every limit is met.</p>"
    items = "".join(
        f"<li>{_word(row.verdict)} {escape(row.detail)}"
        f"{' Reason for the limit: ' + escape(row.why) if row.why else ''}</li>"
        for row in rows
    )
    return f"<h3>What is not met</h3><ul>{items}</ul>"


def _conditions(ledger: Ledger) -> str:
    environment = ", ".join(
        f"{escape(key)} {escape(value)}" for key, value in ledger.environment.items() if value
    )
    loads = "".join(
        f"<li>{escape(entry.name)}: {escape(entry.source)}"
        f"{', ' + escape(entry.revision[:19]) if entry.revision else ''}, "
        f"{escape(entry.quantization)}, {escape(entry.dtype)}, {escape(entry.device)}</li>"
        for entry in ledger.candidates
    )
    return (
        f"<details><summary>Conditions</summary><p>{environment}</p><ul>{loads}</ul>"
        f"<p>Limits: {escape(ledger.suite.thresholds.path)}</p></details>"
    )


def header_cells() -> list[str]:
    """Return the heads of the columns that a verdict needs."""
    return [
        f'<th class="sortable" data-column-type="{name.lower()}">{name}</th>' for name in _COLUMNS
    ]


def id_cell(nodeid: str) -> str:
    """Return the cell of a test's id, escaped."""
    return f'<td class="col-testId">{escape(nodeid)}</td>'


def result_cells(results: Sequence[Result]) -> list[str]:
    """Return the cells of a row: a line per metric in each of them."""
    columns: tuple[list[str], ...] = ([], [], [], [])
    for row in results:
        metric = row.metric.replace("_", " ")
        columns[0].append(_word(row.verdict))
        columns[1].append(escape(f"{row.question}: {metric}" if row.question else metric))
        columns[2].append(
            escape(format_metric(row.value, row.unit, row.interval, row.confidence))
            if row.metric
            else ""
        )
        columns[3].append(
            escape(format_limit(row.limit, row.direction))
            if row.limit is not None and row.direction
            else ""
        )
    return [
        f'<td class="col-{name.lower()}">{"<br>".join(lines)}</td>'
        for name, lines in zip(_COLUMNS, columns, strict=True)
    ]


def evidence(measurement: Measurement) -> str:
    """Return what a measurement rests on: its numbers and every sample, as text."""
    facts = ", ".join(
        f"{key.replace('_', ' ')} {value}"
        for key, value in measurement.findings.facts.items()
        if value is not None and key != "remark"
    )
    metrics = "".join(
        f"<li>{escape(metric.item + ': ' if metric.item else '')}{escape(_measured(metric))}</li>"
        for metric in measurement.findings.metrics
    )
    groups = groupby(measurement.findings.samples, key=lambda sample: sample.item)
    samples = "".join(_samples(item, list(group)) for item, group in groups)
    return (
        f"<div class='bg-evidence'><ul>{metrics}</ul><p>{escape(facts)}. Measured "
        f"{escape(measurement.measured_at)} in {measurement.seconds:.1f} s.</p>{samples}</div>"
    )


def _measured(metric: Metric) -> str:
    return format_metric(metric.value, metric.unit, metric.interval, metric.confidence)


def _samples(item: str, samples: Sequence[Sample]) -> str:
    rows = "".join(
        f"<tr><td>{number}</td><td>{_reading(sample)}</td>"
        f"<td><pre class='bg-text'>{escape(sample.text)}</pre></td></tr>"
        for number, sample in enumerate(samples, start=1)
    )
    return (
        f"<h4>{escape(item)}</h4><div class='bg-prompt'>{escape(samples[0].prompt)}</div>"
        f"<table class='bg-samples'><tr><th>#</th><th>read as</th><th>what it wrote</th></tr>"
        f"{rows}</table>"
    )


def _reading(sample: Sample) -> str:
    if sample.expected is not None:
        if sample.answer is None:
            return _word("fail", "no answer")
        right = sample.answer == sample.expected
        return _word(
            "pass" if right else "fail", f"{sample.answer} {'right' if right else 'wrong'}"
        )
    notes = sample.notes
    counts = [
        f"{notes[name]} {label}"
        for name, label in (
            ("cantonese", "Cantonese"),
            ("written_chinese", "written Chinese"),
            ("mixed", "mixed"),
            ("neutral", "neutral"),
            ("foreign", "other"),
            ("latin_words", "Latin words"),
            ("simplified", "Simplified"),
        )
        if notes.get(name)
    ]
    loops = ["loops"] if notes.get("looping") else []
    return escape(", ".join([*counts, *loops]))
