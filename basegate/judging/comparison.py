"""Paired comparison of every two candidates on the same items.

Computed after judging and before rendering; no limit and no model is looked at. One candidate is
called better than another only where two conditions hold, both allowing for how many pairs of
candidates were compared on the item:

- the interval of the difference, for items resampled together, excludes zero; its level is
  1 - 0.05 / pairs (Bonferroni);
- the exact sign test over items, adjusted by Holm, is below 0.05. For items that are right or wrong
  it is McNemar's. With fewer than six items no difference is significant.

Where asking stopped early, what was seen decided how many items there are: the interval is then a
confidence sequence, and the test one that holds whenever one stops. Null models are not compared.
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import stdev
from typing import TYPE_CHECKING, Literal, NamedTuple

from basegate.config.declaration import declaration_of, origin_of
from basegate.errors import NotCompared, summary
from basegate.i18n.formatting import FRACTION
from basegate.ledger import Comparison
from basegate.measurement import Measurement
from basegate.stats.confidence_sequence import (
    effective_number,
    linearised_ratio,
    mean_sequence,
    share_sequence,
    sign_test_at_any_time,
)
from basegate.stats.paired import (
    ItemScores,
    holm,
    paired_ratio_intervals,
    paired_share_interval,
    sign_test,
)
from basegate.verdict import Result

if TYPE_CHECKING:
    from basegate.store.union import Readable

ALPHA = 0.05
"""Chance, over all pairs of candidates on one item, that any is called better without being so."""
MIN_ITEMS = 6
"""Fewest items with which the exact test can be significant: 2 / 2^6 is below 0.05."""
RESAMPLES = 20_000
"""More than for one interval: the levels are higher, and depend on fewer of the resamples."""


class _Pair(NamedTuple):
    """Two candidates in one metric, on the items that both were measured on."""

    first: str
    second: str
    one: ItemScores
    other: ItemScores
    not_asked: int  # items of the bank that are in one of them only, or in none

    @property
    def differences(self) -> list[float]:
        return _differences(self.one, self.other)

    @property
    def linearised(self) -> list[float]:
        """Values, one for each item, whose mean is the difference; see `linearised_ratio`."""
        sides = (
            linearised_ratio([*each.counts.values()], [*each.totals.values()])
            for each in (self.one, self.other)
        )
        return [ours - theirs for ours, theirs in zip(*sides, strict=True)]

    @property
    def standard_error(self) -> float | None:
        values = self.linearised
        return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def compare(measured: Iterable[tuple[str, Measurement]]) -> tuple[Comparison, ...]:
    """Compare every two candidates on every item that both were measured on.

    `measured`: candidates' names and their measurements with evidence; those with other settings or
    data are not compared. In the order of the checks, then of the candidates. Warns `NotCompared`
    of a check whose own `compare` fails, and goes on.
    """
    groups: dict[tuple[str, str], list[tuple[str, Measurement]]] = defaultdict(list)
    for name, measurement in measured:
        groups[measurement.check, measurement.item].append((name, measurement))
    found: list[Comparison] = []
    for (check, item), group in groups.items():
        try:
            found += tuple(_compare_group(group))
        # A check of the project's own runs its code here: the rest must not go with it.
        except Exception as error:  # noqa: BLE001
            text = (
                f"{item}: the check {check} ({origin_of(check).shown}) cannot compare candidates: "
                f"{summary(error)}. Verdicts are not affected; correct its compare."
            )
            warnings.warn(text, NotCompared, stacklevel=2)
    return tuple(found)


def _compare_group(group: Sequence[tuple[str, Measurement]]) -> Iterator[Comparison]:
    real = [(name, each) for name, each in group if not each.candidate.is_null]
    pairs = [pair for pair in combinations(real, 2) if alike(pair[0][1], pair[1][1])]
    by_metric: dict[str, list[_Pair]] = defaultdict(list)
    for (first, one), (second, other) in pairs:
        left = max(_not_asked(one), _not_asked(other))
        for ours, theirs in declaration_of(one.check).compare(one.findings, other.findings):
            by_metric[ours.metric].append(_Pair(first, second, *shared(ours, theirs), left))
    check, part = group[0][1].check, group[0][1].item
    for found in by_metric.values():
        if paired := [each for each in found if each.one.counts]:
            yield from _decided(check, part, paired)


def _not_asked(measurement: Measurement) -> int:
    return int(measurement.findings.facts.get("not_asked") or 0)


def alike(one: Measurement, other: Measurement) -> bool:
    """Whether both are of the same version of a check, with the same settings, on the same data."""
    parts = ("measure", "settings", "data")
    return all(one.identity.get(part) == other.identity.get(part) for part in parts)


def shared(one: ItemScores, other: ItemScores) -> tuple[ItemScores, ItemScores]:
    """Both on the items that both have something to count on."""
    items = [item for item in one.counts if one.totals[item] and other.totals.get(item)]
    if one.fixed and any(one.totals[item] != other.totals[item] for item in items):
        items = []  # other texts under the same numbers, as where one tokenizer sees one document

    def kept(scored: ItemScores) -> ItemScores:
        counts = {item: scored.counts[item] for item in items}
        totals = {item: scored.totals[item] for item in items}
        return replace(scored, counts=counts, totals=totals)

    return kept(one), kept(other)


def _decided(check: str, part: str, found: Sequence[_Pair]) -> Iterator[Comparison]:
    """Comparisons of all pairs in one metric, adjusted for their number."""
    confidence = 1 - ALPHA / len(found)
    adjusted = holm([_p_value(pair) for pair in found])
    whole = [(pair.one, pair.other) for pair in found if not pair.not_asked]
    intervals = iter(difference_intervals(whole, confidence))
    for pair, p_value in zip(found, adjusted, strict=True):
        interval = _sequence(pair, confidence) if pair.not_asked else next(intervals)
        values = (ratio_of(pair.one), ratio_of(pair.other))
        items = len(pair.one.counts)
        yield Comparison(
            first=pair.first,
            second=pair.second,
            check=check,
            part=part,
            metric=pair.one.metric,
            unit=pair.one.unit,
            items=items,
            out_of=items + pair.not_asked if pair.not_asked else None,
            first_value=values[0],
            second_value=values[1],
            difference=values[0] - values[1],
            standard_error=pair.standard_error,
            interval=interval,
            confidence=confidence,
            comparisons=len(found),
            best_of=pair.one.best_of,
            p_value=p_value,
            better=_better(interval, p_value, pair.one.lower),
        )


def _p_value(pair: _Pair) -> float:
    test = sign_test_at_any_time if pair.not_asked else sign_test
    return min(1.0, test(pair.differences) * pair.one.best_of)


def _sequence(pair: _Pair, confidence: float) -> tuple[float, float] | None:
    """The interval of a difference on items whose number what was seen decided."""
    level = _level(pair.one, confidence)
    if _are_shares(pair.one, pair.other):
        low, high = share_sequence([(1 + each) / 2 for each in pair.differences], level)
        return 2 * low - 1, 2 * high - 1
    if len(pair.one.counts) < MIN_ITEMS:
        return None
    effective = effective_number([*pair.one.totals.values()])
    return mean_sequence(pair.linearised, level, effective=effective)


def _level(scored: ItemScores, confidence: float) -> float:
    return 1 - (1 - confidence) / scored.best_of


def _are_shares(one: ItemScores, other: ItemScores) -> bool:
    return all(set(scored.totals.values()) == {1.0} for scored in (one, other))


def ratio_of(scored: ItemScores) -> float:
    return math.fsum(scored.counts.values()) / math.fsum(scored.totals.values())


def _differences(one: ItemScores, other: ItemScores) -> list[float]:
    return [
        one.counts[item] / one.totals[item] - other.counts[item] / other.totals[item]
        for item in one.counts
    ]


def difference_intervals(
    pairs: Sequence[tuple[ItemScores, ItemScores]], confidence: float
) -> list[tuple[float, float] | None]:
    """Of the first less the second: of shares by scores; of ratios by bootstrap, all at once."""
    import numpy as np

    def sums(scored: ItemScores) -> tuple[np.ndarray, np.ndarray]:
        return np.array(list(scored.counts.values())), np.array(list(scored.totals.values()))

    def by_score(pair: tuple[ItemScores, ItemScores]) -> bool:
        if _are_shares(*pair):
            return True
        # Where no item differs, nothing that is drawn from them does.
        return pair[0].unit == FRACTION and not any(_differences(*pair))

    ratios = [(sums(one), sums(other)) for one, other in pairs if not by_score((one, other))]
    by_bootstrap = iter(paired_ratio_intervals(ratios, confidence, RESAMPLES))
    return [
        paired_share_interval(_differences(*pair), _level(pair[0], confidence))
        if by_score(pair)
        else next(by_bootstrap)
        for pair in pairs
    ]


def _better(
    interval: tuple[float, float] | None, p_value: float, lower: bool
) -> Literal["first", "second"] | None:
    if interval is None or p_value >= ALPHA or interval[0] <= 0 <= interval[1]:
        return None
    return "first" if (interval[1] < 0) == lower else "second"


def measurements_behind(store: Readable, results: Sequence[Result]) -> dict[str, Measurement]:
    keys = dict.fromkeys(row.measurement for row in results if row.measurement)
    found = {key: store.get(key) for key in keys}
    return {key: each for key, each in found.items() if each is not None}


def compare_candidates(
    results: Sequence[Result], measurements: Mapping[str, Measurement]
) -> tuple[Comparison, ...]:
    """Compare every two candidates of a ledger; `measurements` by key."""
    behind = dict.fromkeys(
        (row.candidate, row.part, row.measurement or "")
        for row in results
        if row.verdict != "invalid"
    )
    # The item is this run's: under another name it is the same measurement.
    return compare(
        (name, measurements[key].model_copy(update={"item": part}))
        for name, part, key in behind
        if key in measurements
    )
