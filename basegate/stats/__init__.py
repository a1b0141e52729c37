"""Intervals, operating curves and paired comparison. scipy where it has the function."""

from basegate.stats.bootstrap import RESAMPLES, SEED, difference_interval, ratio_interval
from basegate.stats.e_process import accuracy_e_values
from basegate.stats.intervals import at_confidence, count_interval, effective_count, share_interval
from basegate.stats.operating_curves import (
    draws_needed,
    passing_probability,
    passing_probability_of_counts,
    passing_probability_of_share,
)
from basegate.stats.paired import holm, paired_difference, paired_ratio_intervals, sign_test

__all__ = [
    "RESAMPLES",
    "SEED",
    "accuracy_e_values",
    "at_confidence",
    "count_interval",
    "difference_interval",
    "draws_needed",
    "effective_count",
    "holm",
    "paired_difference",
    "paired_ratio_intervals",
    "passing_probability",
    "passing_probability_of_counts",
    "passing_probability_of_share",
    "ratio_interval",
    "share_interval",
    "sign_test",
]
