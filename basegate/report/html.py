"""Parts of the pytest-html page: the decision, the cells of a row, what a model wrote.

pytest-html inserts all of it as it is, so everything is escaped here.
"""

from __future__ import annotations

import html
import math
from itertools import groupby
from typing import TYPE_CHECKING

from basegate.figures import SHARE, asked, chance, format_value, found, place, printable
from basegate.judge import Result, VerdictWord, telling
from basegate.report.terminal import decided, partial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from basegate.ledger import Ledger
    from basegate.measurement import Measurement, Metric, Sample

_COLOURS: dict[VerdictWord, str] = {
    "pass": "#1a7f37",
    "fail": "#b3261e",
    "inconclusive": "#7a5900",
    "invalid": "#5f4b8b",
}
_FACTS = {
    "split_token_share": "tokens that are parts of a character",
    "no_answer": "samples without an answer",
    "not_drawn": "samples not drawn",
    "prefix": "before every window and prompt",
}
"""Facts of a measurement whose names do not say it."""
_COLUMNS = ("Verdict", "Metric", "Value", "Limit")
_STYLE = """<style>
body,#results-table,.bg-decision,.bg-evidence{color:#222}
.bg-decision{border-collapse:collapse;margin:1em 0}
.bg-decision th,.bg-decision td{border:1px solid #ccc;padding:6px 10px;text-align:left;
vertical-align:top}
.bg-partial{background:#fff3cd;border:1px solid #b58900;padding:8px 12px;max-width:60em}
.bg-evidence{white-space:normal}
.bg-samples{border-collapse:collapse;width:100%;margin:.5em 0}
.bg-samples th,.bg-samples td{border:1px solid #ddd;padding:4px 8px;text-align:left;
vertical-align:top}
.bg-samples td:nth-child(2){min-width:9em}
.bg-text{white-space:pre-wrap;overflow-wrap:anywhere;font-family:inherit;margin:0}
.bg-prompt{color:#555;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4em 0}
.logwrapper:has(.bg-evidence){max-height:none;background:#fff}
.logwrapper:has(.bg-evidence) .logexpander{display:none}
.logwrapper .log:has(.bg-evidence){top:0;height:auto;padding-right:5px;font-family:inherit}
</style>"""


def escape(text: str) -> str:
    """Return text for HTML: no tags, no quotes, no control characters."""
    return html.escape(printable(text))


def _word(verdict: VerdictWord, text: str | None = None) -> str:
    return f'<strong style="color:{_COLOURS[verdict]}">{escape(text or verdict)}</strong>'


def decision(ledger: Ledger) -> str:
    """Return the table that the page opens with: a row per candidate, a column per check."""
    checks = list(dict.fromkeys((row.check, row.part) for row in ledger.results))
    heads = "".join(f"<th>{escape(place(check, part))}</th>" for check, part in checks)
    rows = []
    for entry in ledger.candidates:
        own = ledger.results_of(entry.name)
        cells = "".join(f"<td>{_cell(own, check, part)}</td>" for check, part in checks)
        words = decided(entry, own, ledger.suite.interrupted)
        rows.append(
            f"<tr><th>{escape(entry.name)}</th><td>{_word(entry.verdict, words)}</td>{cells}</tr>"
        )
    stopped = f"<p class='bg-partial'>{partial()}</p>" if ledger.suite.interrupted else ""
    return (
        f"{_STYLE}<h2>Verdicts</h2>{stopped}<table class='bg-decision'><thead><tr>"
        f"<th>candidate</th><th>decision</th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"{_unmet(ledger)}{_conditions(ledger)}"
    )


def _cell(rows: Sequence[Result], check: str, part: str) -> str:
    own = [row for row in rows if (row.check, row.part) == (check, part)]
    if not own:
        return "not run"
    verdict, shown = telling(own)
    values = "<br>".join(escape(_value(row)) for row in shown[:4])
    more = f"<br>and {len(shown) - 4} more" if len(shown) > 4 else ""
    return f"{_word(verdict)}<br>{values}{more}"


def _value(row: Result) -> str:
    if not row.metric:
        return "no measurement"
    value = found(row, row.limit)
    return f"{row.question}: {value}" if row.question else value


def _unmet(ledger: Ledger) -> str:
    rows = [row for row in ledger.results if row.verdict != "pass"]
    if not rows:
        whole = not any(entry.not_run for entry in ledger.candidates)
        return f"<p>Every limit{'' if whole else ' that was judged'} is met.</p>"
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
        columns[2].append(escape(found(row, row.limit)) if row.metric else "")
        columns[3].append(escape(asked(row)))
    bases = dict.fromkeys(f"{row.part}: {row.basis}" for row in results if row.basis)
    columns[1].extend(f"<small>{escape(basis)}</small>" for basis in bases)
    return [
        f'<td class="col-{name.lower()}">{"<br>".join(lines)}</td>'
        for name, lines in zip(_COLUMNS, columns, strict=True)
    ]


def evidence(measurement: Measurement, rows: Sequence[Result]) -> str:
    """Return what a measurement rests on: its numbers, its gates and every sample, as text."""
    facts = ", ".join(
        f"{escape(_FACTS.get(key, key.replace('_', ' ')))} {_fact(key, value)}"
        for key, value in measurement.findings.facts.items()
        if value is not None and key != "remark"
    )
    shown = [metric for metric in measurement.findings.metrics if metric.name != "correct"]
    metrics = "".join(
        f"<li>{escape(metric.item + ': ' if metric.item else '')}{escape(found(metric))}</li>"
        for metric in shown or measurement.findings.metrics
    )
    counts = {each.item: each for each in measurement.findings.metrics if each.name == "correct"}
    groups = groupby(measurement.findings.samples, key=lambda sample: sample.item)
    samples = "".join(_samples(item, list(group), counts.get(item)) for item, group in groups)
    return (
        f"<div class='bg-evidence'><ul>{metrics}</ul><p>{escape(facts)}. Measured "
        f"{escape(measurement.measured_at)} in {measurement.seconds:.1f} s.</p>"
        f"{_notes(measurement)}{_left_out(measurement)}{_curves(rows)}{_preferences(measurement)}"
        f"{_choices(measurement)}{samples}</div>"
    )


def _notes(measurement: Measurement) -> str:
    return "".join(f"<p><b>Note:</b> {escape(note)}</p>" for note in measurement.findings.notes)


def _curves(rows: Sequence[Result]) -> str:
    """Return the operating curves: what each kind of gate lets through."""
    gates = {(row.metric, row.limit, row.curve): row for row in rows if row.curve}
    return "".join(
        f"<p>What the gate on {escape(row.metric.replace('_', ' '))} "
        f"({escape(asked(row))}) lets through:</p>"
        f"<table class='bg-samples bg-curve'><tr><th>truly right</th>"
        f"{''.join(f'<td>{point * 100:.0f} %</td>' for point, _ in row.curve)}</tr>"
        f"<tr><th>passes</th>"
        f"{''.join(f'<td>{chance * 100:.1f} %</td>' for _, chance in row.curve)}</tr></table>"
        for row in gates.values()
    )


def _choices(measurement: Measurement) -> str:
    """Return the scored options, questions first whose right option is not the likeliest."""
    scored = sorted(measurement.findings.choices, key=lambda each: each.by_text == each.expected)
    if not scored:
        return ""
    rows = "".join(
        f"<tr><td>{escape(each.item)}</td><td>{escape(each.expected)}</td>"
        f"<td>{_chosen(each.by_text, each.expected)}</td><td>{_bits(each.texts)}</td>"
        f"<td>{_chosen(each.by_letter, each.expected)}</td><td>{_bits(each.letters)}</td></tr>"
        for each in scored
    )
    return (
        "<p>By likelihood, over all cyclic orders of the options:</p>"
        "<table class='bg-samples'><tr><th>question</th><th>right</th><th>likeliest text</th>"
        "<th>bits per character</th><th>likeliest letter</th><th>bits</th></tr>"
        f"{rows}</table>"
    )


def _chosen(option: str | None, expected: str) -> str:
    return _word("pass" if option == expected else "fail", option or "tie")


def _bits(scores: Mapping[str, float]) -> str:
    return escape(", ".join(f"{key} {-value / math.log(2):.2f}" for key, value in scores.items()))


def _left_out(measurement: Measurement) -> str:
    lines = measurement.findings.left_out
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<p>Left out, because they cannot be used:</p><ul>{items}</ul>"


def _preferences(measurement: Measurement) -> str:
    """Return the pairs, those first whose wrong sentence was preferred."""
    pairs = sorted(measurement.findings.preferences, key=lambda pair: pair.preferred)
    if not pairs:
        return ""
    rows = "".join(
        f"<tr><td>{escape(pair.kind)}</td>"
        f"<td>{_word('pass' if pair.preferred else 'fail', 'yes' if pair.preferred else 'no')}</td>"
        f"<td>{escape(pair.right)}</td><td>{pair.right_bits:.2f}</td>"
        f"<td>{escape(pair.wrong)}</td><td>{pair.wrong_bits:.2f}</td></tr>"
        for pair in pairs
    )
    return (
        "<table class='bg-samples'><tr><th>kind</th><th>preferred</th><th>right</th>"
        "<th>bits per character</th><th>wrong</th><th>bits per character</th></tr>"
        f"{rows}</table>"
    )


def _fact(key: str, value: float | str) -> str:
    if isinstance(value, str | bool):
        return str(value)
    return format_value(value, SHARE if key.endswith("_share") else "")


def _samples(item: str, samples: Sequence[Sample], counted: Metric | None) -> str:
    rows = "".join(
        f"<tr><td>{number}</td><td>{_reading(sample)}</td>"
        f"<td><pre class='bg-text'>{escape(sample.text)}</pre></td></tr>"
        for number, sample in enumerate(samples, start=1)
    )
    return (
        f"<h4>{escape(item)}</h4>{_counted(counted)}"
        f"<div class='bg-prompt'>{escape(samples[0].prompt)}</div>"
        f"<table class='bg-samples'><tr><th>#</th><th>read as</th><th>what it wrote</th></tr>"
        f"{rows}</table>"
    )


def _counted(metric: Metric | None) -> str:
    """Return a question's count and what it says of the chance of a right answer."""
    if metric is None:
        return ""
    left = (metric.count or 0) - (metric.drawn or 0)
    undrawn = f" {left} more could not change the verdict and were not drawn." if left else ""
    behind = f"; chance of a right answer {chance(metric)}" if metric.interval else ""
    return f"<p>{escape(found(metric))}{behind}.{undrawn}</p>"


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
            ("latin_words", "words of English"),
            ("simplified", "Simplified"),
        )
        if notes.get(name)
    ]
    loops = ["loops"] if notes.get("looping") else []
    return escape(", ".join([*counts, *loops]))
