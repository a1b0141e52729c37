"""Runs a candidate: loads it in a process of its own, checks that it is sane, measures it."""
