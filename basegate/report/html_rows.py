"""Rows of pytest-html's table: the cells of a verdict, and the details of a measurement.

pytest-html inserts all of it as it is, so everything is escaped here. What the models wrote is not
in the rows, but in the page above them, once; rows link to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from basegate.checks.labels import (
    fact_label,
    format_chance,
    format_measured,
    format_metric,
    format_sample_size,
    metric_label,
)
from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.formatting import FRACTION, format_row_limit, format_value, printable
from basegate.i18n.messages import Message
from basegate.measurement import Findings, Measurement, Metric
from basegate.report.page.samples import samples_link
from basegate.report.page.templating import render
from basegate.store.union import Readable
from basegate.verdict import Result

COLUMNS = (Message("verdict"), Message("metric"), Message("value"), Message("limit"))


def header_cells(tr: Translator = ENGLISH) -> list[Markup]:
    cell = Markup('<th class="sortable" data-column-type="{}">{}</th>')
    return [cell.format(name, tr(name).capitalize()) for name in COLUMNS]


def id_cell(nodeid: str) -> Markup:
    return Markup('<td class="col-testId">{}</td>').format(printable(nodeid))


def result_cells(results: Sequence[Result], tr: Translator = ENGLISH) -> list[Markup]:
    """A line per metric in each of the cells."""
    lines = [
        (
            row.verdict,
            _metric(row, tr),
            format_measured(row, row.limit, tr) if row.metric else "",
            format_row_limit(row, tr),
        )
        for row in results
    ]
    bases = dict.fromkeys(
        tr("{head}: {text}", head=row.part, text=format_sample_size(row.sample_size, tr))
        for row in results
        if row.sample_size
    )
    return [
        render(
            "cell.html",
            tr,
            kind=name,
            lines=[printable(line[place]) for line in lines],
            below=[printable(each) for each in bases] if name == "metric" else [],
        )
        for place, name in enumerate(COLUMNS)
    ]


def _metric(row: Result, tr: Translator) -> str:
    metric = tr(metric_label(row.check, row.metric).name) if row.metric else ""
    return tr("{head}: {text}", head=row.question, text=metric) if row.question else metric


def details(measurement: Measurement, rows: Sequence[Result], tr: Translator = ENGLISH) -> Markup:
    """A measurement behind its row: numbers, facts, notes, limits, and a link to its texts."""
    findings = measurement.findings
    # Of a bank that is judged as a whole, the questions are in the page above.
    whole = any(metric.name == "accuracy" for metric in findings.metrics)
    shown = [each for each in findings.metrics if not (whole and each.name == "correct")]
    return render(
        "details.html",
        tr,
        metrics=[
            # A topic, a kind of pairs, or a question by its id.
            (
                metric.item if metric.name == "correct" else tr(metric.item),
                f"{format_metric(metric, measurement.check, tr)}{_behind(metric, tr)}",
            )
            for metric in shown
        ],
        facts=list(_facts(findings, tr)),
        measured=measurement.measured_at,
        seconds=f"{measurement.seconds:.1f}",
        notes=findings.notes,
        left_out=findings.left_out,
        link=rows and samples_link(measurement, rows[0].candidate, rows[0].check, rows[0].part),
    )


def _behind(metric: Metric, tr: Translator) -> str:
    """The probability of a right answer behind a count, and samples that were not generated."""
    text = format_chance(metric, tr)
    left = (metric.count or 0) - (metric.drawn or 0)
    if text and left:
        text += tr("; {count} more could not change the verdict and were not generated", count=left)
    return text


def _facts(findings: Findings, tr: Translator) -> Iterator[tuple[str, str]]:
    for key, value in findings.facts.items():
        if value is None or key == "remark":
            continue
        unit = FRACTION if key.endswith("_share") else ""
        text = str(value) if isinstance(value, str | bool) else format_value(value, unit, tr=tr)
        yield fact_label(key, tr), text


def all_details(results: Sequence[Result], store: Readable, tr: Translator = ENGLISH) -> list[str]:
    keys = dict.fromkeys(row.measurement for row in results if row.measurement)
    return [
        details(found, [row for row in results if row.measurement == key], tr)
        for key in keys
        if (found := store.get(key)) is not None
    ]
