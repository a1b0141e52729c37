"""The best figure that a null model reaches in every metric that is judged.

A limit that it meets, or a candidate that is no better, says nothing of what the check is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from basegate.judging.comparison import alike
from basegate.ledger import NullFigure
from basegate.measurement import Measurement
from basegate.verdict import Result


def best_nulls(
    rows: Iterable[Result], behind: Mapping[str, Measurement], stored: Iterable[Measurement]
) -> tuple[NullFigure, ...]:
    """One figure per metric with a limit, of stored measurements of null models.

    They have to be of the same check, settings and data as what was judged. Counts of single
    questions are left out: how many samples were drawn depends on the verdict.

    Args:
        rows: what was judged, in the order of the figures.
        behind: the measurements that the rows are based on, by key.
        stored: measurements, of null models or not.
    """
    nulls = [each for each in stored if each.candidate.is_null]
    found: dict[tuple[str, str, str], NullFigure] = {}
    for row in rows if nulls else ():
        place = (row.check, row.part, row.metric)
        measured = behind.get(row.measurement or "")
        if row.limit is None or row.question or measured is None or place in found:
            continue
        figures = [
            NullFigure(
                check=row.check,
                item=row.part,
                metric=row.metric,
                unit=metric.unit,
                value=metric.value,
                candidate=each.candidate.name,
                asked_in_part=bool(each.findings.facts.get("not_asked")),
            )
            for each in nulls
            if alike(each, measured)
            for metric in each.findings.metrics
            if (metric.name, metric.item) == (row.metric, "") and metric.value is not None
        ]
        best = min if row.direction == "max" else max
        if figures:
            found[place] = best(figures, key=lambda figure: figure.value)
    return tuple(found.values())
