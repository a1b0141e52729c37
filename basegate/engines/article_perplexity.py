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
    from numpy.typing import NDArray

    from basegate.engines.batch_cache import BatchCache

WINDOW, STRIDE = 20, 512
"""`model.config.max_length`, which was 20 by default, and the stride."""
BATCH = 64
LARGEST = 88.0
"""Beyond e to the power of it a float32, in which the article reckoned, is infinite."""


@torch.inference_mode()
def article_perplexity(
    model: Any, tokenizer: Any, text: str, cache: BatchCache = NO_CACHE
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
    begins = (begin for begin in range(0, last + STRIDE, STRIDE) if begin < len(ids))
    windows = [ids[begin : begin + WINDOW] for begin in begins]
    whole = [window for window in windows if len(window) == WINDOW]
    batches = [whole[start : start + BATCH] for start in range(0, len(whole), BATCH)]
    batches += [[window] for window in windows if len(window) < WINDOW]
    backoff = OomBackoff("article")
    work = BatchJob(
        partial(_losses, model), halve, lambda batch: sum(map(len, batch)), "a single window"
    )
    total = 0.0
    for batch in batches:
        names = [item_key("article", window.tolist()) for window in batch]
        do = partial(backoff.run, batch, work, cache)
        losses = batch_cache.get_or_compute(cache, names, do, pack_numbers, unpack_numbers)
        total += math.fsum(np.concatenate(losses))
    mean = total / len(windows)
    return math.inf if mean > LARGEST else math.exp(mean)


def _losses(model: Any, windows: list[torch.Tensor]) -> list[NDArray[np.float64]]:
    """The mean loss of windows of one length, for each of them; shape [1] each.

    The mean over all their tokens is the mean of their means, which is all that is wanted.
    """
    rows = torch.stack(windows).to(model.device)
    return [np.array([float(model(rows, labels=rows).loss)])] * len(windows)
