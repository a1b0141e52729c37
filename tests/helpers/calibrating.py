"""Measurements of good and bad candidates, and what is suggested for a check by them."""

from dataclasses import replace

from basegate.config.thresholds import load_thresholds
from basegate.judging.calibration import calibrate, usable
from basegate.measurement import Findings, Metric
from tests.helpers.stored import candidate, make_project, measurement


def suggested(
    folder, check, good, bad=None, *, margin=0.1, guessing=(), stop_early=True, **changes
):
    """Return the suggestion for the one limit of a check, from findings by name."""
    thresholds = make_project(folder)
    loaded = load_thresholds(thresholds)
    asked = next(each for each in loaded.checks if each.name == check)
    given = loaded.common_limits[check, asked.item]
    limits = tuple(replace(each, **changes) for each in given)
    asked = asked.model_copy(update={"stop_early": stop_early})
    sides = []
    for side in (good, bad or {}):
        measured = {
            name: found and measurement(thresholds, check, found, candidate(name))
            for name, found in side.items()
        }
        sides.append(usable(asked, limits, measured)[0])
    [found] = calibrate(asked, limits, *sides, margin, guessing)
    return found


def number(value, low=None, high=None):
    interval = None if low is None else (low, high)
    metric = Metric(name="bits_per_char", value=value, unit="bits_per_char", interval=interval)
    return Findings(metrics=(metric,))


def share_of(value, low, high, count):
    unit = "fraction"
    metric = Metric(name="bits_per_char", value=value, unit=unit, interval=(low, high), count=count)
    return Findings(metrics=(metric,))


def counts(*right_of_drawn, samples=10):
    metrics = [
        Metric(
            name="correct",
            value=float(right),
            unit="correct",
            item=f"q{place}",
            count=samples,
            drawn=drawn,
        )
        for place, (right, drawn) in enumerate(right_of_drawn)
    ]
    left = sum(samples - drawn for _, drawn in right_of_drawn)
    return Findings(metrics=tuple(metrics), facts={"not_drawn": left})
