"""The ledger on a terminal: one line per candidate and check."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from basegate.i18n.catalogue import ENGLISH, Words
from basegate.i18n.formatting import GIB, asked, found, padded, place, printable, short_path
from basegate.judging.explanation import reason
from basegate.report.wording import basis, joined, place_in_words, recommendation
from basegate.verdict import Result, VerdictWord, telling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from basegate.ledger import CandidateEntry, Ledger, NotJudged, Record
    from basegate.measurement import Earlier

_MARKUP: dict[VerdictWord, dict[str, bool]] = {
    "pass": {"green": True},
    "fail": {"red": True},
    "inconclusive": {"yellow": True},
    "invalid": {"red": True},
}


@cache
def verdict_in_words(verdict: VerdictWord, say: Words = ENGLISH) -> str:
    """Return the word for a verdict."""
    return {
        "pass": say("pass"),
        "fail": say("fail"),
        "inconclusive": say("inconclusive"),
        "invalid": say("invalid"),
    }[verdict]


def decision_in_words(verdict: VerdictWord, say: Words = ENGLISH) -> str:
    """Return what a verdict on all of a candidate's checks means for it."""
    return {
        "pass": say("accepted"),
        "fail": say("rejected"),
        "inconclusive": say("not accepted (inconclusive)"),
        "invalid": say("not judged (invalid)"),
    }[verdict]


def partial(say: Words = ENGLISH) -> str:
    """Say that a run was stopped, and how to go on."""
    return say(
        "This report is partial: the run was stopped. What was measured is kept, and the same "
        "command goes on from there; without -x or --maxfail, if a failure stopped it."
    )


def header(
    candidates: Sequence[str], thresholds: Path, store: Path, say: Words = ENGLISH
) -> list[str]:
    """Return the lines at the top of the run."""
    first = say("{head}: {text}", head="basegate", text=say(", ").join(candidates))
    return [first, origin(thresholds, store, say)]


def written(
    ledger: Path, summary: Path | None, errors: Sequence[str], say: Words = ENGLISH
) -> Iterator[tuple[str, dict[str, bool]]]:
    """Yield where files were written, or why they could not be, with colours."""
    for error in errors:
        yield f"ERROR: {error}", {"red": True}
    if not errors:
        yield say("ledger: {path}", path=ledger), {}
        if summary is not None:
            yield say("summary: {path}", path=summary), {}


def origin(thresholds: Path, store: Path, say: Words = ENGLISH) -> str:
    """Say by which limits it is judged, and where measurements are."""
    return say(
        "thresholds: {thresholds}, store: {store}",
        thresholds=short_path(thresholds),
        store=short_path(store),
    )


def heading(say: Words = ENGLISH) -> str:
    """Return the heading of the summary."""
    return say("verdicts")


def summary(
    ledger: Ledger, records: Iterable[Record] = (), say: Words = ENGLISH
) -> Iterator[tuple[str, dict[str, bool]]]:
    """Yield the lines of the summary with their colours.

    Args:
        ledger: of the run.
        records: that it was built from, where it is to be said what came from the store.
        say: the words of its language.
    """
    kept = list(records)
    if ledger.suite.interrupted:
        yield partial(say), {"yellow": True, "bold": True}
    for entry in ledger.candidates:
        rows = ledger.results_of(entry.name)
        markup = _MARKUP[entry.verdict] if rows else {}
        yield (
            _headline(entry, decided(entry, rows, ledger.suite.interrupted, say), say),
            {
                **markup,
                "bold": True,
            },
        )
        for (check, _), group in groupby(rows, key=lambda row: (row.check, row.part)):
            own = list(group)
            yield _line(check, own, say)
            for note in dict.fromkeys(note for row in own for note in row.notes):
                text = say("note: {note}", note=say.known(note))
                yield printable(f"  {'':<12} {'':<28} {text}"), {}
        if stored := _stored([each for each in kept if each.candidate.name == entry.name], say):
            yield printable("  " + say("from the store: {stored}", stored=stored)), {}
        yield from _loaded(entry, say)
    if len(ledger.candidates) > 1 and ledger.recommendation is not None:
        yield printable(say.gap.join(recommendation(ledger, say))), {"bold": True}


def _headline(entry: CandidateEntry, decision: str, say: Words) -> str:
    text = printable(say("{name}: {decision}", name=entry.name, decision=decision))
    if not entry.compared:
        return text
    return text + say(" (measured on {date}, not in this run)", date=entry.compared[:10])


def warned(warnings: Iterable[tuple[type[Warning], str]], say: Words = ENGLISH) -> Iterator[str]:
    """Yield a line per kind of warning: the last one, which tells how things stand now."""
    kinds: dict[type[Warning], dict[str, None]] = {}
    for kind, text in warnings:
        kinds.setdefault(kind, {})[text] = None
    for texts in kinds.values():
        more = say(" ({count} more like it)", count=len(texts) - 1) if len(texts) > 1 else ""
        yield printable(say("warning: {text}", text=say.retold(list(texts)[-1])) + more)


def decided(
    entry: CandidateEntry, rows: Sequence[Result], interrupted: bool, say: Words = ENGLISH
) -> str:
    """Return the decision on a candidate in words, and what it rests on if not on all checks."""
    if not rows and interrupted:
        return say("not reached (the run was stopped before)")
    if not rows:
        return say("not asked (no acceptance test of it was selected)")
    text = _decision(entry, say)
    checks = dict.fromkeys(place(row.check, "", say) for row in rows if row.verdict != "pass")
    if checks:
        text = say("{decision} on {checks}", decision=text, checks=say(", ").join(checks))
    if not entry.not_run:
        return text
    left = say(", ").join(place_in_words(each, say) for each in entry.not_run)
    if entry.not_judged:
        return say("{decision}; not judged: {checks}", decision=text, checks=left)
    return say("{decision}; not run: {checks}", decision=text, checks=left)


def not_judged_in_words(left: NotJudged, say: Words = ENGLISH) -> tuple[str, str]:
    """Return a word for a check that a store could not decide, and what to do."""
    if left.why == "undecided":
        return say("not decided"), say("samples are missing: {command}", command=left.command)
    if left.why == "missing":
        return say("not measured"), left.command
    reason_ = say.retold(left.reason.message) if left.reason is not None else ""
    text = say("no stored measurement can be told to be of it: {reason}", reason=reason_)
    return say("not found"), text


def _decision(entry: CandidateEntry, say: Words) -> str:
    if entry.verdict == "pass" and entry.not_run:
        return say("no objection so far")
    return decision_in_words(entry.verdict, say)


def _line(check: str, rows: list[Result], say: Words) -> tuple[str, dict[str, bool]]:
    """Return the line of one check: all its metrics, or the ones that are not met."""
    verdict, shown = telling(rows)
    text = say("; ").join(_found(row, say) for row in shown[:3])
    more = say("; and {count} more", count=len(shown) - 3) if len(shown) > 3 else ""
    rests = f" [{basis(rows[0].basis, say)}]" if rows[0].basis else ""
    text = f"{' '.join(text.split())}{more}{rests}"
    return (
        printable(line(verdict_in_words(verdict, say), place(check, rows[0].part, say), text)),
        _MARKUP[verdict],
    )


def line(word: str, name: str, text: str) -> str:
    """Return what is said of one check, in columns."""
    return f"  {padded(word, 12)} {padded(name, 28)} {text}"


def _found(row: Result, say: Words) -> str:
    if row.limit is None:
        return reason(row, say)
    value = found(row, row.limit, say)
    if row.question:
        value = say("{question} {value}", question=row.question, value=value)
    return say("{found}, limit {asked}", found=value, asked=asked(row, say))


def _stored(records: Sequence[Record], say: Words) -> str:
    """Say what earlier runs had done of one candidate's checks; empty where they did nothing."""
    checks: dict[str, Earlier | None] = {}
    for record in records:
        for row in record.results:
            checks.setdefault(place(row.check, row.part, say), record.earlier)
    done = {name: earlier for name, earlier in checks.items() if earlier is not None}
    whole = sum(each.whole for each in done.values())
    parts = [_whole(whole, len(checks), say)] if whole else []
    parts += [
        say(
            "{done} of {count} batches of {check}",
            done=each.batches,
            count=each.batches_in_all,
            check=name,
        )
        for name, each in done.items()
        if each.batches
    ]
    if first := [name for name, each in done.items() if each.samples and not each.batches]:
        parts.append(say("the first samples of {checks}", checks=say(", ").join(first)))
    text = say("; ").join(parts)
    names = dict.fromkeys(each.name for each in done.values() if each.name)
    if not names:
        return text
    return say("{stored}, kept under the name {names}", stored=text, names=joined([*names], say))


def _whole(done: int, count: int, say: Words) -> str:
    if count == 1:
        return say("{done} of {count} check", done=done, count=count)
    return say("{done} of {count} checks", done=done, count=count)


def _loaded(entry: CandidateEntry, say: Words) -> Iterator[tuple[str, dict[str, bool]]]:
    """Say how it was loaded when it was measured, which may have been in an earlier run."""
    if entry.load_seconds is not None and entry.peak_memory_bytes is not None:
        text = say(
            "measured in {weights}, {dtype}, on {device}: loaded in {seconds} s, at most {memory} "
            "GiB in use",
            weights=say(entry.weights_held),
            dtype=entry.dtype,
            device=entry.device,
            seconds=f"{entry.load_seconds:.1f}",
            memory=f"{entry.peak_memory_bytes / GIB:.2f}",
        )
        yield printable(f"  {text}"), {}
