"""What every bank can tell apart, as a table and a sentence: the same on the page and in a list."""

from __future__ import annotations

from collections.abc import Sequence

from basegate.checks.labels import check_label, metric_label
from basegate.i18n.catalogue import ENGLISH, Translator
from basegate.i18n.formatting import POINTS, format_value
from basegate.ledger import BankPower


def heads(tr: Translator = ENGLISH) -> tuple[str, ...]:
    return (
        tr("bank or corpus"),
        tr("items"),
        tr("detectable difference"),
        tr("largest difference"),
        tr("signal to noise"),
        tr("told apart"),
    )


def cells(each: BankPower, tr: Translator = ENGLISH) -> tuple[str, ...]:
    def shown(value: float | None) -> str:
        text = format_value(value, each.unit, tr=tr) if value is not None else tr("cannot be told")
        if value is None or each.unit == POINTS:
            return text
        return tr(label.value, value=text)

    label = metric_label(each.check, each.metric)
    noise = each.signal_to_noise
    return (
        tr("{place}, {unit}", place=_place(each, tr), unit=tr(label.name)),
        f"{each.items:,}",
        shown(each.detectable),
        shown(each.largest),
        tr("cannot be told") if noise is None else f"{noise:.1f}",
        tr("{told} of {pairs}", told=each.told_apart, pairs=each.pairs),
    )


def not_telling(power: Sequence[BankPower], tr: Translator = ENGLISH) -> str:
    """Which banks tell none of the candidates from another; empty where all tell some.

    One that was asked in part is not named: all of it may tell them.
    """
    told = {(each.check, each.part) for each in power if each.told_apart or each.asked_in_part}
    left = dict.fromkeys(_place(each, tr) for each in power if (each.check, each.part) not in told)
    if not left:
        return ""
    return tr("These cannot tell the candidates apart: {banks}.", banks=tr(", ").join(left))


def _place(each: BankPower, tr: Translator) -> str:
    return check_label(each.check, each.part, tr)
