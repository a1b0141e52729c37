"""Times what the store costs a measurement of 1,000 samples, and what going on with it takes.

python -m benchmarks.keeping [--model llama-134m|llama-6b|tiny-yue] [--prompts 100]

Ten samples of every prompt, 32 new tokens each, with a journal on this disk: the seconds spent in
it and in putting the measurement into the store, of all seconds. Then the same again from the
finished journal, as a run that was killed at its end would: seconds, and the process's peak memory
beside that of the run that was not killed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.models import HELD, NAMES, load_bare
from benchmarks.sampling import DRAWING, NEW_TOKENS, SAMPLES, prompts
from benchmarks.timing import on_its_own, print_head, timed


class Timed:
    """A journal that counts the seconds spent in it."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._journal, name)

        def counted(*given: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*given)
            finally:
                self.seconds += time.perf_counter() - start

        return counted


def measure(name: str, count: int, place: str) -> dict[str, Any]:
    """Draw all samples with a journal in `place`, which may be finished already."""
    from basegate.config.settings import Sampling
    from basegate.engines.sampling import Sampler, SampleRequest
    from basegate.store.file_batch_cache import FileBatchCache

    given = {key: value for key, value in DRAWING.items() if key != "do_sample"}
    sampling = Sampling(samples=SAMPLES, max_new_tokens=NEW_TOKENS, **given)
    model = load_bare(name)
    asked = [SampleRequest(ids, list(range(SAMPLES))) for ids in prompts(count, name)]
    sampler = Sampler(model, [], lambda ids: "")
    sampler.draw(asked[:1], sampling, lambda amount=1, kept=False: None)  # warm up
    journal = Timed(FileBatchCache(Path(place) / "journal.jsonl", "key"))
    found = timed(
        lambda: sampler.draw(asked, sampling, lambda amount=1, kept=False: None, journal),
        model.device.type,
    )
    kept = time.perf_counter()
    _put(found.pop("result"), Path(place))
    return {**found, "journal": journal.seconds, "store": time.perf_counter() - kept}


def _put(drawn: list[list[list[int]]], place: Path) -> None:
    """Put a measurement with all these samples into a store."""
    from basegate.measurement import CandidateFacts, Findings, Measurement, Metric, Sample
    from basegate.serialization import digest
    from basegate.store.folder import Store

    samples = tuple(
        Sample(item=f"q{row}", prompt="p" * 300, text=" ".join(map(str, ids)), seed=number)
        for row, rows in enumerate(drawn)
        for number, ids in enumerate(rows)
    )
    identity = {"benchmark": len(samples)}
    facts = CandidateFacts(
        name="one", source="a/b", quantization="nf4", dtype="bfloat16", device="cpu"
    )
    Store(place).put(
        Measurement(
            key=digest(identity),
            check="knowledge",
            item="bank",
            candidate=facts,
            findings=Findings(metrics=(Metric(name="m", value=1.0, unit="u"),), samples=samples),
            identity=identity,
            environment={},
            seconds=1.0,
            measured_at=datetime.now(UTC).isoformat(),
        )
    )


def main() -> None:
    """Print the figures, or measure once for them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=NAMES, default=NAMES[0])
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--place", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.place:
        print(json.dumps(measure(given.model, given.prompts, given.place)))
        return
    print_head(
        f"{given.prompts * SAMPLES} samples of {NEW_TOKENS} tokens, {given.model} in "
        f"{HELD[given.model]}"
    )
    print(f"{'':<20} {'seconds':>8} {'journal':>8} {'store':>8} {'share':>7} {'GiB at most':>12}")
    with tempfile.TemporaryDirectory() as place:
        for way in ("measured", "from the journal"):
            options = ("--model", given.model, "--prompts", str(given.prompts), "--place", place)
            found = on_its_own("benchmarks.keeping", *options)
            whole = found["seconds"] + found["store"]
            share = (found["journal"] + found["store"]) / whole * 100
            print(
                f"{way:<20} {whole:8.2f} {found['journal']:8.3f} {found['store']:8.3f} "
                f"{share:6.2f}% {found['memory']:12.2f}"
            )


if __name__ == "__main__":
    main()
