"""Rows, candidates, ledgers and measurements of a few values, for tests of what is made of them."""

from basegate.ledger import CandidateEntry, Ledger, Suite, ThresholdsFile
from basegate.measurement import CandidateFacts, Findings, Measurement, Metric
from basegate.verdict import Result


def row(verdict="pass", **fields):
    given = {
        "candidate": "yi-6b",
        "check": "perplexity",
        "item": "wiki",
        "metric": "bits_per_char",
        "value": 4.25,
        "unit": "bits_per_char",
        "limit": 5.5,
        "direction": "max",
    }
    return Result(verdict=verdict, **{**given, **fields})


def entry(name="yi-6b", verdict="pass", **fields):
    given = {"source": "a/b", "quantization": "nf4", "dtype": "bfloat16", "device": "cpu"}
    return CandidateEntry(name=name, verdict=verdict, **{**given, **fields})


def make_ledger(*rows, entries=None, environment=None, path="t.toml"):
    return Ledger(
        suite=Suite(
            version="1", thresholds=ThresholdsFile(path=path, sha256="0"), command="pytest"
        ),
        environment=environment or {},
        candidates=tuple(entries or [entry()]),
        results=rows,
    )


def make_measurement(*samples, metrics=None, **found):
    return Measurement(
        key="0" * 64,
        check="knowledge",
        item="bank",
        candidate=CandidateFacts(
            name="yi-6b", source="a/b", quantization="nf4", dtype="bfloat16", device="cpu"
        ),
        findings=Findings(
            metrics=metrics
            or (Metric(name="correct", value=1.0, unit="correct", drawn=2, item="q1"),),
            samples=samples,
            **found,
        ),
        identity={},
        environment={},
        seconds=1.25,
        measured_at="2026-01-01T00:00:00+00:00",
    )
