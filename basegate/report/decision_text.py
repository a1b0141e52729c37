"""What a run decides, in words and sentences: the same in every report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from basegate.checks.labels import check_label, format_measured, format_number, unit_label
from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.formatting import (
    FRACTION,
    GIB,
    format_list,
    format_probability,
    format_row_limit,
    format_value,
)
from basegate.i18n.messages import Message
from basegate.judging.recommendation import is_significant, plainest_of
from basegate.ledger import (
    AcceptanceConfidence,
    CandidateEntry,
    ChanceOfPassing,
    Comparison,
    Ledger,
    NotJudged,
    Recommendation,
    ValueAndLimit,
)
from basegate.verdict import Result, VerdictWord, deciding_rows


def decision_in_words(verdict: VerdictWord, tr: Translator = ENGLISH) -> str:
    return {
        "pass": tr("accepted"),
        "fail": tr("rejected"),
        "inconclusive": tr("not accepted (inconclusive)"),
        "invalid": tr("not judged (invalid)"),
    }[verdict]


def decided(
    entry: CandidateEntry, rows: Sequence[Result], interrupted: bool, tr: Translator = ENGLISH
) -> str:
    """The decision on a candidate, and on which checks it is based if not on all."""
    if not rows and interrupted:
        return tr("not reached (the run was stopped before)")
    if not rows:
        return tr("not run (none of its acceptance tests was selected)")
    passed_so_far = entry.verdict == "pass" and entry.not_run
    text = tr("passed so far") if passed_so_far else decision_in_words(entry.verdict, tr)
    if all(row.advisory for row in rows):
        text = tr("not judged (all limits that were run are advisory)")
    checks = {word: tr(", ").join(each) for word, each in _checks_by_verdict(rows, tr).items()}
    if on := checks.pop(entry.verdict, ""):
        text = tr("{decision} on {checks}", decision=text, checks=on)
    if "inconclusive" in checks:
        text = tr(
            "{decision}; inconclusive: {checks}", decision=text, checks=checks["inconclusive"]
        )
    if "invalid" in checks:
        text = tr("{decision}; invalid: {checks}", decision=text, checks=checks["invalid"])
    if not entry.not_run:
        return text
    left = tr(", ").join(check_label(each.check, each.item, tr) for each in entry.not_run)
    if entry.not_judged:
        return tr("{decision}; not judged: {checks}", decision=text, checks=left)
    return tr("{decision}; not run: {checks}", decision=text, checks=left)


def _checks_by_verdict(rows: Sequence[Result], tr: Translator) -> dict[VerdictWord, list[str]]:
    """What is not met or not known, each once: checks, or their items where these differ."""
    words: dict[str, dict[str, VerdictWord]] = defaultdict(dict)
    for (check, part), own in groupby(rows, key=lambda row: (row.check, row.part)):
        if (word := deciding_rows([*own])[0]) != "pass":
            words[check][part] = word
    found: dict[VerdictWord, list[str]] = defaultdict(list)
    for check, parts in words.items():
        if len({*parts.values()}) == 1:
            parts = {"": next(iter(parts.values()))}
        for part, word in parts.items():
            found[word].append(check_label(check, part, tr))
    return found


def not_judged_in_words(left: NotJudged, tr: Translator = ENGLISH) -> tuple[str, str]:
    """A word for a check that a store could not decide, and what to do."""
    if left.why == "undecided":
        return tr("not decided"), tr("samples are missing: {command}", command=left.command)
    if left.why == "missing":
        return tr("not measured"), left.command
    reason_ = tr.translate(left.reason or "")
    text = tr("no stored measurement can be told to be of it: {reason}", reason=reason_)
    return tr("not found"), text


def partial(tr: Translator = ENGLISH) -> str:
    return tr(
        "This report is partial: the run was stopped. What was measured is kept, and the same "
        "command goes on from there; without -x or --maxfail, if a failure stopped it."
    )


def recommendation(ledger: Ledger, tr: Translator = ENGLISH) -> tuple[str, ...]:
    """The decision, the reason, and perhaps its confidence, as sentences."""
    choice = ledger.recommendation
    if choice is None:
        return (tr("Nothing was judged."),)
    parts = _none(choice, ledger, tr) if choice.candidate is None else _taken(choice, ledger, tr)
    unfinished = Message("Not judged on every check, and therefore not accepted: {names}.")
    absent = Message(
        "Not compared, since nothing stored answers these limits: {names} (pytest --model NAME "
        "measures)."
    )
    ends = (_named(unfinished, choice.unfinished, tr), _named(absent, ledger.absent, tr))
    return tuple(part for part in (*parts, *ends) if part)


def _taken(choice: Recommendation, ledger: Ledger, tr: Translator) -> tuple[str, ...]:
    better = Message("Significantly better than it in something: {names} (see the comparisons).")
    return (
        tr("Take {name}: it meets every limit.", name=choice.candidate),
        _reason(choice, ledger, tr),
        _named(better, choice.better_in_some, tr),
        _confidence(choice.acceptance_confidence, tr),
        _closest(choice, tr),
    )


def _named(text: Message, names: Sequence[str], tr: Translator) -> str:
    return tr(text, names=format_list(names, tr)) if names else ""


def _reason(choice: Recommendation, ledger: Ledger, tr: Translator) -> str:
    if choice.reason == "only":
        if len(ledger.candidates) == 1 and not ledger.absent:
            return tr("There was no other candidate to compare it with.")
        return _no_other(choice, ledger, tr)
    if choice.reason == "better":
        return tr(
            "Others meet every limit, too, but on the same items it is significantly better: "
            "{what}.",
            what=tr("; ").join(_significant(choice, ledger.comparisons, tr)),
        )
    standing = _standing(choice, tr)
    if choice.reason == "smaller":
        sizes = [f"{name} {size / GIB:.1f} GiB" for name, size in choice.memory.items()]
        known = {"standing": standing, "sizes": tr(", ").join(sizes)}
        return tr("{standing}; it needs the least memory ({sizes}).", **known)
    return tr("{standing}: the choice is free.", standing=standing)


MAX_REJECTED_SHOWN = 2
"""Candidates that fail, up to which it is said of each what is wrong with it."""


def _no_other(choice: Recommendation, ledger: Ledger, tr: Translator) -> str:
    told = tr("No other candidate does")
    if choice.broken or choice.unfinished or ledger.absent:
        told = tr("No other candidate that was judged on every check does")
    if not choice.rejected or len(choice.rejected) > MAX_REJECTED_SHOWN:
        return tr("{told}.", told=told)
    failing = tr("; ").join(
        tr(
            "{name} fails {place} with {value} (limit {asked})",
            name=name,
            place=_place(missed, tr),
            value=format_number(missed, missed.limit, tr),
            asked=format_row_limit(missed, tr),
        )
        for name in choice.rejected
        if (
            missed := plainest_of(
                r for r in ledger.results_of(name) if r.blocks and r.verdict == "fail"
            )
        )
    )
    return tr("{told}: {failing}.", told=told, failing=failing)


def _standing(choice: Recommendation, tr: Translator) -> str:
    same = tuple(name for name in choice.tied if name not in choice.better_in_some)
    if not same:
        return tr(
            "Every limit is met by {others}, too, and neither is better in everything",
            others=format_list(choice.tied, tr),
        )
    return tr("It is tied with {others}", others=format_list(same, tr))


def _significant(
    choice: Recommendation, comparisons: Iterable[Comparison], tr: Translator
) -> Iterable[str]:
    """Significant differences in favour of the chosen candidate over others that pass."""
    own = [each for each in comparisons if {each.first, each.second} <= set(choice.accepted)]
    looks = len({(each.check, each.part, each.metric) for each in own})
    for each in own:
        if is_significant(each, looks) and each.winner == choice.candidate:
            yield _better(each, tr)


def _better(each: Comparison, tr: Translator) -> str:
    known = {
        "unit": unit_label(each.check, each.metric, tr),
        "other": each.second if each.better == "first" else each.first,
        "place": check_label(each.check, each.part, tr),
    }
    if each.unit == FRACTION:
        points = tr("{value} points", value=f"{abs(each.difference) * 100:.1f}")
        return tr("{points} better than {other} on {place} (share {unit})", points=points, **known)
    value = format_value(abs(each.difference), each.unit)
    return tr("{value} {unit} better than {other} on {place}", value=value, **known)


def _confidence(sure: AcceptanceConfidence | None, tr: Translator) -> str:
    if sure is None or not sure.checks:
        return ""
    return tr("Confidence: {what}.", what=tr("; ").join(_confidence_parts(sure, tr)))


def _confidence_parts(sure: AcceptanceConfidence, tr: Translator) -> Iterator[str]:
    level = f"{sure.confidence * 100:g}"
    if sure.by_interval == sure.checks == 1:
        yield tr("its only check is met clearly, at {level} % confidence", level=level)
    elif sure.by_interval:
        yield tr(
            "{count} of its {checks} checks met clearly, at {level} % confidence for each",
            count=sure.by_interval,
            checks=sure.checks,
            level=level,
        )
    if sure.easiest is not None:
        yield _by_count(sure, sure.easiest, tr)
    if sure.by_value:
        yield tr.ngettext(
            "{count} is based on a number without an interval",
            "{count} are based on numbers without an interval",
            sure.by_value,
        )
    if sure.relative:
        yield tr.ngettext(
            "{count} of the limits follows from a reference's number, taken as exact",
            "{count} of the limits follow from a reference's number, taken as exact",
            sure.relative,
        )


def _by_count(sure: AcceptanceConfidence, easiest: ChanceOfPassing, tr: Translator) -> str:
    place = check_label(easiest.check, easiest.item, tr)
    chance = format_probability(easiest.chance, tr)
    if sure.by_count == 1:
        return tr(
            "{place} counts right answers, and a model that is right only half of the time would "
            "pass it {chance} of the time",
            place=place,
            chance=chance,
        )
    return tr(
        "{count} checks count right answers, and a model that is right only half of the time would "
        "pass the easiest of these ({place}) {chance} of the time, and all of them {all} of the "
        "time",
        count=sure.by_count,
        place=place,
        chance=chance,
        all=format_probability(sure.chance_of_passing or 0.0, tr),
    )


def _closest(choice: Recommendation, tr: Translator) -> str:
    if choice.closest is None:
        return ""
    return tr(
        "The smallest margin: {place}, {found}, limit {asked}.",
        place=_place(choice.closest, tr),
        found=format_measured(choice.closest, choice.closest.limit, tr),
        asked=format_row_limit(choice.closest, tr),
    )


def _none(choice: Recommendation, ledger: Ledger, tr: Translator) -> Iterator[str]:
    rejected = choice.nearest in choice.rejected
    if rejected and not (choice.broken or choice.unfinished):
        yield tr("No candidate passes: do not build on any of them.")
    else:
        yield tr("No candidate is accepted.")
    if choice.nearest is not None:
        yield _nearest(choice, rejected, tr)
        yield _left_of(choice.nearest, ledger, tr)
    yield from _broken(choice, ledger, tr)


def _left_of(name: str, ledger: Ledger, tr: Translator) -> str:
    """Checks of the nearest candidate without a verdict, beside those that it misses."""
    by_verdict: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in filter(lambda row: row.blocks, ledger.results_of(name)):
        by_verdict[row.verdict].append((row.check, row.part))
    missed = {*by_verdict["fail"], *by_verdict["inconclusive"]}
    entry = next(each for each in ledger.candidates if each.name == name)
    left = [*by_verdict["invalid"], *((each.check, each.item) for each in entry.not_run)]
    checks = dict.fromkeys(check_label(*part, tr) for part in left if part not in missed)
    return (
        tr("Not judged of {name}: {checks}.", name=name, checks=tr(", ").join(checks))
        if checks
        else ""
    )


def _nearest(choice: Recommendation, rejected: bool, tr: Translator) -> str:
    text = Message(
        "The nearest is {name}, which leaves {count} of its checks open, since intervals straddle "
        "the limit; the farthest is {farthest}."
    )
    if rejected:
        text = Message(
            "The nearest is {name}, which does not meet {count} of its checks; the farthest is "
            "{farthest}."
        )
    count = len({(each.check, each.item.partition("/")[0]) for each in choice.missed})
    farthest = missed_in_words(choice.missed[0], tr)
    return tr(text, name=choice.nearest, count=count, farthest=farthest)


def _broken(choice: Recommendation, ledger: Ledger, tr: Translator) -> Iterator[str]:
    """Whose measurement is broken, and of whom merely a limit is not known."""
    invalid = [row for row in ledger.results if row.blocks and row.verdict == "invalid"]
    broken = {row.candidate for row in invalid if row.unresolved is None}
    unknown = {row.candidate for row in invalid} - broken
    bad = Message("Not measured as it should be, which says nothing about the model: {names}.")
    yield _named(bad, [name for name in choice.broken if name not in unknown], tr)
    no_limit = Message(
        "Measured, but a limit that is relative to another candidate is not known: {names}."
    )
    yield _named(no_limit, [name for name in choice.broken if name in unknown], tr)


def missed_in_words(each: ValueAndLimit, tr: Translator) -> str:
    return tr(
        "{place}: {found}, limit {asked}",
        place=_place(each, tr),
        found=format_measured(each, each.limit, tr),
        asked=format_row_limit(each, tr),
    )


def _place(each: ValueAndLimit, tr: Translator) -> str:
    return check_label(each.check, each.item, tr)
