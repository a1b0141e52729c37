"""Limits on how many samples of every question have to be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from basegate.i18n.catalogue import LATER
from basegate.i18n.formatting import roughly
from basegate.i18n.messages import Message, joined
from basegate.judging.calibration.proposal import (
    LUCKY,
    NONE_GIVEN,
    NONE_MEASURED,
    exchanged,
    unmeasured,
)
from basegate.stats import chance_of_counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from basegate.judging.calibration.proposal import Case, Proposal
    from basegate.measurement import Measurement

SURE = 0.95
"""How often good candidates should pass where there is no bad one to tell them from."""


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


def propose_count(case: Case) -> Proposal:
    """Propose how many samples of every question have to be right."""
    good, bad = list(_counts(case, case.good)), list(_counts(case, case.bad))
    if not good:
        return case.kept(Message("it was not measured on any good candidate"))
    if exchanged := _exchanged_counts(good, bad):
        return case.kept(exchanged)
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
        return _count_proposed(case, _surest(case, able, good, bad), good, bad)
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


def _surest(
    case: Case, able: Sequence[int], good: Sequence[_Counts], bad: Sequence[_Counts]
) -> int:
    """Return the count that tells good and bad apart by the surest; of several, the middle one.

    Those are as sure whose chances are said in the same words. Of them, one that guessing seldom
    meets comes first.
    """
    chances = {k: _lesser_chance(k, good, bad) for k in able}
    said = roughly(max(chances.values()))
    alike = [k for k in able if roughly(chances[k]) == said]
    hard = [k for k in alike if not case.guessing or case.luck(k) <= LUCKY]
    left = hard or alike
    return left[(len(left) - 1) // 2]


def _exchanged_counts(good: Sequence[_Counts], bad: Sequence[_Counts]) -> str:
    """Say that a bad one is clearly better than a good one; nothing where none is."""
    weakest = min(good, key=lambda each: each.possibly)
    strongest = max(bad, key=lambda each: each.surely, default=None)
    if strongest is None or strongest.surely < weakest.possibly:
        return ""
    return exchanged(weakest.told, strongest.told) if _clearly_better(strongest, weakest) else ""


def _not_told(case: Case, good: Sequence[_Counts], bad: Sequence[_Counts]) -> str:
    """Say why no count tells good and bad apart, and whether further samples could."""
    weakest = min(good, key=lambda each: each.possibly)
    strongest = max(bad, key=lambda each: each.surely)
    if strongest.surely >= weakest.possibly:
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


def _counts(case: Case, measured: Mapping[str, Measurement]) -> Iterator[_Counts]:
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
    case: Case, correct: int, good: Sequence[_Counts], bad: Sequence[_Counts]
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
    because = NONE_MEASURED if case.bad_are_given else NONE_GIVEN
    why = Message("{why}{guessing}; {because}", why=why, guessing=guessing, because=because)
    proposed = case.proposed(correct, why)
    return unmeasured(proposed) if case.bad_are_given else proposed


def _undrawn(case: Case, *those: _Counts) -> str:
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
