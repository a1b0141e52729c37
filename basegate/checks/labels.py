"""What checks, metrics, facts and counts are called where people read them.

A check declares what it and its metrics are called; the rest is here. Records hold their names
(`bits_per_char`, `left_out`); these are the words, in English, each the key of its translation. A
name that has no label is shown with spaces for its underscores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.config.declaration import MetricLabel, declarations
from basegate.i18n.catalogue import ENGLISH, Plural, Translator
from basegate.i18n.formatting import format_interval, format_value
from basegate.i18n.messages import Message
from basegate.measurement import CORRECT, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from basegate.ledger import ValueAndLimit
    from basegate.measurement import SampleSize
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
    "pairs": Message("pairs"),
    "ties": Message("ties"),
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
TOPICS: tuple[str, ...] = (
    Message("history-before-1841"),
    Message("colonial-era"),
    Message("since-1997"),
    Message("history"),
    Message("economy"),
    Message("festivals-and-customs"),
    Message("film-music-and-television"),
    Message("food"),
    Message("geography-and-transport"),
    Message("geography"),
    Message("transport"),
    Message("government-and-law"),
    Message("nature"),
    Message("schools-and-exams"),
    Message("sport"),
    Message("symbols"),
    Message("words-and-sayings"),
    Message("daily-life"),
    Message("aspect"),
    Message("classifier"),
    Message("homophone"),
    Message("mandarin-word"),
    Message("particle"),
    Message("pronoun"),
    Message("word-order"),
    Message("brackets"),
    Message("chain"),
    Message("proportion"),
    Message("sequence"),
    Message("two-unknowns"),
    Message("word"),
)
"""Topics, kinds of pairs and of problems in the suite's own banks, which have a translation."""


def metric_label(metric: str) -> MetricLabel:
    """What a metric is called."""
    for check in declarations():
        if metric in check.labels:
            return check.labels[metric]
    name = metric.replace("_", " ")
    value = "{value} " + name.replace("{", "{{").replace("}", "}}")
    return MetricLabel(name, name, value, value)


def unit_label(metric: str, tr: Translator = ENGLISH) -> str:
    """What the number of a metric is of, e.g. `bits per character`."""
    return tr(metric_label(metric).unit)


def fact_label(fact: str, tr: Translator = ENGLISH) -> str:
    """What a fact of a measurement is called."""
    return tr(FACTS.get(fact) or fact.replace("_", " "))


def check_label(check: str, part: str = "", tr: Translator = ENGLISH) -> str:
    """What a row speaks of, e.g. `knowledge must-know`; the check alone if it is all."""
    label = next((each.label for each in declarations() if each.name == check), "")
    name = tr(label or check.replace("_", " "))
    if part in ("", check):
        return name
    return tr("{name} {part}", name=name, part=part)


def format_measured(
    row: Metric | Result | ValueAndLimit, limit: float | None = None, tr: Translator = ENGLISH
) -> str:
    """What was measured, with its interval, e.g. `5.31 bits per character (95 %: 5.24 to 5.38)`.

    A count is what it is, and is held against its limit as it is: its interval speaks of the chance
    behind it and would read as if the count itself were uncertain.
    """
    text = format_number(row, limit, tr)
    if row.interval is None or row.unit == CORRECT:
        return text
    return text + format_interval(row.interval, row.unit, row.confidence, limit, tr)


def format_number(
    row: Metric | Result | ValueAndLimit, limit: float | None = None, tr: Translator = ENGLISH
) -> str:
    """What was measured without its interval, e.g. `7 of 10 correct`."""
    value = format_value(row.value, row.unit, limit, tr)
    if row.unit == CORRECT and row.n_generated is not None:
        return tr("{value} of {count} correct", value=value, count=row.n_generated)
    metric = row.name if isinstance(row, Metric) else row.metric
    return tr(metric_label(metric).value, value=value)


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
    text, *others = _parts(size, tr)
    for each in others:
        text = tr("{basis}, {more}", basis=text, more=each)
    return text


def _parts(size: SampleSize, tr: Translator) -> Iterator[str]:
    counted = _COUNTS.get(size.kind) or Plural(*(f"{{count}} {size.kind}",) * 2)
    yield tr.ngettext(*counted, size.n)
    each = size.samples_each
    if each is not None and size.at_most:
        yield tr.ngettext("up to {count} sample each", "up to {count} samples each", each)
    elif each is not None:
        yield tr.ngettext("{count} sample each", "{count} samples each", each)
    if size.kind != "documents":
        yield tr("{count} left out", count=size.left_out)
    elif size.left_out:
        yield tr.ngettext(
            "{count} empty one left out", "{count} empty ones left out", size.left_out
        )
    if size.parallel:
        yield tr("{count} of them in written Chinese too", count=size.parallel)
