"""Measurements as a run would have stored them, of a small project, without any model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from basegate.checks.identity import identify_check, identify_software
from basegate.config.thresholds import load_thresholds
from basegate.measurement import (
    CandidateFacts,
    Findings,
    Measurement,
    Metric,
    OptionScores,
    Preference,
    Sample,
    SampleSize,
)
from basegate.serialization import digest

if TYPE_CHECKING:
    from pathlib import Path

THRESHOLDS = """
[perplexity]
[perplexity.corpora.wiki]
path = "corpus.txt"
max_bits_per_char = 5.0

[knowledge.banks.facts]
questions = "questions.jsonl"
samples = 10
correct = 7

[minimal_pairs.banks.pairs]
pairs = "pairs.jsonl"
min_preferred = 0.5
"""


LIKELY = {"A": -1.0, "B": -2.0}
"""Log-probabilities of the options of a question."""


def make_project(root: Path, thresholds: str = THRESHOLDS) -> Path:
    """Write thresholds and data; return the path of the thresholds."""
    for name in ("corpus.txt", "questions.jsonl", "pairs.jsonl", "problems.jsonl"):
        (root / name).write_text(f'{{"id": "{name}"}}\n', encoding="utf-8")
    path = root / "thresholds.toml"
    path.write_text(thresholds, encoding="utf-8")
    return path


def candidate(name="yi-6b", quantization="nf4", revision="a" * 40):
    return CandidateFacts(
        name=name,
        source="01-ai/Yi-6B",
        revision=revision,
        quantization=quantization,
        dtype="bfloat16",
        device="cuda",
        load_seconds=1.0,
        peak_memory_bytes=2**30,
    )


def measurement(
    thresholds: Path,
    check: str,
    findings: Findings,
    facts: CandidateFacts | None = None,
    *,
    torch: str | None = None,
    measured_at: str = "2026-01-01T00:00:00+00:00",
    **changes: object,
) -> Measurement:
    """Return what a run would have stored of a check's first item."""
    facts = facts or candidate()
    asked = next(each for each in load_thresholds(thresholds).checks if each.name == check)
    software = identify_software(check)
    if torch is not None:
        software["libraries"]["torch"] = torch
    identity = {
        "candidate": {
            "revision": facts.revision,
            "quantization": facts.quantization,
            "dtype": facts.dtype,
            "device": facts.device,
        },
        **identify_check(asked),
        **software,
        **changes,
    }
    return Measurement(
        key=digest(identity),
        check=check,
        item=asked.item,
        candidate=facts,
        findings=findings,
        identity=identity,
        environment={"platform": "Linux x86_64", "gpu": None},
        seconds=1.5,
        measured_at=measured_at,
    )


def perplexity(bits: float = 4.0) -> Findings:
    return Findings(
        metrics=(
            Metric(
                name="bits_per_char",
                value=bits,
                unit="bits_per_char",
                interval=(bits - 0.1, bits + 0.1),
            ),
            Metric(name="perplexity", value=30.0, unit="token perplexity"),
        ),
        facts={"documents": 12, "tokens": 1830, "characters": 1000},
        sample_size=SampleSize(kind="documents", n=12),
    )


def answers(right: int = 7, drawn: int = 7, text: str = "A", broken: int = 0) -> Findings:
    """Return findings of one question with 10 samples, of which so many are drawn and right."""
    samples = tuple(
        Sample(
            item="q1",
            prompt="一定係？",
            text="!!!!!!!!" if number < broken else text,
            answer="A" if number < right else "B",
            expected="A",
            seed=number,
            degenerate=number < broken,
        )
        for number in range(drawn)
    )
    return Findings(
        metrics=(
            Metric(
                name="correct",
                value=float(right),
                unit="correct",
                item="q1",
                count=10,
                drawn=drawn,
            ),
            Metric(
                name="degenerate_share",
                value=broken / drawn,
                unit="fraction",
                count=drawn,
            ),
        ),
        samples=samples,
        choices=(OptionScores(item="q1", expected="A", letters=LIKELY, texts=LIKELY),),
        facts={"questions": 1, "not_drawn": 10 - drawn},
        sample_size=SampleSize(kind="questions", n=1, samples_each=10, at_most=True),
    )


def pairs(share: float = 0.9) -> Findings:
    return Findings(
        metrics=(Metric.share("preferred_share", share, count=180, worth=180),),
        preferences=(
            Preference(item="p1", kind="k", right="對", wrong="錯", right_bits=1.0, wrong_bits=2.0),
        ),
        facts={"pairs": 180},
        sample_size=SampleSize(kind="pairs", n=180),
    )


FINDINGS = {"perplexity": perplexity, "knowledge": answers, "minimal_pairs": pairs}


def as_schema_1(made: Measurement) -> str:
    """Return the file that an older basegate wrote of a measurement: all in one, no checksum."""
    fields = made.model_dump(mode="json")
    fields["schema_version"] = 1
    return json.dumps(fields, ensure_ascii=False, indent=1)


def fill(store, thresholds, facts=None, **findings):
    """Store an answer to every check; `findings` says otherwise for some, `None` for none."""
    chosen = {check: make() for check, make in FINDINGS.items()} | findings
    for check, found in chosen.items():
        if found is not None:
            store.put(measurement(thresholds, check, found, facts))


def make_measurement(value=1.0, name="yi-6b", item="wikipedia-yue", **identity):
    """One number of perplexity, under a key of these parts."""
    identity = {"candidate": "one", **identity}
    return Measurement(
        key=digest(identity),
        check="perplexity",
        item=item,
        candidate=CandidateFacts(
            name=name, source="a/b", quantization="nf4", dtype="bfloat16", device="cpu"
        ),
        findings=Findings(metrics=(Metric(name="m", value=value, unit="u"),)),
        identity=identity,
        environment={"python": "3.11", "gpu": None},
        seconds=0.5,
        measured_at="2026-01-01T00:00:00+00:00",
    )
