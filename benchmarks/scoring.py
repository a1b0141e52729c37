"""Times perplexity of 16,384 tokens in windows of 2,048 with 512 tokens of context.

python -m benchmarks.scoring [--tokens 16384] [--model llama-134m|llama-6b|tiny-yue]

Side by side, each in a process of its own: bare forward passes over basegate's windows (the whole
model, logits, nothing more), basegate, basegate with as little context as lm-evaluation-harness
has, lm-evaluation-harness, and the article's loop, corrected to windows as long as the model's.

They do not compute the same: lm-evaluation-harness has one token of context where a window
begins, basegate 512, the article 1,536. So windows and tokens fed (padding included) are counted
where they enter the model. With tiny-yue and Cantonese text, nats per token show what context is
worth.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.models import HELD, NAMES, load, random_ids, words
from benchmarks.peers import harness, requests
from benchmarks.timing import PEER, on_its_own, ours_and_peers, print_head, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.models import Subject

    Run = Callable[[str], float | None]
    """Scores a text; returns nats per token, where the way gives them."""

CORPUS = Path(__file__).parent.parent / "fixtures/corpora/yue"
PEER_BATCH = 4


def bare(subject: Subject) -> Run:
    """Run the model over the windows that basegate scores, in its batches."""
    import torch

    from basegate.engines.memory_budget import BATCH_TOKENS
    from basegate.engines.window_scoring import plan_windows

    size = max(1, BATCH_TOKENS[subject.device] // subject.window)

    def run(text: str) -> None:
        ids = subject.encode(text)
        plan = plan_windows(len(ids), window=subject.window, context=subject.context, prefix=1)
        for start in range(0, len(plan), size):
            rows = [[subject.prefix, *ids[w.begin : w.end]] for w in plan[start : start + size]]
            longest = max(map(len, rows))
            inputs = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
            with torch.inference_mode():
                subject.model(inputs.to(subject.model.device), use_cache=False)

    return run


def basegate(subject: Subject) -> Run:
    """Score with basegate."""
    return _basegate(subject, subject.context)


def basegate_little_context(subject: Subject) -> Run:
    """Score with basegate, one token of context before every scored token."""
    return _basegate(subject, 1)


def _basegate(subject: Subject, context: int) -> Run:
    import numpy as np

    from basegate.engines.lm_head import LMHead
    from basegate.engines.memory_budget import BatchMemory
    from basegate.engines.window_scoring import WindowScorer, plan_windows

    prefix = [subject.prefix]
    head = LMHead(subject.model, prefix)
    scorer = WindowScorer(head, prefix, BatchMemory(subject.model))

    def run(text: str) -> float:
        ids = subject.encode(text)
        plan = plan_windows(len(ids), window=subject.window, context=context, prefix=1)
        (scores,) = scorer.score([ids], [plan], lambda amount=1, kept=False: None)
        assert np.isfinite(scores).all()
        assert len(scores) == len(ids)
        return -float(scores.mean())

    return run


def peer(subject: Subject) -> Run:
    """Score with lm-evaluation-harness's rolling windows."""
    scorer = harness(
        subject.model,
        subject.tokenizer,
        batch=PEER_BATCH,
        window=subject.window,
        prefix=subject.prefix,
    )

    def run(text: str) -> float:
        (total,) = scorer.loglikelihood_rolling(requests("loglikelihood_rolling", (text,)))
        return -float(total) / len(subject.encode(text))

    return run


def article(subject: Subject) -> Run:
    """Score with the article's loop, its `max_length` being that of the model's windows."""
    import torch

    def run(text: str) -> float:
        ids = torch.tensor([subject.encode(text)])
        nlls, scored_to, length = [], 0, ids.size(1)
        for begin in range(0, length, subject.context):
            end = min(begin + subject.window, length)
            inputs = ids[:, begin:end].to(subject.model.device)
            labels = inputs.clone()
            labels[:, : -(end - scored_to)] = -100
            with torch.no_grad():
                nlls.append(subject.model(inputs, labels=labels).loss)
            scored_to = end
            if end == length:
                break
        return float(torch.stack(nlls).mean())

    return run


WAYS: dict[str, Callable[[Subject], Run]] = {
    "bare forward passes": bare,
    "basegate": basegate,
    "basegate, 1 token of context": basegate_little_context,
    f"{PEER}, batch {PEER_BATCH}": peer,
    "the article's loop, real windows": article,
}


class Fed:
    """Counts windows and tokens that enter a model, and positions that enter its LM head."""

    def __init__(self, model: Any) -> None:
        self.windows = self.tokens = self.positions = 0
        model.get_input_embeddings().register_forward_pre_hook(self._count)
        model.get_output_embeddings().register_forward_pre_hook(self._count_positions)

    def _count(self, module: Any, inputs: tuple[Any, ...]) -> None:
        self.windows += inputs[0].shape[0]
        self.tokens += inputs[0].numel()

    def _count_positions(self, module: Any, inputs: tuple[Any, ...]) -> None:
        self.positions += inputs[0].shape[:-1].numel()


def text_of(subject: Subject, name: str, tokens: int) -> str:
    """Return a text of so many tokens, the same every time."""
    if name != "tiny-yue":
        return words(random_ids(1, tokens)[0])
    text = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(CORPUS.glob("*.md")))
    starts = subject.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)[
        "offset_mapping"
    ]
    if tokens >= len(starts):
        raise SystemExit(f"the corpus has {len(starts)} tokens: lower --tokens")
    return text[: starts[tokens][0]]


def measure(way: str, name: str, tokens: int) -> dict[str, Any]:
    """Time one way in this process."""
    subject = load(name)
    text = text_of(subject, name, tokens)
    run = WAYS[way](subject)
    run(text_of(subject, name, subject.window))  # warm up
    fed = Fed(subject.model)
    found = timed(lambda: run(text), subject.device)
    return {
        **found,
        "windows": fed.windows,
        "tokens": fed.tokens,
        "reached": work(subject.model, fed) / found["seconds"],
        "possible": matrix_rate() if subject.device == "cuda" else None,
    }


def work(model: Any, fed: Fed) -> float:
    """Return the operations of what was fed: two per weight and token, attention apart."""
    from torch import nn

    head = model.get_output_embeddings()
    return sum(
        2.0
        * layer.in_features
        * layer.out_features
        * (fed.positions if layer is head else fed.tokens)
        for layer in model.modules()
        if isinstance(layer, nn.Linear)
    )


def matrix_rate(width: int = 8192) -> float:
    """Return the measured operations a second of bfloat16 matrix products on the GPU."""
    import torch

    a, b = (torch.randn(width, width, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    times = 20
    for _ in range(3):
        a @ b
    seconds = timed(lambda: [a @ b for _ in range(times)] and None, "cuda")["seconds"]
    return float(times * 2 * width**3 / seconds)


def main() -> None:
    """Print the table, or measure one way for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=16_384)
    parser.add_argument("--model", choices=NAMES, default=NAMES[0])
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measure(given.way, given.model, given.tokens)))
        return
    print_head(f"perplexity of {given.tokens} tokens, {given.model} in {HELD[given.model]}")
    ways = ours_and_peers(WAYS)
    print(
        f"{'':<34} {'seconds':>8} {'windows':>8} {'tokens fed':>11} {'fed/second':>11} "
        f"{'GiB at most':>12} {'nats/token':>11}"
    )
    for way in ways:
        options = ("--tokens", str(given.tokens), "--model", given.model, "--way", way)
        found = on_its_own("benchmarks.scoring", *options)
        nats = "" if found["result"] is None else f"{found['result']:.4f}"
        print(
            f"{way:<34} {found['seconds']:8.1f} {found['windows']:8} {found['tokens']:11} "
            f"{found['tokens'] / found['seconds']:11.0f} {found['memory']:12.2f} {nats:>11}"
        )
        if found["possible"]:
            print(
                f"    {found['reached'] / 1e12:.1f} of {found['possible'] / 1e12:.1f} measured "
                f"TFLOP/s, {found['reached'] / found['possible'] * 100:.0f} %"
            )


if __name__ == "__main__":
    main()
