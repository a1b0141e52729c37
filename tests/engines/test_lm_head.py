"""A model in two halves: which way it is run must not depend on a moment without memory."""

from __future__ import annotations

import math

import pytest
import torch

from basegate.engines.lm_head import LMHead


class Short:
    """Lets so many passes through the body fail, as memory does that somebody else has."""

    def __init__(self, times):
        self.left = times

    def __call__(self, layer, given):
        if self.left:
            self.left -= 1
            raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def short(engine):
    hooks = []

    def begin(times):
        embeddings = engine.model.get_input_embeddings()
        hooks.append(embeddings.register_forward_pre_hook(Short(times)))
        return engine.model

    yield begin
    for hook in hooks:
        hook.remove()


def test_memory_that_is_back_leaves_the_halves(short):
    # By the whole model, which would be right as well, numbers have other last digits.
    assert LMHead(short(1), [1])._logits is not None


def test_memory_that_stays_away_is_told_as_that(short):
    with pytest.raises(torch.OutOfMemoryError):
        LMHead(short(9), [1])


def test_a_model_is_compared_with_its_halves_once(engine):
    engine.log_likelihoods(["t1"], window=16)
    first = engine._head
    engine.log_likelihoods(["t2"], after=["t1"])
    assert engine._head is first


@pytest.mark.parametrize(("vocabulary", "parts"), [(10**6, [256, 256, 88]), (16_384, [512, 88])])
def test_a_large_vocabulary_goes_through_the_head_at_many_positions_at_once(
    engine, vocabulary, parts
):
    """At 55 at once, as for 152,000 tokens, a CPU took nearly twice as long."""
    found = []

    def logits(rows):
        found.append(len(rows))
        return torch.zeros(len(rows), 8)

    head = LMHead(engine.model, [1])
    head._logits, head._vocabulary = logits, vocabulary
    costs = head.logprobs(torch.zeros(1, 601, 4), [(0, 1, [3] * 600)])
    assert found == parts
    assert costs[0] == pytest.approx([-math.log(8)] * 600)
