"""The article's figure, against its published loop written out."""

from __future__ import annotations

import math

import pytest
import torch

from basegate.engines.window_scoring import article_perplexity


def published(model, tokenizer, text):
    """The loop of the article, its `model.config.max_length` being 20, in float64."""
    ids = tokenizer(text, return_tensors="pt", verbose=False).input_ids
    max_length, stride, length = 20, 512, ids.size(1)
    means, previous = [], 0
    for begin in range(0, length, stride):
        end = min(begin + max_length, length)
        targets = ids[:, begin:end].clone()
        targets[:, : -(end - previous)] = -100
        with torch.inference_mode():
            logits = model(ids[:, begin:end]).logits[0].double()
        chances = torch.log_softmax(logits, dim=-1)
        losses = [
            -float(chances[at, target])
            for at, target in enumerate(targets[0, 1:].tolist())
            if target != -100
        ]
        means.append(math.fsum(losses) / len(losses))
        previous = end
        if end == length:
            break
    return math.exp(math.fsum(means) / len(means))


@pytest.mark.parametrize("characters", [5, 19, 25, 511, 520, 531, 1200])
def test_it_is_the_figure_of_the_published_code(engine, characters):
    text = ("香港係我哋嘅屋企，唔係咩？\n\n" * 100)[:characters]
    expected = published(engine.model, engine.tokenizer, text)
    found = article_perplexity(engine.model, engine.tokenizer, text)
    assert found == pytest.approx(expected, rel=1e-4)


def test_it_does_not_see_most_of_the_text(engine):
    text = "香港係我哋嘅\n\n" * 100  # a token each
    changed = text[:100] + "一" * 300 + text[400:]
    found, expected = (
        article_perplexity(engine.model, engine.tokenizer, each) for each in (changed, text)
    )
    assert found == expected
