"""What a run's recommendation says, in sentences: the same in every report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from basegate.checks.labels import check_label, format_measured, format_number, unit_label
from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.formatting import (
    FRACTION,
    GIB,
    format_probability,
    format_row_limit,
    format_value,
)
from basegate.i18n.messages import Message
from basegate.judging.recommendation import is_significant, plainest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from basegate.ledger import (
        AcceptanceConfidence,
        ChanceOfPassing,
        Comparison,
        Ledger,
        Recommendation,
        ValueAndLimit,
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
    better = Message("Carried over it in something: {names} (see the comparisons).")
    return (
        tr("Take {name}: it meets every limit.", name=choice.candidate),
        _reason(choice, ledger, tr),
        _named(better, choice.better_in_some, tr),
        _confidence(choice.acceptance_confidence, tr),
        _closest(choice, tr),
    )


def _named(text: Message, names: Sequence[str], tr: Translator) -> str:
    return tr(text, names=joined(names, tr)) if names else ""


def _reason(choice: Recommendation, ledger: Ledger, tr: Translator) -> str:
    if choice.reason == "only":
        if len(ledger.candidates) == 1 and not ledger.absent:
            return tr("There was no other candidate to compare it with.")
        return _no_other(choice, ledger, tr)
    if choice.reason == "better":
        return tr(
            "Others meet every limit, too, but on the same items it is carried as better: {what}.",
            what=tr("; ").join(_significant(choice, ledger.comparisons, tr)),
        )
    if choice.reason == "smaller":
        return tr(
            "{standing}; it needs the least memory ({sizes}).",
            standing=_standing(choice, tr),
            sizes=tr(", ").join(
                f"{name} {size / GIB:.1f} GiB" for name, size in choice.memory.items()
            ),
        )
    return tr(
        "{standing}; memory does not tell either, and it was named first.",
        standing=_standing(choice, tr),
    )


MAX_REJECTED_SHOWN = 2
"""Candidates that fail, up to which it is said of each what is wrong with it."""


def _no_other(choice: Recommendation, ledger: Ledger, tr: Translator) -> str:
    partly = choice.broken or choice.unfinished or ledger.absent
    failing = _failing(choice, ledger, tr) if len(choice.rejected) <= MAX_REJECTED_SHOWN else ""
    if partly and failing:
        return tr(
            "No other candidate that was judged on every check does; {failing}.", failing=failing
        )
    if partly:
        return tr("No other candidate that was judged on every check does.")
    if failing:
        return tr("No other candidate does: {failing}.", failing=failing)
    return tr("No other candidate does.")


def _failing(choice: Recommendation, ledger: Ledger, tr: Translator) -> str:
    return tr("; ").join(
        tr(
            "{name} fails {place} with {value} (limit {asked})",
            name=name,
            place=_place(missed, tr),
            value=format_number(missed, missed.limit, tr),
            asked=format_row_limit(missed, tr),
        )
        for name in choice.rejected
        if (missed := plainest_of(r for r in ledger.results_of(name) if r.verdict == "fail"))
    )


def _standing(choice: Recommendation, tr: Translator) -> str:
    same = tuple(name for name in choice.tied if name not in choice.better_in_some)
    if not same:
        return tr(
            "{others} meets every limit, too, and neither is better in everything",
            others=joined(choice.tied, tr),
        )
    return tr("Nothing measured tells it from {others}", others=joined(same, tr))


def _significant(
    choice: Recommendation, comparisons: Iterable[Comparison], tr: Translator
) -> Iterable[str]:
    """Significant differences in favour of the chosen candidate over others that pass."""
    own = [each for each in comparisons if {each.first, each.second} <= set(choice.accepted)]
    looks = len({(each.check, each.part, each.metric) for each in own})
    for each in own:
        if not is_significant(each, looks):
            continue
        winner, loser = (
            (each.first, each.second) if each.better == "first" else (each.second, each.first)
        )
        if winner == choice.candidate:
            yield _better(each, loser, tr)


def _better(each: Comparison, loser: str, tr: Translator) -> str:
    known = {
        "unit": unit_label(each.metric, tr),
        "other": loser,
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
    return tr("Confidence: {what}.", what=tr("; ").join(_reasons(sure, tr)))


def _reasons(sure: AcceptanceConfidence, tr: Translator) -> Iterator[str]:
    if sure.by_interval:
        yield _clearly(sure, tr)
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


def _clearly(sure: AcceptanceConfidence, tr: Translator) -> str:
    known = {
        "level": f"{sure.confidence * 100:g}",
        "checks": sure.checks,
        "shown": sure.by_interval,
    }
    if sure.by_interval == sure.checks == 1:
        return tr("its only check is met clearly, at {level} % confidence", **known)
    if sure.by_interval == sure.checks:
        return tr(
            "all of its {checks} checks are met clearly, each at {level} % confidence", **known
        )
    return tr.ngettext(
        "{shown} of its {checks} checks is met clearly, at {level} % confidence",
        "{shown} of its {checks} checks are met clearly, each at {level} % confidence",
        sure.by_interval,
        **known,
    )


def _by_count(sure: AcceptanceConfidence, easiest: ChanceOfPassing, tr: Translator) -> str:
    known = {
        "who": _counting(sure, tr),
        "place": check_label(easiest.check, easiest.item, tr),
        "chance": format_probability(easiest.chance, tr),
    }
    if sure.by_count == 1:
        return tr(
            "{who}, and a model that is right only half of the time would pass it ({place}) "
            "{chance} of the time",
            **known,
        )
    return tr(
        "{who}, and a model that is right only half of the time would pass the easiest of these "
        "({place}) {chance} of the time, and all of them {all} of the time",
        all=format_probability(sure.chance_of_passing or 0.0, tr),
        **known,
    )


def _counting(sure: AcceptanceConfidence, tr: Translator) -> str:
    if sure.by_interval and not sure.by_value:
        return tr.ngettext(
            "the other one counts right answers",
            "the other {count} count right answers",
            sure.by_count,
        )
    if sure.checks == 1:
        return tr("its only check counts right answers")
    return tr.ngettext(
        "{count} of its {checks} checks counts right answers",
        "{count} of its {checks} checks count right answers",
        sure.by_count,
        checks=sure.checks,
    )


def _closest(choice: Recommendation, tr: Translator) -> str:
    if choice.closest is None:
        return ""
    return tr(
        "The limit that it meets by the least: {place}, {found}, limit {asked}.",
        place=_place(choice.closest, tr),
        found=format_measured(choice.closest, choice.closest.limit, tr),
        asked=format_row_limit(choice.closest, tr),
    )


def _none(choice: Recommendation, ledger: Ledger, tr: Translator) -> tuple[str, ...]:
    others = choice.broken or choice.unfinished
    if choice.nearest is None:
        return (tr("No candidate is accepted."), *_broken(choice, ledger, tr))
    rejected = choice.nearest in choice.rejected
    decision = (
        tr("No candidate passes: do not build on any of them.")
        if rejected and not others
        else tr("No candidate is accepted.")
    )
    left = _left_of(choice.nearest, ledger, tr)
    return decision, _nearest(choice, rejected, tr), left, *_broken(choice, ledger, tr)


def _left_of(name: str, ledger: Ledger, tr: Translator) -> str:
    """Checks of the nearest candidate without a verdict, beside those that it misses."""
    rows = [row for row in ledger.results_of(name) if row.verdict == "invalid"]
    missed = {
        (row.check, row.part)
        for row in ledger.results_of(name)
        if row.limit is not None and row.verdict in ("fail", "inconclusive")
    }
    parts = [(row.check, row.part) for row in rows if (row.check, row.part) not in missed]
    parts += [
        (left.check, left.item)
        for entry in ledger.candidates
        if entry.name == name
        for left in entry.not_run
    ]
    if not parts:
        return ""
    checks = tr(", ").join(dict.fromkeys(check_label(*part, tr) for part in parts))
    return tr("Not judged of {name}: {checks}.", name=name, checks=checks)


def _nearest(choice: Recommendation, rejected: bool, tr: Translator) -> str:
    known = {
        "name": choice.nearest,
        "count": len({(each.check, each.item.partition("/")[0]) for each in choice.missed}),
        "farthest": missed_in_words(choice.missed[0], tr),
    }
    if rejected:
        return tr(
            "The nearest is {name}, which does not meet {count} of its checks; the farthest is "
            "{farthest}.",
            **known,
        )
    return tr(
        "The nearest is {name}, which leaves {count} of its checks open, since intervals straddle "
        "the limit; the farthest is {farthest}.",
        **known,
    )


def _broken(choice: Recommendation, ledger: Ledger, tr: Translator) -> Iterator[str]:
    """Whose measurement is broken, and of whom merely a limit is not known."""
    invalid = [row for row in ledger.results if row.verdict == "invalid"]
    broken = {row.candidate for row in invalid if row.unresolved is None}
    unknown = {row.candidate for row in invalid} - broken
    bad = Message("Not measured as it should be, which says nothing about the model: {names}.")
    yield _named(bad, [name for name in choice.broken if name not in unknown], tr)
    no_limit = Message(
        "Measured, but a limit that is relative to another candidate is not known: {names}."
    )
    yield _named(no_limit, [name for name in choice.broken if name in unknown], tr)


def missed_in_words(each: ValueAndLimit, tr: Translator) -> str:
    if each.value is None:
        return tr("{place}, which could not be measured", place=_place(each, tr))
    return tr(
        "{place}: {found}, limit {asked}",
        place=_place(each, tr),
        found=format_measured(each, each.limit, tr),
        asked=format_row_limit(each, tr),
    )


def _place(each: ValueAndLimit, tr: Translator) -> str:
    return check_label(each.check, each.item, tr)


def joined(names: Sequence[str], tr: Translator = ENGLISH) -> str:
    """Names as a list in a sentence, e.g. `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return tr("{first} and {last}", first=tr(", ").join(names[:-1]), last=names[-1])
