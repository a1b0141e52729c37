"""Limits from stored measurements: such that good candidates pass and bad ones do not.

A limit on a number lies halfway between the worst end of a good candidate's interval and the best
end of a bad one's; a count of right samples is the one that tells good and bad apart by the surest.
Where good and bad overlap, or nothing is measured, the present limit is kept and a warning says so.
So does one where whoever guesses would meet a limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from basegate.errors import InvalidMeasurement
from basegate.figures import SHARE, format_limit, format_value, is_share, place, roughly
from basegate.judge import check_valid
from basegate.language import LATER
from basegate.limits import Limit
from basegate.messages import Message, joined
from basegate.settings import SamplingSettings
from basegate.statistics import chance_of_counts, passing_probability

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from basegate.measurement import Findings, Measurement, Metric
    from basegate.thresholds import Check

SURE = 0.95
"""How often good candidates should pass where there is no bad one to tell them from."""
_LEAST = 0.01
"""The least margin from an end of an interval."""
_LUCKY = 0.05
"""How often whoever guesses may pass a count before a warning says so."""
_GUESSED = ("accuracy", "likelihood_accuracy", "preferred_share")
"""Shares of right choices, which guessing has a level of."""


@dataclass(frozen=True)
class Proposal:
    """One limit of the file.

    Attributes:
        check: that it belongs to.
        limit: as it is now.
        value: as it should be; `None` where the present one is kept.
        why: what it rests on, with the margin on both sides; or why it is kept.
        warnings: what a reader has to know before they use it.
    """

    check: Check
    limit: Limit
    value: float | None
    why: str
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The limit's key within its table."""
        return self.limit.key.rpartition(".")[2]

    @property
    def place(self) -> str:
        """What people are told that it is about."""
        where = place(self.check.check, self.check.item, LATER)
        return LATER("{name} {part}", name=where, part=self.key)


def propose(
    check: Check,
    good: Mapping[str, Measurement | None],
    bad: Mapping[str, Measurement | None],
    margin: float,
    guessing: Sequence[float] = (),
) -> list[Proposal]:
    """Return a proposal for every limit of a check that judges and is not relative to a candidate.

    Args:
        check: with its present limits.
        good: by name, what was measured on candidates that are to pass; at least one.
        bad: likewise on those that are not to.
        margin: from the end of the interval of the worst good one, as a share of it, where no
            candidate is bad.
        guessing: chance to be right by guessing, of each question or pair; see `guess_levels`.
    """
    sides = [_usable(check, measured) for measured in (good, bad)]
    (passing, _), (failing, _) = sides
    proposals = []
    for limit in check.limits:
        if isinstance(limit, Limit) and not limit.validity:
            case = _Case(check, limit, passing, failing, margin, bool(bad), tuple(guessing))
            made = _counted(case) if limit.metric == "correct" else _measured(case)
            warned = (*made.warnings, *_within_luck(case, made))
            proposals.append(replace(made, warnings=warned))
    warnings = [text for _, texts in sides for text in texts]
    return [_warned(proposals[0], warnings), *proposals[1:]] if proposals else []


def guess_levels(findings: Findings) -> tuple[float, ...]:
    """Return the chance to be right by guessing, of each question or pair that was measured.

    Args:
        findings: with their evidence; of a check without options there are none.
    """
    options = [1 / len(each.letters) for each in findings.choices]
    return (*options, *(0.5 for _ in findings.preferences))


def _within_luck(case: _Case, proposal: Proposal) -> Iterator[str]:
    """Warn of a proposed limit that whoever guesses would meet, too."""
    value, limit = proposal.value, case.limit
    if value is None or not case.guessing:
        return
    if limit.metric == "correct":
        chance = case.luck(int(value))
        if chance > _LUCKY:
            yield Message(
                "{place}: guessing meets this limit, {asked}, {chance} of the time.",
                place=proposal.place,
                asked=format_limit(value, limit.direction, say=LATER),
                chance=roughly(chance, LATER),
            )
    elif limit.metric in _GUESSED:
        level = math.fsum(case.guessing) / len(case.guessing)
        if value <= level:
            yield Message(
                "{place}: this limit, {asked}, is no more than guessing has, {reached}.",
                place=proposal.place,
                asked=format_limit(value, limit.direction, SHARE, LATER),
                reached=format_value(level, SHARE, say=LATER),
            )


def _warned(proposal: Proposal, warnings: Sequence[str]) -> Proposal:
    return replace(proposal, warnings=(*warnings, *proposal.warnings))


def _usable(
    check: Check, measured: Mapping[str, Measurement | None]
) -> tuple[dict[str, Measurement], list[str]]:
    """Return what says something about its candidate, and a warning for each that is left out."""
    where = place(check.check, check.item, LATER)
    usable: dict[str, Measurement] = {}
    warnings: list[str] = []
    for name, measurement in measured.items():
        if measurement is None:
            missing = Message(
                "{place}: nothing stored of {name} answers it; it is left out there.",
                place=where,
                name=name,
            )
            warnings.append(missing)
            continue
        try:
            check_valid(measurement, check.limits)
        except InvalidMeasurement as error:
            left = Message(
                "{place}: {name} is left out there: {error}",
                place=where,
                name=name,
                error=error.message,
            )
            warnings.append(left)
        else:
            usable[name] = measurement
    return usable, warnings


@dataclass(frozen=True)
class _Case:
    """One limit and what was measured on good and bad candidates; for the rest see `propose`."""

    check: Check
    limit: Limit
    good: dict[str, Measurement]
    bad: dict[str, Measurement]
    margin: float
    bad_are_given: bool
    guessing: tuple[float, ...] = ()

    def proposed(self, value: float, why: str) -> Proposal:
        return Proposal(self.check, self.limit, value, why)

    def kept(self, reason: str, unit: str = "") -> Proposal:
        present = format_limit(self.limit.value, self.limit.direction, unit, LATER)
        kept = Proposal(self.check, self.limit, None, Message("kept: {reason}", reason=reason))
        warning = Message(
            "{place}: {reason}. The present limit, {present}, is kept.",
            place=kept.place,
            reason=reason,
            present=present,
        )
        return _warned(kept, [warning])

    def luck(self, correct: int) -> float:
        """Return how often guessing has so many samples of every question right."""
        assert isinstance(self.check.settings, SamplingSettings)
        samples = self.check.settings.sampling.samples
        return math.prod(passing_probability(each, correct, samples) for each in self.guessing)

    def metrics(self, measurement: Measurement) -> list[Metric]:
        # A share of nothing has a value, 0, and the interval of all shares: nothing was measured.
        found = (each for each in measurement.findings.metrics if each.count != 0)
        return [each for each in found if each.name == self.limit.metric and each.value is not None]


@dataclass(frozen=True)
class _Reach:
    """What one candidate reaches, and the end of its interval that counts."""

    name: str
    value: float
    end: float
    unit: str

    @property
    def told(self) -> str:
        value, end = (format_value(each, self.unit, say=LATER) for each in (self.value, self.end))
        if self.end == self.value:
            return Message("{name} {value}", name=self.name, value=value)
        if self.end > self.value:
            return Message("{name} {value} (to {end})", name=self.name, value=value, end=end)
        return Message("{name} {value} (from {end})", name=self.name, value=value, end=end)


def _measured(case: _Case) -> Proposal:
    """Propose a limit on a number that is held against it with all of its interval."""
    up = case.limit.direction == "max"

    def poorness(each: _Reach) -> float:
        return each.end if up else -each.end

    good = list(_reaches(case, case.good, upper=up))
    bad = list(_reaches(case, case.bad, upper=not up))
    if not good:
        return case.kept(Message("it was not measured on any good candidate"))
    worst = max(good, key=poorness)
    if not bad:
        return _beyond(case, worst, _NONE_MEASURED if case.bad_are_given else "")
    best = min(bad, key=poorness)
    if poorness(best) <= poorness(worst):
        # Better is only what is so by the other ends, too: values alone may be luck.
        weak = max(_reaches(case, case.good, upper=not up), key=poorness)
        strong = min(_reaches(case, case.bad, upper=up), key=poorness)
        if poorness(strong) < poorness(weak):
            return case.kept(_exchanged(weak, strong), weak.unit)
        reason = Message("good {good} and bad {bad} overlap", good=worst.told, bad=best.told)
        return case.kept(reason, worst.unit)
    value = between(worst.end, best.end)
    away = _away(worst.unit, *(abs(value - each.end) for each in (worst, best)))
    why = Message("good {good}, bad {bad}: {away}", good=worst.told, bad=best.told, away=away)
    return case.proposed(value, why)


def _exchanged(good: _Reach | _Counts, bad: _Reach | _Counts) -> str:
    return Message(
        "bad {bad} is better than good {good}: perhaps the two were exchanged, or this check does "
        "not tell what is wanted",
        bad=bad.told,
        good=good.told,
    )


def _away(unit: str, *margins: float) -> str:
    """Return how far ends of intervals are from a limit; of shares in percentage points."""
    ends = joined((format_value(each, unit).removesuffix(" %") for each in margins), " and ")
    if is_share(unit):
        if ends == "1":
            return Message("1 point away")
        return Message("{ends} points away", ends=ends)
    return Message("{ends} away", ends=ends)


def _reaches(case: _Case, measured: Mapping[str, Measurement], *, upper: bool) -> Iterator[_Reach]:
    """Yield what candidates reach, with the upper or the lower end of their intervals."""
    for name, measurement in measured.items():
        for metric in case.metrics(measurement):
            assert metric.value is not None
            interval, _ = metric.interval_at(case.limit.confidence)
            low, high = interval or (metric.value, metric.value)
            yield _Reach(name, metric.value, high if upper else low, metric.unit)


def _beyond(case: _Case, worst: _Reach, remark: str) -> Proposal:
    """Propose a limit at a margin from the worst good candidate."""
    room = max(case.margin * abs(worst.end), _LEAST)
    sign = 1 if case.limit.direction == "max" else -1
    value = between(worst.end, worst.end + sign * 2 * room)
    if is_share(worst.unit) and not 0 < value < 1:
        reason = Message("good {good} leaves no share that a limit could exclude", good=worst.told)
        return case.kept(reason, worst.unit)
    away = _away(worst.unit, abs(value - worst.end))
    because = remark or _NONE_GIVEN
    why = Message("good {good}: {away}; {because}", good=worst.told, away=away, because=because)
    proposed = case.proposed(value, why)
    return _unmeasured(proposed) if remark else proposed


_NONE_GIVEN = Message("no bad one was given")
_NONE_MEASURED = Message("no bad one was measured")


def _unmeasured(proposal: Proposal) -> Proposal:
    warning = Message("{place}: {reason}.", place=proposal.place, reason=_NONE_MEASURED)
    return _warned(proposal, [warning])


def between(one: float, other: float) -> float:
    """Return the middle of two numbers, with as few digits as keep it in the middle fifth."""
    middle, room = (one + other) / 2, abs(other - one) / 10
    most = len(str(int(abs(middle))))
    rounded = (round(middle, digits) for digits in range(-most, 12))
    return next((each for each in rounded if abs(each - middle) <= room), middle)


@dataclass(frozen=True)
class _Counts:
    """What one candidate has right of each question of a bank.

    Attributes:
        name: of the candidate.
        right: right samples by question.
        drawn: samples by question that were drawn.
        samples: of a question in all.
    """

    name: str
    right: tuple[int, ...]
    drawn: tuple[int, ...]
    samples: int

    @property
    def surely(self) -> int:
        """The highest limit that it meets whatever the samples would be that were not drawn."""
        return min(self.right)

    @property
    def possibly(self) -> int:
        """The highest limit that it could meet if all of those were right."""
        return min(
            right + self.samples - drawn
            for right, drawn in zip(self.right, self.drawn, strict=True)
        )

    @property
    def share(self) -> float:
        """The share of right samples, of all that were drawn."""
        return sum(self.right) / sum(self.drawn)

    @property
    def missing(self) -> bool:
        """Whether there are samples that were not drawn."""
        return any(drawn < self.samples for drawn in self.drawn)

    def chance(self, correct: int) -> float:
        """Return how often it would pass if the bank was asked anew."""
        return chance_of_counts(self.right, self.drawn, correct, self.samples)

    @property
    def told(self) -> str:
        right, drawn = min(
            zip(self.right, self.drawn, strict=True), key=lambda each: (each[0] / each[1], each[1])
        )
        if len(self.right) == 1:
            return Message("{name} ({right} of {drawn})", name=self.name, right=right, drawn=drawn)
        return Message(
            "{name} (weakest question {right} of {drawn})",
            name=self.name,
            right=right,
            drawn=drawn,
        )


def _counted(case: _Case) -> Proposal:
    """Propose how many samples of every question have to be right."""
    good, bad = list(_counts(case, case.good)), list(_counts(case, case.bad))
    if not good:
        return case.kept(Message("it was not measured on any good candidate"))
    lowest = min(good, key=lambda each: each.surely)
    if lowest.surely == 0:
        helps = min(each.possibly for each in good) > 0
        undrawn = _undrawn(case, lowest) if helps else ""
        return case.kept(
            Message(
                "good {good} meets no limit for sure{undrawn}", good=lowest.told, undrawn=undrawn
            )
        )
    best = max(bad, key=lambda each: each.possibly, default=None)
    least = best.possibly + 1 if best is not None else 1
    if best is not None and least > lowest.surely:
        return case.kept(_not_told(case, good, bad))
    able = range(least, lowest.surely + 1)
    if best is not None:
        middle = (able[0] + able[-1]) / 2
        chances = {k: round(_lesser_chance(k, good, bad), 6) for k in able}
        chosen = max(able, key=lambda k: (chances[k], -abs(k - middle)))
        return _count_proposed(case, chosen, good, bad)
    sure = [k for k in able if _lesser_chance(k, good, ()) >= SURE]
    if not sure:
        rarest = min(good, key=lambda each: each.chance(1))
        return case.kept(
            Message(
                "asked anew, good {good} would pass less than {sure} % of the time, whatever the "
                "limit{undrawn}",
                good=rarest.told,
                sure=f"{SURE * 100:.0f}",
                undrawn=_undrawn(case, rarest),
            )
        )
    return _count_proposed(case, sure[-1], good, bad)


def _not_told(case: _Case, good: Sequence[_Counts], bad: Sequence[_Counts]) -> str:
    """Say why no count tells good and bad apart, and whether further samples could."""
    weakest = min(good, key=lambda each: each.possibly)
    strongest = max(bad, key=lambda each: each.surely)
    if strongest.surely >= weakest.possibly:
        if _clearly_better(strongest, weakest):
            return _exchanged(weakest, strongest)
        return Message(
            "good {good} and bad {bad} cannot be told apart{undrawn}",
            good=weakest.told,
            bad=strongest.told,
            undrawn="",
        )
    lowest = min(good, key=lambda each: each.surely)
    best = max(bad, key=lambda each: each.possibly)
    return Message(
        "good {good} and bad {bad} cannot be told apart{undrawn}",
        good=lowest.told,
        bad=best.told,
        undrawn=_undrawn(case, lowest, best),
    )


def _counts(case: _Case, measured: Mapping[str, Measurement]) -> Iterator[_Counts]:
    for name, measurement in measured.items():
        own = [each for each in case.metrics(measurement) if each.drawn and each.count]
        if own:
            yield _Counts(
                name,
                tuple(round(each.value or 0.0) for each in own),
                tuple(each.drawn or 0 for each in own),
                own[0].count or 0,
            )


def _clearly_better(one: _Counts, other: _Counts) -> bool:
    """Tell whether one has more right over all, and a count would tell the two apart for sure."""
    counts = range(1, one.samples + 1)
    surest = max(_lesser_chance(correct, [one], [other]) for correct in counts)
    return one.share > other.share and surest >= SURE


def _lesser_chance(correct: int, good: Sequence[_Counts], bad: Sequence[_Counts]) -> float:
    """Return the lesser chance: that a good one passes, and that a bad one does not."""
    right = [each.chance(correct) for each in good]
    return min([*right, *(1 - each.chance(correct) for each in bad)])


def _count_proposed(
    case: _Case, correct: int, good: Sequence[_Counts], bad: Sequence[_Counts]
) -> Proposal:
    worst = min(good, key=lambda each: each.chance(correct))
    why: str = Message(
        "asked anew, good {good} passes {chance} of the time",
        good=worst.told,
        chance=roughly(worst.chance(correct), LATER),
    )
    guessing: str = ""
    if case.guessing:
        guessing = Message(", guessing {chance}", chance=roughly(case.luck(correct), LATER))
    if bad:
        best = max(bad, key=lambda each: each.chance(correct))
        why = Message(
            "{why}, bad {bad} {chance}{guessing}",
            why=why,
            bad=best.told,
            chance=roughly(best.chance(correct), LATER),
            guessing=guessing,
        )
        return case.proposed(correct, why)
    because = _NONE_MEASURED if case.bad_are_given else _NONE_GIVEN
    why = Message("{why}{guessing}; {because}", why=why, guessing=guessing, because=because)
    proposed = case.proposed(correct, why)
    return _unmeasured(proposed) if case.bad_are_given else proposed


def _undrawn(case: _Case, *those: _Counts) -> str:
    """Say what to do where samples are missing of the candidates that keep a limit from being told.

    Sampling had stopped early.
    """
    names = joined((each.name for each in those if each.missing), " and ")
    if not names:
        return ""
    drawn = Message("pytest draws them")
    if case.check.stop_early:
        drawn = Message(
            "stop_early = false in [{check}] lets pytest draw them", check=case.check.check
        )
    return Message(", as long as samples of {names} are missing: {drawn}", names=names, drawn=drawn)
