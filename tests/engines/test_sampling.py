"""Samples and scores of a tiny model: their distribution, and batches that do not fit."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import LlamaConfig, LlamaForCausalLM

from basegate.config.settings import Sampling
from basegate.engines.lm_head import LMHead
from basegate.engines.sampling import Sampler, SampleRequest
from basegate.engines.window_scoring import WindowScorer, plan_windows
from basegate.errors import CandidateError
from basegate.store.file_batch_cache import FileBatchCache
from tests.helpers.engines import Batches

DRAWS = 4000
PROMPT = [1, 5, 3]


def step(amount=1, kept=False):
    return None


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=8,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        initializer_range=0.6,  # so that some tokens are clearly likelier
        eos_token_id=None,  # no token ends a text: all are drawn alike
    )
    return LlamaForCausalLM(config).eval()


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"), [(0.9, 5, 0.9), (1.3, 0, 1.0), (0.7, 0, 0.8), (1.0, 3, 1.0)]
)
def test_samples_are_distributed_as_those_of_generate(model, temperature, top_k, top_p):
    sampling = Sampling(
        samples=1, temperature=temperature, top_k=top_k, top_p=top_p, max_new_tokens=2
    )
    [ours] = Sampler(model, [], str).draw(
        [SampleRequest(PROMPT, list(range(DRAWS)))], sampling, step
    )
    torch.manual_seed(1)
    with torch.inference_mode():
        theirs = model.generate(
            torch.tensor([PROMPT]),
            attention_mask=torch.ones((1, len(PROMPT)), dtype=torch.long),
            num_return_sequences=DRAWS,
            do_sample=True,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            max_new_tokens=2,
            pad_token_id=0,
        )[:, len(PROMPT) :].tolist()
    counts = Counter(map(tuple, ours)), Counter(map(tuple, theirs))
    pairs = sorted(counts[0] | counts[1])
    table = np.array([[each[pair] for pair in pairs] for each in counts])
    rare = table.sum(axis=0) < 20
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    assert table.shape[1] >= 3
    assert stats.chi2_contingency(table).pvalue > 1e-3


def score(model, monkeypatch, most):
    """Score two texts, forward passes of more than `most` rows not fitting."""
    texts = [[2, 3, 4, 5, 6, 7, 2, 4] * 3, [5, 6, 7]]
    plans = [plan_windows(len(text), window=9, context=3, prefix=1) for text in texts]
    scorer = WindowScorer(LMHead(model, [1]), [1], Batches(4096))
    hidden = scorer.head.hidden

    def small(ids):
        if len(ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return hidden(ids)

    monkeypatch.setattr(scorer.head, "hidden", small)
    journal = FileBatchCache(None, "key")
    return scorer.score(texts, plans, step, journal), journal.spent()[1]


def test_scores_that_do_not_fit_are_computed_in_halves(model, monkeypatch):
    whole, none = score(model, monkeypatch, 100)
    halved, retries = score(model, monkeypatch, 2)
    assert (none, retries > 0) == (0, True)
    for first, second in zip(whole, halved, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_window_that_does_not_fit_alone_is_refused(model, monkeypatch):
    with pytest.raises(CandidateError, match=r"a single window \(9 tokens\) does not fit"):
        score(model, monkeypatch, 0)


def test_samples_of_a_batch_that_failed_are_not_told_twice(model, monkeypatch):
    sampling = Sampling(samples=1, temperature=1.0, max_new_tokens=4)
    sampler = Sampler(model, [], str)
    generate = model.generate
    told = []

    def small(**given):
        written = generate(**given)
        if given.get("past_key_values") is not None and len(given["inputs"]) > 2:
            given["stopping_criteria"][0]._end(0, 1)  # one was told already
            raise torch.OutOfMemoryError("CUDA out of memory")
        return written

    monkeypatch.setattr(model, "generate", small)
    sampler.draw([SampleRequest(PROMPT, list(range(4)))], sampling, told.append)
    assert sum(told) == 4
