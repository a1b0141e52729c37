"""What checks, metrics, facts and counts are called where people read them.

A check declares what it and its metrics are called; the rest is here. Records hold their names
(`bits_per_char`, `left_out`); these are the words, in English, each the key of its translation. A
name that has no label is shown with spaces for its underscores.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from basegate.config.declaration import MetricLabel, find_declaration
from basegate.i18n.catalogue import ENGLISH, Plural, Translator
from basegate.i18n.formatting import FRACTION, POINTS, format_interval, format_value
from basegate.i18n.messages import Message
from basegate.ledger import ValueAndLimit
from basegate.measurement import CORRECT, DROP, AnswerCounts, Metric, SampleSize
from basegate.verdict import Result

FACTS: dict[str, str] = {
    "documents": Message("documents"),
    "left_out": Message("left out"),
    "tokens": Message("tokens"),
    "characters": Message("characters"),
    "split_token_share": Message("tokens that are parts of a character"),
    "parallel_documents": Message("parallel documents"),
    "samples": Message("samples"),
    "sentences": Message("sentences"),
    "neutral_sentences": Message("neutral sentences"),
    "questions": Message("questions"),
    "problems": Message("problems"),
    "no_answer": Message("samples without an answer"),
    "not_drawn": Message("samples not drawn"),
    "not_asked": Message("not asked, since the verdict was certain"),
    "pairs": Message("pairs"),
    "ties": Message("ties"),
    "lost_characters": Message("characters that the tokenizer lost"),
    "lost_in_written_chinese": Message("characters of written Chinese that the tokenizer lost"),
    "prefix": Message("before every window and prompt"),
    "memory_retries": Message("memory retries"),
}
KINDS: dict[str, Plural] = {
    "documents": Plural("document", "documents"),
    "parallel_documents": Plural("document in both versions", "documents in both versions"),
    "samples": Plural("sample", "samples"),
    "questions": Plural("question", "questions"),
    "problems": Plural("problem", "problems"),
    "prompts": Plural("prompt", "prompts"),
    "pairs": Plural("pair", "pairs"),
}
"""What is counted, by the kinds of `SampleSize` and `SampleSizeHint`."""
_COUNTS: dict[str, Plural] = {
    "documents": Plural("{count} document", "{count} documents"),
    "questions": Plural("{count} question", "{count} questions"),
    "problems": Plural("{count} problem", "{count} problems"),
    "prompts": Plural("{count} prompt", "{count} prompts"),
    "pairs": Plural("{count} pair", "{count} pairs"),
}


_DROP = MetricLabel(Message("drop"), Message("drop"), Message("a drop of {value}"))


def metric_label(check: str, metric: str) -> MetricLabel:
    if metric == DROP:
        return _DROP
    declared = find_declaration(check)
    if declared is not None and metric in declared.labels:
        return declared.labels[metric]
    name = metric.replace("_", " ")
    return MetricLabel(name, name, "{value} " + name.replace("{", "{{").replace("}", "}}"))


def format_short(value: str, check: str, metric: str, unit: str, tr: Translator = ENGLISH) -> str:
    """A formatted value with what it is of, below the name of its check."""
    label = metric_label(check, metric)
    return tr(label.short or label.value, value=_of_unit(value, check, metric, unit, tr))


def _of_unit(value: str, check: str, metric: str, unit: str, tr: Translator) -> str:
    """The value of a drop with its unit, which is called as the metric that dropped."""
    if metric != DROP or unit == POINTS:
        return value
    return tr(metric_label(check, unit).value, value=value)


def unit_label(check: str, metric: str, tr: Translator = ENGLISH) -> str:
    """What the number of a metric is of, e.g. `bits per character`."""
    return tr(metric_label(check, metric).unit)


def fact_label(fact: str, tr: Translator = ENGLISH) -> str:
    return tr(FACTS.get(fact) or fact.replace("_", " "))


def check_label(check: str, part: str = "", tr: Translator = ENGLISH) -> str:
    """What a row speaks of, e.g. `knowledge must-know`; the check alone if it is all."""
    declared = find_declaration(check)
    name = tr((declared and declared.label) or check.replace("_", " "))
    if part in ("", check):
        return name
    return tr("{name} {part}", name=name, part=part)


def format_measured(
    row: Result | ValueAndLimit, limit: float | None = None, tr: Translator = ENGLISH
) -> str:
    """What was measured, with its interval, e.g. `5.31 bits per character (95 %: 5.24 to 5.38)`."""
    return _number(row, row.check, row.metric, limit, tr) + _interval(row, limit, tr)


def format_number(
    row: Result | ValueAndLimit, limit: float | None = None, tr: Translator = ENGLISH
) -> str:
    """What was measured without its interval, e.g. `7 of 10 correct`."""
    return _number(row, row.check, row.metric, limit, tr)


def format_metric(metric: Metric, check: str, tr: Translator = ENGLISH) -> str:
    """A number of a check's measurement with its interval, as `format_measured` has it."""
    return _number(metric, check, metric.name, None, tr) + _interval(metric, None, tr)


def _number(
    row: Metric | Result | ValueAndLimit,
    check: str,
    metric: str,
    limit: float | None,
    tr: Translator,
) -> str:
    value = format_value(row.value, row.unit, limit, tr)
    if row.unit == CORRECT and row.n_generated is not None:
        return tr("{value} of {count} correct", value=value, count=row.n_generated)
    value = _of_unit(value, check, metric, row.unit, tr)
    return tr(metric_label(check, metric).value, value=value)


def _interval(row: Metric | Result | ValueAndLimit, limit: float | None, tr: Translator) -> str:
    """Empty for a count, which is held against its limit as it is.

    Its interval speaks of the chance behind it (`format_chance`), and would read as if the count
    itself were uncertain.
    """
    if row.interval is None or row.unit == CORRECT:
        return ""
    return format_interval(row.interval, row.unit, row.confidence, limit, tr)


def format_chance(metric: Metric, tr: Translator = ENGLISH) -> str:
    """The interval of the chance behind a count, to stand behind it; empty where there is none."""
    if metric.unit != CORRECT or metric.interval is None or not metric.count:
        return ""
    low, high = (f"{end / metric.count * 100:.0f}" for end in metric.interval)
    return tr(
        "; chance of a right answer {low} % to {high} % ({level} %, Clopper and Pearson)",
        low=low,
        high=high,
        level=f"{metric.confidence * 100:g}",
    )


def format_sample_size(size: SampleSize | None, tr: Translator = ENGLISH) -> str:
    """What a measurement is based on, e.g. `240 questions, 4 samples each, 2 left out`."""
    if size is None:
        return ""
    return reduce(lambda text, more: tr("{basis}, {more}", basis=text, more=more), _parts(size, tr))


def _parts(size: SampleSize, tr: Translator) -> Iterator[str]:
    counted = _COUNTS.get(size.kind) or Plural(*(f"{{count}} {size.kind}",) * 2)
    asked = tr.ngettext(*counted, size.out_of or size.n)
    yield asked if size.out_of is None else tr("{n} of {all}", n=size.n, all=asked)
    each = size.samples_each
    if each is not None and size.at_most:
        yield tr.ngettext("up to {count} sample each", "up to {count} samples each", each)
    elif each is not None:
        yield tr.ngettext("{count} sample each", "{count} samples each", each)
    if size.shots:
        yield tr.ngettext(
            "{count} worked example before each", "{count} worked examples before each", size.shots
        )
    if size.kind != "documents":
        yield tr("{count} left out", count=size.left_out)
    elif size.left_out:
        yield tr.ngettext(
            "{count} empty one left out", "{count} empty ones left out", size.left_out
        )
    if size.parallel:
        yield tr("{count} of them in written Chinese too", count=size.parallel)
    if size.read:
        yield _read(size.read, tr)


def _read(read: AnswerCounts, tr: Translator) -> str:
    counts = {key: int(value) for key, value in read}
    total = max(1, sum(counts.values()))
    return tr(
        "of the samples {right} right, {wrong} wrong, {no_answer} without an answer, {degenerate} "
        "degenerate",
        **{key: format_value(value / total, FRACTION, tr=tr) for key, value in counts.items()},
    )
