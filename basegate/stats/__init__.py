"""Intervals, operating curves and paired comparison. scipy where it has the function."""
