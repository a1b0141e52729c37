"""Paired comparison of every two candidates on the same items.

Computed after judging and before rendering; no limit and no model is looked at. One candidate is
called better than another only where two conditions hold, both allowing for how many pairs of
candidates were compared on the item:

- the interval of the difference, for items resampled together, excludes zero; its level is
  1 - 0.05 / pairs (Bonferroni);
- the exact sign test over items, adjusted by Holm, is below 0.05. For items that are right or wrong
  it is McNemar's. With fewer than six items no difference is significant.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from basegate.config.declaration import declaration_of
from basegate.ledger import Comparison
from basegate.stats.paired import holm, paired_difference, paired_ratio_intervals, sign_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from basegate.measurement import ItemScores, Measurement
    from basegate.store.union import Readable
    from basegate.verdict import Result

LEVEL = 0.05
"""Chance, over all pairs of candidates on one item, that any is called better without being so."""
FEWEST = 6
"""Items from which on the exact test can tell any two apart: 2 / 2^6 is below 0.05."""
RESAMPLES = 20_000
"""More than for one interval: the levels are higher, and rest on fewer of the resamples."""


def compare(measured: Iterable[tuple[str, Measurement]]) -> tuple[Comparison, ...]:
    """Compare every two candidates on every check, corpus and bank that both were measured on.

    Args:
        measured: candidates' names and their measurements, evidence included.

    Returns:
        In the order of the checks, then of the candidates. Measurements with other settings or
        data than each other's are not compared.
    """
    groups: dict[tuple[str, str], list[tuple[str, Measurement]]] = defaultdict(list)
    for name, measurement in measured:
        groups[measurement.check, measurement.item].append((name, measurement))
    return tuple(each for group in groups.values() for each in _compare_group(group))


def _compare_group(group: Sequence[tuple[str, Measurement]]) -> Iterator[Comparison]:
    pairs = [pair for pair in combinations(group, 2) if _alike(pair[0][1], pair[1][1])]
    by_metric: dict[str, list[tuple[str, str, ItemScores, ItemScores]]] = defaultdict(list)
    for (first, one), (second, other) in pairs:
        for ours, theirs in declaration_of(one.check).compare(one.findings, other.findings):
            by_metric[ours.metric].append((first, second, *_shared(ours, theirs)))
    check, part = group[0][1].check, group[0][1].item
    for found in by_metric.values():
        yield from _decided(check, part, [each for each in found if each[2].tops])


def _alike(one: Measurement, other: Measurement) -> bool:
    """Whether two measurements asked the same in the same way."""
    parts = ("measure", "settings", "data")
    return all(one.identity.get(part) == other.identity.get(part) for part in parts)


def _shared(one: ItemScores, other: ItemScores) -> tuple[ItemScores, ItemScores]:
    """Return both on the items that both have something to count on."""
    if one.fixed and one.bottoms != other.bottoms:
        items = []  # other texts under the same numbers, as where one tokenizer sees one document
    else:
        items = [item for item in one.tops if one.bottoms[item] and other.bottoms.get(item)]

    def kept(scored: ItemScores) -> ItemScores:
        tops = {item: scored.tops[item] for item in items}
        bottoms = {item: scored.bottoms[item] for item in items}
        return replace(scored, tops=tops, bottoms=bottoms)

    return kept(one), kept(other)


def _decided(
    check: str, part: str, found: Sequence[tuple[str, str, ItemScores, ItemScores]]
) -> Iterator[Comparison]:
    """Give the comparisons of all pairs in one metric, adjusted for how many they are."""
    if not found:
        return
    confidence = 1 - LEVEL / len(found)
    adjusted = holm([sign_test(_differences(one, other)) for _, _, one, other in found])
    intervals = _intervals([(one, other) for _, _, one, other in found], confidence)
    for (first, second, one, other), p_value, interval in zip(
        found, adjusted, intervals, strict=True
    ):
        values = (_value(one), _value(other))
        yield Comparison(
            first=first,
            second=second,
            check=check,
            part=part,
            metric=one.metric,
            unit=one.unit,
            items=len(one.tops),
            first_value=values[0],
            second_value=values[1],
            difference=values[0] - values[1],
            interval=interval,
            confidence=confidence,
            comparisons=len(found),
            p_value=p_value,
            better=_better(interval, p_value, one.lower),
        )


def _value(scored: ItemScores) -> float:
    return math.fsum(scored.tops.values()) / math.fsum(scored.bottoms.values())


def _differences(one: ItemScores, other: ItemScores) -> list[float]:
    return [
        one.tops[item] / one.bottoms[item] - other.tops[item] / other.bottoms[item]
        for item in one.tops
    ]


def _intervals(
    pairs: Sequence[tuple[ItemScores, ItemScores]], confidence: float
) -> list[tuple[float, float] | None]:
    """Return the interval of each pair's difference."""
    import numpy as np

    def sums(scored: ItemScores) -> tuple[np.ndarray, np.ndarray]:
        return np.array(list(scored.tops.values())), np.array(list(scored.bottoms.values()))

    ratios = [pair for pair in pairs if not _counts_once(*pair)]
    paired = [(sums(one), sums(other)) for one, other in ratios]
    drawn = iter(paired_ratio_intervals(paired, confidence, RESAMPLES))
    return [
        _of_shares(one, other, confidence) if _counts_once(one, other) else next(drawn)
        for one, other in pairs
    ]


def _counts_once(one: ItemScores, other: ItemScores) -> bool:
    """Whether every item counts once, for both."""
    return set(one.bottoms.values()) == {1.0} == set(other.bottoms.values())


def _of_shares(one: ItemScores, other: ItemScores, confidence: float) -> tuple[float, float] | None:
    values = list(one.tops.values()), list(other.tops.values())
    interval = paired_difference(*values, confidence)[1]
    # Shares are between 0 and 1, and so no further apart.
    return interval and (max(-1.0, interval[0]), min(1.0, interval[1]))


def _better(
    interval: tuple[float, float] | None, p_value: float, lower: bool
) -> Literal["first", "second"] | None:
    if interval is None or p_value >= LEVEL or interval[0] <= 0 <= interval[1]:
        return None
    return "first" if (interval[1] < 0) == lower else "second"


def measurements_behind(store: Readable, results: Sequence[Result]) -> dict[str, Measurement]:
    """Return by key the measurements that rows name, as far as the store has them."""
    keys = dict.fromkeys(row.measurement for row in results if row.measurement)
    found = {key: store.get(key) for key in keys}
    return {key: each for key, each in found.items() if each is not None}


def compare_candidates(
    results: Sequence[Result], measurements: Mapping[str, Measurement]
) -> tuple[Comparison, ...]:
    """Return the comparisons of every two candidates on what both were measured on.

    Args:
        results: rows of a ledger.
        measurements: by key; see `measurements_behind`.
    """
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
