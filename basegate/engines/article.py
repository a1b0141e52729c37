"""The article's own perplexity, faults included, so that a run can be held beside its table."""

from __future__ import annotations

import math
from typing import Any

import torch

WINDOW, STRIDE = 20, 512
"""`model.config.max_length`, which was 20 by default, and the stride."""
BATCH = 64
LARGEST = 88.0
"""Beyond e to the power of it a float32, in which the article reckoned, is infinite."""


@torch.inference_mode()
def article_perplexity(model: Any, tokenizer: Any, text: str) -> float:
    """Return exp(mean over windows of the window's mean NLL), as the published code computes it.

    One window of 20 tokens every 512: the rest of the text is never looked at. The tokenizer's
    prefix stands before the first window only, the first token of each window is not scored, and
    windows weigh alike whatever they hold. It is the article's figure, no perplexity of the text.

    Args:
        model: a transformers causal language model in evaluation mode.
        tokenizer: its tokenizer.
        text: documents joined by blank lines.

    Returns:
        The figure; infinite or NaN where the model's numbers are.

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
    total = 0.0
    for batch in batches:
        rows = torch.stack(batch).to(model.device)
        # Windows of one length: the mean over all their tokens is the mean of their means.
        total += float(model(rows, labels=rows).loss) * len(batch)
    mean = total / len(windows)
    return math.inf if mean > LARGEST else math.exp(mean)
