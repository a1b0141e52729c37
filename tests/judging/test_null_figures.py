"""What the best null model reaches: of the same check, settings and data, on each limit's side."""

from __future__ import annotations

import pytest

from basegate.judging.null_figures import best_nulls
from basegate.measurement import CandidateFacts, Findings, Measurement, Metric
from basegate.verdict import Result

SAME = {"measure": {"name": "perplexity", "version": 1}, "settings": {}, "data": "sha256:1"}


def measured(name, value, engine="null", metric="bits_per_char", item="", **identity):
    return Measurement(
        key=f"{name} {value}",
        check="perplexity",
        item="wiki",
        candidate=CandidateFacts(
            **{"name": name, "source": name, "engine": engine},
            **{"quantization": "none", "dtype": "float64", "device": "cpu"},
        ),
        findings=Findings(metrics=(Metric(metric, value, "bits_per_char", item=item),)),
        identity={**SAME, "candidate": {"source": name}, **identity},
        environment={},
        seconds=1.0,
        measured_at="2026-11-30T00:00:00+00:00",
    )


JUDGED = measured("yi-6b", 4.0, "transformers")


def row(**fields):
    given = {"check": "perplexity", "item": "wiki", "metric": "bits_per_char", "value": 4.0}
    given |= {"limit": 5.0, "direction": "max", "measurement": JUDGED.key}
    return Result(candidate="yi-6b", verdict="pass", **given | fields)


def figures(*stored, **fields):
    return best_nulls([row(**fields)] * 2, {JUDGED.key: JUDGED}, [JUDGED, *stored])


@pytest.mark.parametrize(("direction", "best"), [("max", ("b", 7.5)), ("min", ("a", 9.0))])
def test_the_best_is_the_nearest_to_the_right_side_of_the_limit(direction, best):
    nulls = [measured("a", 9.0), measured("b", 7.5), measured("c", 8.0)]
    [found] = figures(*nulls, direction=direction)
    assert (found.candidate, found.value) == best
    assert (found.check, found.item, found.metric) == ("perplexity", "wiki", "bits_per_char")


def test_what_was_asked_in_part_is_marked():
    part = measured("a", 9.0)
    part = part.model_copy(update={"findings": part.findings.noting(not_asked=80)})
    assert [figures(each)[0].asked_in_part for each in (part, measured("a", 9.0))] == [True, False]


def test_other_data_settings_and_metrics_do_not_count():
    others = [
        measured("data", 1.0, data="sha256:2"),
        measured("settings", 1.0, settings={"window": 4}),
        measured("version", 1.0, measure={"name": "perplexity", "version": 2}),
        measured("metric", 1.0, metric="gap"),
        measured("topic", 1.0, item="harbour"),
        measured("none", None),
    ]
    assert figures(*others) == ()
    [found] = figures(*others, measured("same", 9.0))
    assert found.candidate == "same"


@pytest.mark.parametrize(
    "fields",
    [{"limit": None, "direction": None}, {"item": "wiki/q1"}, {"measurement": "damaged"}],
)
def test_only_limits_on_the_whole_that_rest_on_something_have_one(fields):
    assert figures(measured("a", 9.0), **fields) == ()


def test_without_null_models_there_is_none():
    assert figures() == ()
