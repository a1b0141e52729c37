"""Times scores and options of a real candidate with a large vocabulary, beside the peer.

python -m benchmarks.real FOLDER [--questions 16] [--tokens 1000] [--times 3]

FOLDER is a checkpoint, such as `make real` makes of google/gemma-3-270m (vocabulary 262,144). It is
held in float32 in every way. The tokens fit into one window: before the next one
lm-evaluation-harness puts no BOS, so the numbers would differ. Ways take turns, each in a process
of its own; the medians count. The benchmark fails where a target is missed, or where both find
other numbers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers import harness, requests
from benchmarks.timing import INSTALL, PEER, ROOT, has_peer, on_its_own, print_head, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[], list[float]]
    """Returns log-likelihoods: of every option, or of the whole text."""

CORPUS = ROOT / "fixtures/corpora/yue"
BANK = ROOT / "fixtures/questions/hong-kong.jsonl"
WINDOW, SHOTS = 1024, 5
PEER_BATCH = 4
TOLERANCE = 1e-3
"""Nats of an option, or a thousandth of a percent of a longer text: the peer's sums are float32."""
FASTER = {"options": 1.5, "scores": 1.0}
"""How many times the peer's rate basegate's has to be."""
NARROWER = 0.5
"""Of the peer's peak memory, what basegate may take at most."""


def pairs(count: int) -> list[tuple[str, str]]:
    """Return prompts of five examples and a question, options listed, each with every option."""
    bank = [json.loads(line) for line in BANK.read_text(encoding="utf-8").splitlines()]
    texts = [
        "\n".join(
            [
                f"問題：{each['question']}",
                *(f"{letter}. {option}" for letter, option in each["options"].items()),
                "答案：",
            ]
        )
        for each in bank
    ]
    right = [each["options"][each["answer"]] for each in bank]
    shown = "\n\n".join(texts[at] + right[at] for at in range(SHOTS))
    return [
        (f"{shown}\n\n{texts[at]}", option)
        for at in range(SHOTS, SHOTS + count)
        for option in bank[at]["options"].values()
    ]


def text_of(tokenizer: Any, tokens: int) -> str:
    """Return the beginning of the Cantonese corpus, so many tokens long."""
    text = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(CORPUS.glob("*.md")))
    coded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    return text[: coded["offset_mapping"][tokens][0]]


def basegate(folder: str, tokens: int, count: int) -> dict[str, Work]:
    """Score through the engine that a run uses."""
    from basegate import load_candidate
    from basegate.progress import SILENT

    engine = load_candidate(folder, quantization="none", dtype="float32")
    text, asked = text_of(engine.tokenizer, tokens), pairs(count)

    def options() -> list[float]:
        found = engine.log_likelihoods(
            [option for _, option in asked],
            after=[prompt for prompt, _ in asked],
            progress=SILENT,
        )
        return [float(each.logprobs.sum()) for each in found]

    def scores() -> list[float]:
        (found,) = engine.log_likelihoods([text], window=WINDOW + 1, context=0, progress=SILENT)
        return [float(found.logprobs.sum())]

    return {"options": options, "scores": scores}


def peer(folder: str, tokens: int, count: int) -> dict[str, Work]:
    """Score with lm-evaluation-harness, prefix included as its own `add_bos_token` would."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    bos = tokenizer.bos_token_id
    text, asked = text_of(tokenizer, tokens), pairs(count)
    scorer = harness(model, tokenizer, batch=PEER_BATCH, window=WINDOW, prefix=bos)

    def encoded(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return ids

    def options() -> list[float]:
        found = scorer._loglikelihood_tokens(
            [
                (pair, [bos, *encoded(pair[0])], encoded("".join(pair))[len(encoded(pair[0])) :])
                for pair in asked
            ],
            disable_tqdm=True,
        )
        return [float(total) for total, _ in found]

    def scores() -> list[float]:
        (total,) = scorer.loglikelihood_rolling(requests("loglikelihood_rolling", (text,)))
        return [float(total)]

    return {"options": options, "scores": scores}


WAYS = {"basegate": basegate, PEER: peer}


def measure(way: str, part: str, folder: str, tokens: int, count: int) -> dict[str, Any]:
    """Time one way in this process; its peak memory is that of loading and of the work."""
    from basegate.engines.devices import peak_memory

    work = WAYS[way](folder, tokens, count)[part]
    found = timed(work, "cpu")
    return {**found, "memory": (peak_memory("cpu") or 0) / 2**30}


def main() -> None:
    """Print the table, or measure one way for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=FASTER, help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = str(given.folder.resolve())
    if given.way:
        print(json.dumps(measure(given.way, given.part, folder, given.tokens, given.questions)))
        return
    if not has_peer():
        sys.exit(INSTALL)
    print_head(
        f"{given.folder.name} in float32: {given.questions} questions of four options after "
        f"{SHOTS} examples; {given.tokens} tokens in windows of {WINDOW}; {given.times} turns"
    )
    print(f"{'':<34} {'seconds':>8} {'times':>6} {'GiB at most':>12} {'apart at most':>14}")
    how = ("--questions", str(given.questions), "--tokens", str(given.tokens))
    missed = [each for part in FASTER for each in compare(part, folder, how, given.times)]
    if missed:
        sys.exit("\n".join(missed))


def compare(part: str, folder: str, how: tuple[str, ...], times: int) -> list[str]:
    """Let both ways take turns, print their rows, and return the targets that were missed."""
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(times):
        for way, found in runs.items():
            found.append(on_its_own("benchmarks.real", folder, *how, "--way", way, "--part", part))
    seconds = {way: statistics.median(each["seconds"] for each in runs[way]) for way in runs}
    memory = {way: max(each["memory"] for each in runs[way]) for way in runs}
    ours, theirs = (runs[way][0]["result"] for way in WAYS)
    apart = max(abs(a - b) / max(1, abs(b) / 100) for a, b in zip(ours, theirs, strict=True))
    for way in runs:
        times_ours = seconds[way] / seconds["basegate"]
        print(
            f"{part + ', ' + way:<34} {seconds[way]:8.1f} {times_ours:6.2f} "
            f"{memory[way]:12.2f} {apart:14.1e}"
        )
    rate = seconds[PEER] / seconds["basegate"]
    missed = []
    if rate < FASTER[part]:
        missed.append(f"{part}: {rate:.2f} times the peer's rate, target {FASTER[part]}")
    if memory["basegate"] > NARROWER * memory[PEER]:
        missed.append(f"{part}: more than {NARROWER} of the peer's peak memory")
    if not apart < TOLERANCE:
        missed.append(f"{part}: the numbers of both differ by {apart}")
    return missed


if __name__ == "__main__":
    main()
