"""Limits from stored measurements: such that good candidates pass and bad ones do not.

A limit on a number lies halfway between the worst end of a good candidate's interval and the best
end of a bad one's; a count of right samples is the one that tells good and bad apart by the surest.
Where good and bad overlap, or nothing is measured, the present limit is kept and a warning says so.
So does one where whoever guesses would meet a limit.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from basegate.config.limits import Limit
from basegate.errors import InvalidMeasurement
from basegate.i18n.catalogue import LATER
from basegate.i18n.formatting import SHARE, format_limit, format_value, place, roughly
from basegate.i18n.messages import Message
from basegate.judging.calibration.counts import propose_count
from basegate.judging.calibration.numbers import propose_number
from basegate.judging.calibration.proposal import LUCKY, Case, Proposal
from basegate.judging.judge import check_valid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from basegate.config.thresholds import Check
    from basegate.measurement import Findings, Measurement

__all__ = ["Proposal", "guess_levels", "propose"]

_GUESSED = ("accuracy", "likelihood_accuracy", "preferred_share")
"""Shares of right choices, which guessing has a level of."""


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
            case = Case(check, limit, passing, failing, margin, bool(bad), tuple(guessing))
            made = propose_count(case) if limit.metric == "correct" else propose_number(case)
            lucky = tuple(_within_luck(case, made))
            proposals.append(replace(made, warnings=(*made.warnings, *lucky)))
    warnings = [text for _, texts in sides for text in texts]
    return [proposals[0].warned(warnings), *proposals[1:]] if proposals else []


def guess_levels(findings: Findings) -> tuple[float, ...]:
    """Return the chance to be right by guessing, of each question or pair that was measured.

    Args:
        findings: with their evidence; of a check without options there are none.
    """
    options = [1 / len(each.letters) for each in findings.choices]
    return (*options, *(0.5 for _ in findings.preferences))


def _within_luck(case: Case, proposal: Proposal) -> Iterator[str]:
    """Warn of a proposed limit that whoever guesses would meet, too."""
    value, limit = proposal.value, case.limit
    if value is None or not case.guessing:
        return
    if limit.metric == "correct":
        chance = case.luck(int(value))
        if chance > LUCKY:
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
