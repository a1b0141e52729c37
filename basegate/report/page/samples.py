"""The samples section: every prompt with the samples of all candidates side by side, to filter.

Its data is JSON, built up by a script. A text stands in it once, however often it was written or
asked. It is untrusted and stays text: the script inserts it as such, control characters are
replaced here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any
from urllib.parse import urlencode

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from basegate.checks.highlights import difference, highlights
from basegate.checks.labels import check_label
from basegate.i18n.catalogue import Translator
from basegate.i18n.formatting import printable
from basegate.measurement import Measurement, OptionScores, Preference, Sample
from basegate.report.page.model import Page
from basegate.report.page.templating import asset, render
from basegate.verdict import VerdictWord, deciding_rows

SECTION = "bg-texts"
"""The section's id, with which its addresses begin."""
SCRIPT = "samples.js"
DIFFERS = 16
"""Marks the point in which the sentences of a minimal pair differ, beside `highlights.Kind`."""
LONGEST = 5_000
"""Characters shown of a text, so that very many make a usable page; the store holds all."""


def render_samples(page: Page) -> Markup:
    data = collect(page)
    if not data["groups"]:
        return Markup()
    return render(
        "samples.html",
        page.tr,
        data=as_json({**data, "words": _words(page.tr), "language": page.tr.language}),
        script=Markup(asset(SCRIPT)),
        parts=data["parts"],
        names=data["candidates"],
    )


def samples_link(measurement: Measurement, candidate: str, check: str, part: str) -> str:
    """The URL fragment that opens the section at what a candidate wrote; empty if it did not."""
    if not measurement.findings.has_texts:
        return ""
    asked = {"candidate": printable(candidate), "check": printable(f"{check}/{part}")}
    return f"#{SECTION}?{urlencode(asked)}"


def as_json(value: Any) -> Markup:
    """JSON that can stand in a `script` element, whatever texts it contains."""
    return htmlsafe_json_dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _words(tr: Translator) -> dict[str, str]:
    """The texts that the script shows; it replaces what stands in braces."""
    # These are in templates, too, where `make messages` finds them.
    same = ("candidate", "degenerate", "loops", "right", "wrong")
    return {
        **{word: tr(word) for word in (*same, "pass", "fail", "inconclusive", "invalid")},
        "all": tr("Show all {count} characters"),
        "alike": tr("{count} alike: {numbers}"),
        "answer": tr("Right answer: {answer}"),
        "bits": tr("Options by likelihood: bits per character of each text, bits of each letter"),
        "built": tr("{shown} of {all} groups are on the page so far."),
        "cantonese": tr("Cantonese marker"),
        "count": tr("{shown} of {all} samples"),
        "count_options": tr("{shown} of {all} questions by likelihood"),
        "count_pairs": tr("{shown} of {all} pairs"),
        "differs": tr("differs"),
        "empty": tr("wrote nothing"),
        "english": tr("clause of English"),
        "found": tr("found"),
        "join": tr(", "),
        "left_out": tr("{count} more characters are in the store only."),
        "less": tr("Show less"),
        "letter": tr("most probable letter"),
        "loop": tr("said before"),
        "more": tr("Show {count} more"),
        "no_match": tr("none of {count} matches"),
        "no_sample": tr("no sample"),
        "none": tr("no answer"),
        "not_a_number": tr("not a number"),
        "nothing": tr("Nothing matches these filters."),
        "pair": tr("pair: right sentence, wrong sentence"),
        "pairs": tr("Minimal pairs: bits per character of the right and of the wrong sentence"),
        "part": tr("Show {count} of {all} characters"),
        "prompt": tr("Prompt"),
        "range": tr("{first} to {last} of {all} pairs"),
        "sample": tr("sample {number}"),
        "simplified": tr("Simplified form"),
        "text": tr("most probable text"),
        "then": tr("; "),
        "tie": tr("tie"),
        "unknown": tr(
            "The link asks for something that this page cannot show and is left out: {names}"
        ),
    }


def collect(page: Page) -> dict[str, Any]:
    """What the script shows, ready for JSON.

    `candidates` are names; `parts` have a `key`, a `name` and the `verdicts` of the candidates;
    `texts` are referred to by number: a string, or `[shown, characters left out, marks]` where each
    mark is three numbers (start, end, kinds) in UTF-16 units, as JavaScript counts; `groups` are
    prompts with a column per candidate, or kinds of minimal pairs.
    """
    shelf = _Shelf()
    parts: list[dict[str, Any]] = []
    sampled: list[dict[str, Any]] = []
    paired: list[dict[str, Any]] = []
    for check, part in page.parts:
        found = {name: page.measured(name, check, part) for name in page.names}
        measured = {name: each for name, each in found.items() if each is not None}
        groups = list(_prompts(page, check, part, measured, shelf))
        pairs = list(_pairs(page, measured, shelf))
        if not groups and not pairs:
            continue
        sampled += [{"part": len(parts), **group} for group in groups]
        paired += [{"part": len(parts), **group} for group in pairs]
        rows = [page.rows(name, check, part) for name in page.names]
        parts.append(
            {
                "key": printable(f"{check}/{part}"),
                "name": printable(check_label(check, part, page.tr)),
                "verdicts": [deciding_rows(own)[0] if own else None for own in rows],
            }
        )
    return {
        "candidates": [printable(name) for name in page.names],
        "parts": parts,
        "texts": shelf.texts,
        "groups": sampled + paired,
    }


class _Shelf:
    """Texts by number, each once."""

    def __init__(self) -> None:
        self.texts: list[Any] = []
        self._numbers: dict[tuple[str, bool], int] = {}

    def put(self, text: str, *, marked: bool = False) -> int:
        if (text, marked) not in self._numbers:
            shown = printable(text[:LONGEST])
            marks = highlights(shown) if marked else ()
            self._numbers[text, marked] = self._add(shown, len(text) - len(shown), marks)
        return self._numbers[text, marked]

    def put_pair(self, right: str, wrong: str) -> tuple[int, int]:
        pair = (right, wrong)
        first, second = (
            self._add(printable(text), 0, [(start, end, DIFFERS)])
            for text, (start, end) in zip(pair, difference(*pair), strict=True)
        )
        return first, second

    def _add(self, shown: str, left_out: int, marks: Sequence[tuple[int, int, int]]) -> int:
        flat = _in_utf16(shown, marks)
        self.texts.append([shown, left_out, flat] if flat or left_out else shown)
        return len(self.texts) - 1


def _in_utf16(text: str, marks: Sequence[tuple[int, int, int]]) -> list[int]:
    """Marks as one row of numbers, places counted as JavaScript does."""
    places = list(accumulate((1 + (char > "\uffff") for char in text), initial=0)) if marks else []
    return [int(n) for start, end, kinds in marks for n in (places[start], places[end], kinds)]


@dataclass
class _Column:
    """What one candidate wrote to one prompt."""

    samples: list[Sample] = field(default_factory=list)
    options: OptionScores | None = None


def _prompts(
    page: Page, check: str, part: str, measured: Mapping[str, Measurement], shelf: _Shelf
) -> Iterator[dict[str, Any]]:
    groups: dict[tuple[str, str | None], dict[str, _Column]] = {}
    for name, measurement in measured.items():
        prompts: dict[str, str] = {}
        for sample in measurement.findings.samples:
            prompts[sample.item] = sample.prompt
            columns = groups.setdefault((sample.item, sample.prompt), {})
            columns.setdefault(name, _Column()).samples.append(sample)
        for scored in measurement.findings.choices:
            columns = groups.setdefault((scored.item, prompts.get(scored.item)), {})
            columns.setdefault(name, _Column()).options = scored
    alone = {
        name: {row.question: row.verdict for row in page.rows(name, check, part) if row.question}
        for name in measured
    }
    for (item, prompt), columns in groups.items():
        first = next(iter(columns.values()))
        expected = first.options.expected if first.options else first.samples[0].expected
        yield {
            "item": printable(item),
            "prompt": None if prompt is None else shelf.put(prompt),
            "expected": _printable_or_none(expected),
            "columns": [
                _column(columns[name], alone[name].get(item), page.tr, shelf)
                if name in columns
                else None
                for name in page.names
            ],
        }


def _column(
    column: _Column, verdict: VerdictWord | None, tr: Translator, shelf: _Shelf
) -> dict[str, Any]:
    own = column.samples
    made: dict[str, Any] = {"samples": _samples(own, tr, shelf)}
    if verdict is not None:
        made["verdict"] = verdict
    if own and own[0].expected is not None:
        right = sum(sample.answer == sample.expected for sample in own)
        made["counted"] = tr("{right} of {count} right", right=right, count=len(own))
    if column.options is not None:
        made["options"] = _options(column.options)
    return made


def _samples(samples: Sequence[Sample], tr: Translator, shelf: _Shelf) -> list[dict[str, Any]]:
    """The samples of a column; those that are alike as one, with all their numbers.

    White space at the end is left out: whether a line or two are empty there tells nothing.
    """
    alike: dict[tuple[object, ...], dict[str, Any]] = {}
    for number, sample in enumerate(samples, start=1):
        text = shelf.put(sample.text.rstrip(), marked=bool(sample.notes))
        tags, reading = _tags(sample), _reading(sample, tr)
        made: dict[str, Any] = {"text": text, "numbers": [], "tags": tags}
        if sample.answer is not None:
            made["answer"] = printable(sample.answer)
        if reading:
            made["reading"] = reading
        key = (text, *tags, sample.answer, reading)
        alike.setdefault(key, made)["numbers"].append(number)
    return list(alike.values())


def _tags(sample: Sample) -> list[str]:
    tags = []
    if sample.expected is not None and sample.answer is None:
        tags.append("none")
    elif sample.expected is not None:
        tags.append("right" if sample.answer == sample.expected else "wrong")
    if sample.degenerate:
        tags.append("degenerate")
    if sample.notes.get("looping"):
        tags.append("loops")
    return tags


def _reading(sample: Sample, tr: Translator) -> str:
    sentences = {
        "cantonese": tr("Cantonese"),
        "written_chinese": tr("written Chinese"),
        "mixed": tr("mixed"),
        "neutral": tr("neutral"),
        "foreign": tr("other"),
    }
    others = {"latin_words": tr("words of English"), "simplified": tr("Simplified")}

    def counted(names: Mapping[str, str]) -> str:
        found = [(sample.notes[key], name) for key, name in names.items() if sample.notes.get(key)]
        return tr(", ").join(tr("{count} {what}", count=count, what=name) for count, name in found)

    told = counted(sentences)
    told = told and tr("sentences: {counts}", counts=told)
    return tr("; ").join(filter(None, (told, counted(others))))


def _options(scored: OptionScores) -> dict[str, Any]:
    chosen = scored.by_text if scored.texts else scored.by_letter
    return {
        "tags": ["right" if chosen == scored.expected else "wrong"],
        "text": _printable_or_none(scored.by_text),
        "letter": _printable_or_none(scored.by_letter),
        "bits": [
            [printable(key), _bits(scored.texts.get(key)), _bits(scored.letters.get(key))]
            for key in dict.fromkeys((*scored.texts, *scored.letters))
        ],
    }


def _printable_or_none(text: str | None) -> str | None:
    return None if text is None else printable(text)


def _bits(log_probability: float | None) -> float | None:
    """A natural log-probability in bits."""
    return None if log_probability is None else _finite(-log_probability / math.log(2))


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _pairs(
    page: Page, measured: Mapping[str, Measurement], shelf: _Shelf
) -> Iterator[dict[str, Any]]:
    kinds: dict[str, dict[tuple[str, str], dict[str, Preference]]] = {}
    for name, measurement in measured.items():
        for each in measurement.findings.preferences:
            pairs = kinds.setdefault(each.kind, {})
            pairs.setdefault((each.right, each.wrong), {})[name] = each
    for kind, pairs in kinds.items():
        made = []
        for sentences, by_name in pairs.items():
            right, wrong = shelf.put_pair(*sentences)
            columns = [_preference(by_name[n]) if n in by_name else None for n in page.names]
            made.append({"right": right, "wrong": wrong, "columns": columns})
        yield {"item": printable(page.tr(kind)), "pairs": made}


def _preference(each: Preference) -> dict[str, Any]:
    bits = [_finite(each.right_bits), _finite(each.wrong_bits)]
    return {"tags": ["right" if each.preferred else "wrong"], "bits": bits}
