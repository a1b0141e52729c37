"""What a run's recommendation says, in sentences: the same in every report."""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING

from basegate.figures import asked, format_value, found, in_words, is_share, place, roughly
from basegate.language import ENGLISH, Words
from basegate.memory import GIB
from basegate.recommendation import is_carried
from basegate.thresholds import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from basegate.comparison import Comparison
    from basegate.ledger import Ledger
    from basegate.recommendation import LimitDistance, Recommendation
    from basegate.sureness import Sureness


def recommendation(ledger: Ledger, say: Words = ENGLISH) -> tuple[str, ...]:
    """Return which candidate to take and why; or that none passes, and how far the nearest is.

    The first sentence is the decision, the second the reason; a third may say how sure it is.
    """
    choice = ledger.recommendation
    if choice is None:
        return (say("Nothing was judged."),)
    parts = _none(choice, say) if choice.candidate is None else _taken(choice, ledger, say)
    return tuple(part for part in (*parts, _unfinished(choice, say)) if part)


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
        if len(ledger.candidates) == 1:
            return say("There was no other candidate to compare it with.")
        if choice.broken or choice.unfinished:
            return say("No other candidate that was judged on every check does.")
        return say("No other candidate does.")
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
    level = f"{sure.confidence * 100:g}"
    if sure.shown == sure.checks:
        yield say("whole {level} % intervals meet all limits", level=level)
    elif sure.shown:
        yield say(
            "whole {level} % intervals meet the limits of {shown} of its {checks} checks",
            level=level,
            shown=sure.shown,
            checks=sure.checks,
        )
    if sure.luckiest is not None:
        yield say(
            "counts of right samples decide {count}, the easiest by luck {place}, which a model "
            "that is right half of the time passes {chance} of the time",
            count=sure.counted,
            place=place(sure.luckiest.check, sure.luckiest.item, say),
            chance=roughly(sure.luckiest.chance, say),
        )
    if sure.bare:
        yield say("numbers without an interval decide {count}", count=sure.bare)
    if sure.relative:
        yield say(
            "of the limits {count} follow from a reference's number, taken as exact",
            count=sure.relative,
        )


def _closest(choice: Recommendation, say: Words) -> str:
    if choice.closest is None:
        return ""
    return say(
        "The limit that it meets by the least: {place}, {found}, limit {asked}.",
        place=_place(choice.closest, say),
        found=found(choice.closest, choice.closest.limit, say),
        asked=asked(choice.closest, say),
    )


def _none(choice: Recommendation, say: Words) -> tuple[str, ...]:
    others = choice.broken or choice.unfinished
    if choice.nearest is None:
        return (say("No candidate is accepted."), _broken(choice, say))
    rejected = choice.nearest in choice.rejected
    decision = (
        say("No candidate passes: do not build on any of them.")
        if rejected and not others
        else say("No candidate is accepted.")
    )
    return decision, _nearest(choice, rejected, say), _broken(choice, say)


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


def _broken(choice: Recommendation, say: Words) -> str:
    if not choice.broken:
        return ""
    return say(
        "Not measured as it should be, which says nothing about the model: {names}.",
        names=joined(choice.broken, say),
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
