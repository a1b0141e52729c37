"""A small run with something of everything that a ledger can hold, the same every time."""

from __future__ import annotations

from basegate.i18n.messages import Message
from basegate.judging.judge import invalid
from basegate.judging.ledger_builder import CandidateRecords, build_ledger
from basegate.ledger import Comparison, Ledger, Record, Suite, ThresholdsFile
from basegate.measurement import CandidateFacts, LoadedFile, SampleSize
from basegate.stats.intervals import count_interval
from basegate.verdict import Result

CHECKS = (("perplexity", "wiki"), ("knowledge", "must-know"), ("continuation", "continuation"))
NOTE = "sampling and likelihood disagree by 31 points: look at the answers."


def make_ledger(*, interrupted: bool = False) -> Ledger:
    """Return the ledger of a run of two candidates and one of an earlier run.

    `yi-6b` passes, `llama-2-7b` fails in every way there is, and `old-7b` comes from the store.
    """
    suite = Suite(
        version="0.2.0",
        thresholds=ThresholdsFile(path="thresholds.toml", sha256="0123456789abcdef" * 4),
        command="pytest --model yi-6b,llama-2-7b --compare old-7b",
        interrupted=interrupted,
    )
    records = [
        Record(
            candidate=facts("yi-6b", "01-ai/Yi-6B", 5),
            results=(bits("yi-6b", 4.1, "pass"), correct("yi-6b", "capital", 7, 7, "pass")),
        ),
        Record(candidate=facts("yi-6b", "01-ai/Yi-6B", 5), results=(cantonese("yi-6b", 0.875),)),
        Record(
            candidate=facts("llama-2-7b", "meta-llama/Llama-2-7b-hf", 6),
            results=(
                bits("llama-2-7b", 5.004, "inconclusive"),
                correct("llama-2-7b", "capital", 3, 7, "fail"),
                correct("llama-2-7b", "harbour", 7, 8, "pass"),
                broken("llama-2-7b"),
            ),
        ),
        Record(candidate=facts("old-7b", "./old-7b", 7), results=(bits("old-7b", 4.75, "pass"),)),
    ]
    return build_ledger(
        suite,
        {"python": "3.11.9", "torch": "2.13.0", "device": "cuda", "gpu": None},
        CHECKS,
        [
            CandidateRecords(records[0].candidate, records),
            CandidateRecords(records[2].candidate, records),
            CandidateRecords(records[3].candidate, records, "2026-01-02T03:04:05+00:00"),
        ],
        (
            compared("yi-6b", "llama-2-7b", (4.1, 5.004), "first"),
            compared("yi-6b", "old-7b", (4.1, 4.75), None),
            compared("llama-2-7b", "old-7b", (5.004, 4.75), "second"),
        ),
    )


def facts(name: str, source: str, gibibytes: int) -> CandidateFacts:
    return CandidateFacts(
        name=name,
        source=source,
        revision="89abcdef" * 5,
        quantization="nf4",
        dtype="bfloat16",
        device="cuda",
        load_seconds=20.5,
        peak_memory_bytes=gibibytes * 2**30,
        weights="safetensors",
        files=(LoadedFile(name="config.json", bytes=650, sha256="0f" * 32),),
    )


def bits(candidate: str, value: float, verdict: str) -> Result:
    return Result(
        candidate=candidate,
        check="perplexity",
        item="wiki",
        metric="bits_per_char",
        value=value,
        unit="bits_per_char",
        limit=5.0,
        direction="max",
        verdict=verdict,
        interval=(value - 0.125, value + 0.125),
        seconds=61.5,
        measurement="c0ffee" * 10 + "beef",
        sample_size=SampleSize(kind="documents", n=60),
        why="the article's corpus",
    )


def correct(candidate: str, question: str, right: int, drawn: int, verdict: str) -> Result:
    chances = count_interval(right, 10, open_draws=10 - drawn)
    return Result(
        candidate=candidate,
        check="knowledge",
        item=f"must-know/{question}",
        metric="correct",
        value=right,
        unit="correct",
        limit=7,
        direction="min",
        verdict=verdict,
        interval=(round(chances[0] * 10, 3), round(chances[1] * 10, 3)),
        measurement="beef" * 16,
        sample_size=SampleSize(kind="questions", n=2, samples_each=10, at_most=True),
        notes=(NOTE,) if verdict == "fail" else (),
        count=10,
        n_generated=drawn,
        curve=((0.5, 0.171875), (0.9, 0.987205)),
    )


def cantonese(candidate: str, share: float) -> Result:
    return Result(
        candidate=candidate,
        check="continuation",
        item="continuation",
        metric="cantonese_share",
        value=share,
        unit="fraction",
        limit=0.5,
        direction="min",
        verdict="pass",
        interval=(share - 0.0625, share + 0.0625),
        measurement="f00d" * 16,
        sample_size=SampleSize(kind="prompts", n=20, samples_each=8),
        count=20,
    )


def broken(candidate: str) -> Result:
    reason = Message(
        "{found} of {count} samples are degenerate (such as {example})",
        found=150,
        count=160,
        example=repr("!!!"),
    )
    return invalid(candidate, "continuation", "continuation", reason, "dead" * 16)


def compared(first: str, second: str, values: tuple[float, float], better) -> Comparison:
    difference = values[0] - values[1]
    return Comparison(
        first=first,
        second=second,
        check="perplexity",
        part="wiki",
        metric="bits_per_char",
        unit="bits_per_char",
        items=60,
        first_value=values[0],
        second_value=values[1],
        difference=difference,
        interval=(difference - 0.1, difference + 0.1),
        confidence=1 - 0.05 / 3,
        comparisons=3,
        p_value=0.0125,
        better=better,
    )
