"""Candidates and comparisons that a recommendation is made from."""

from __future__ import annotations

from basegate.ledger import CandidateEntry, Comparison


def entry(name, verdict="pass", memory=None, not_run=()):
    return CandidateEntry(
        name=name,
        source=name,
        quantization="nf4",
        dtype="bfloat16",
        device="cpu",
        peak_memory_bytes=memory,
        verdict=verdict,
        not_run=not_run,
    )


def better(first, second, metric="bits_per_char"):
    return Comparison(
        first=first,
        second=second,
        check="perplexity",
        part="wiki",
        metric=metric,
        unit="",
        items=40,
        first_value=4.0,
        second_value=5.0,
        difference=-1.0,
        interval=(-1.2, -0.8),
        confidence=0.95,
        comparisons=1,
        p_value=0.001,
        better="first",
    )
