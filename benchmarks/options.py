"""Times 240 questions of 300 tokens, answered by the likeliest of four options of 12 tokens.

python -m benchmarks.options [--questions 24] [--of 240] [--model llama-134m|llama-6b|tiny-yue]

basegate beside lm-evaluation-harness at two batch sizes, each in a process of its own; of the
latter's two, the better one counts. It is timed on a part (--questions) and scaled, which is said
in the table. Both give the log-likelihood of every option; where these differ by 1e-3 or more, the
benchmark fails instead of printing a comparison.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.models import HELD, NAMES, SIZES, load_bare, random_ids, tokenizer, words
from benchmarks.peers import harness, requests
from benchmarks.timing import PEER, on_its_own, ours_and_peers, print_head, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Run = Callable[[list["Question"]], list[list[float]]]
    """Returns the log-likelihood of every option of every question."""

QUESTIONS, PROMPT_TOKENS, OPTIONS, OPTION_TOKENS = 240, 300, 4, 12
TOLERANCE = 1e-3


class Question(NamedTuple):
    """Ids of a prompt and of what could follow it."""

    prompt: list[int]
    options: list[list[int]]


def questions(count: int, name: str) -> list[Question]:
    """Return random questions for a model, the same every time."""
    lengths = [PROMPT_TOKENS, *[OPTION_TOKENS] * OPTIONS]
    rows = random_ids(1, *lengths * count, below=SIZES[name])
    step = len(lengths)
    return [Question(rows[at], rows[at + 1 : at + step]) for at in range(0, len(rows), step)]


def basegate(model: Any) -> Run:
    """Score with basegate, every prompt read once."""
    from basegate.engines.continuation_scoring import ContinuationRequest, ContinuationScorer
    from basegate.engines.lm_head import LMHead
    from basegate.engines.memory_budget import BatchMemory

    scorer = ContinuationScorer(LMHead(model), BatchMemory(model))

    def run(asked: list[Question]) -> list[list[float]]:
        found: list[list[NDArray[Any]]] = scorer.score(
            [ContinuationRequest(each.prompt, each.options) for each in asked],
            lambda amount=1, kept=False: None,
        )
        return [[float(scores.sum()) for scores in options] for options in found]

    return run


def peer(model: Any, batch: int) -> Run:
    """Score with lm-evaluation-harness, every option a request."""
    scorer = harness(model, tokenizer(), batch=batch)

    def run(asked: list[Question]) -> list[list[float]]:
        pairs = [
            (words(each.prompt), " " + words(option)) for each in asked for option in each.options
        ]
        found = [total for total, _ in scorer.loglikelihood(requests("loglikelihood", *pairs))]
        return [found[at : at + OPTIONS] for at in range(0, len(found), OPTIONS)]

    return run


WAYS: dict[str, Callable[[Any], Run]] = {
    "basegate": basegate,
    f"{PEER}, batch 16": lambda model: peer(model, 16),
    f"{PEER}, batch 4": lambda model: peer(model, 4),
}


def measure(way: str, count: int, name: str) -> dict[str, Any]:
    """Time one way with a model on so many questions in this process."""
    model = load_bare(name)
    run = WAYS[way](model)
    run(questions(1, name))  # warm up
    asked = questions(count, name)
    return timed(lambda: run(asked), model.device.type)


def difference(ours: list[list[float]], theirs: list[list[float]]) -> float:
    """Return how far two sets of log-likelihoods of the same questions lie apart at most."""
    return max(
        abs(one - other)
        for mine, yours in zip(ours, theirs, strict=True)
        for one, other in zip(mine, yours, strict=True)
    )


def main() -> None:
    """Print the table, or measure one way for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--questions", type=int, default=24, help="questions that the slow ways are given"
    )
    parser.add_argument("--of", type=int, default=QUESTIONS, help="questions in all")
    parser.add_argument("--model", choices=NAMES, default=NAMES[0])
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measure(given.way, given.questions, given.model)))
        return
    print_head(
        f"{given.of} questions of {PROMPT_TOKENS} tokens, {OPTIONS} options of {OPTION_TOKENS} "
        f"tokens each, {given.model} in {HELD[given.model]}"
    )
    ways = ours_and_peers(WAYS)
    print(
        f"{'':<34} {'seconds':>8} {'times':>6} {'GiB at most':>12} {'apart at most':>14}   timed on"
    )
    ours: dict[str, Any] = {}
    for way in ways:
        count = min(given.questions, given.of) if ours else given.of
        how = ("--questions", str(count), "--way", way, "--model", given.model)
        found = on_its_own("benchmarks.options", *how)
        found["whole"] = found["seconds"] * given.of / count
        ours = ours or found
        apart = difference(ours["result"][:count], found["result"])
        print(
            f"{way:<34} {found['whole']:8.1f} {found['whole'] / ours['whole']:6.1f} "
            f"{found['memory']:12.2f} {apart:14.1e}   {count} of {given.of} questions"
        )
        if not apart < TOLERANCE:
            sys.exit(f"the scores of {way} and of basegate differ by {apart}")


if __name__ == "__main__":
    main()
