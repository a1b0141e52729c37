"""Times 10 samples of 20 prompts of 300 tokens, 32 new tokens each.

python -m benchmarks.sampling [--part 2] [--prompts 20] [--model llama-134m|llama-6b|tiny-yue]

Side by side, each in a process of its own: basegate, `generate(num_return_sequences=10)`,
lm-evaluation-harness with 10 repeats at batch 10, and the article's loop of single calls. All but
basegate are timed on a part (--part of the prompts) and scaled, which is said in the table.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from benchmarks.models import HELD, NAMES, SIZES, load_bare, random_ids, tokenizer, words
from benchmarks.peers import harness, requests
from benchmarks.timing import PEER, on_its_own, ours_and_peers, print_head, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[list[list[int]]], None]

PROMPTS, SAMPLES, PROMPT_TOKENS, NEW_TOKENS = 20, 10, 300, 32
DRAWING = {"do_sample": True, "temperature": 0.9, "top_k": 50, "top_p": 0.95}


def prompts(count: int, name: str) -> list[list[int]]:
    """Return random prompts for a model, the same every time."""
    return random_ids(1, *[PROMPT_TOKENS] * count, below=SIZES[name])


def basegate(model: Any) -> Run:
    """Draw all samples of all prompts with basegate."""
    from basegate.config.settings import Sampling
    from basegate.engines.sampling import Sampler, SampleRequest

    sampling = Sampling(
        samples=SAMPLES, temperature=0.9, top_k=50, top_p=0.95, max_new_tokens=NEW_TOKENS
    )
    seeds = list(range(SAMPLES))

    def run(asked: list[list[int]]) -> None:
        # Without a stop token every sample has its 32 tokens, as in the others.
        drawn = Sampler(model, [], lambda ids: "").draw(
            [SampleRequest(ids, seeds) for ids in asked],
            sampling,
            lambda amount=1, kept=False: None,
        )
        assert all(len(row) == NEW_TOKENS for rows in drawn for row in rows)

    return run


def generated(model: Any) -> Run:
    """Draw with transformers' own generate, all samples of a prompt at once."""
    return lambda asked: _generate(model, asked, SAMPLES)


def article(model: Any) -> Run:
    """Draw as the article does, one sample in a call."""
    return lambda asked: _generate(model, asked, 1)


def _generate(model: Any, asked: list[list[int]], at_once: int) -> None:
    import torch

    for ids in asked:
        for _ in range(SAMPLES // at_once):
            with torch.inference_mode():
                model.generate(
                    torch.tensor([ids], device=model.device),
                    num_return_sequences=at_once,
                    max_new_tokens=NEW_TOKENS,
                    min_new_tokens=NEW_TOKENS,
                    pad_token_id=0,
                    **DRAWING,
                )


def peer(model: Any) -> Run:
    """Draw with lm-evaluation-harness: every prompt as often as it has samples."""
    writer = harness(model, tokenizer(), batch=SAMPLES)
    # min_new_tokens goes on to generate: no sample may end before its 32 tokens.
    how = {**DRAWING, "until": [], "max_gen_toks": NEW_TOKENS, "min_new_tokens": NEW_TOKENS}

    def run(asked: list[list[int]]) -> None:
        repeated = [(words(ids), how) for ids in asked for _ in range(SAMPLES)]
        written = writer.generate_until(requests("generate_until", *repeated))
        # Special tokens, which a demonstration may draw, do not show in the text.
        assert all(0 < len(text.split()) <= NEW_TOKENS for text in written)

    return run


WAYS: dict[str, Callable[[Any], Run]] = {
    "basegate": basegate,
    "generate(num_return_sequences=10)": generated,
    f"{PEER}, 10 repeats, batch 10": peer,
    "the article's loop of single calls": article,
}


def measure(way: str, count: int, name: str) -> dict[str, Any]:
    """Time one way with a model on so many prompts in this process."""
    import transformers

    transformers.logging.set_verbosity_error()
    model = load_bare(name)
    run = WAYS[way](model)
    run(prompts(1, name))  # warm up
    asked = prompts(count, name)
    return timed(lambda: run(asked), model.device.type)


def main() -> None:
    """Print the table, or measure one way for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=int, default=2, help="prompts that the slow ways are given")
    parser.add_argument("--prompts", type=int, default=PROMPTS, help="prompts in all")
    parser.add_argument("--model", choices=NAMES, default=NAMES[0])
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measure(given.way, given.part, given.model)))
        return
    print_head(
        f"{SAMPLES} samples of {given.prompts} prompts of {PROMPT_TOKENS} tokens, {NEW_TOKENS} new "
        f"tokens each, {given.model} in {HELD[given.model]}"
    )
    ways = ours_and_peers(WAYS)
    print(f"{'':<42} {'seconds':>8} {'times':>6} {'GiB at most':>12}   timed on")
    best = None
    for way in ways:
        count = min(given.part, given.prompts) if best else given.prompts
        how = ("--part", str(count), "--way", way, "--model", given.model)
        found = on_its_own("benchmarks.sampling", *how)
        whole = found["seconds"] * given.prompts / count
        best = best or whole
        print(
            f"{way:<42} {whole:8.1f} {whole / best:6.1f} {found['memory']:12.2f}   "
            f"{count} of {given.prompts} prompts"
        )


if __name__ == "__main__":
    main()
