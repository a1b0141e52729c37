"""Times `store list` and `judge`, whole processes, on a store of many measurements.

python -m benchmarks.store [--measurements 10000] [--runs 7]

Every measurement of the synthetic store is of a real check and answers it, so that all of them are
judged: 20 candidates, each on as many checks as it takes.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from basegate.checks.identity import identify_check, identify_software
from basegate.config.thresholds import load_thresholds
from basegate.measurement import (
    CandidateFacts,
    Findings,
    LoadedFile,
    Measurement,
    Metric,
    Sample,
    SampleSize,
)
from basegate.runner.measure import environment
from basegate.serialization import digest
from basegate.stats.intervals import count_interval
from basegate.store import file_format as files
from basegate.store.file_format import Evidence
from basegate.store.folder import Store
from benchmarks.startup import row, seconds
from benchmarks.timing import print_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from basegate.config.settings import CheckConfig

CANDIDATES = 20
_BAR = "< 2"
_QUESTIONS = 30
"""Of a bank that is judged as a whole."""
_SINGLE = 8
"""Questions of a bank of which each is judged alone."""
_WITH_SAMPLES = 4
"""One of so many measurements has its samples beside it, as many bytes as the demonstration's."""


_SINGLY = "samples = 10\ncorrect = 7"
_AS_A_WHOLE = "samples = 4\nmin_accuracy = 0.5"
_TABLES = (
    *(
        5
        * ["[perplexity.corpora.{0}]\npath = '{0}.txt'\nmax_bits_per_char = 5\nmax_perplexity = 60"]
    ),
    "[minimal_pairs.banks.{0}]\npairs = '{0}.jsonl'\nmin_preferred = 0.6",
    f"[knowledge.banks.{{0}}]\nquestions = '{{0}}.jsonl'\n{_SINGLY}",
    f"[knowledge.banks.{{0}}]\nquestions = '{{0}}.jsonl'\n{_AS_A_WHOLE}",
    f"[reasoning.banks.{{0}}]\nproblems = '{{0}}.jsonl'\n{_SINGLY}",
    f"[reasoning.banks.{{0}}]\nproblems = '{{0}}.jsonl'\n{_AS_A_WHOLE}",
)
"""Of ten checks: half are of perplexity; the others are a bank each."""


def thresholds_of(count: int, folder: Path) -> Path:
    """Write a thresholds file with so many checks, and their data; return its path."""
    tables = []
    for number in range(count):
        name = f"item-{number}"
        tables.append(_TABLES[number % len(_TABLES)].format(name))
        for suffix in ("txt", "jsonl"):
            (folder / f"{name}.{suffix}").write_text(f'{{"id": "{name}"}}\n')
    path = folder / "thresholds.toml"
    path.write_text("\n".join(tables) + "\n")
    return path


def findings_of(check: CheckConfig, draw: random.Random) -> Findings:
    """Return numbers such as a check finds, with no samples."""
    if check.name == "perplexity":
        bits = draw.uniform(3.5, 6.5)
        return Findings(
            metrics=(
                _metric("bits_per_char", bits, "bits_per_char"),
                _metric("perplexity", 12 * bits, "token perplexity"),
                _metric("bits_per_byte", bits / 3, "bits per byte"),
                Metric(name="tokens_per_char", value=1.83, unit="tokens_per_char"),
                Metric(
                    name="article_perplexity", value=88.5, unit="never judged", informative=True
                ),
            ),
            facts={"documents": 120, "tokens": 81_234, "characters": 44_390},
            sample_size=SampleSize(kind="documents", n=120),
        )
    if check.name == "minimal_pairs":
        return Findings(
            metrics=(Metric.share("preferred_share", draw.random(), count=180, worth=180),),
            facts={"pairs": 180},
            sample_size=SampleSize(kind="pairs", n=180),
        )
    return _answers(check, draw)


def _metric(name: str, value: float, unit: str) -> Metric:
    return Metric(name=name, value=value, unit=unit, interval=(value * 0.97, value * 1.03))


def _answers(check: CheckConfig, draw: random.Random) -> Findings:
    most = check.settings.sampling.samples
    count = _QUESTIONS if most == 4 else _SINGLE
    skill = draw.random()
    right = [sum(draw.random() < skill for _ in range(most)) for _ in range(count)]
    accuracy = Metric.share(
        "accuracy",
        sum(right) / count / most,
        count=count,
        worth=60.0,
        degrees=count - 1,
    )
    broken = Metric(name="degenerate_share", value=0.0, unit="fraction", count=count * most)
    counts = [_count(f"question-{number}", each, most) for number, each in enumerate(right)]
    return Findings(
        metrics=(accuracy, *counts, broken),
        facts={"questions": count, "left_out": 0, "no_answer": 3, "not_drawn": 0},
        sample_size=SampleSize(kind="questions", n=count, samples_each=most),
    )


_interval = cache(count_interval)


def _count(item: str, right: int, most: int) -> Metric:
    low, high = _interval(right, most)
    return Metric(
        name="correct",
        value=float(right),
        unit="correct",
        item=item,
        interval=(low * most, high * most),
        count=most,
        drawn=most,
    )


def candidate(number: int) -> CandidateFacts:
    """Return how a candidate was loaded."""
    names = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
    weights = tuple(f"model-0000{part}-of-00003.safetensors" for part in (1, 2, 3))
    return CandidateFacts(
        name=f"candidate-{number}b",
        source=f"owner/candidate-{number}b",
        revision=hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest(),
        quantization="nf4",
        dtype="bfloat16",
        device="cuda",
        load_seconds=41.5 + number,
        peak_memory_bytes=6 * 2**30 + number,
        weights="safetensors",
        files=tuple(
            LoadedFile(name=name, bytes=4_490_744, sha256=digest([number, name]))
            for name in (*names, *weights)
        ),
    )


def fill(store: Store, checks: Sequence[CheckConfig]) -> int:
    """Write a measurement of every candidate on every check; return bytes."""
    draw = random.Random(0)
    machine = environment("cpu")
    loaded = [candidate(number) for number in range(CANDIDATES)]
    store.measurements.mkdir(parents=True)
    for check in checks:
        asked = {**identify_check(check), **identify_software(check.name)}
        for facts in loaded:
            held = facts.model_dump(include={"source", "revision", "quantization", "dtype"})
            identity = {"candidate": {**held, "device": facts.device}, **asked}
            measurement = Measurement(
                key=digest(identity),
                check=check.name,
                item=check.item,
                candidate=facts,
                findings=findings_of(check, draw),
                identity=identity,
                environment=machine,
                seconds=draw.uniform(1, 600),
                measured_at="2026-11-25T17:13:15+00:00",
            )
            _write(store, measurement, draw.randrange(_WITH_SAMPLES) == 0)
    return sum(path.stat().st_size for path in store.measurements.iterdir())


def _write(store: Store, measurement: Measurement, with_samples: bool) -> None:
    """Write as `Store.put` does, but without waiting for the disk ten thousand times."""
    stem = f"{measurement.candidate.name}.{measurement.check}.{measurement.item}"
    stem = f"{stem}.{measurement.key[:16]}"
    evidence = None
    if with_samples:
        sample = Sample(
            item="question-0", prompt="一定係？" * 20, text="答案是A。" * 10, seed=2**62
        )
        text = files.write_evidence(Findings(metrics=(), samples=(sample,) * 40))
        checksum = hashlib.sha256(text.encode()).hexdigest()
        name = f"{stem}.{checksum[:8]}.samples.jsonl"
        (store.measurements / name).write_text(text, encoding="utf-8")
        evidence = Evidence(file=name, sha256=checksum, lines=40)
    text = files.write(measurement, evidence)
    (store.measurements / f"{stem}.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measurements", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = thresholds_of(options.measurements // CANDIDATES, Path(folder))
        store = Store(Path(folder) / "store")
        size = fill(store, load_thresholds(path).checks)
        place = ("--store", str(store.folder))
        commands = {
            "store list": ("store", "list"),
            "store list --json": ("store", "list", "--json"),
            "judge": ("judge", "--thresholds", str(path)),
            "judge, one candidate": ("judge", "--thresholds", str(path), "--model", "candidate-7b"),
        }
        print_head(
            f"{len(store.paths()):,} measurements of {CANDIDATES} candidates, {size / 1e6:.0f} MB"
        )
        print(f"{'seconds of wall time':<44} {'median':>7} {'min':>7} {'max':>7}   bar")
        for name, command in commands.items():
            whole = (sys.executable, "-m", "basegate", *command, *place)
            print(row(name, [seconds(whole) for _ in range(options.runs)], _BAR))


if __name__ == "__main__":
    main()
