"""The article's own perplexity, faults included, so that a run can be held beside its table."""

from __future__ import annotations

from typing import Any

import torch

WINDOW, STRIDE = 20, 512
"""`model.config.max_length`, which was 20 by default, and the stride."""


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
    ids = tokenizer(text, return_tensors="pt", verbose=False)["input_ids"].to(model.device)
    losses = []
    for begin in range(0, ids.shape[1], STRIDE):
        window = ids[:, begin : begin + WINDOW]
        losses.append(model(window, labels=window).loss)
        if begin + WINDOW >= ids.shape[1]:
            break
    return float(torch.exp(torch.stack(losses).mean()))
