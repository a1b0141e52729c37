"""The article's own perplexity, mistakes included, so that a run can be compared with its table."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from basegate.engines import batch_cache
from basegate.engines.batch_cache import NO_CACHE, item_key, pack_numbers, unpack_numbers
from basegate.engines.batching import BatchJob, OomBackoff, halve

if TYPE_CHECKING:
    from basegate.engines.batch_cache import BatchCache

WINDOW, STRIDE = 20, 512
"""`model.config.max_length`, which was 20 by default, and the stride."""
BATCH = 64
LARGEST = 88.0
"""Beyond e to the power of it a float32, in which the article reckoned, is infinite."""


@torch.inference_mode()
def article_perplexity(
    model: Any,
    tokenizer: Any,
    text: str,
    cache: BatchCache = NO_CACHE,
) -> float:
    """exp(mean over windows of the window's mean NLL), as the published code computes it.

    One window of 20 tokens every 512: the rest of the text is never looked at. The tokenizer's
    prefix stands before the first window only, the first token of each window is not scored, and
    windows weigh alike whatever they hold. It is the article's figure, no perplexity of the text;
    infinite or NaN where the model's numbers are.

    Source: the article in which basegate begins, section on perplexity.
    """
    ids = tokenizer(text, return_tensors="pt", verbose=False)["input_ids"][0]
    # The published loop ends with the first window that reaches the end of the text.
    last = max(0, len(ids) - WINDOW)
    windows = [ids[begin : begin + WINDOW] for begin in range(0, last + STRIDE, STRIDE)]
    windows = [window for window in windows if len(window)]
    whole = [window for window in windows if len(window) == WINDOW]
    batches = [whole[start : start + BATCH] for start in range(0, len(whole), BATCH)]
    batches += [[window] for window in windows if len(window) < WINDOW]
    backoff = OomBackoff("article")
    work = BatchJob(partial(_losses, model), halve, _tokens, _refusal)
    total = 0.0
    for batch in batches:
        names = [item_key("article", window.tolist()) for window in batch]
        do = partial(backoff.run, batch, work, cache)
        losses: list[float] = batch_cache.get_or_compute(cache, names, do, _pack, _unpack)
        total += math.fsum(losses)
    mean = total / len(windows)
    return math.inf if mean > LARGEST else math.exp(mean)


def _losses(model: Any, windows: list[torch.Tensor]) -> list[float]:
    """The mean loss of windows of one length, for each of them.

    The mean over all their tokens is the mean of their means, which is all that is wanted.
    """
    rows = torch.stack(windows).to(model.device)
    return [float(model(rows, labels=rows).loss)] * len(windows)


def _tokens(windows: list[torch.Tensor]) -> int:
    return sum(map(len, windows))


def _refusal(windows: list[torch.Tensor]) -> str:
    return f"a single window of {len(windows[0])} tokens does not fit into memory."


def _pack(loss: float) -> str | None:
    return pack_numbers(np.array([loss]))


def _unpack(text: str) -> float:
    return float(unpack_numbers(text)[0])
