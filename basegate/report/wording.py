"""What a run's recommendation says, in sentences: the same in every report."""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING

from basegate.config.thresholds import CHECKS
from basegate.i18n.catalogue import ENGLISH, Words
from basegate.i18n.formatting import (
    GIB,
    asked,
    format_value,
    found,
    in_words,
    is_share,
    place,
    roughly,
    with_unit,
)
from basegate.judging.recommendation import is_carried, plainest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from basegate.ledger import Comparison, Ledger, LimitDistance, Luck, Recommendation, Sureness


def recommendation(ledger: Ledger, say: Words = ENGLISH) -> tuple[str, ...]:
    """Return which candidate to take and why; or that none passes, and how far the nearest is.

    The first sentence is the decision, the second the reason; a third may say how sure it is.
    """
    choice = ledger.recommendation
    if choice is None:
        return (say("Nothing was judged."),)
    parts = _none(choice, ledger, say) if choice.candidate is None else _taken(choice, ledger, say)
    ends = (_unfinished(choice, say), _absent(ledger, say))
    return tuple(part for part in (*parts, *ends) if part)


def _taken(choice: Recommendation, ledger: Ledger, say: Words) -> tuple[str, ...]:
    decision = say("Take {name}: it meets every limit.", name=choice.candidate)
    return (
        decision,
        _reason(choice, ledger, say),
        _against(choice, say),
        _sureness(choice.sureness, say),
        _closest(choice, say),
    )


def _reason(choice: Recommendation, ledger: Ledger, say: Words) -> str:
    if choice.reason == "only":
        if len(ledger.candidates) == 1 and not ledger.absent:
            return say("There was no other candidate to compare it with.")
        return _no_other(choice, ledger, say)
    if choice.reason == "better":
        return say(
            "Others meet every limit, too, but on the same items it is carried as better: {what}.",
            what=say("; ").join(_carried(choice, ledger.comparisons, say)),
        )
    if choice.reason == "smaller":
        return say(
            "{standing}; it needs the least memory ({sizes}).",
            standing=_standing(choice, say),
            sizes=say(", ").join(
                f"{name} {size / GIB:.1f} GiB" for name, size in choice.memory.items()
            ),
        )
    return say(
        "{standing}; memory does not tell either, and it was named first.",
        standing=_standing(choice, say),
    )


TOLD = 2
"""Candidates that fail, up to which it is said of each what is wrong with it."""


def _no_other(choice: Recommendation, ledger: Ledger, say: Words) -> str:
    """Say that no other passes, and of one or two that fail what is wrong with them."""
    partly = choice.broken or choice.unfinished or ledger.absent
    failing = _failing(choice, ledger, say) if len(choice.rejected) <= TOLD else ""
    if not failing:
        return (
            say("No other candidate that was judged on every check does.")
            if partly
            else say("No other candidate does.")
        )
    if partly:
        return say(
            "No other candidate that was judged on every check does; {failing}.", failing=failing
        )
    return say("No other candidate does: {failing}.", failing=failing)


def _failing(choice: Recommendation, ledger: Ledger, say: Words) -> str:
    return say("; ").join(
        say(
            "{name} fails {place} with {value} (limit {asked})",
            name=name,
            place=_place(plainest, say),
            value=_value(plainest, say),
            asked=asked(plainest, say),
        )
        for name in choice.rejected
        if (plainest := _plainest(ledger, name)) is not None
    )


def _value(each: LimitDistance, say: Words) -> str:
    """Return what was found without its interval."""
    return with_unit(format_value(each.value, each.unit, each.limit, say), each.unit, say)


def _plainest(ledger: Ledger, name: str) -> LimitDistance | None:
    return plainest_of(row for row in ledger.results_of(name) if row.verdict == "fail")


def _standing(choice: Recommendation, say: Words) -> str:
    """Say how it stands to those that are left beside it."""
    same = tuple(name for name in choice.level if name not in choice.mixed)
    if not same:
        return say(
            "{others} meets every limit, too, and neither is better in everything",
            others=joined(choice.level, say),
        )
    return say("Nothing measured tells it from {others}", others=joined(same, say))


def _against(choice: Recommendation, say: Words) -> str:
    if not choice.mixed:
        return ""
    return say(
        "Carried over it in something: {names} (see the comparisons).",
        names=joined(choice.mixed, say),
    )


def _carried(
    choice: Recommendation, comparisons: Iterable[Comparison], say: Words
) -> Iterable[str]:
    """Give the differences that carry the chosen candidate over others that pass."""
    own = [each for each in comparisons if {each.first, each.second} <= set(choice.accepted)]
    looks = len({(each.check, each.part, each.metric) for each in own})
    for each in own:
        if not is_carried(each, looks):
            continue
        winner, loser = (
            (each.first, each.second) if each.better == "first" else (each.second, each.first)
        )
        if winner == choice.candidate:
            yield _better(each, loser, say)


def _better(each: Comparison, loser: str, say: Words) -> str:
    known = {
        "unit": in_words(each.unit, say),
        "other": loser,
        "place": place(each.check, each.part, say),
    }
    if is_share(each.unit):
        points = say("{value} points", value=f"{abs(each.difference) * 100:.1f}")
        return say("{points} better than {other} on {place} (share {unit})", points=points, **known)
    value = format_value(abs(each.difference), each.unit)
    return say("{value} {unit} better than {other} on {place}", value=value, **known)


def _sureness(sure: Sureness | None, say: Words) -> str:
    """Say what an acceptance rests on: whole intervals, counts, or numbers without an interval."""
    if sure is None or not sure.checks:
        return ""
    return say("How sure: {what}.", what=say("; ").join(_rests_on(sure, say)))


def _rests_on(sure: Sureness, say: Words) -> Iterator[str]:
    if sure.shown:
        yield _clearly(sure, say)
    if sure.luckiest is not None:
        yield _by_luck(sure, sure.luckiest, say)
    if sure.bare == 1:
        yield say("1 rests on a number without an interval")
    elif sure.bare:
        yield say("{count} rest on numbers without an interval", count=sure.bare)
    if sure.relative == 1:
        yield say("1 of the limits follows from a reference's number, taken as exact")
    elif sure.relative:
        yield say(
            "{count} of the limits follow from a reference's number, taken as exact",
            count=sure.relative,
        )


def _clearly(sure: Sureness, say: Words) -> str:
    known = {"level": f"{sure.confidence * 100:g}", "checks": sure.checks, "shown": sure.shown}
    if sure.shown == sure.checks == 1:
        return say("its only check is met clearly, at {level} % confidence", **known)
    if sure.shown == sure.checks:
        return say(
            "all of its {checks} checks are met clearly, each at {level} % confidence", **known
        )
    if sure.shown == 1:
        return say("1 of its {checks} checks is met clearly, at {level} % confidence", **known)
    return say(
        "{shown} of its {checks} checks are met clearly, each at {level} % confidence", **known
    )


def _by_luck(sure: Sureness, luckiest: Luck, say: Words) -> str:
    known = {
        "who": _counting(sure, say),
        "place": place(luckiest.check, luckiest.item, say),
        "chance": roughly(luckiest.chance, say),
    }
    if sure.counted == 1:
        return say(
            "{who}, and a model that is right only half of the time would pass it ({place}) "
            "{chance} of the time",
            **known,
        )
    if sure.luck is None:  # a ledger of before it was known
        return say(
            "{who}, and a model that is right only half of the time would pass the easiest of "
            "these ({place}) {chance} of the time",
            **known,
        )
    return say(
        "{who}, and a model that is right only half of the time would pass the easiest of these "
        "({place}) {chance} of the time, and all of them {all} of the time",
        all=roughly(sure.luck, say),
        **known,
    )


def _counting(sure: Sureness, say: Words) -> str:
    """Say which checks count right answers."""
    known = {"count": sure.counted, "checks": sure.checks}
    if sure.shown and not sure.bare:
        if sure.counted == 1:
            return say("the other one counts right answers")
        return say("the other {count} count right answers", **known)
    if sure.checks == 1:
        return say("its only check counts right answers")
    if sure.counted == 1:
        return say("1 of its {checks} checks counts right answers", **known)
    return say("{count} of its {checks} checks count right answers", **known)


def _closest(choice: Recommendation, say: Words) -> str:
    if choice.closest is None:
        return ""
    return say(
        "The limit that it meets by the least: {place}, {found}, limit {asked}.",
        place=_place(choice.closest, say),
        found=found(choice.closest, choice.closest.limit, say),
        asked=asked(choice.closest, say),
    )


def _none(choice: Recommendation, ledger: Ledger, say: Words) -> tuple[str, ...]:
    others = choice.broken or choice.unfinished
    if choice.nearest is None:
        return (say("No candidate is accepted."), *_broken(choice, ledger, say))
    rejected = choice.nearest in choice.rejected
    decision = (
        say("No candidate passes: do not build on any of them.")
        if rejected and not others
        else say("No candidate is accepted.")
    )
    left = _left_of(choice.nearest, ledger, say)
    return decision, _nearest(choice, rejected, say), left, *_broken(choice, ledger, say)


def _left_of(name: str, ledger: Ledger, say: Words) -> str:
    """Say which checks of the nearest candidate have no verdict, beside those that it misses."""
    rows = [row for row in ledger.results_of(name) if row.verdict == "invalid"]
    missed = {
        (row.check, row.part)
        for row in ledger.results_of(name)
        if row.limit is not None and row.verdict in ("fail", "inconclusive")
    }
    left = dict.fromkeys(
        place(row.check, row.part, say) for row in rows if (row.check, row.part) not in missed
    )
    entries = (entry for entry in ledger.candidates if entry.name == name)
    left |= dict.fromkeys(place_in_words(each, say) for entry in entries for each in entry.not_run)
    if not left:
        return ""
    return say("Not judged of {name}: {checks}.", name=name, checks=say(", ").join(left))


def _nearest(choice: Recommendation, rejected: bool, say: Words) -> str:
    count = len({(each.check, each.item.partition("/")[0]) for each in choice.missed})
    farthest = missed_in_words(choice.missed[0], say)
    if rejected:
        return say(
            "The nearest is {name}, which does not meet {count} of its checks; the farthest is "
            "{farthest}.",
            name=choice.nearest,
            count=count,
            farthest=farthest,
        )
    return say(
        "The nearest is {name}, which leaves {count} of its checks open, since intervals straddle "
        "the limit; the farthest is {farthest}.",
        name=choice.nearest,
        count=count,
        farthest=farthest,
    )


def _broken(choice: Recommendation, ledger: Ledger, say: Words) -> Iterator[str]:
    """Say whose measurement is broken, and of whom merely a limit is not known."""
    invalid = [row for row in ledger.results if row.verdict == "invalid"]
    broken = {row.candidate for row in invalid if row.unresolved is None}
    unknown = {row.candidate for row in invalid} - broken
    if names := [name for name in choice.broken if name not in unknown]:
        yield say(
            "Not measured as it should be, which says nothing about the model: {names}.",
            names=joined(names, say),
        )
    if names := [name for name in choice.broken if name in unknown]:
        yield say(
            "Measured, but a limit that is relative to another candidate is not known: {names}.",
            names=joined(names, say),
        )


def missed_in_words(each: LimitDistance, say: Words) -> str:
    """Return what was found and what was asked for."""
    if each.value is None:
        return say("{place}, which could not be measured", place=_place(each, say))
    return say(
        "{place}: {found}, limit {asked}",
        place=_place(each, say),
        found=found(each, each.limit, say),
        asked=asked(each, say),
    )


def _place(each: LimitDistance, say: Words) -> str:
    return place(each.check, each.item, say)


def _unfinished(choice: Recommendation, say: Words) -> str:
    if not choice.unfinished:
        return ""
    return say(
        "Not judged on every check, and therefore not accepted: {names}.",
        names=joined(choice.unfinished, say),
    )


def _absent(ledger: Ledger, say: Words) -> str:
    if not ledger.absent:
        return ""
    return say(
        "Not compared, since nothing stored answers these limits: {names} (pytest --model NAME "
        "measures).",
        names=joined(ledger.absent, say),
    )


def place_in_words(name: str, say: Words = ENGLISH) -> str:
    """Return what `place` gave in English in another language."""
    for check in CHECKS:
        head, _, part = name.partition(check.replace("_", " "))
        if not head and part[:1] in ("", " "):
            return place(check, part[1:], say)
    return name


_SINGULAR = re.compile(r"\b(document|question|problem|prompt|pair|sample)\b")


def parts_of_basis(text: str) -> list[str]:
    """Return the parts of what a row of the ledger says a measurement rests on, all in plural."""
    return [_SINGULAR.sub(r"\1s", part) for part in text.split(", ")]


def basis(text: str, say: Words = ENGLISH) -> str:
    """Return what a measurement rests on, as a row of the ledger has it, in words."""
    if say.language == "en":
        return text
    parts = map(say.known, parts_of_basis(text))
    return reduce(lambda some, more: say("{basis}, {more}", basis=some, more=more), parts)


def joined(names: Sequence[str], say: Words = ENGLISH) -> str:
    """Return names as a sentence holds them, e.g. `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return say("{first} and {last}", first=say(", ").join(names[:-1]), last=names[-1])
