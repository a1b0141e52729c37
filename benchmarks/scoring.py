"""Times perplexity of 16,384 tokens in windows of 2,048 with 512 tokens of context.

python -m benchmarks.scoring [--tokens 16384]

Bare forward passes over the same windows (the whole model, logits, nothing more) beside basegate,
each in a process of its own, with seconds and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.models import llama

ROOT = Path(__file__).parent.parent
WINDOW, CONTEXT = 2048, 512
PREFIX = [1]


def text(tokens: int) -> list[int]:
    """Return random tokens, the same every time."""
    import torch

    torch.manual_seed(1)
    return torch.randint(5, 32_000, (tokens,)).tolist()


def bare(model: Any, ids: list[int]) -> None:
    """Run the model over the windows that basegate scores, in its batches."""
    import torch

    from basegate.engines.local import BATCH_TOKENS
    from basegate.windows import plan_windows

    plan = plan_windows(len(ids), window=WINDOW, context=CONTEXT, prefix=1)
    size = max(1, BATCH_TOKENS[model.device.type] // WINDOW)
    for start in range(0, len(plan), size):
        rows = [[*PREFIX, *ids[each.begin : each.end]] for each in plan[start : start + size]]
        longest = max(map(len, rows))
        inputs = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        with torch.inference_mode():
            model(inputs.to(model.device), use_cache=False)


def basegate(model: Any, ids: list[int]) -> None:
    """Score the text with basegate."""
    import numpy as np

    from basegate.engines.local import BATCH_TOKENS
    from basegate.engines.scoring import Scorer
    from basegate.windows import plan_windows

    plan = plan_windows(len(ids), window=WINDOW, context=CONTEXT, prefix=1)
    scorer = Scorer(model, PREFIX, BATCH_TOKENS[model.device.type])
    (scores,) = scorer.score([ids], [plan], lambda amount=1: None)
    assert np.isfinite(scores).all()
    assert len(scores) == len(ids)


WAYS = {"bare forward passes": bare, "basegate": basegate}


def measure(way: str, tokens: int) -> dict[str, float]:
    """Time one way in this process; return seconds and peak memory in GiB."""
    import torch

    from basegate.memory import PeakMemory

    model = llama()
    WAYS[way](model, text(WINDOW))  # warm up
    peak = PeakMemory(model.device.type)
    peak.start()
    start = time.perf_counter()
    WAYS[way](model, text(tokens))
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return {"seconds": time.perf_counter() - start, "memory": (peak.read() or 0) / 2**30}


def main() -> None:
    """Print the table, or measure one way for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=16_384)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measure(given.way, given.tokens)))
        return
    print(f"{os.cpu_count()} CPUs, {platform.machine()}, {given.tokens} tokens")
    print(f"{'':<24} {'seconds':>8} {'GiB at most':>12}")
    for way in WAYS:
        command = [sys.executable, "-m", "benchmarks.scoring", "--way", way]
        done = subprocess.run(
            [*command, "--tokens", str(given.tokens)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"{way:<24} {found['seconds']:8.1f} {found['memory']:12.2f}")


if __name__ == "__main__":
    main()
