"""Times 10 samples of 20 prompts of 300 tokens, 32 new tokens each.

python -m benchmarks.sampling

Side by side: the article's loop of single calls, `generate(num_return_sequences=10)`, and basegate.
The slower two are timed on a part (--part of the prompts) and scaled, which is said in the table.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from typing import TYPE_CHECKING, Any

from benchmarks.models import llama

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPTS, SAMPLES, PROMPT_TOKENS, NEW_TOKENS = 20, 10, 300, 32
STOP = 2


def prompts() -> list[list[int]]:
    """Return random prompts, the same every time."""
    import torch

    torch.manual_seed(1)
    return [torch.randint(5, 32_000, (PROMPT_TOKENS,)).tolist() for _ in range(PROMPTS)]


def basegate(model: Any, asked: list[list[int]]) -> None:
    """Draw all samples of all prompts with basegate."""
    from basegate.engines.drawing import Asked, Sampler
    from basegate.settings import Sampling

    sampling = Sampling(
        samples=SAMPLES, temperature=0.9, top_k=50, top_p=0.95, max_new_tokens=NEW_TOKENS
    )
    seeds = list(range(SAMPLES))
    # Without a stop token every sample has its 32 tokens, as in the other two.
    drawn = Sampler(model, [], lambda ids: "").draw(
        [Asked(ids, seeds) for ids in asked], sampling, lambda amount=1: None
    )
    assert all(len(row) == NEW_TOKENS for rows in drawn for row in rows)


def generated(model: Any, asked: list[list[int]], at_once: int) -> None:
    """Draw with transformers' own generate, so many samples of a prompt at once."""
    import torch

    for ids in asked:
        for _ in range(SAMPLES // at_once):
            with torch.inference_mode():
                model.generate(
                    torch.tensor([ids], device=model.device),
                    num_return_sequences=at_once,
                    do_sample=True,
                    temperature=0.9,
                    top_k=50,
                    top_p=0.95,
                    max_new_tokens=NEW_TOKENS,
                    min_new_tokens=NEW_TOKENS,
                    pad_token_id=0,
                )


def seconds(call: Callable[[], None]) -> float:
    """Return the wall time of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=int, default=2, help="prompts that the slow ways are given")
    part = parser.parse_args().part
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    model, asked = llama(), prompts()
    generated(model, asked[:1], SAMPLES)  # warm up
    rows = {
        "basegate": (PROMPTS, seconds(lambda: basegate(model, asked))),
        "generate(num_return_sequences=10)": (
            part,
            seconds(lambda: generated(model, asked[:part], SAMPLES)),
        ),
        "the article's loop of single calls": (
            part,
            seconds(lambda: generated(model, asked[:part], 1)),
        ),
    }
    best = rows["basegate"][1]
    print(f"torch {torch.__version__}, {os.cpu_count()} CPUs, {platform.machine()}, {model.device}")
    print(f"{'200 samples of 32 tokens':<38} {'seconds':>8} {'times':>6}   timed on")
    for name, (count, took) in rows.items():
        whole = took * PROMPTS / count
        print(f"{name:<38} {whole:8.1f} {whole / best:6.1f}   {count} of {PROMPTS} prompts")


if __name__ == "__main__":
    main()
