"""The summary of a run in Markdown, as GitHub and GitLab show it.

Shorter than the page: what does not fit is counted, so that the summary of many candidates stays
below the 1 MiB that GitHub accepts. Names and texts are escaped, and nothing in them becomes a
link, a heading, an image, a mention of somebody or HTML.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from basegate.checks.labels import check_label, unit_label
from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.formatting import format_list, format_value, printable
from basegate.ledger import CandidateEntry, Comparison, Ledger
from basegate.report.decision_table import CandidateUnmet, Cell, Line, columns, lines, unmet
from basegate.report.decision_text import partial, recommendation
from basegate.report.page.comparison import interval, signed
from basegate.report.page.model import Page
from basegate.serialization import write_atomically
from basegate.verdict import VerdictWord, checks_by_note

UNMET = 10
"""Limits of one candidate that are listed where they are not met."""
SIGNIFICANT = 30
"""Comparisons that are listed."""
LONGEST = 400
"""Characters of one text."""
VARIABLE = "GITHUB_STEP_SUMMARY"
"""Names the file that GitHub Actions shows on a job's page; steps append to it."""

_SIGNS: dict[VerdictWord, str] = {"pass": "✓", "fail": "✗", "inconclusive": "?", "invalid": "!"}
_EMOJI = r"(?:100|1234|[+-]1|[\w+-]*[a-z][\w+-]*)"
"""A name that stands for a picture between two colons; of numbers, as in 10:30:20, only two are."""
_SPECIAL = re.compile(
    rf"[\\`*_\[\]|~]|[&<>$]|[@#]|:(?=//|{_EMOJI}:)|\bwww(?=\.)", re.IGNORECASE | re.ASCII
)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}
_LINKING = ("@", "#", ":", "www")
_OPENING = re.compile(r"^(\d*)(?=[-+.)](?:\s|$)|[-=]+$)")


def escape(text: str) -> str:
    """Escape a text for one line of Markdown, a table's cell included."""
    text = printable(" ".join(text.split()))
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    return _OPENING.sub(r"\1\\", _SPECIAL.sub(_shown, text))


def _shown(found: re.Match[str]) -> str:
    text = found[0]
    if text.lower() in _LINKING:
        # An empty comment parts what would become a link, a picture, or a mention of somebody.
        return f"{text}<!-- -->"
    return _ENTITIES.get(text) or f"\\{text}"


def summarise(ledger: Ledger, tr: Translator = ENGLISH) -> str:
    page = Page(ledger, tr=tr)
    blocks = (_decision(page), _table(page), _unmet(page), _notes(page), _significant(page))
    text = "\n\n".join(block for block in (*blocks, _conditions(page)) if block)
    return f"{text}\n"


def write_summary(ledger: Ledger, path: Path | None, tr: Translator) -> str:
    """Write the Markdown summary to a file, and append it to the GitHub job page.

    Returns:
        Why the job page lacks it, in a sentence; empty otherwise.

    Raises:
        OSError: `path` cannot be written.
    """
    job = os.environ.get(VARIABLE, "")
    if not (path or job):
        return ""
    text = summarise(ledger, tr)
    if path is not None and not (job and os.path.realpath(path) == os.path.realpath(job)):
        write_atomically(path, text)
    if not job:
        return ""
    try:
        with open(job, "a", encoding="utf-8", newline="\n") as file:
            # A blank line parts it from what another command of the step has written.
            file.write(f"\n{text}")
    except OSError as error:
        return f"the summary could not be added to ${VARIABLE}: {error}"
    return ""


def _decision(page: Page) -> str:
    first, *others = map(escape, recommendation(page.ledger, page.tr))
    stopped = [escape(partial(page.tr))] if page.ledger.suite.interrupted else []
    # With a space whatever the language: after a full stop, Markdown ends no bold text without one.
    sentences = " ".join([f"**{first}**", page.tr.gap.join(others)]).strip()
    return "\n\n".join([f"## {page.tr('Which model to take')}", *stopped, sentences])


def _table(page: Page) -> str:
    """Turned so that it grows downwards: pages are narrow."""
    found = lines(page)
    heads = ["", page.tr("decision"), *(check_label(*part, page.tr) for part in columns(page))]
    turned = [[escape(head) for head in heads]]
    turned += [
        [_name(page, line), _decided(line), *(_cell(page, each) for each in line.cells)]
        for line in found
    ]
    by_check = len(found) <= len(columns(page))
    return _rows(list(zip(*turned, strict=True)) if by_check else turned)


def _rows(rows: Sequence[Sequence[str]]) -> str:
    head, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *others])


def _name(page: Page, line: Line) -> str:
    marks = [f"**{page.tr('recommended')}**"] if line.chosen else []
    if line.entry.compared:
        marks.append(escape(page.tr("from the store, {date}", date=line.entry.compared[:10])))
    return "<br>".join([escape(line.entry.name), *marks])


def _decided(line: Line) -> str:
    return f"{_SIGNS[line.entry.verdict]} {escape(line.decision)}"


def _word(page: Page, verdict: VerdictWord) -> str:
    word = escape(page.tr(verdict))
    return f"{_SIGNS[verdict]} {word if verdict == 'pass' else f'**{word}**'}"


def _cell(page: Page, cell: Cell) -> str:
    parts = [_word(page, cell.verdict)] if cell.verdict else []
    parts += map(escape, filter(None, (cell.word, cell.text)))
    for value in cell.values:
        asked = page.tr("limit: {limit}", limit=value.asked) if value.asked else ""
        parts += map(escape, (value.found, value.interval, asked))
    return "<br>".join(filter(None, (*parts, escape(cell.more))))


def _section(title: str, items: Iterable[str]) -> str:
    return "\n".join([f"### {title}", "", *(f"- {item}" for item in items)])


def _unmet(page: Page) -> str:
    found = unmet(page)
    if not found:
        return escape(page.tr("Every limit that was judged is met."))
    blocks = [f"### {page.tr('What is not met, or not known')}"]
    for each in found:
        blocks.append(escape(each.summary))
        blocks.append("\n".join(f"- {item}" for item in _missed(page, each)))
    return "\n\n".join(blocks)


def _missed(page: Page, found: CandidateUnmet) -> Iterator[str]:
    for each in found.items[:UNMET]:
        text = f"{_SIGNS[each.verdict]} **{escape(each.word)}** {escape(each.text)}"
        yield f"{text}{page.tr.gap}{escape(each.why)}" if each.why else text
    if len(found.items) > UNMET:
        more = f"{len(found.items) - UNMET:,}"
        yield escape(page.tr("{name}: {count} more", name=found.name, count=more))


def _notes(page: Page) -> str:
    tr = page.tr
    items = []
    for entry in page.ledger.candidates:
        for note, places in checks_by_note(page.ledger.results_of(entry.name)).items():
            text, name = tr.translate(note), entry.name
            if places:
                place = format_list([check_label(*each, tr) for each in places], tr)
                items.append(tr("{name}, {place}: {note}", name=name, place=place, note=text))
            else:
                items.append(tr("{head}: {text}", head=name, text=text))
    return _section(tr("To note"), map(escape, items)) if items else ""


def _significant(page: Page) -> str:
    """Significant comparisons; the others are counted."""
    every = page.ledger.comparisons
    if not every:
        return ""
    found = [each for each in every if each.winner is not None]
    tr = page.tr
    counted = tr(
        "{significant} of {pairs} comparisons on the same items show a significant difference, "
        "allowing for how many pairs were compared.",
        significant=len(found),
        pairs=len(every),
    )
    blocks = [f"### {tr('Candidates against each other')}", escape(counted)]
    if found:
        heads = (tr("check"), tr("candidates"), tr("values"), tr("difference"), tr("interval"))
        rows = (_compared(tr, each) for each in found[:SIGNIFICANT])
        blocks.append(_rows([[*map(escape, heads), escape(tr("says"))], *rows]))
    if len(found) > SIGNIFICANT:
        blocks.append(tr("and {count} more", count=len(found) - SIGNIFICANT))
    return "\n\n".join(blocks)


def _compared(tr: Translator, each: Comparison) -> list[str]:
    both = (each.first_value, each.second_value)
    level = f"{each.confidence * 100:.4g}"
    place, unit = check_label(each.check, each.part, tr), unit_label(each.check, each.metric, tr)
    cells = [
        tr("{place}, {unit}", place=place, unit=unit),
        f"{each.first} / {each.second}",
        " / ".join(format_value(value, each.unit, tr=tr) for value in both),
        signed(each, each.difference),
        tr("{interval} ({level} %)", interval=interval(tr, each), level=level),
        tr("{name} is better", name=each.winner),
    ]
    return [escape(cell) for cell in cells]


def _conditions(page: Page) -> str:
    ledger, tr = page.ledger, page.tr
    suite = ledger.suite
    digest = f"sha256 {suite.thresholds.sha256[:12]}"
    limits = tr("{item} ({known})", item=suite.thresholds.path, known=digest)
    versions = (f"{name} {value}" for name, value in ledger.environment.items() if value)
    items = [
        *(
            tr("{head}: {text}", head=each.name, text=_loaded(each, tr))
            for each in ledger.candidates
        ),
        tr("Limits: {path}", path=limits),
        tr("Judged with: {versions}", versions=tr(", ").join(versions)),
        tr("Command: {command}", command=suite.command),
    ]
    return _section(tr("Conditions"), map(escape, items))


def _loaded(entry: CandidateEntry, tr: Translator) -> str:
    types = entry.quantized_before
    before = tr("quantised before, in a GGUF file ({types})", types=types) if types else ""
    config = (tr(entry.precision), entry.dtype, entry.device, before)
    return tr(", ").join(filter(None, (entry.source, (entry.revision or "")[:19], *config)))
